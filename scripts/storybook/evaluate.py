"""The scoreboard of a model: does it draw what it was never shown?

    python -m scripts.storybook.evaluate --model FOLDER --sprites FOLDER --to REPORT [--judge FOLDER] [--quick]

writes `report.json`, every row with its interval, and contact sheets by fixed rules. Rows that a judge must read (objects,
illusions) need `--judge`, the folder of a classifier that scripts.storybook.classifier trained; without it they are left out
and the report says so. The rows, and what is wanted of them, are in `WANTED`. `--quick` takes a quarter of every count.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.model_folder import fingerprint
from core.pretrained import TextToImageModel, load_pretrained
from scripts.emoji.judge_illusions import OBJECTS, PAIRS
from scripts.emoji.sheets import sheet, to_tiles, write
from scripts.storybook import measures, unseen
from scripts.storybook.measures import Judge, share
from scripts.storybook.unseen import Asked
from scripts.storybook.world import World

COURSE = (
    "a high quality photo", "an oil painting of a snowy mountain village", "a man wearing a hat", "a rocket ship",
    "a photo of a man", "a photo of a dog", "a lithograph of waterfalls", "a lithograph of a skull",
    "an oil painting of people around a campfire", "an oil painting of an old man", "a pencil",
)  # fmt: skip
TIMES = (150, 350, 550, 750)
SCALES = (0.0, 1.0, 4.0, 7.0)
I_START = 10
SHOWN_SEED = 0  # the world that the training draws from

WANTED = {
    "unseen_white": "≤ 0.4 (t ≤ 550), ≤ 0.5 (750)", "unseen_grounds": "≤ 0.4 (t ≤ 550), ≤ 0.5 (750)",
    "photographs": "≤ 0.65 (t ≤ 550), ≤ 0.75 (750)", "near_copies": "≤ 2 %", "variety": "≥ 0.5",
    "top1": "≥ 60 %", "top5": "≥ 85 %", "grounds": "≥ 90 %", "unions": "within 10 points",
    "anagrams": "≥ 10 of 20", "hybrids": "≥ 12 of 20", "edits": "≥ 27 of 30", "hidden": "≤ 0.6", "seam": "≤ 2",
}  # fmt: skip


@dataclass(frozen=True)
class Counts:
    """How many pictures each row takes."""

    denoised: int = 100
    prompts: int = 200
    seeds: int = 8
    shown: int = 20_000
    unions: int = 60
    edits: int = 30
    pairs: int = len(PAIRS)

    def quarter(self) -> Counts:
        return Counts(*(max(4, n // 4) for n in vars(self).values()))


class Scoreboard:
    """Measures row by row; what was measured stays in `report`, which is written after each."""

    def __init__(
        self, model: TextToImageModel, world: World, folder: Path, counts: Counts, judge: Judge | None
    ):
        self.model, self.world, self.folder, self.counts, self.judge = model, world, folder, counts, judge
        self.report: dict[str, Any] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def row(self, name: str, measured: Callable[[], Any]) -> None:
        started = time.monotonic()
        self.report[name] = measured()
        path = self.folder / "report.json"
        path.write_text(json.dumps(self.report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(
            f"{name}: {json.dumps(self.report[name], ensure_ascii=False)} ({time.monotonic() - started:.0f} s)",
            flush=True,
        )

    def denoising(self) -> None:
        sets = {
            "unseen_white": unseen.objects(self.world, self.counts.denoised, on_grounds=False),
            "unseen_grounds": unseen.objects(self.world, self.counts.denoised, on_grounds=True),
            "photographs": unseen.photographs(),
        }
        for name, clean in sets.items():
            self.row(
                name, lambda c=clean: {t: round(measures.error_over_blur(self.model, c, t), 3) for t in TIMES}
            )

    def sampling(self) -> None:
        c = self.counts
        prompts = [p for p in COURSE for _ in range(c.seeds)]
        course = measures.samples(self.model, prompts, list(range(c.seeds)) * len(COURSE))
        rows = course.unflatten(0, (len(COURSE), c.seeds))
        write(
            sheet(to_tiles(course), c.seeds, [p if k % c.seeds == 0 else "" for k, p in enumerate(prompts)]),
            self.folder / "course.png",
        )
        self.row("variety", lambda: {
            "mean": round(sum(map(measures.variety, rows)) / len(rows), 3),
            "each": {p: round(measures.variety(r), 3) for p, r in zip(COURSE, rows, strict=True)},
        })  # fmt: skip
        asked = unseen.vocabulary(self.world, c.prompts)
        pictures = measures.samples(self.model, [a.prompt for a in asked], range(len(asked)))
        write(
            sheet(to_tiles(pictures[:64]), 8, [a.prompt for a in asked[:64]]), self.folder / "vocabulary.png"
        )
        self.row("near_copies", lambda: share(measures.near_copies(pictures, self.shown())))
        from scripts.storybook.eye import Eye, means_of_sprites

        eye, objects = Eye(), [a.name for a in asked]
        means, features = means_of_sprites(eye, self.world.sprites), eye.features(pictures)
        for k in (1, 5):
            self.row(f"top{k}_by_the_eye", lambda k=k: share(means.named(features, objects, k)))
        if self.judge is None:
            self.report["not_judged"] = (
                "top1, top5, guidance, anagrams, hybrids and unions' objects need --judge"
            )
            return
        judge, names = self.judge, [a.name for a in asked]
        self.row("top1", lambda: share(judge.named(pictures, names)))
        self.row("top5", lambda: share(judge.named(pictures, names, 5)))
        quarter = asked[: max(4, len(asked) // 4)]
        self.row("guidance", lambda: {f"{scale:g}": self._at(scale, quarter) for scale in SCALES})

    def _at(self, scale: float, asked: list[Asked]) -> dict[str, Any]:
        assert self.judge is not None
        pictures = measures.samples(self.model, [a.prompt for a in asked], range(len(asked)), scale)
        dogs = measures.samples(self.model, ["a dog"] * self.counts.seeds, range(self.counts.seeds), scale)
        hits = share(self.judge.named(pictures, [a.name for a in asked]))
        return {"top1": hits, "variety": round(measures.variety(dogs), 3)}

    def shown(self) -> Tensor:
        """Pictures of the training's world and all its sprites as they are, on white."""
        composed = [self.world.compose(SHOWN_SEED, n).pixels for n in range(self.counts.shown)]
        rgba = self.world.sprites.pictures.astype(np.float32)
        alpha = rgba[..., 3:] / 255
        as_they_are = (rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
        return unseen.to_float(np.concatenate([np.stack(composed), as_they_are]))

    def asked_for(self) -> None:
        found: dict[str, Any] = {}
        for name, held_out in (("never shown together", True), ("shown together", False)):
            asked = measures.measurable(
                unseen.unions(self.world, held_out=held_out, count=self.counts.unions)
            )
            pictures = measures.samples(self.model, [a.prompt for a in asked], range(len(asked)))
            found[name] = {"ground or colour": share(measures.as_asked(pictures, asked))}
            if self.judge is not None:
                found[name]["object"] = share(self.judge.named(pictures, [a.name for a in asked], 5))
            write(
                sheet(to_tiles(pictures), 8, [a.prompt for a in asked]),
                self.folder / f"{name.replace(' ', '-')}.png",
            )
        self.row("unions", lambda: found)

    def illusions(self) -> None:
        pairs = PAIRS[: self.counts.pairs]
        prompts = [(OBJECTS[one], OBJECTS[two]) for one, two in pairs]
        for kind in ("anagram", "hybrid"):
            pictures = measures.illusions(self.model, prompts, kind)
            seen = measures.readings(pictures, kind)
            tiles = torch.stack(seen, dim=1).flatten(0, 1)
            labels = [words for pair in prompts for words in pair]
            write(sheet(to_tiles(tiles), 8, labels), self.folder / f"{kind}s.png")
            if self.judge is not None:
                hits = [self.judge.named(view, [pair[k] for pair in pairs]) for k, view in enumerate(seen)]
                self.row(f"{kind}s", lambda h=hits: share(h[0] & h[1]))

    def edits(self) -> None:
        c = self.counts
        photographs = unseen.photographs()
        clean = torch.cat(
            [photographs, unseen.objects(self.world, max(1, c.edits - len(photographs)), on_grounds=True)]
        )[: c.edits]
        results = measures.edited(self.model, clean, I_START)
        write(
            sheet(to_tiles(torch.stack([clean, results], dim=1).flatten(0, 1)[:24]), 8),
            self.folder / "edits.png",
        )
        from scripts.storybook.eye import Eye

        eye = Eye()
        self.row("edits", lambda: share(measures.nearest_is_own(eye.features(results), eye.features(clean))))
        grounds = unseen.scenery(c.edits)
        filled = measures.inpainted(self.model, grounds)
        write(
            sheet(to_tiles(torch.stack([grounds, filled], dim=1).flatten(0, 1)[:24]), 8),
            self.folder / "inpainting.png",
        )
        self.row("hidden", lambda: round(measures.hidden_error(filled, grounds), 3))
        self.row("seam", lambda: round(measures.seam(filled) / measures.seam(grounds), 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--sprites", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True, help="folder of the report")
    parser.add_argument("--judge", type=Path, help="folder of a trained classifier")
    parser.add_argument(
        "--rows", nargs="+", default=["denoising", "sampling", "asked_for", "illusions", "edits"]
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    judge = None
    if args.judge:
        from core.object_judge import load_object_judge

        judge = load_object_judge(args.judge)
    counts = Counts().quarter() if args.quick else Counts()
    board = Scoreboard(load_pretrained(args.model), World(args.sprites), args.to, counts, judge)
    board.report |= {"model": fingerprint(args.model), "quick": args.quick}
    for rows in args.rows:
        getattr(board, rows)()


if __name__ == "__main__":
    main()
