"""The judge of objects: a small network that tells the vocabulary's objects apart on composed pictures.

    python -m scripts.storybook.classifier train --sprites FOLDER --run FOLDER --minutes N [--workers 1] [--threads 1]
    python -m scripts.storybook.classifier check --sprites FOLDER --run FOLDER
    python -m scripts.storybook.classifier ship --sprites FOLDER --run FOLDER [--to assets/models/object-judge]

It learns from pictures that the world composes as it goes, one object each, none shown twice. One drawing in twenty is kept
from it, so that its accuracy is known on drawings that it never saw: what a model draws is no sprite either. `train` goes on
from what lies in --run and writes `classifier.safetensors` (float16) and `classifier.json`; `check` measures again; `ship`
puts both where the app has them, with what a prompt may call each object.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from core.edits import GaussianLowpass
from core.judged_objects import FIGURES, OBJECT_JUDGE, WEIGHTS
from core.object_judge import ObjectJudge, load_object_judge
from scripts.storybook.sprites import Choice
from scripts.storybook.world import World

KEPT, EVERY = 7, 20  # sprites whose number leaves 7 when it is divided by 20 are kept from the training
SEED, MEASURED = 11, 2 * 10**9  # the world's seed; numbers from here on are for measuring
BATCH, RATE, DECAY, SMOOTHING = 64, 2e-3, 1e-2, 0.1
CHECKED = 1500  # pictures of each kind that the accuracy is measured on


@dataclass(frozen=True)
class Drawing:
    """One way to show an object: its number among the classes, and what the world is asked to place."""

    label: int
    choice: Choice


class Examples(Dataset):
    """Item n is picture n: one object of the vocabulary as the world places it, uint8 (64, 64, 3), and its class.

    A function of n and the sprites alone. `shown` tells whether from the drawings that are for learning, or from the others.
    """

    def __init__(self, sprites: Path, shown: bool = True):
        self.folder, self.shown = sprites, shown
        self._ready: tuple[World, list[list[Drawing]]] | None = None

    def __len__(self) -> int:
        return 2**31

    def ready(self) -> tuple[World, list[list[Drawing]]]:
        """The world, and the drawings of every object that has any; read where pictures are composed."""
        if self._ready is None:
            world = World(self.folder)
            drawn = [drawings(world, label, self.shown) for label in range(len(world.sprites.vocabulary))]
            self._ready = world, [found for found in drawn if found]
        return self._ready

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        world, objects = self.ready()
        rng = np.random.default_rng([SEED, number])
        of_object = objects[rng.integers(len(objects))]
        drawing = of_object[rng.integers(len(of_object))]
        picture = world.with_object(drawing.choice, rng, alone=True)
        return torch.from_numpy(picture.pixels.copy()), drawing.label


def drawings(world: World, label: int, shown: bool) -> list[Drawing]:
    """Those of the vocabulary's object `label` that are for learning, or those that are kept from it."""
    entry = world.sprites.vocabulary[label]
    return [
        Drawing(label, Choice(sprite, entry.name, phrases, world.sprites.rows[sprite]["style"]))
        for published, phrases in entry.pictures()
        for sprite in world.sprites.of_name.get(published, [])
        if (sprite % EVERY == KEPT) != shown
    ]


def batches(examples: Examples, first: int, count: int, size: int, workers: int) -> DataLoader:
    """`count` batches of consecutive pictures from number `first` on, composed by so many processes beside this one."""
    return DataLoader(
        examples, size, sampler=range(first, first + count * size), num_workers=workers,
        prefetch_factor=4 if workers else None, multiprocessing_context="forkserver" if workers else None,
    )  # fmt: skip


def seen(pixels: Tensor) -> Tensor:
    """uint8 (B, 64, 64, 3) → float (B, 3, 64, 64) in [−1, 1]."""
    return pixels.permute(0, 3, 1, 2).float() / 127.5 - 1


