"""Trains the shipped networks of Part B: python -m scripts.mnist.train b8 [b6 b6-slow b2 b4 b8-constant]

The reference presets of the course, on all 60,000 digits. A run that was interrupted goes on from its last
checkpoint, with the numbers of an uninterrupted one (for the same number of threads). Writes the weights at
the epochs that the lessons show, <preset>.json (figures) and <preset>.md (model card). `--estimate` says how
long it would take here.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import torch

from core.datasets import Digits, load_mnist
from core.jobs import Checkpoint, Metric
from core.mnist_models import MODEL_FOLDER, SHIPPED_EPOCHS, load_network, save_weights, weights_file
from core.networks.mnist_unet import count_parameters
from core.settings import Settings
from core.training import build_network, native_precision, train_mnist
from core.training_checkpoint import network_weights
from core.training_settings import PRECISIONS, REFERENCE, STUDIED, MnistSettings
from core.trajectory import Trajectory
from scripts.mnist.figures import averaged, figures_file, write_figures
from scripts.mnist.measure import measure

CHECKPOINT_EVERY = 100  # steps: a few minutes
CURVE_BLOCK = 50  # steps averaged into one point of the stored loss curve


def run(
    preset: str,
    settings: MnistSettings,
    digits: Digits,
    out: Path,
    state_folder: Path,
    until: int | None = None,
) -> None:
    """Trains one preset from wherever its last checkpoint is, to its end or to the end of epoch `until`."""
    state_file = state_folder / f"{preset}-{settings.width}-{settings.precision}.safetensors"
    state_folder.mkdir(parents=True, exist_ok=True)
    checkpoint, seconds = load_state(state_file)
    per_epoch = settings.steps_per_epoch(settings.pictures)
    began = time.monotonic() - seconds
    for event in train_mnist(settings, digits, checkpoint=checkpoint, checkpoint_every=CHECKPOINT_EVERY):
        if isinstance(event, Metric) and event.step % CURVE_BLOCK == 0:
            print(f"{preset} step {event.step}/{event.total}: loss {event.values['loss']:.4f}, "
                  f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
        if isinstance(event, Checkpoint):
            seconds = time.monotonic() - began
            epoch, rest = divmod(event.step, per_epoch)
            if rest == 0 and epoch in SHIPPED_EPOCHS[preset]:
                ship(preset, settings, epoch, event, seconds, out)
            meta = {"step": event.step, "name": event.name, "seconds": seconds}
            Trajectory(event.arrays, meta).save(state_file)
            if until is not None and epoch >= until:
                return


def load_state(path: Path) -> tuple[Checkpoint | None, float]:
    """The last checkpoint, if there is one, and the seconds that were spent until then."""
    if not path.exists():
        return None, 0.0
    saved = Trajectory.load(path)
    return Checkpoint(saved.meta["step"], saved.meta["name"], dict(saved.arrays)), saved.meta["seconds"]


def ship(
    preset: str, settings: MnistSettings, epoch: int, checkpoint: Checkpoint, seconds: float, out: Path
) -> None:
    """Writes the weights of an epoch, measures them as they are written, and rewrites figures and card."""
    out.mkdir(parents=True, exist_ok=True)
    save_weights(weights_file(preset, epoch, out), network_weights(checkpoint), settings)
    network = load_network(preset, epoch, folder=out)
    path = figures_file(preset, out)
    figures = json.loads(path.read_text()) if path.exists() else {}
    figures |= {
        "parameters": count_parameters(network),
        "steps": checkpoint.step,
        "training_seconds": round(seconds),
        "threads": torch.get_num_threads(),
        "loss_curve": {
            "steps_a_point": CURVE_BLOCK,
            "loss": averaged(checkpoint.arrays["loop/losses"], CURVE_BLOCK),
        },
    }
    figures.setdefault("epochs", {})[str(epoch)] = measure(preset, network)
    figures.pop("sweep", None)  # it was of other weights
    write_figures(preset, settings, figures, out)


def estimate(presets: dict[str, MnistSettings], digits: Digits) -> None:
    """Prints how long each preset would take here, from a few steps of each."""
    for preset, settings in presets.items():
        marks = []
        for event in train_mnist(settings, digits):
            marks.append(time.monotonic())
            if event.step == 4:
                break
        seconds = min(later - earlier for earlier, later in itertools.pairwise(marks))
        steps = settings.epochs * settings.steps_per_epoch(settings.pictures)
        parameters = count_parameters(build_network(settings))
        print(f"{preset}: {parameters:,} parameters, {seconds:.2f} s a step, {steps} steps, "
              f"{steps * seconds / 3600:.1f} h on {torch.get_num_threads()} thread(s)", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="+", choices=sorted(REFERENCE | STUDIED))
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER, help="where weights, figures and cards go")
    parser.add_argument(
        "--state", type=Path, help="where checkpoints go; default: training/ in the data directory"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--width", type=int, help="D of the network; default: the course's (64, or 128 for b2 and b4)"
    )
    parser.add_argument(
        "--precision", choices=PRECISIONS, help="default: the one in which this machine is fastest"
    )
    parser.add_argument("--until", type=int, help="stop after this epoch; the same command goes on later")
    parser.add_argument("--estimate", action="store_true", help="only say how long it would take")
    arguments = parser.parse_args()
    os.nice(10)
    torch.set_num_threads(arguments.threads)
    digits = load_mnist("train")
    presets = {name: (REFERENCE | STUDIED)[name] for name in arguments.presets}
    precision = arguments.precision or native_precision("cpu")
    presets = {name: replace(settings, precision=precision) for name, settings in presets.items()}
    if arguments.width:
        presets = {name: replace(settings, width=arguments.width) for name, settings in presets.items()}
    if arguments.estimate:
        estimate(presets, digits)
        return
    state_folder = arguments.state or Settings.from_environment().data_dir / "training"
    for preset, settings in presets.items():
        run(preset, settings, digits, arguments.out, state_folder, arguments.until)


if __name__ == "__main__":
    main()
