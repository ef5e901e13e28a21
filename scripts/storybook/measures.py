"""The rows of the scoreboard, each a function of a loaded model; shares come with their 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from core.diffusion import add_noise, draw_noise, estimate_clean, iterative_denoise, keep
from core.edits import GaussianLowpass, keep_outside, sdedit_start
from core.guidance import Anagram, ClassifierFree, Conditional, Estimator, Hybrid
from core.pretrained import TextToImageModel
from core.views import VIEWS
from scripts.storybook.blur import best_blur_error
from scripts.storybook.sprites import NAMED_HUES, hue_of
from scripts.storybook.unseen import Asked

GUIDANCE, STEPS, BATCH = 4.0, 34, 16
NULL_LIKE = "a high quality photo"
NEIGHBOURS, MEMORY = 50, 0.5  # n and α of Carlini et al. 2023 (arXiv:2301.13188), section 5
LOWPASS = GaussianLowpass(33, 2.0)
HIDDEN = slice(16, 48)  # the middle quarter of a picture, which inpainting has to make up

Constrain = Callable[[Tensor, int | None], Tensor]


class Judge(Protocol):
    """Names what a picture shows."""

    def named(self, pictures: Tensor, asked: Sequence[str], k: int = 1) -> Tensor:
        """bool (B,): whether what was asked for is among the k likeliest names."""
        ...


def share(hits: Tensor) -> dict[str, float | int | list[float]]:
    """A share with its 95 % interval by Wilson's score (1927): right where counts are small, too."""
    n, k, z = len(hits), int(hits.sum()), 1.959964
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return {"share": round(k / n, 4), "of": n, "interval": [round(middle - half, 4), round(middle + half, 4)]}


def estimator(model: TextToImageModel, prompts: Sequence[str], scale: float) -> Estimator:
    """Guidance by `scale`; 0 and 1 need one evaluation a step."""
    empty = [""] * len(prompts)
    if scale in (0.0, 1.0):
        return Conditional(model, model.embed(prompts if scale else empty))
    return ClassifierFree(model, model.embed(prompts), model.embed(empty), scale)


@torch.no_grad()
def finished(
    x_t: Tensor,
    timesteps: Sequence[int],
    estimate: Estimator,
    model: TextToImageModel,
    generators: Sequence[torch.Generator],
    constrain: Constrain = keep,
) -> Tensor:
    """The end of a trajectory, (B, 3, 64, 64) in [−1, 1]."""
    for step in iterative_denoise(x_t, timesteps, estimate, model.schedule, generators, constrain):
        x_t = step.update.x_next
    return x_t.clamp(-1, 1)


