"""Loads a text-conditioned pixel model from a folder in the DeepFloyd-IF stage-1 format.

The folder holds `unet/ scheduler/ tokenizer/ text_encoder/ model_index.json`, as diffusers saves them.
emoji64, which ships, and DeepFloyd IF, which an instructor may have, go through the same function.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler, ModelMixin, UNet2DConditionModel
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoTokenizer, BertModel, PreTrainedModel, T5EncoderModel
from transformers.utils.logging import disable_progress_bar

from core.guidance import Network
from core.model_folder import find_model_folder, has_encoder, has_tokenizer, width_of_tokens
from core.model_weights import map_weights, weight_files
from core.networks.patch_unet import PatchUNet
from core.networks.storybook_unet import StorybookUNet
from core.prompt_book import NoEncoder, PromptBook
from core.prompt_reading import IF_TEXT_TOKENS
from core.schedule import NoiseSchedule

OURS = {"StorybookUNet": StorybookUNet, "PatchUNet": PatchUNet}
UNETS = {**OURS, "UNet2DConditionModel": UNet2DConditionModel}
ENCODERS = {"BertModel": BertModel, "T5EncoderModel": T5EncoderModel}


class BadModelFolder(ValueError):
    """The folder does not hold a model that this app can run; the message says what is missing."""


@dataclass(frozen=True)
class TextToImageModel:
    """A loaded model: the network, its text encoder, its noise schedule. Callable as a `Network`.

    Where the encoder is not in memory, `book` has the embeddings.
    """

    unet: ModelMixin
    text_encoder: PreTrainedModel | None
    tokenizer: Any | None
    schedule: NoiseSchedule
    text_tokens: int
    zero_padding: bool  # our networks were trained with the embeddings of padding set to zero; IF was not
    together: Network | None = None  # evaluates for several jobs at once (core.batching)
    book: PromptBook | None = None

    @property
    def device(self) -> torch.device:
        return self.unet.device

    @property
    def dtype(self) -> torch.dtype:
        """Of pictures and of the sampler's arithmetic: float32 also where the network computes in half of that."""
        return torch.promote_types(self.unet.dtype, torch.float32)

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of the pictures."""
        size = self.unet.config.sample_size
        return 3, size, size

    def tokens(self, prompt: str) -> list[str]:
        """The tokens that the network gets to see, after truncation; without a tokenizer, numbers in their place."""
        if self.tokenizer is None:
            return [f"vector {k + 1}" for k in range(self.text_tokens)]
        ids = self.tokenizer(prompt.lower(), truncation=True, max_length=self.text_tokens).input_ids
        return self.tokenizer.convert_ids_to_tokens(ids)

    def count_tokens(self, prompt: str) -> int:
        """How many tokens the prompt has, before truncation."""
        if self.tokenizer is None:
            return self.text_tokens
        return len(self.tokenizer(prompt.lower()).input_ids)

    @property
    def text_width(self) -> int:
        """How many numbers the network expects in the vector of a token."""
        return width_of_tokens(self.unet.config)

    def prepare(self, prompts: Iterable[str]) -> None:
        """Has these embedded in one go, where the encoder is read anew each time that it is asked.

        Raises:
            core.prompt_file.NoSuchPrompt, core.prompt_book.EncoderFailed: as `embed`.
        """
        if self.book is not None:
            self.book.prepare(prompts)

    @torch.no_grad()
    def embed(self, prompts: Sequence[str]) -> Tensor:
        """Prompt embeddings (len(prompts), tokens, width); the empty prompt is the unconditional one.

        Prompts are lower-cased, truncated and padded to `text_tokens`.

        Raises:
            core.prompt_book.NoEncoder: neither an encoder nor a book.
            core.prompt_file.NoSuchPrompt, core.prompt_book.EncoderFailed: with a book.
        """
        if self.book is not None:
            return self.book(prompts).to(self.device, self.unet.dtype)
        if self.text_encoder is None or self.tokenizer is None:
            raise NoEncoder("This model was loaded without its text encoder, and has no book of embeddings.")
        batch = self.tokenizer(
            [prompt.lower() for prompt in prompts],
            padding="max_length",
            truncation=True,
            max_length=self.text_tokens,
            return_tensors="pt",
        ).to(self.device)
        hidden = self.text_encoder(batch.input_ids, attention_mask=batch.attention_mask).last_hidden_state
        if self.zero_padding:
            hidden = hidden * batch.attention_mask[..., None]  # (B, tokens, width)
        return hidden.to(self.unet.dtype)

    def __call__(self, x_t: Tensor, t: int, embedding: Tensor) -> Tensor:
        """(B, 3, H, W), t, (B, tokens, width) -> (B, 6, H, W): noise, and variance interpolation."""
        return (self.together or self.evaluate)(x_t, t, embedding)

    @torch.no_grad()
    def evaluate(self, x_t: Tensor, t: int | Tensor, embedding: Tensor) -> Tensor:
        """The same in a call of the network by itself; t may also be a tensor (B,), a time for each picture.

        What goes in is rounded to the network's type, and what comes out is widened to that of the pictures.
        """
        inputs = x_t.to(self.unet.dtype)
        return self.unet(inputs, t, encoder_hidden_states=embedding, return_dict=False)[0].to(x_t.dtype)


def _check_agreement(
    folder: Path, unet: ModelMixin, encoder: PreTrainedModel | None, schedule: NoiseSchedule
) -> None:
    """Raises BadModelFolder where parts of the folder, each sound by itself, do not belong together."""
    wanted = width_of_tokens(unet.config)
    if encoder is not None and encoder.config.hidden_size != wanted:
        raise BadModelFolder(
            f"The text encoder in {folder / 'text_encoder'} gives vectors of {encoder.config.hidden_size} numbers, "
            f"and the network in {folder / 'unet'} expects {wanted}: they do not belong together."
        )
    own = getattr(unet, "alphas_cumprod", None)  # our networks keep the table that they were trained with
    if own is not None and not torch.equal(own.cpu().double(), schedule.alphas_cumprod):
        raise BadModelFolder(
            f"The schedule in {folder / 'scheduler'} is not the one that the network in {folder / 'unet'} was trained "
            "with: num_train_timesteps and beta_schedule must be the same in both."
        )


def load_pretrained(
    source: str | Path, device: str = "cpu", dtype: torch.dtype = torch.float32, *, with_encoder: bool = True
) -> TextToImageModel:
    """Loads the model at `source`, a folder or the id of one that the hub's cache already holds.

    `dtype` is what the network computes in. The text encoder computes in float32, or in float64 with the network; it
    stays away without `with_encoder`, and where the folder has none: then prompts need a `book`.

    Raises:
        BadModelFolder: missing, incomplete, or of a shape that this app cannot run.
    """
    folder = find_model_folder(source)
    unet_class = _class_of(folder / "unet" / "config.json", "_class_name", UNETS)
    encoder_class = None
    if with_encoder and has_encoder(folder):
        encoder_class = _class_of(folder / "text_encoder" / "config.json", "architectures", ENCODERS)
    disable_progress_bar()  # loading takes a second, and the terminal belongs to the server's log
    try:
        unet, unet_missing = _load_unet(unet_class, folder / "unet", dtype)
        wide = torch.promote_types(dtype, torch.float32)
        encoder, encoder_missing = (
            _load_encoder(encoder_class, folder / "text_encoder", wide) if encoder_class else (None, ())
        )
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer") if has_tokenizer(folder) else None
        scheduler = DDPMScheduler.from_pretrained(folder / "scheduler")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise BadModelFolder(f"The model in {folder} cannot be loaded: {error}") from error
    # Weights that a file lacks would be left random, with no more than a warning.
    lacking = sorted(unet_missing) + sorted(encoder_missing)
    if lacking:
        raise BadModelFolder(
            f"The weights in {folder} are not complete: {len(lacking)} are missing, {lacking[0]} first."
        )
    if (scheduler.config.prediction_type, scheduler.config.variance_type) != ("epsilon", "learned_range"):
        raise BadModelFolder(
            f"The scheduler in {folder / 'scheduler'} says {scheduler.config.prediction_type} and "
            f"{scheduler.config.variance_type}; a DeepFloyd-IF stage-1 model has epsilon and learned_range."
        )
    if unet.config.in_channels != 3 or unet.config.out_channels != 6:
        raise BadModelFolder(
            f"The network in {folder / 'unet'} has {unet.config.in_channels} input and {unet.config.out_channels} output "
            "channels; a DeepFloyd-IF stage-1 model has 3 and 6 (noise and variance)."
        )
    ours = isinstance(unet, tuple(OURS.values()))
    schedule = NoiseSchedule.from_diffusers(scheduler)
    _check_agreement(folder, unet, encoder, schedule)
    return TextToImageModel(
        unet=unet.eval().requires_grad_(False).to(device),
        text_encoder=encoder and encoder.eval().requires_grad_(False).to(device),
        tokenizer=tokenizer,
        schedule=schedule,
        text_tokens=tokenizer.model_max_length if ours and tokenizer else IF_TEXT_TOKENS,
        zero_padding=ours,
    )


def _load_unet(unet_class: type[Any], folder: Path, dtype: torch.dtype) -> tuple[ModelMixin, Iterable[str]]:
    """The network and the names of the weights that its files lack. A network of diffusers' own is mapped into memory."""
    files, variant = weight_files(folder, dtype)
    if (
        unet_class is not UNet2DConditionModel
    ):  # one that keeps tables beside its weights, or lays them out itself
        unet, info = unet_class.from_pretrained(
            folder, dtype=dtype, variant=variant, use_safetensors=True, low_cpu_mem_usage=False, output_loading_info=True
        )  # fmt: skip
        return unet, info["missing_keys"]
    with torch.device("meta"):
        unet = unet_class.from_config(unet_class.load_config(folder))
    return unet, map_weights(unet, files, dtype)


def _load_encoder(
    encoder_class: type[Any], folder: Path, dtype: torch.dtype
) -> tuple[PreTrainedModel, Iterable[str]]:
    """The text encoder and the names of the weights that its files lack."""
    _, variant = weight_files(folder, dtype)
    pooling = {"add_pooling_layer": False} if encoder_class is BertModel else {}
    encoder, info = encoder_class.from_pretrained(
        folder, dtype=dtype, variant=variant, use_safetensors=True, output_loading_info=True, **pooling
    )
    return encoder, info["missing_keys"]


def listed(names: Iterable[str]) -> str:
    """'A, B or C'."""
    *before, last = names
    return f"{', '.join(before)} or {last}" if before else last


def _class_of(config: Path, key: str, known: Mapping[str, type[Any]]) -> type[Any]:
    """The class that a config.json names, if it is one that we run."""
    try:
        named = json.loads(config.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadModelFolder(
            f"{config} cannot be used ({error!r}); it should be a diffusers or transformers config."
        ) from error
    name = named[0] if isinstance(named, list) and named else named
    if not isinstance(name, str) or name not in known:
        raise BadModelFolder(f"{config} names the class {name!r}; this app runs {listed(known)}.")
    return known[name]
