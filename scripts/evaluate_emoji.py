"""Measures what emoji64 draws: fidelity to the prompt, by pictures and not by a learnt feature.

    python -m scripts.evaluate_emoji --model assets/models/emoji64 --data FOLDER --to REPORT [--count 40]

Every prompt is drawn from the vocabulary with a fixed seed and sampled in 34 steps. The nearest training
picture of the asked style, compared at 16×16 pixels, should be the asked object. The classical feature space
was not trained on the model's own pictures. Writes `report.json` and `sheet.png`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from core.diffusion import iterative_denoise
from core.guidance import ClassifierFree
from core.pretrained import TextToImageModel, load_pretrained
from scripts.emoji.dataset import EmojiSet, load_set

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


def sample(model: TextToImageModel, prompts: list[str], guidance_scale: float, seed: int) -> Tensor:
    """One picture a prompt, (len(prompts), 3, 64, 64) in [−1, 1], in 34 steps."""
    conditional, empty = model.embed(prompts), model.embed([""] * len(prompts))
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    x_t = torch.stack([torch.randn(model.picture_shape, generator=g) for g in generators])
    estimator = ClassifierFree(model, conditional, empty, guidance_scale)
    steps = iterative_denoise(
        x_t, model.schedule.strided_timesteps(34), estimator, model.schedule, generators
    )
    for step in steps:
        x_t = step.update.x_next
    return x_t.clamp(-1, 1)


def ranked_names(pictures: Tensor, styles: list[str], data: EmojiSet) -> list[list[str]]:
    """For each picture the names of the training pictures of its style, nearest at 16×16 first."""
    known = adaptive_avg_pool2d(data.pictures.float() / 127.5 - 1, 16).flatten(1)  # (N, 768)
    distances = torch.cdist(adaptive_avg_pool2d(pictures, 16).flatten(1), known)
    found = []
    for row, style in zip(distances, styles, strict=True):
        order = [i for i in row.argsort().tolist() if data.styles[i] == style]
        found.append(list(dict.fromkeys(data.names[i] for i in order)))
    return found


def fidelity(model: TextToImageModel, data: EmojiSet, count: int, guidance_scale: float, seed: int) -> dict:
    """Shares of `count` prompts whose picture is nearest to, or among the five nearest to, the asked object."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(data.names), count, replace=False)
    prompts = [data.captions[i][int(rng.integers(len(data.captions[i])))][0] for i in rows]
    pictures = torch.cat(
        [sample(model, prompts[k : k + 20], guidance_scale, seed + k) for k in range(0, count, 20)]
    )
    names = ranked_names(pictures, [data.styles[i] for i in rows], data)
    hits = [ranking.index(data.names[i]) for ranking, i in zip(names, rows, strict=True)]
    return {
        "guidance_scale": guidance_scale,
        "prompts": count,
        "top1": sum(h < 1 for h in hits) / count,
        "top5": sum(h < 5 for h in hits) / count,
    }


def write_sheet(pictures: Tensor, path: Path, columns: int) -> None:
    """Writes pictures (N, 3, 64, 64) as one PNG, row by row, twice their size."""
    tiles = ((pictures + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    rows = [np.concatenate(tiles[k : k + columns], axis=1) for k in range(0, len(tiles), columns)]
    sheet = Image.fromarray(np.concatenate(rows, axis=0))
    sheet.resize((2 * sheet.width, 2 * sheet.height), Image.Resampling.NEAREST).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=Path("assets/models/emoji64"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--count", type=int, default=40, help="prompts, a multiple of 20")
    parser.add_argument("--guidance", type=float, nargs="+", default=[1.0, 4.0, 7.0])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.to.mkdir(parents=True, exist_ok=True)
    model, data = load_pretrained(args.model), load_set(args.data)
    sheet = torch.cat([sample(model, COURSE, 4.0, args.seed + 100 * k) for k in range(2)])
    write_sheet(sheet, args.to / "sheet.png", len(COURSE))
    report = [fidelity(model, data, args.count, scale, args.seed) for scale in args.guidance]
    (args.to / "report.json").write_text(json.dumps({"fidelity": report, "sheet": COURSE}, indent=2) + "\n")


if __name__ == "__main__":
    main()