def worn(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Some batches blurred a little, some with a little noise: a judge of samples must not ask for sharp edges."""
    blur, noise = torch.rand(2, generator=generator).tolist()
    if blur < 0.4:
        pictures = GaussianLowpass(9, 0.4 + 2 * blur)(pictures)
    if noise < 0.4:
        pictures = pictures + 0.25 * noise * torch.randn(pictures.shape, generator=generator)
    return pictures.clamp(-1, 1)


def rate(share: float) -> float:
    """The learning rate after a share of the time, 0 to 1: a short rise, then half a cosine down to a hundredth."""
    return RATE * min(1.0, share / 0.02) * (0.505 + 0.495 * math.cos(math.pi * share))


def train(
    sprites: Path, run: Path, minutes: float, workers: int, batch: int = BATCH, checked: int = CHECKED
) -> dict:
    """Trains for so long, writes the folder `run`, and returns the figures that it wrote.

    Raises:
        SpritesMissing: the folder has no sprite set.
        ValueError: the classifier in `run` knows other objects than the sprites show.
    """
    examples = Examples(sprites)
    names = examples.ready()[0].sprites.names
    torch.manual_seed(SEED)
    classifier, steps, spent = ObjectJudge(names), 0, 0.0
    if (run / FIGURES).exists():
        before = json.loads((run / FIGURES).read_text(encoding="utf-8"))
        classifier, steps, spent = load_object_judge(run), before["steps"], before["minutes"]
        if classifier.names != tuple(names):
            raise ValueError(f"Train in another folder than {run}: its classifier knows other objects.")
    classifier.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=RATE, weight_decay=DECAY)
    generator = torch.Generator().manual_seed(steps)
    began = time.monotonic()
    most = (MEASURED - steps * batch) // batch
    for pixels, labels in batches(examples, steps * batch, most, batch, workers):
        share = (time.monotonic() - began) / (60 * minutes)
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate(share)
        logits = classifier(worn(seen(pixels), generator).to(memory_format=torch.channels_last))
        loss = functional.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        steps += 1
        if steps % 200 == 0:
            right = (logits.argmax(dim=1) == labels).float().mean().item()
            print(f"step {steps}: loss {loss.item():.3f}, {right:.0%} of the batch right", flush=True)
    figures = {
        "steps": steps, "batch": batch, "minutes": round(spent + minutes, 1),
        "parameters": sum(p.numel() for p in classifier.parameters()),
        **accuracy(classifier.eval(), sprites, checked), "names": names,
    }  # fmt: skip
    run.mkdir(parents=True, exist_ok=True)
    halved = {k: v.half() if v.is_floating_point() else v for k, v in classifier.state_dict().items()}
    save_file({k: v.contiguous() for k, v in halved.items()}, run / WEIGHTS)
    (run / FIGURES).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return figures


def accuracy(classifier: ObjectJudge, sprites: Path, count: int = CHECKED) -> dict[str, dict[str, float]]:
    """Top-1 and top-5 on pictures that were never composed before, of drawings that were learnt and of those kept back."""
    found = {}
    for kind, shown in (("learnt drawings", True), ("new drawings", False)):
        (pixels, labels), *_ = batches(Examples(sprites, shown), MEASURED, 1, count, workers=0)
        right = classifier.ranked(seen(pixels)) == labels[:, None]
        found[kind] = {f"top-{k}": round(right[:, :k].any(dim=1).float().mean().item(), 4) for k in (1, 5)}
    return found


def ship(sprites: Path, run: Path, to: Path) -> None:
    """Copies what `train` wrote to where the app looks for it, and writes the vocabulary's phrases beside the names."""
    told = json.loads((run / FIGURES).read_text(encoding="utf-8"))
    phrases = {entry.name: list(entry.phrases) for entry in World(sprites).sprites.vocabulary}
    told["phrases"] = {name: phrases[name] for name in told["names"]}
    to.mkdir(parents=True, exist_ok=True)
    shutil.copy(run / WEIGHTS, to / WEIGHTS)
    (to / FIGURES).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("train", "check", "ship"))
    parser.add_argument("--sprites", type=Path, required=True, help="folder of sprites.npz")
    parser.add_argument("--run", type=Path, required=True, help="folder of the classifier")
    parser.add_argument("--to", type=Path, default=OBJECT_JUDGE, help="where `ship` puts it")
    parser.add_argument("--minutes", type=float, default=30, help="how long to train")
    parser.add_argument("--workers", type=int, default=1, help="processes that compose; 0: in this one")
    parser.add_argument("--threads", type=int, default=1, help="of this process")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.command == "ship":
        ship(args.sprites, args.run, args.to)
        return
    if args.command == "train":
        figures = train(args.sprites, args.run, args.minutes, args.workers)
    else:
        figures = accuracy(load_object_judge(args.run), args.sprites)
    print(json.dumps({k: v for k, v in figures.items() if k != "names"}, indent=1))


if __name__ == "__main__":
    main()
