"""Pictures, captions and prompt embeddings of the training set, all in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample
from transformers import AutoTokenizer, BertModel

from scripts.emoji.scenes import IN_INK, SCENES, ink, reduced
from scripts.emoji.vocabulary import NULL_LIKE, captions_of, entries

FIRST, INK, PAINTED, FLAT = "fluent-3d", "fluent-high-contrast", "noto", "fluent-flat"
SHOWN = {FIRST: 1.0, INK: 1.0, PAINTED: 0.7, FLAT: 0.6}  # how often a picture of each style is shown
SCENE_VARIANTS = 12
SCENES_SHOWN = {FIRST: 6.0, INK: 3.0, PAINTED: 3.0}  # how often a scene is shown, all its variants together
WRITTEN = {"pool 8 ball", "sleeping face", "taxi", "bus", "police car", "ambulance", "fire engine", "top hat"} | {
    "calendar", "keyboard", "alarm clock", "watch", "soccer ball", "money bag", "mobile phone", "books", "closed book"
} | {"oncoming taxi", "oncoming bus", "oncoming police car", "mantelpiece clock", "train"}  # fmt: skip
"""Names of pictures that bear letters, digits or a clock face."""


@dataclass(frozen=True)
class EmojiSet:
    """N pictures; every picture has its captions, and every caption its embedding."""

    pictures: Tensor  # uint8 (N, 3, 64, 64)
    names: list[str]  # of the object that each shows: all hearts are "red heart"
    published: list[str]  # of each picture itself: "blue heart"
    styles: list[str]
    captions: list[list[tuple[str, float]]]  # of every picture: caption and probability
    weights: Tensor  # (N,): how often a picture is shown, relative to the others


def load_set(folder: Path, seed: int = 0) -> EmojiSet:
    """Reads `pictures.npz` and `captions.json`, keeps the vocabulary's objects, adds the composed scenes."""
    rows = json.loads((folder / "captions.json").read_text())
    stored = np.load(folder / "pictures.npz")["pictures"]  # (N, 64, 64, 3)
    of_style = {
        style: {row["name"]: stored[i] for i, row in enumerate(rows) if row["style"] == style}
        for style in SHOWN
    }
    found: list[tuple[np.ndarray, str, str, str, tuple[str, ...], float]] = []
    for entry in entries():
        shows = entry.pictures()
        for published, phrases in shows:
            if published not in of_style[FIRST]:
                raise ValueError(
                    f"Add {published!r} in the style {FIRST} to {folder}: the vocabulary asks for it."
                )
            for style, shown in SHOWN.items():
                picture = of_style[style].get(published)
                if picture is None and style == INK:  # people have no high-contrast picture
                    picture = ink(of_style[FIRST][published])
                if picture is not None:  # an object with many pictures is shown more often, each of them less
                    found.append((picture, entry.name, published, style, phrases, shown / len(shows) ** 0.5))
    rng = np.random.default_rng(seed)
    for name, (draw, phrases) in SCENES.items():
        for _ in range(SCENE_VARIANTS):
            picture = reduced(draw(of_style[FIRST], rng))
            drawn = reduced(IN_INK[name](of_style[FIRST], rng)) if name in IN_INK else ink(picture)
            painted = reduced(draw(of_style[PAINTED], rng))
            for style, kind in ((FIRST, picture), (INK, drawn), (PAINTED, painted)):
                found.append((kind, name, name, style, phrases, SCENES_SHOWN[style] / SCENE_VARIANTS))
    pictures, names, published, styles, phrases, weights = zip(*found, strict=True)
    return EmojiSet(
        pictures=torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous(),
        names=list(names),
        published=list(published),
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

    def __init__(
        self, data: EmojiSet, encoder: TextEncoder, *, smallest: float, p_uncond: float, p_null: float
    ):
        self.data, self.smallest, self.p_uncond, self.p_null = data, smallest, p_uncond, p_null
        self.whole = torch.tensor([name in SCENES for name in data.names])
        self.written = torch.tensor([name in WRITTEN for name in data.published])
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
        clean = self.posed(clean, rows, g)
        t = ((torch.arange(size) + torch.rand(size, generator=g)) / size * steps).long()
        t = t[torch.randperm(size, generator=g)]
        noise = torch.randn(clean.shape, generator=g)
        return Batch(clean, noise, t, self.embeddings[caption])

    def posed(self, clean: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
        """Each picture mirrored or not, reduced and moved to where it still fits: (B, 3, 64, 64).

        So a prompt has many pictures though the set has one, and a sketch in a corner has something to become.
        Scenes keep their size; what bears writing is not mirrored.
        """
        size = len(clean)
        dice = torch.rand(size, 4, generator=generator)
        scale = 1 - (1 - self.smallest) * dice[:, 0] * ~self.whole[rows]  # (B,)
        move = (2 * dice[:, 1:3] - 1) * (1 - scale)[:, None]  # (B, 2), in half pictures
        mirror = torch.where((dice[:, 3] < 0.5) & ~self.written[rows], -1.0, 1.0)
        theta = torch.zeros(
            size, 2, 3
        )  # from a place in the result to the place in the picture it comes from
        theta[:, 0, 0], theta[:, 1, 1] = mirror / scale, 1 / scale
        theta[:, 0, 2], theta[:, 1, 2] = -mirror * move[:, 0] / scale, -move[:, 1] / scale
        grid = affine_grid(theta, list(clean.shape), align_corners=False)
        moved = grid_sample(clean - 1, grid, mode="bicubic", padding_mode="zeros", align_corners=False)
        return (moved + 1).clamp(-1, 1)  # outside the picture it is white
