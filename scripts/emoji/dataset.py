"""Pictures, captions and prompt embeddings of the training set, all in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import AutoTokenizer, BertModel

from scripts.emoji.scenes import SCENES, ink, reduced
from scripts.emoji.vocabulary import NULL_LIKE, captions_of, entries

FIRST, INK = "fluent-3d", "fluent-high-contrast"
SCENE_VARIANTS = 12


@dataclass(frozen=True)
class EmojiSet:
    """N pictures; every picture has its captions, and every caption its embedding."""

    pictures: Tensor  # uint8 (N, 3, 64, 64)
    names: list[str]
    styles: list[str]
    captions: list[list[tuple[str, float]]]  # of every picture: caption and probability
    weights: Tensor  # (N,): how often a picture is shown, relative to the others


def load_set(folder: Path, seed: int = 0) -> EmojiSet:
    """Reads `pictures.npz` and `captions.json`, keeps the vocabulary's objects, adds the composed scenes."""
    rows = json.loads((folder / "captions.json").read_text())
    stored = np.load(folder / "pictures.npz")["pictures"]  # (N, 64, 64, 3)
    of_style = {
        style: {row["name"]: stored[i] for i, row in enumerate(rows) if row["style"] == style}
        for style in (FIRST, INK)
    }
    found: list[tuple[np.ndarray, str, str, tuple[str, ...], float]] = []
    for entry in entries():
        if entry.name not in of_style[FIRST]:
            raise ValueError(
                f"Add {entry.name!r} in the style {FIRST} to {folder}: the vocabulary asks for it."
            )
        picture = of_style[FIRST][entry.name]
        drawn = of_style[INK].get(entry.name)
        found.append((picture, entry.name, FIRST, entry.phrases, 1.0))
        found.append((ink(picture) if drawn is None else drawn, entry.name, INK, entry.phrases, 1.0))
    rng = np.random.default_rng(seed)
    for name, (draw, phrases) in SCENES.items():
        for _ in range(SCENE_VARIANTS):
            picture = reduced(draw(of_style[FIRST], rng))
            found.append((picture, name, FIRST, phrases, 4 / SCENE_VARIANTS))
            found.append((ink(picture), name, INK, phrases, 2 / SCENE_VARIANTS))
    pictures, names, styles, phrases, weights = zip(*found, strict=True)
    return EmojiSet(
        pictures=torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous(),
        names=list(names),
        styles=list(styles),
        captions=[captions_of(style, p) for style, p in zip(styles, phrases, strict=True)],
        weights=torch.tensor(weights),
    )


class TextEncoder:
    """all-MiniLM-L6-v2 as the model folder ships it: prompts → (count, tokens, 384), padding zero."""

    def __init__(self, folder: Path):
        self.tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        self.encoder = BertModel.from_pretrained(
            folder / "text_encoder", add_pooling_layer=False, dtype=torch.float32
        ).eval()

    @torch.no_grad()
    def __call__(self, prompts: list[str], batch_size: int = 128) -> Tensor:
        found = []
        for start in range(0, len(prompts), batch_size):
            tokens = self.tokenizer(
                [p.lower() for p in prompts[start : start + batch_size]],
                padding="max_length",
                truncation=True,
                max_length=self.tokenizer.model_max_length,
                return_tensors="pt",
            )
            hidden = self.encoder(tokens.input_ids, attention_mask=tokens.attention_mask).last_hidden_state
            found.append(hidden * tokens.attention_mask[..., None])
        return torch.cat(found)


@dataclass(frozen=True)
class Batch:
    """One training batch: everything that a step needs and chance decides."""

    clean: Tensor  # (B, 3, 64, 64) in [−1, 1]
    noise: Tensor  # (B, 3, 64, 64)
    t: Tensor  # (B,) in 0..T−1
    text: Tensor  # (B, tokens, 384)


class Batches:
    """Draws batches from one generator, whose state is all that a resumed run needs."""

    def __init__(self, data: EmojiSet, encoder: TextEncoder, *, shift: int, p_uncond: float, p_null: float):
        self.data, self.shift, self.p_uncond, self.p_null = data, shift, p_uncond, p_null
        prompts = sorted({c for picture in data.captions for c, _ in picture} | {"", NULL_LIKE})
        index = {prompt: i for i, prompt in enumerate(prompts)}
        self.embeddings = encoder(prompts)
        self.empty, self.null_like = index[""], index[NULL_LIKE]
        width = max(len(c) for c in data.captions)
        self.choices = torch.zeros(len(data.captions), width, dtype=torch.long)
        self.shares = torch.zeros(len(data.captions), width)
        for i, captions in enumerate(data.captions):
            self.choices[i, : len(captions)] = torch.tensor([index[c] for c, _ in captions])
            self.shares[i, : len(captions)] = torch.tensor([share for _, share in captions])
        self.first_style = torch.tensor([style == FIRST for style in data.styles])

    def draw(self, size: int, generator: torch.Generator, steps: int = 1000) -> Batch:
        """A batch of `size`; t is stratified, so that every batch sees all noise levels."""
        g = generator
        rows = torch.multinomial(self.data.weights, size, replacement=True, generator=g)
        caption = self.choices[rows].gather(1, torch.multinomial(self.shares[rows], 1, generator=g))[:, 0]
        dice = torch.rand(size, generator=g)
        caption = torch.where((dice < self.p_null) & self.first_style[rows], self.null_like, caption)
        caption = torch.where(dice > 1 - self.p_uncond, self.empty, caption)
        clean = self.data.pictures[rows].float() / 127.5 - 1
        if self.shift:
            dx, dy = torch.randint(-self.shift, self.shift + 1, (2,), generator=g).tolist()
            clean = clean.roll((dy, dx), dims=(2, 3))  # the margin of two pixels is white
        t = ((torch.arange(size) + torch.rand(size, generator=g)) / size * steps).long()
        t = t[torch.randperm(size, generator=g)]
        noise = torch.randn(clean.shape, generator=g)
        return Batch(clean, noise, t, self.embeddings[caption])
