"""Measures emoji64's illusions: how often a nearest-picture judge reads both prompts in one picture.

    python -m scripts.emoji.judge_illusions --data FOLDER --to FOLDER [--model FOLDER] [--guidance 7] [--seed 0]

Twenty pairs of objects, a fixed list. Of each pair one anagram (upright / flipped upside down) and one hybrid
(low / high frequencies), 34 steps each, and of every object one plain sample. The judge names the object, among
those of the list, whose training picture of the asked style resembles the reading most: by the correlation of
brightness at 16×16 pixels, mirrored or not. Colour is left out because both readings of an anagram share it. For a
hybrid "from afar" is its low pass against low passes, "from near" the strength of its high pass against the same of
high passes. The plain samples say what the judge and the model can do without an illusion, chance what a guess does.

Pictures are kept in FOLDER/illusions.npz as they are made, and a second start goes on from there. Writes
illusions.json, illusions.md (which lies beside the model card) and illusions.png.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from core.diffusion import draw_noise, iterative_denoise
from core.edits import GaussianLowpass
from core.guidance import Anagram, ClassifierFree, Estimator, Hybrid
from core.media import contact_sheet, png, to_pixels
from core.pretrained import TextToImageModel, load_pretrained
from core.views import VIEWS

COLOUR, INK = "fluent-3d", "fluent-high-contrast"
TEMPLATES = {COLOUR: "a 3d render of {}", INK: "an ink drawing of {}"}

# The emoji's published name -> the words of the prompt.
OBJECTS = {
    "automobile": "an automobile", "grinning face": "a grinning face", "evergreen tree": "a tree", "red heart": "a heart",
    "angry face": "an angry face", "penguin": "a penguin", "soft ice cream": "an ice cream", "mushroom": "a mushroom",
    "light bulb": "a light bulb", "skull": "a skull", "snow capped mountain": "a snowy mountain", "house": "a house",
    "ghost": "a ghost", "owl": "an owl", "volcano": "a volcano", "cupcake": "a cupcake", "carrot": "a carrot",
    "balloon": "a balloon", "red apple": "a red apple", "bus": "a bus", "fire": "a fire", "tulip": "a tulip",
    "pizza": "a pizza", "rocket": "a rocket", "cat face": "a cat", "bear": "a bear", "maple leaf": "a maple leaf",
}  # fmt: skip
PAIRS = (
    ("automobile", "grinning face"), ("evergreen tree", "red heart"), ("grinning face", "angry face"),
    ("penguin", "grinning face"), ("soft ice cream", "evergreen tree"), ("mushroom", "light bulb"),
    ("skull", "light bulb"), ("snow capped mountain", "red heart"), ("house", "ghost"), ("owl", "skull"),
    ("volcano", "cupcake"), ("carrot", "evergreen tree"), ("balloon", "mushroom"), ("red apple", "ghost"),
    ("bus", "house"), ("fire", "tulip"), ("pizza", "soft ice cream"), ("rocket", "carrot"), ("cat face", "bear"),
    ("maple leaf", "red heart"),
)  # fmt: skip
LOWPASS = GaussianLowpass(33, 2.0)
SIDE = 16  # pixels: what the judge looks at


# ---- making ------------------------------------------------------------------------------------------------


def prompt(name: str, style: str) -> str:
    """The words for an object in a style."""
    return TEMPLATES[style].format(OBJECTS[name])


def sampled(model: TextToImageModel, estimator: Estimator, seed: int) -> Tensor:
    """One picture, (1, 3, 64, 64) in [−1, 1], in 34 steps."""
    generators = [torch.Generator().manual_seed(seed)]
    x_t = draw_noise(torch.empty(1, *model.picture_shape), generators)
    for step in iterative_denoise(
        x_t, model.schedule.strided_timesteps(), estimator, model.schedule, generators
    ):
        x_t = step.update.x_next
    return x_t.clamp(-1, 1)


def made(
    model: TextToImageModel,
    guidance_scale: float,
    seed: int,
    kept: dict[str, np.ndarray],
    keep: Callable[[], None],
) -> None:
    """Fills `kept` with every picture of the measurement by name; those it has already stay. `keep` after each."""

    def reading(name: str, style: str) -> ClassifierFree:
        return ClassifierFree(model, model.embed([prompt(name, style)]), model.embed([""]), guidance_scale)

    wanted: dict[str, Callable[[], Estimator]] = {}
    for name in OBJECTS:
        for style in TEMPLATES:
            wanted[f"plain/{style}/{name}"] = lambda name=name, style=style: reading(name, style)
    for k, (one, two) in enumerate(PAIRS):
        wanted[f"anagram/{k}"] = lambda one=one, two=two: Anagram(
            reading(one, COLOUR), reading(two, COLOUR), VIEWS["flip"]
        )
        wanted[f"hybrid/{k}"] = lambda one=one, two=two: Hybrid(
            reading(one, COLOUR), reading(two, INK), LOWPASS
        )
    # The illusions first: an interrupted run has something to show.
    for name in sorted(wanted, key=lambda name: name.startswith("plain")):
        if name not in kept:
            kept[name] = sampled(model, wanted[name](), seed).numpy()[0]
            keep()
            print(name, flush=True)


# ---- judging -----------------------------------------------------------------------------------------------


def brightness(pictures: Tensor) -> Tensor:
    """(N, 3, 64, 64) -> (N, 256): mean of the colours at 16×16, without its mean and of length 1."""
    return _direction(adaptive_avg_pool2d(pictures.mean(1, keepdim=True), SIDE))


def afar(pictures: Tensor) -> Tensor:
    """The same of what is left from afar."""
    return brightness(LOWPASS(pictures))


def near(pictures: Tensor) -> Tensor:
    """The same of the strength of fine detail, wherever in its 4×4 square it lies."""
    detail = (pictures - LOWPASS(pictures)).mean(1, keepdim=True)
    return _direction(adaptive_avg_pool2d(detail.square(), SIDE).sqrt())


def _direction(x: Tensor) -> Tensor:
    x = x.flatten(1)
    x = x - x.mean(1, keepdim=True)
    return x / x.norm(dim=1, keepdim=True).clamp(min=1e-6)


@dataclass(frozen=True)
class Judge:
    """The training pictures of the listed objects in one style, (N, 3, 64, 64) in [−1, 1]."""

    names: tuple[str, ...]
    pictures: Tensor

    def ranking(self, picture: np.ndarray, features: Callable[[Tensor], Tensor]) -> list[str]:
        """All names, the most similar first. picture: (3, 64, 64)."""
        seen = features(torch.from_numpy(picture)[None])  # (1, 256)
        alike = torch.maximum(
            *((features(known) @ seen.T)[:, 0] for known in (self.pictures, self.pictures.flip(-1)))
        )
        return [self.names[k] for k in alike.argsort(descending=True).tolist()]


def judges(folder: Path) -> dict[str, Judge]:
    """A judge a style, from the training set's `pictures.npz` and `captions.json`."""
    rows = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    stored = np.load(folder / "pictures.npz")["pictures"]  # uint8 (N, 64, 64, 3)
    found = {}
    for style in TEMPLATES:
        place = {row["name"]: k for k, row in enumerate(rows) if row["style"] == style}
        missing = [name for name in OBJECTS if name not in place]
        if missing:
            raise ValueError(
                f"{folder} has no {style} picture of {', '.join(missing)}: use the training set."
            )
        pixels = torch.from_numpy(stored[[place[name] for name in OBJECTS]])
        found[style] = Judge(tuple(OBJECTS), pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)
    return found


