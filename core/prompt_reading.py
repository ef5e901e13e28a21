"""What a model's tokenizer makes of a prompt: how many tokens, what is cut off, what it does not know.

Pages say so beside the prompt, before anything is computed, so this reads the tokenizer's file alone: without torch and
without transformers, which take seconds to import. `core.pretrained` is what a job tokenizes with; tests hold both
against each other.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IF_TEXT_TOKENS = 77  # what DeepFloyd IF was trained with


@dataclass(frozen=True)
class PromptReading:
    """A prompt as the network gets to see it.

    Attributes:
        ids: of the tokens that are seen, the tokenizer's own ones at the beginning and end included.
        count: tokens before anything is cut off, its own ones included.
        limit: the most that are seen.
        cut: the end of the prompt that is not seen; "" if all is.
        unknown: the parts among what is seen that the vocabulary lacks, each once, in their order.
    """

    ids: tuple[int, ...]
    count: int
    limit: int
    cut: str = ""
    unknown: tuple[str, ...] = ()


class PromptReader:
    """The tokenizer of a model folder: a fast tokenizer's `tokenizer.json`, or T5's `spiece.model`.

    Raises:
        OSError, ValueError: the folder has neither, or they are damaged.
    """

    def __init__(self, folder: Path) -> None:
        config = _json(folder / "tokenizer" / "tokenizer_config.json")
        is_if = _json(folder / "unet" / "config.json").get("_class_name") == "UNet2DConditionModel"
        self.limit: int = IF_TEXT_TOKENS if is_if else int(config["model_max_length"])
        fast = folder / "tokenizer" / "tokenizer.json"
        unknown = config.get("unk_token") or "<unk>"
        self.unknown: str = unknown if isinstance(unknown, str) else unknown["content"]
        self._pieces = (
            _FastPieces(fast, self.unknown)
            if fast.is_file()
            else _SentencePieces(folder / "tokenizer" / "spiece.model")
        )

    def read(self, prompt: str) -> PromptReading:
        """The prompt is lower-cased first, as it is for the network."""
        text = prompt.lower()
        pieces, before, after = self._pieces(text)  # (id, begin, end in the text, whether it is unknown)
        kept = pieces[: self.limit - len(before) - len(after)]
        # Lower-casing may change the length ("İ"); then the cut is shown as the tokenizer got it.
        shown = prompt if len(prompt) == len(text) else text
        return PromptReading(
            ids=(*before, *(piece[0] for piece in kept), *after),
            count=len(pieces) + len(before) + len(after),
            limit=self.limit,
            cut=shown[pieces[len(kept)][1] :].strip() if len(kept) < len(pieces) else "",
            unknown=tuple(
                dict.fromkeys(shown[begin:end].strip() for _, begin, end, unknown in kept if unknown)
            ),
        )


Piece = tuple[int, int, int, bool]
Pieces = tuple[list[Piece], list[int], list[int]]  # of the text, and the tokenizer's own ids before and after


class _FastPieces:
    """A `tokenizer.json`, by the library that transformers' fast tokenizers are."""

    def __init__(self, file: Path, unknown: str) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:
            raise ValueError(f"{file} is no tokenizer file: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown = self._tokenizer.token_to_id(unknown)

    def __call__(self, text: str) -> Pieces:
        found = self._tokenizer.encode(text)
        own = found.special_tokens_mask
        rows = [
            (token, *place, token == self._unknown)
            for token, place in zip(found.ids, found.offsets, strict=True)
        ]
        first = own.index(0) if 0 in own else 0
        last = len(own) - own[::-1].index(0) if 0 in own else 0
        before, after = found.ids[:first], found.ids[last:]
        if first == last:  # an empty prompt: what stands around it belongs to its beginning and its end
            before, after = found.ids[:-1], found.ids[-1:]
        return rows[first:last], before, after


class _SentencePieces:
    """T5's `spiece.model`, as an IF folder has it; one token of its own, at the end."""

    def __init__(self, file: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        self._processor = SentencePieceProcessor()
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing.")
        try:
            self._processor.Load(str(file))
        except RuntimeError as error:
            raise ValueError(f"{file} is no SentencePiece model: {error}") from error

    def __call__(self, text: str) -> Pieces:
        unknown, data = self._processor.unk_id(), text.encode()

        def place(byte: int) -> int:
            return len(data[:byte].decode(errors="ignore"))

        pieces = self._processor.encode(text, return_type="proto").pieces
        rows = [(p.id, place(p.begin), place(p.end), p.id == unknown) for p in pieces]
        return rows, [], [self._processor.eos_id()]


def _json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))
