"""Measures what emoji64 draws and how well it denoises, and renders its model card.

    python -m scripts.emoji.evaluate measure --data FOLDER --to REPORT [--run RUN] [--count 200]
    python -m scripts.emoji.evaluate card --to REPORT [--card assets/models/emoji64/README.md]

`measure` writes `report.json` and PNG sheets; what it has drawn and measured so far lies under REPORT/cache, so it can
be stopped at any time and goes on where it was; a report of the same model, prompts and seeds costs nothing.
On one quiet core the full measurement takes about twenty minutes; --count 40 takes a third of it. `card` draws
the card and its small pictures from the report alone. What the numbers mean is said in scripts/emoji/fidelity.py and
scripts/emoji/denoising.py.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.diffusion import draw_noise, iterative_denoise
from core.guidance import ClassifierFree, Conditional
from core.model_folder import fingerprint
from core.pretrained import TextToImageModel, load_pretrained
from scripts.emoji import denoising
from scripts.emoji.card import write_card
from scripts.emoji.dataset import EmojiSet, load_set
from scripts.emoji.features import SPACES
from scripts.emoji.fidelity import (
    MEMORY,
    Asked,
    Known,
    choose_prompts,
    closeness,
    diversity,
    fidelity,
    pairs_of,
    quantiles,
    set_diversity,
    share,
    to_float,
)
from scripts.emoji.heldout import load_heldout
from scripts.emoji.sheets import curve, sheet, to_tiles, write

COURSE = [
    "a pencil",
    "a rocket ship",
    "a snowy mountain village",
    "an old man",
    "people around a campfire",
    "waterfalls",
    "a man wearing a hat",
    "a photo of a dog",
    "a lithograph of a skull",
    "a lithograph of waterfalls",
]
GUIDANCE = (0.0, 0.5, 1.0, 4.0, 7.0)
SHOWN = 4.0  # γ of the sheets and of the memory figures
STEPS = 34
BATCH = 20  # pictures sampled at a time
COURSE_SEEDS = 8
SHEET = 64
DENOISED = 40  # pictures of each kind whose denoising error is measured


class Cache:
    """Arrays on disk, each under the hash of what it was computed from."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(
        self, recipe: Mapping[str, object], compute: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """What `compute` gives, or gave when it was last asked for `recipe`."""
        name = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:20]
        path = self.folder / f"{name}.npz"
        if not path.exists():
            unfinished = path.with_suffix(".tmp")
            with unfinished.open("wb") as file:
                np.savez_compressed(file, **compute())
            os.replace(unfinished, path)
        with np.load(path) as stored:
            return dict(stored)


@torch.no_grad()
def sample(
    model: TextToImageModel, prompts: Sequence[str], guidance_scale: float, seeds: Sequence[int]
) -> Tensor:
    """One picture a prompt and seed, (len(prompts), 3, 64, 64) in [−1, 1], in 34 steps.

    γ = 0 and γ = 1 need one evaluation a step: without the prompt, and with it.
    """
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    x_t = draw_noise(torch.empty(len(prompts), *model.picture_shape), generators)
    empty = [""] * len(prompts)
    if guidance_scale in (0.0, 1.0):
        estimator = Conditional(model, model.embed(prompts if guidance_scale else empty))
    else:
        estimator = ClassifierFree(model, model.embed(prompts), model.embed(empty), guidance_scale)
    timesteps = model.schedule.strided_timesteps(STEPS)
    for step in iterative_denoise(x_t, timesteps, estimator, model.schedule, generators):
        x_t = step.update.x_next
    return x_t.clamp(-1, 1)


class Sampler:
    """Samples in batches, each kept in the cache as bytes."""

    def __init__(self, model: TextToImageModel, name: str, cache: Cache):
        self.model, self.name, self.cache = model, name, cache

    def __call__(self, prompts: Sequence[str], guidance_scale: float, seeds: Sequence[int]) -> Tensor:
        """Pictures (N, 3, 64, 64) in [−1, 1], as they are after rounding to bytes."""
        found = []
        for k in range(0, len(prompts), BATCH):
            part, of = list(prompts[k : k + BATCH]), list(seeds[k : k + BATCH])
            recipe = {"model": self.name, "prompts": part, "guidance_scale": guidance_scale, "seeds": of}
            stored = self.cache.get(
                recipe, lambda p=part, s=of: {"tiles": to_tiles(sample(self.model, p, guidance_scale, s))}
            )
            found.append(torch.from_numpy(stored["tiles"]).permute(0, 3, 1, 2))
        return to_float(torch.cat(found))