def seeded(seeds: Sequence[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def parts(prompts: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[list[str], list[torch.Generator]]]:
    for k in range(0, len(prompts), BATCH):
        yield list(prompts[k : k + BATCH]), seeded(seeds[k : k + BATCH])


def samples(
    model: TextToImageModel, prompts: Sequence[str], seeds: Sequence[int], scale: float = GUIDANCE
) -> Tensor:
    """A picture for each prompt and seed, (N, 3, 64, 64)."""
    found = []
    for part, generators in parts(prompts, seeds):
        x_t = draw_noise(torch.empty(len(part), *model.picture_shape), generators)
        timesteps = model.schedule.strided_timesteps(STEPS)
        found.append(finished(x_t, timesteps, estimator(model, part, scale), model, generators))
    return torch.cat(found)


# ---------------------------------------------------------------- denoising


@torch.no_grad()
def error_over_blur(model: TextToImageModel, clean: Tensor, t: int, seed: int = 0) -> float:
    """Mean squared error of x̂₀, clipped, under the null-like prompt, over that of the best blur."""
    noise = draw_noise(clean, seeded(range(seed, seed + len(clean))))
    x_t = add_noise(clean, noise, t, model.schedule)
    total = 0.0
    for k in range(0, len(clean), BATCH):
        part = x_t[k : k + BATCH]
        answer = model(part, t, model.embed([NULL_LIKE] * len(part)))
        guess = estimate_clean(part, answer[:, :3], t, model.schedule).clamp(-1, 1)
        total += (guess - clean[k : k + BATCH]).square().mean(dim=(1, 2, 3)).sum().item()
    return total / len(clean) / best_blur_error(clean, t, noise, model.schedule)


# ---------------------------------------------------------------- memory and variety


def rms(pictures: Tensor) -> Tensor:
    """(N, …) → (N, values), scaled so that a Euclidean distance is an RMS difference."""
    return pictures.flatten(1) / pictures[0].numel() ** 0.5


def near_copies(pictures: Tensor, shown: Tensor) -> Tensor:
    """bool (B,): whether a picture is much nearer to one of those that were shown than its neighbours are to that one.

    `shown` (M, 3, 64, 64): a sample of the training's pictures; each counts mirrored, too.
    """
    known = rms(shown)
    distances = torch.minimum(torch.cdist(rms(pictures), known), torch.cdist(rms(pictures.flip(-1)), known))
    distance, nearest = distances.min(dim=1)
    around = torch.cdist(known[nearest], known).topk(NEIGHBOURS + 1, dim=1, largest=False).values[:, 1:]
    return distance < MEMORY * around.mean(dim=1)


def variety(pictures: Tensor) -> float:
    """Mean RMS difference of two pictures of one prompt, (S, 3, 64, 64)."""
    return torch.pdist(rms(pictures)).mean().item()


# ---------------------------------------------------------------- what was asked for, in pixels


def border(pictures: Tensor) -> Tensor:
    """The outermost four pixels of every picture, in [0, 1]: (B, pixels, 3)."""
    ring = torch.ones(64, 64, dtype=torch.bool)
    ring[4:-4, 4:-4] = False
    return ((pictures + 1) / 2).permute(0, 2, 3, 1)[:, ring]


def _brightness(rgb: Tensor) -> Tensor:
    return rgb @ torch.tensor([0.3, 0.59, 0.11])


def on_ground(pictures: Tensor, ground: str) -> Tensor:
    """bool (B,): whether the borders look like the ground. Rules of thumb, checked on the world's own pictures.

    Raises KeyError for a ground without a rule.
    """
    picture = (pictures + 1) / 2  # (B, 3, 64, 64)
    top = picture[:, :, :10].mean(dim=(2, 3))  # (B, 3)
    low = torch.cat([picture[:, :, 56:, :12], picture[:, :, 56:, 52:]], dim=3).mean(dim=(2, 3))
    bright_top, bright_low = _brightness(top), _brightness(low)
    rules: dict[str, Callable[[], Tensor]] = {
        "white": lambda: border(pictures).min(dim=2).values.mean(dim=1) > 0.88,
        "night": lambda: (bright_top < 0.35) & (top[:, 2] >= top[:, 0] - 0.02),
        "sunset": lambda: (
            (top[:, 2] < 0.75)
            & (picture[:, 0, 20:50].mean(dim=(1, 2)) > 0.4)
            & (top[:, 0] > 0.12)
            & (bright_top < 0.6)
        ),
        "grass": lambda: (low[:, 1] > low[:, 0] + 0.05) & (low[:, 1] > low[:, 2] + 0.1),
        "sea": lambda: (low[:, 2] > low[:, 0] + 0.15) | ((low[:, 0] > 0.75) & (low[:, 2] < low[:, 0] - 0.12)),
        "snow": lambda: (bright_low > 0.82) & (bright_top > 0.45) & (top[:, 2] > top[:, 0] + 0.02),
        "desert": lambda: (low[:, 0] > low[:, 2] + 0.2) & (low[:, 0] > 0.6) & (bright_low > 0.5),
    }
    return rules[ground]()


GROUND_RULES = ("white", "night", "grass", "sea", "snow", "desert")


def in_colour(pictures: Tensor, colour: str) -> Tensor:
    """bool (B,): whether most vivid pixels of the middle have the named hue, within 25 degrees."""
    found = []
    for picture in ((pictures + 1) / 2)[:, :, 12:52, 12:52].permute(0, 2, 3, 1).flatten(1, 2):
        spread = picture.max(dim=1).values - picture.min(dim=1).values
        vivid = picture[spread > 0.25]
        if len(vivid) < 40:
            found.append(False)
            continue
        hues = torch.from_numpy(hue_of(vivid.numpy()))
        off = ((hues - NAMED_HUES[colour] + 180) % 360 - 180).abs()
        found.append(bool((off < 25).float().mean() > 0.5))
    return torch.tensor(found)


def as_asked(pictures: Tensor, asked: Sequence[Asked]) -> Tensor:
    """bool (B,): whether ground and colour are those of the prompt, as far as a rule tells."""
    hits = []
    for picture, one in zip(pictures[:, None], asked, strict=True):
        right = on_ground(picture, one.ground)[0] if one.ground else in_colour(picture, str(one.colour))[0]
        hits.append(bool(right))
    return torch.tensor(hits)


def measurable(asked: Sequence[Asked]) -> list[Asked]:
    """Those whose ground or colour a rule can tell."""
    return [one for one in asked if one.colour or one.ground in GROUND_RULES]


# ---------------------------------------------------------------- illusions and edits


def illusions(
    model: TextToImageModel, pairs: Sequence[tuple[str, str]], kind: str, scale: float = 7.0, seed: int = 0
) -> Tensor:
    """One picture for each pair of prompts, an "anagram" (flip) or a "hybrid" (far, near): (N, 3, 64, 64)."""
    found = []
    for k in range(0, len(pairs), BATCH // 2):
        one, two = zip(*pairs[k : k + BATCH // 2], strict=True)
        first, second = estimator(model, one, scale), estimator(model, two, scale)
        both: Estimator = (
            Anagram(first, second, VIEWS["flip"]) if kind == "anagram" else Hybrid(first, second, LOWPASS)
        )
        generators = seeded(range(seed, seed + len(one)))
        x_t = draw_noise(torch.empty(len(one), *model.picture_shape), generators)
        found.append(finished(x_t, model.schedule.strided_timesteps(STEPS), both, model, generators))
    return torch.cat(found)


def readings(pictures: Tensor, kind: str) -> tuple[Tensor, Tensor]:
    """The two pictures that a viewer of an illusion sees: upright and turned, or afar and near."""
    return (pictures, VIEWS["flip"].forward(pictures)) if kind == "anagram" else (LOWPASS(pictures), pictures)


def edited(model: TextToImageModel, clean: Tensor, i_start: int, seed: int = 0) -> Tensor:
    """SDEdit of every picture under the null-like prompt from `i_start`, γ = 1: (N, 3, 64, 64)."""
    found = []
    for k in range(0, len(clean), BATCH):
        part = clean[k : k + BATCH]
        generators = seeded(range(seed + k, seed + k + len(part)))
        x_t, left = sdedit_start(
            part,
            draw_noise(part, generators),
            model.schedule.strided_timesteps(STEPS),
            i_start,
            model.schedule,
        )
        found.append(finished(x_t, left, estimator(model, [NULL_LIKE] * len(part), 1.0), model, generators))
    return torch.cat(found)


def nearest_is_own(results: Tensor, originals: Tensor) -> Tensor:
    """bool (N,): whether each result's features are nearer to its own original's than to any other's (cosine)."""
    one, two = (torch.nn.functional.normalize(f - originals.mean(dim=0), dim=1) for f in (results, originals))
    return (one @ two.T).argmax(dim=1) == torch.arange(len(one))


def inpainted(model: TextToImageModel, clean: Tensor, seed: int = 0) -> Tensor:
    """The hidden middle of every picture made up anew, empty prompt: (N, 3, 64, 64)."""
    found = []
    mask = torch.zeros(1, 1, 64, 64)
    mask[..., HIDDEN, HIDDEN] = 1
    for k in range(0, len(clean), BATCH):
        part = clean[k : k + BATCH]
        generators, others = (
            seeded(range(seed + k, seed + k + len(part))),
            seeded(range(10**6 + k, 10**6 + k + len(part))),
        )
        constrain = keep_outside(mask.expand(len(part), -1, -1, -1), part, model.schedule, others)
        x_t, timesteps = draw_noise(part, generators), model.schedule.strided_timesteps(STEPS)
        found.append(
            finished(x_t, timesteps, estimator(model, [""] * len(part), 1.0), model, generators, constrain)
        )
    return torch.cat(found)


def hidden_error(results: Tensor, clean: Tensor) -> float:
    """Mean squared error in the hidden square over that of filling it with the mean colour around it."""
    inside = (..., HIDDEN, HIDDEN)
    around = torch.ones(64, 64, dtype=torch.bool)
    around[HIDDEN, HIDDEN] = False
    mean = clean[..., around].mean(dim=2)[..., None, None]
    return ((results - clean)[inside].square().mean() / (mean - clean)[inside].square().mean()).item()


def seam(pictures: Tensor) -> float:
    """Mean absolute step across the hidden square's edge, summed over its four sides."""
    a, b = HIDDEN.start, HIDDEN.stop
    rows = [(pictures[..., k - 1, a:b] - pictures[..., k, a:b]).abs().mean() for k in (a, b)]
    columns = [(pictures[..., a:b, k - 1] - pictures[..., a:b, k]).abs().mean() for k in (a, b)]
    return float(sum(rows + columns) / 4)
