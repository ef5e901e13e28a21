"""What pictures are judged by: the asked object and style, variety over seeds, and closeness to the training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from scripts.emoji.dataset import EmojiSet
from scripts.emoji.features import SPACES

NEIGHBOURS = 50  # n of Carlini et al. 2023, section 5
MEMORY = 0.5  # and their α


def to_float(pictures: Tensor) -> Tensor:
    """uint8 → float in [−1, 1], as the network sees pictures."""
    return pictures.float() / 127.5 - 1


@dataclass(frozen=True)
class Known:
    """The training set in both feature spaces, and at all pixels."""

    data: EmojiSet
    features: Mapping[str, Tensor]
    mirrored: Mapping[str, Tensor]  # the same of the mirrored pictures, which training shows as often
    pixels: Tensor  # (N, 12288), scaled so that a distance is the RMS difference
    subgroups: Mapping[str, str]  # name → subgroup; a composed scene is its own

    @classmethod
    def of(cls, data: EmojiSet, rows: Sequence[Mapping[str, object]]) -> Known:
        """`rows`: captions.json, for the subgroups."""
        pictures = to_float(data.pictures)
        listed = {str(row["name"]): str(row["subgroup"]) for row in rows}
        return cls(
            data,
            {name: space(pictures) for name, space in SPACES.items()},
            {name: space(pictures.flip(-1)) for name, space in SPACES.items()},
            rms_vectors(pictures),
            {name: listed.get(name, name) for name in data.names},
        )

    def distances(self, pictures: Tensor, space: str) -> Tensor:
        """From pictures (B, 3, 64, 64) to every training picture or its mirror image, whichever is nearer: (B, N)."""
        features = SPACES[space](pictures)
        return torch.minimum(*(torch.cdist(features, of[space]) for of in (self.features, self.mirrored)))


def rms_vectors(pictures: Tensor) -> Tensor:
    """(N, 3, 64, 64) → (N, 12288), scaled so that the Euclidean distance is the RMS difference of a channel."""
    flat = pictures.flatten(1)
    return flat / flat.shape[1] ** 0.5


@dataclass(frozen=True)
class Asked:
    """One prompt: the object and style that its words name."""

    prompt: str
    name: str
    style: str


def choose_prompts(data: EmojiSet, count: int, seed: int) -> list[Asked]:
    """`count` different pairs of object and style, each with a caption drawn as often as training drew it.

    Raises:
        ValueError: there are not that many pairs.
    """
    pairs = pairs_of(data)
    if not 1 <= count <= len(pairs):
        raise ValueError(f"Choose between 1 and {len(pairs)} prompts, not {count}.")
    rng = np.random.default_rng(seed)
    asked = []
    for k in rng.choice(len(pairs), count, replace=False):
        row = pairs[int(k)]
        captions, shares = zip(*data.captions[row], strict=True)
        prompt = captions[int(rng.choice(len(captions), p=np.array(shares) / sum(shares)))]
        asked.append(Asked(prompt, data.names[row], data.styles[row]))
    return asked


def pairs_of(data: EmojiSet) -> list[int]:
    """The first row of every pair of object and style, in the order of the set."""
    first: dict[tuple[str, str], int] = {}
    for row, pair in enumerate(zip(data.names, data.styles, strict=True)):
        first.setdefault(pair, row)
    return list(first.values())


def ranked_names(pictures: Tensor, styles: Sequence[str], known: Known, space: str) -> list[list[str]]:
    """For each picture (B, 3, 64, 64) the names of the training pictures of its style, nearest first, each once."""
    found = []
    for row, style in zip(known.distances(pictures, space), styles, strict=True):
        order = [i for i in row.argsort(stable=True).tolist() if known.data.styles[i] == style]
        found.append(list(dict.fromkeys(known.data.names[i] for i in order)))
    return found


def fidelity(pictures: Tensor, asked: Sequence[Asked], known: Known, space: str) -> dict:
    """Shares of pictures that are nearest to what was asked for.

    top1, top5: the asked object is the nearest of its style, or among the five nearest objects; subgroup1,
    subgroup5: one of its subgroup is (a dog for a cat: both are mammals); style: the nearest picture of
    all is of the asked style.
    """
    ranked = ranked_names(pictures, [a.style for a in asked], known, space)
    ranks = [names.index(a.name) for names, a in zip(ranked, asked, strict=True)]
    groups = [[known.subgroups[n] for n in names[:5]] for names in ranked]
    wanted = [known.subgroups[a.name] for a in asked]
    nearest = known.distances(pictures, space).argmin(dim=1).tolist()
    styles = [known.data.styles[i] == a.style for i, a in zip(nearest, asked, strict=True)]
    return {
        "top1": share(r < 1 for r in ranks),
        "top5": share(r < 5 for r in ranks),
        "subgroup1": share(g[0] == w for g, w in zip(groups, wanted, strict=True)),
        "subgroup5": share(w in g for g, w in zip(groups, wanted, strict=True)),
        "style": share(styles),
        "style_by_style": {
            style: share(hit for hit, a in zip(styles, asked, strict=True) if a.style == style)
            for style in dict.fromkeys(a.style for a in asked)
        },
        "ranks": ranks,
    }


def share(hits) -> float:
    """Of an iterable of truths, how many are true: 0 to 1."""
    hits = list(hits)
    return sum(hits) / len(hits)


def diversity(pictures: Tensor) -> float:
    """Mean RMS difference of two different pictures of (S, 3, 64, 64), S ≥ 2; 0 if all are the same."""
    return torch.pdist(rms_vectors(pictures)).mean().item()


def set_diversity(known: Known) -> float:
    """The same for two training pictures of one style and different objects: what no memory of a word would give."""
    found = []
    for style in dict.fromkeys(known.data.styles):
        rows = [i for i in pairs_of(known.data) if known.data.styles[i] == style]
        found.append(torch.pdist(known.pixels[rows]))
    return torch.cat(found).mean().item()


@dataclass(frozen=True)
class Closeness:
    """How near pictures lie to the training set."""

    distance: Tensor  # (B,): RMS difference to the nearest training picture, or to its mirror image
    nearest: Tensor  # (B,): which it is
    relative: Tensor  # (B,): the distance in units of how far that picture's own 50 neighbours lie


def pixel_distances(pictures: Tensor, known: Known) -> Tensor:
    """RMS differences (B, N) of pictures (B, 3, 64, 64) to the training pictures, mirrored where that is nearer."""
    return torch.minimum(*(torch.cdist(rms_vectors(p), known.pixels) for p in (pictures, pictures.flip(-1))))


def closeness(pictures: Tensor, known: Known, leave_out: Sequence[int | None] | None = None) -> Closeness:
    """The nearest training picture at all 64×64 pixels; `leave_out` names a row that does not count, a picture.

    A relative distance below 0.5 is what Carlini et al. call an extraction: the sample lies much nearer to one
    training picture than that picture's neighbours do. Source: Carlini et al. 2023 (arXiv:2301.13188),
    section 5: ℓ₂(x̂, x)/(α E[ℓ₂(x, y)]) < 1 over the n = 50 nearest y, α = 0.5.
    """
    distances = pixel_distances(pictures, known)  # (B, N)
    for row, left in enumerate(leave_out or []):
        if left is not None:
            distances[row, left] = torch.inf
    distance, nearest = distances.min(dim=1)
    around = pixel_distances(known.pixels[nearest].view_as(pictures) * pictures[0].numel() ** 0.5, known)
    count = min(NEIGHBOURS + 1, around.shape[1])  # the nearest of all is the picture itself
    typical = around.topk(count, dim=1, largest=False).values[:, 1:].mean(dim=1)
    return Closeness(distance, nearest, distance / typical)


def quantiles(values: Tensor) -> dict[str, float]:
    """The 5, 25, 50, 75 and 95 % quantiles."""
    marks = torch.tensor([0.05, 0.25, 0.5, 0.75, 0.95])
    return {
        f"{m * 100:.0f}%": round(q, 4)
        for m, q in zip(marks.tolist(), values.float().quantile(marks).tolist(), strict=True)
    }
