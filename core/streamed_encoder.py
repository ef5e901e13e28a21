"""T5's encoder, a layer at a time: its weights stay in the file, and one layer of them is in memory.

    python -m core.streamed_encoder        what prompt_book.py starts: prompts in, embeddings out, and it ends

DeepFloyd IF's encoder has 4.7 billion parameters, 19 GB in float32. Here the file is mapped into memory, and each of its
24 layers is copied to the device in float32 when it is its turn (0.8 GB), and let go afterwards. So it needs neither half
precision, in which T5's activations overflow, nor a graphics card of its own: it passes beside the network.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, T5Config, T5EncoderModel
from transformers.utils.logging import disable_progress_bar

from core.model_weights import map_weights, weight_files

TOGETHER = 32  # prompts that pass together: one reading of the weights for all of them
REFUSED = 3  # exit status: the last line on standard error is a sentence for the user


class StreamedT5:
    """(prompts) -> embeddings (prompts, tokens, width), float32 on the CPU.

    Args:
        folder: of a model in the DeepFloyd IF format, with text_encoder/ and tokenizer/.
        tokens: prompts are lower-cased, truncated and padded to this number.
        device: where the layers compute.

    Raises:
        ValueError: the folder's weights are not whole; OSError, RuntimeError, SafetensorError for damaged files.
    """

    def __init__(self, folder: Path, tokens: int, device: str = "cpu") -> None:
        self._tokens, self._device = tokens, torch.device(device)
        self._tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        with torch.device("meta"):
            encoder = T5EncoderModel(T5Config.from_pretrained(folder / "text_encoder"))
        files, _ = weight_files(folder / "text_encoder", torch.float16)
        if lacking := map_weights(encoder, files, None):
            raise ValueError(
                f"The weights in {folder / 'text_encoder'} are not complete: {len(lacking)} are missing, {lacking[0]} first."
            )
        self._encoder = encoder.eval().requires_grad_(False)
        stack = self._encoder.encoder
        for part in (*stack.block, stack.final_layer_norm):
            _bring_and_let_go(part, self._device)
        stack.embed_tokens.register_forward_hook(lambda _, __, rows: rows.to(self._device, torch.float32))

    @torch.no_grad()
    def __call__(self, prompts: Sequence[str]) -> Tensor:
        if not prompts:
            raise ValueError("There is no prompt to embed.")
        parts = [self._embed(prompts[k : k + TOGETHER]) for k in range(0, len(prompts), TOGETHER)]
        return torch.cat(parts)

    def _embed(self, prompts: Sequence[str]) -> Tensor:
        batch = self._tokenizer(
            [prompt.lower() for prompt in prompts],
            padding="max_length",
            truncation=True,
            max_length=self._tokens,
            return_tensors="pt",
        )
        seen = batch.attention_mask.to(self._device)
        return self._encoder(batch.input_ids, attention_mask=seen).last_hidden_state.cpu()


def _bring_and_let_go(part: nn.Module, device: torch.device) -> None:
    """Has a layer's weights be float32 on the device while it computes, and what the file holds otherwise."""
    at_rest = [(weight, weight.data) for weight in part.parameters()]

    def bring(*_: Any) -> None:
        for weight, stored in at_rest:
            weight.data = stored.to(device, torch.float32)

    def let_go(*_: Any) -> None:
        for weight, stored in at_rest:
            weight.data = stored

    part.register_forward_pre_hook(bring)
    part.register_forward_hook(let_go, always_call=True)


def _end_with_the_parent() -> None:
    """Nobody waits for the embeddings of a process whose parent has gone: its end closes our standard input."""

    def watch() -> None:
        sys.stdin.read()
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def main() -> int:
    """Reads one JSON line {folder, prompts, tokens, device, to} and writes `to`, a safetensors file {"embeddings": …}."""
    order = json.loads(sys.stdin.readline())
    _end_with_the_parent()
    disable_progress_bar()
    try:
        encode = StreamedT5(Path(order["folder"]), order["tokens"], order["device"])
        save_file({"embeddings": encode(order["prompts"])}, order["to"])
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        print(
            f"The text encoder in {order['folder']} cannot be used: {' '.join(str(error).split())[:400]}",
            file=sys.stderr,
        )
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