def verdict(rankings: Sequence[Sequence[str]], pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    """Counts over pairs, whose two readings are `rankings[2k]` and `rankings[2k + 1]`.

    named: the reading's object comes first among all; before: it comes before the other reading's object.
    """
    rows = []
    for k, (one, two) in enumerate(pairs):
        first, second = rankings[2 * k], rankings[2 * k + 1]
        rows.append({
            "one": one, "two": two, "ranks": [first.index(one) + 1, second.index(two) + 1],
            "read_as": [first[0], second[0]],
            "before": [first.index(one) < first.index(two), second.index(two) < second.index(one)],
        })  # fmt: skip
    return {
        "first_named": sum(row["ranks"][0] == 1 for row in rows),
        "second_named": sum(row["ranks"][1] == 1 for row in rows),
        "both_named": sum(row["ranks"] == [1, 1] for row in rows),
        "both_in_five": sum(max(row["ranks"]) <= 5 for row in rows),
        "both_before_the_other": sum(all(row["before"]) for row in rows),
        "pairs": rows,
    }


def judged(kept: Mapping[str, np.ndarray], by_style: Mapping[str, Judge]) -> dict[str, object]:
    """The whole report on pictures as `made` keeps them."""
    anagrams, hybrids = [], []
    for k in range(len(PAIRS)):
        upright, mixed = kept[f"anagram/{k}"], kept[f"hybrid/{k}"]
        turned = VIEWS["flip"].forward(torch.from_numpy(upright)[None])[0].numpy()
        anagrams += [by_style[COLOUR].ranking(picture, brightness) for picture in (upright, turned)]
        hybrids += [by_style[COLOUR].ranking(mixed, afar), by_style[INK].ranking(mixed, near)]
    plain = {}
    for label, style, features in (
        ("upright", COLOUR, brightness),
        ("afar", COLOUR, afar),
        ("near", INK, near),
    ):
        ranks = [
            by_style[style].ranking(kept[f"plain/{style}/{name}"], features).index(name) + 1
            for name in OBJECTS
        ]
        plain[label] = {"named": sum(r == 1 for r in ranks), "in_five": sum(r <= 5 for r in ranks)}
    return {
        "objects": len(OBJECTS),
        "anagram": verdict(anagrams, PAIRS),
        "hybrid": verdict(hybrids, PAIRS),
        "plain": plain,
    }


def section(report: Mapping[str, object]) -> str:
    """The report as a section of the model card."""
    objects, pairs = report["objects"], len(PAIRS)
    lines = [
        "## Illusions", "",
        f"{pairs} pairs of prompts, one anagram (flip) and one hybrid (σ = 2) each, γ = {report['guidance_scale']:g}, seed "
        f"{report['seed']}. A judge names the most similar of {objects} training pictures (brightness at 16×16).",
        "Measured by `scripts/emoji/judge_illusions.py`.", "",
        "| | first reading named | second named | both named | both among five | both before the other prompt |",
        "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for kind, words in (
        ("anagram", "Anagram: upright, flipped"),
        ("hybrid", "Hybrid: from afar, from near"),
    ):
        v = report[kind]
        numbers = ("first_named", "second_named", "both_named", "both_in_five", "both_before_the_other")
        lines.append(f"| {words} | " + " | ".join(f"{v[n]} of {pairs}" for n in numbers) + " |")
    guess = (1 / objects, 1 / objects, 1 / objects**2, (5 / objects) ** 2, 1 / 4)
    lines.append("| A guess | " + " | ".join(f"{pairs * g:.1f} of {pairs}" for g in guess) + " |")
    lines += [
        "",
        "Ranks of the right object in both readings, pair by pair:",
        "",
        "| | anagram | hybrid |",
        "|---|---|---|",
    ]
    for one, two in zip(report["anagram"]["pairs"], report["hybrid"]["pairs"], strict=True):
        ranks = ["{} and {}".format(*row["ranks"]) for row in (one, two)]
        lines.append(f"| {one['one']} / {one['two']} | {ranks[0]} | {ranks[1]} |")
    plain = report["plain"]
    lines += ["", "Plain samples of the same prompts, named and among five, of "
        f"{objects}: " + "; ".join(f"{k} {v['named']} and {v['in_five']}" for k, v in plain.items()) + ".", ""]  # fmt: skip
    return "\n".join(lines)


def sheet(kept: Mapping[str, np.ndarray]) -> np.ndarray:
    """Every pair as a line of four: upright, flipped, hybrid, its low pass; two pairs a line."""
    tiles = []
    for k in range(len(PAIRS)):
        upright, mixed = kept[f"anagram/{k}"], kept[f"hybrid/{k}"]
        low = LOWPASS(torch.from_numpy(mixed)[None])[0].numpy()
        tiles += [upright, upright[:, ::-1], mixed, low]
    return contact_sheet(to_pixels(np.stack(tiles)), columns=8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("assets/models/emoji64"))
    parser.add_argument(
        "--data", type=Path, required=True, help="the training set: pictures.npz, captions.json"
    )
    parser.add_argument("--to", type=Path, required=True, help="where pictures and figures go")
    parser.add_argument("--guidance", type=float, default=7.0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.to.mkdir(parents=True, exist_ok=True)
    by_style, store = judges(args.data), args.to / "illusions.npz"
    kept = dict(np.load(store)) if store.exists() else {}
    model = load_pretrained(args.model)
    made(model, args.guidance, args.seed, kept, lambda: _save(store, kept))
    report = {"guidance_scale": args.guidance, "seed": args.seed} | judged(kept, by_style)
    (args.to / "illusions.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (args.to / "illusions.md").write_text(section(report), encoding="utf-8")
    (args.to / "illusions.png").write_bytes(png(sheet(kept), scale=2))
    print(section(report))


def _save(path: Path, kept: Mapping[str, np.ndarray]) -> None:
    """Written beside and renamed, so that an interruption leaves the last whole file."""
    temporary = path.with_suffix(".part.npz")
    np.savez(temporary, **kept)
    temporary.replace(path)


if __name__ == "__main__":
    main()