def measure_fidelity(
    draw: Sampler, known: Known, count: int, scales: Sequence[float], seed: int
) -> tuple[dict, Tensor, list[Asked]]:
    """Fidelity at every γ in both spaces; the pictures at γ = 4, or the nearest γ to it, and what they were asked.

    Every γ gets the same prompts and seeds, so that they can be compared; γ = 0, which knows no prompt, a quarter of them.
    """
    asked = choose_prompts(known.data, count, seed)
    found, shown = [], min(scales, key=lambda scale: abs(scale - SHOWN))
    for scale in sorted(scales, key=lambda scale: scale != shown):  # the most important one first
        part = asked if scale else asked[: max(1, count // 4)]
        pictures = draw([a.prompt for a in part], scale, [seed + i for i in range(len(part))])
        judged = {space: fidelity(pictures, part, known, space) for space in SPACES}
        found.append({"guidance_scale": scale, "prompts": len(part), **judged})
        if scale == shown:
            kept = pictures
    found.sort(key=lambda entry: entry["guidance_scale"])
    return {"seed": seed, "shown": shown, "by_guidance": found}, kept, asked


def measure_memory(pictures: Tensor, known: Known, heldout: Tensor) -> dict:
    """How near samples lie to the training set, beside held-out pictures and the training pictures themselves."""
    rows = pairs_of(known.data)
    of_set = closeness(to_float(known.data.pictures[rows]), known, leave_out=rows)
    of_samples, of_heldout = closeness(pictures, known), closeness(heldout, known)
    nearer = quantiles(of_heldout.distance)["5%"]
    return {
        "samples": quantiles(of_samples.distance),
        "heldout": quantiles(of_heldout.distance),
        "training_without_itself": quantiles(of_set.distance),
        "samples_relative": quantiles(of_samples.relative),
        "extracted": share((of_samples.relative < MEMORY).tolist()),
        "nearer_than_5%_of_heldout": share((of_samples.distance < nearer).tolist()),
    }


def measure_course(draw: Sampler, known: Known, seed: int) -> tuple[dict, Tensor]:
    """Diversity of the course's prompts over eight seeds at γ = 4, and four at γ = 1; the pictures at γ = 4."""
    found: dict[str, dict] = {"training_set": round(set_diversity(known), 4)}
    for scale, each in ((1.0, COURSE_SEEDS // 2), (SHOWN, COURSE_SEEDS)):
        prompts = [p for p in COURSE for _ in range(each)]
        seeds = [seed + k for _ in COURSE for k in range(each)]
        pictures = draw(prompts, scale, seeds).unflatten(0, (len(COURSE), each))
        rows = {p: round(diversity(row), 4) for p, row in zip(COURSE, pictures, strict=True)}
        found[f"guidance_{scale:g}"] = {"mean": round(sum(rows.values()) / len(rows), 4), "prompts": rows}
    return found, pictures.flatten(0, 1)


def measure_denoising(
    model: TextToImageModel,
    name: str,
    cache: Cache,
    data: EmojiSet,
    heldout: Tensor,
    captions: list[str],
    seed: int,
) -> dict:
    """x̂₀ errors and the calibration of the variance along the 34 timesteps, in bins of t."""
    rows = pairs_of(data)
    count = min(DENOISED, len(rows))
    chosen = [rows[(2 * k + 1) * len(rows) // (2 * count)] for k in range(count)]
    likeliest = [max(data.captions[row], key=lambda caption: caption[1])[0] for row in chosen]
    kinds = {
        "training": (to_float(data.pictures[chosen]), likeliest),
        "heldout": (heldout[:DENOISED], captions[:DENOISED]),
    }
    timesteps = model.schedule.strided_timesteps(STEPS)
    found: dict[str, dict] = {"timesteps": timesteps}
    for kind, (clean, prompts) in kinds.items():
        embedding = model.embed(prompts)

        def network(x_t: Tensor, t: int, start: int, embedding: Tensor = embedding) -> Tensor:
            return model(x_t, t, embedding[start : start + len(x_t)])

        recipe = {
            "model": name,
            "denoising": kind,
            "prompts": prompts,
            "seed": seed,
            "pictures": digest(clean),
        }
        arrays = cache.get(
            recipe,
            lambda n=network, c=clean: denoising.measure(
                n, c, data.pictures, model.schedule, timesteps, seed
            ),
        )
        found[kind] = {
            measure: {
                "bins": denoising.in_bins(timesteps, values),
                "each_t": [None if math.isnan(v) else round(v, 6) for v in values.tolist()],
            }
            for measure, values in arrays.items()
        }
    return found


def digest(tensor: Tensor) -> str:
    """A short hash of the numbers."""
    return hashlib.sha256(tensor.numpy().tobytes()).hexdigest()[:16]


def recipe_of(folder: Path | None) -> dict:
    """The training's configuration, and for each part the steps and hours that its log tells of."""
    from scripts.emoji.train import Config

    found: dict[str, object] = {"config": asdict(Config())}
    for part in ("sketch", "refine"):
        path = None if folder is None else folder / f"{part}.jsonl"
        if path is not None and path.exists():
            found[part] = summary_of_log([json.loads(line) for line in path.read_text().splitlines()])
    return found


def summary_of_log(lines: Sequence[Mapping[str, float]]) -> dict:
    """Steps, hours and the last loss; the log's clock starts anew with every resumption."""
    seconds = sum(
        before["seconds"] for before, after in pairwise(lines) if after["seconds"] < before["seconds"]
    )
    last = lines[-10:]
    return {
        "steps": lines[-1]["step"],
        "hours": round((seconds + lines[-1]["seconds"]) / 3600, 2),
        "last_loss": round(sum(line["loss"] for line in last) / len(last), 5),
    }


def write_sheets(
    report: Mapping, folder: Path, prompts: Tensor, asked: Sequence[Asked], course: Tensor
) -> None:
    """sheet.png: the first 64 prompts; course.png: a row a prompt of the course; guidance and error curves."""
    ranks = [rank + 1 for rank in report["sheet"]["ranks"]]
    labels = [f"{a.prompt} · {rank}" for a, rank in zip(asked, ranks, strict=True)]
    write(sheet(to_tiles(prompts), 8, labels), folder / "sheet.png")
    labels = [p if k == 0 else "" for p in COURSE for k in range(COURSE_SEEDS)]
    write(sheet(to_tiles(course), COURSE_SEEDS, labels), folder / "course.png")
    by_scale = report["fidelity"]["by_guidance"]
    if len(by_scale) > 1:
        lines = {
            f"{hits}, {space}": [entry[space][hits] for entry in by_scale]
            for space in SPACES
            for hits in ("top1", "top5")
        }
        write(curve([e["guidance_scale"] for e in by_scale], lines, "γ", 1.0), folder / "guidance.png")
    errors = report["denoising"]
    lines = {
        "network, held out": errors["heldout"]["network"]["each_t"],
        "blur, held out": errors["heldout"]["blur"]["each_t"],
        "memory, held out": errors["heldout"]["memory"]["each_t"],
        "network, training": errors["training"]["network"]["each_t"],
    }
    write(curve(errors["timesteps"], lines, "t", 0.6), folder / "denoising.png")


def evaluate(
    model: TextToImageModel,
    name: str,
    known: Known,
    heldout: Tensor,
    captions: list[str],
    folder: Path,
    *,
    count: int,
    scales: Sequence[float],
    seed: int,
) -> dict:
    """Everything, in order of importance: the report, and the sheets in `folder`.

    `name` tells this model from others in the cache; `heldout` (N, 3, 64, 64) in [−1, 1] with its captions.
    """
    data, cache = known.data, Cache(folder / "cache")
    draw = Sampler(model, name, cache)
    report: dict[str, object] = {"model": name, "training_pictures": len(data.names), "heldout": len(heldout)}
    report |= {"objects": len(set(data.names)), "pairs": len(pairs_of(data))}
    report["fidelity"], pictures, asked = measure_fidelity(draw, known, count, scales, seed)
    report["memory"] = measure_memory(pictures, known, heldout)
    asked, prompts = asked[:SHEET], pictures[:SHEET]
    report["sheet"] = {"prompts": [a.prompt for a in asked], **fidelity(prompts, asked, known, "pixels16")}
    report["diversity"], course = measure_course(draw, known, seed)
    report["denoising"] = measure_denoising(model, name, cache, data, heldout, captions, seed)
    write_sheets(report, folder, prompts, asked, course)
    return report


def measure(args: argparse.Namespace) -> dict:
    """Loads model and data, evaluates, and writes `report.json`."""
    torch.set_num_threads(args.threads)
    model = load_pretrained(args.model)
    known = Known.of(load_set(args.data), json.loads((args.data / "captions.json").read_text()))
    heldout, captions = load_heldout(args.data)
    report = evaluate(
        model, fingerprint(args.model), known, to_float(heldout), captions, args.to,
        count=args.count, scales=args.guidance, seed=args.seed,
    )  # fmt: skip
    weights = sum(p.stat().st_size for p in args.model.rglob("*") if p.is_file())
    report |= {"megabytes": weights / 1e6, "parameters": sum(p.numel() for p in model.unet.parameters())}
    report["recipe"] = recipe_of(args.run)
    (args.to / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["measure", "card"])
    parser.add_argument("--to", type=Path, required=True, help="folder of the report")
    parser.add_argument("--model", type=Path, default=Path("assets/models/emoji64"))
    parser.add_argument("--data", type=Path, help="folder with pictures.npz and captions.json")
    parser.add_argument("--run", type=Path, help="the training's folder, for its logs")
    parser.add_argument("--count", type=int, default=200, help="prompts")
    parser.add_argument("--guidance", type=float, nargs="+", default=list(GUIDANCE))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--card", type=Path, default=Path("assets/models/emoji64/README.md"))
    parser.add_argument(
        "--pictures", type=Path, default=Path("docs/img"), help="where the card's pictures go"
    )
    args = parser.parse_args()
    if args.action == "card":
        write_card(args.to, args.card, args.pictures)
        return
    if args.data is None:
        parser.error("say where the data lies with --data")
    report = measure(args)
    for entry in report["fidelity"]["by_guidance"]:
        figures = ", ".join(
            f"{space} {entry[space]['top1']:.0%}/{entry[space]['top5']:.0%}" for space in SPACES
        )
        print(f"γ = {entry['guidance_scale']:g}: top-1/top-5 {figures}")


if __name__ == "__main__":
    main()
