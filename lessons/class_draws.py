"""B12: a small flow is trained on what a class has drawn, or on twenty drawings of one's own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.compute.context import JobContext, JobEvents
from core.compute.store import Blobs
from core.datasets import to_unit
from core.flow import Conditional
from core.handwriting import FEWEST, MOST, Shifted, all_shifts, example_figures, figures_of_numbers
from core.jobs import Checkpoint, CheckpointCorrupt, Frame, JobSpec, Metric
from core.networks.first_weights import first_weights
from core.networks.mnist_unet import TimeConditionedUNet
from core.oracle import nearest_pictures
from core.reflow import carry
from core.training import Snapshots, flow_loss, train
from core.training_settings import LoopSettings, require, require_whole
from core.trajectory import Trajectory
from lessons.fields import Choice, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.networks import load, shipped
from lessons.training import digit_pixels, fixed_noise
from lessons.vector_field import Sketch

SAMPLES = 7  # followed through the training, always from the same noises
MORE = 30  # drawn at the end, besides
SAMPLE_STEPS = 20  # T of Euler
BATCH, EPOCHS = 32, 20  # the learning rate falls after each twentieth of the steps
LEARNING_RATE = {"digits": 3e-3, "nothing": 1e-2}
WIDTH = (
    32  # D of a network that begins with nothing, as that of the flow it may begin with: minutes are enough
)
STEPS = ("400", "1200", "3000")
SHOWN_AFTER = (5, 10, 20, 40, 70, 110, 160, 220, 300)  # steps; from there on evenly
EVERY = 100  # steps
CHECKPOINT_EVERY = 100  # steps: about ten seconds
START = ("b12", "epoch-10")
EXAMPLE = "example"  # the name of the drawings that ship, where a store's names are hashes

LESSON = Lesson(
    code="B12",
    slug="class_draws",
    title="What your class draws",
    fields=(
        Sketch("drawings", "Drawings", ""),
        Choice("start", "Begin with", "digits", options=("digits", "nothing"), labels=("a small flow of digits", "nothing"),
               help="Either what has learned MNIST’s digits already, or a network that has seen nothing."),
        Choice("steps", "Training steps", "1200", options=STEPS),
        seed_field(),
    ),
    presets=(
        Preset("reference", "1200 steps from digits"),
        Preset("short", "400 steps", {"steps": "400"}),
        Preset("nothing", "From nothing", {"start": "nothing", "steps": "3000"}),
    ),
    question=Question(
        "A flow that draws MNIST’s digits is trained on a few dozen drawings for two minutes. How near will its samples be "
        "to the drawings?",
        ("Far away: they stay digits, with another stroke", "About as near as the drawings are to each other",
         "Copies, to the pixel"),
        answer=1,
        because="A few hundred steps take it from digits to your figures. With the example’s 25 small houses, and 1200 "
        "steps, samples lay 0.246 from the nearest drawing, and the drawings 0.236 from each other: new houses, in the "
        "same hand.",
    ),
    variants=(
        Variant("unshifted", "No shifts", "The drawings are used exactly where they stand, without the 25 shifts.",
                "The network sees fewer examples, each 25 times as often; figures stand where they were drawn."),
    ),
    shows=(
        "core.handwriting:all_shifts", "core.handwriting:Shifted", "core.training:flow_loss", "core.oracle:nearest_pictures",
        "lessons.class_draws:run",
    ),
    jobs={"handwriting": "lessons.class_draws:run"},
    opening="lessons.class_draws:opening",
    black=0.0,
    minutes=10,
)  # fmt: skip


class NoDrawings(ValueError):
    """There is nothing to train on; the message says what to do."""


def spec(values: Mapping[str, Any], drawings: str, variant: str | None = None) -> JobSpec:
    """The training on the drawings that the store keeps under this name."""
    start = None
    if values["start"] == "digits" and (network := shipped(START[0])) and START[1] in network.names:
        start = network.ref(START[1])
    return JobSpec("handwriting", {
        "drawings": drawings, "start": start, "steps": int(values["steps"]), "seed": values["seed"], "variant": variant,
    })  # fmt: skip


def opening(model: str) -> list[JobSpec]:
    """The training on the example, which the page shows until somebody draws."""
    return [spec(LESSON.defaults(), EXAMPLE)]


def load_drawings(name: str, blobs: Blobs) -> np.ndarray:
    """The drawings that the store keeps under this name, or EXAMPLE, uint8 (N, 28, 28); none for "". Raises NoDrawings."""
    if name == EXAMPLE:
        return example_figures()
    if not name:
        return np.zeros((0, 28, 28), np.uint8)
    data = blobs.get(name)
    if data is None:
        raise NoDrawings("These drawings are no longer kept here: draw new ones, or bring them along.")
    return figures_of_numbers(data)


def shown_after(steps: int) -> list[int]:
    """After which of so many steps the samples are drawn."""
    return sorted({step for step in SHOWN_AFTER if step < steps} | set(range(400, steps, EVERY)) | {steps})


@dataclass
class Seen:
    """What a training has shown so far; it travels in the checkpoints.

    Attributes:
        samples, nearest: uint8 (7, 28, 28, 1), one for each time that was looked.
        distance: float64 (7,), RMS over the pixels, each sample to its nearest drawing.
    """

    samples: list[np.ndarray] = field(default_factory=list)
    nearest: list[np.ndarray] = field(default_factory=list)
    distance: list[np.ndarray] = field(default_factory=list)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.stack(getattr(self, name)) for name in ("samples", "nearest", "distance")}

    @classmethod
    def restore(cls, checkpoint: Checkpoint) -> Seen:
        """Out of a checkpoint. Raises CheckpointCorrupt."""
        try:
            return cls(
                *(list(checkpoint.arrays[f"seen/{name}"]) for name in ("samples", "nearest", "distance"))
            )
        except KeyError as error:
            raise CheckpointCorrupt() from error

    def frame(self, k: int, total: int) -> Frame:
        return Frame(k, total, {"samples": self.samples[k], "nearest": self.nearest[k]})


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Trains the flow; a frame before the first step and one at each of `shown_after`.

    Arrays: samples, nearest uint8 (frames, 7, 28, 28, 1); distance float64 (frames, 7), RMS over the pixels; more,
    more_nearest uint8 (30, 28, 28, 1) and more_distance (30,), from other noises at the end; losses float64 (steps,).
    meta: `steps`, after which each frame was taken; `apart`, the median distance of a drawing to its nearest other
    drawing, shifts allowed; `count` of the drawings.

    Raises:
        InvalidSettings: numbers outside their limits, or too few drawings.
        NoDrawings: they are not kept here any more; lessons.networks' errors.
        TrainingDiverged, CheckpointCorrupt: see `core.training`.
    """
    require_whole("the number of training steps", params["steps"], EPOCHS, 10_000)
    require(params["variant"] in (None, "unshifted"), f"This lesson has no mistake {params['variant']!r}.")
    figures = torch.from_numpy(load_drawings(params["drawings"], context.store.blobs))[:, None].to(
        context.device
    )
    require(
        FEWEST <= len(figures) <= MOST,
        f"Train on {FEWEST} to {MOST} drawings; there are {len(figures)}: draw some more.",
    )
    shifted = all_shifts(figures)
    per_epoch = params["steps"] // EPOCHS
    steps = [0, *shown_after(per_epoch * EPOCHS)]
    noise = fixed_noise(SAMPLES + MORE, params["seed"], context.device)
    seen = Seen() if context.checkpoint is None else Seen.restore(context.checkpoint)
    losses: list[float] = []

    def look(network: nn.Module) -> dict[str, np.ndarray]:
        samples = carry(Conditional(network), noise[:SAMPLES], SAMPLE_STEPS)
        nearest, distance = beside(samples, shifted)
        seen.samples.append(digit_pixels(samples))
        seen.nearest.append(nearest)
        seen.distance.append(distance)
        return {}

    network = first_network(params, context)
    if context.checkpoint is None:
        look(network)
    for k in range(len(seen.samples)):
        yield seen.frame(k, len(steps))
    settings = LoopSettings(
        learning_rate=LEARNING_RATE["digits" if params["start"] else "nothing"], batch_size=BATCH, epochs=EPOCHS, decay=True,
        seed=params["seed"],
    )  # fmt: skip
    data = Shifted(figures if params["variant"] == "unshifted" else shifted, per_epoch * BATCH)
    training = train(
        network, data, flow_loss, settings, snapshots=Snapshots(frozenset(steps), look), checkpoint=context.checkpoint,
        checkpoint_every=CHECKPOINT_EVERY,
    )  # fmt: skip
    if context.checkpoint is not None:
        losses = context.checkpoint.arrays["loop/losses"].tolist()
    for event in training:
        if isinstance(event, Metric):
            losses.append(event.values["loss"])
        elif isinstance(event, Frame):
            yield seen.frame(len(seen.samples) - 1, len(steps))
        elif isinstance(event, Checkpoint):
            kept = {f"seen/{name}": array for name, array in seen.arrays().items()}
            yield Checkpoint(event.step, event.name, {**event.arrays, **kept})
    network.eval()
    more = carry(Conditional(network), noise[SAMPLES:], SAMPLE_STEPS)
    more_nearest, more_distance = beside(more, shifted)
    arrays = seen.arrays() | {
        "more": digit_pixels(more), "more_nearest": more_nearest, "more_distance": more_distance, "losses": np.array(losses),
    }  # fmt: skip
    meta = {"params": dict(params), "steps": steps, "apart": apart(figures), "count": len(figures)}
    return Trajectory(arrays, meta)


def first_network(params: Mapping[str, Any], context: JobContext) -> nn.Module:
    """What the training begins with: a copy of the flow that is named, or a network with first weights of the seed."""
    if params["start"] is not None:
        return copy.deepcopy(load(params["start"], context))  # the worker keeps the one that was loaded
    with first_weights(params["seed"]):
        return TimeConditionedUNet(WIDTH).to(context.device).eval()


def beside(samples: Tensor, shifted: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Of samples, float (B, 1, 28, 28), the nearest of the shifted drawings: uint8 (B, 28, 28, 1), and how far, RMS (B,)."""
    distances, places = nearest_pictures(samples.clamp(0, 1), shifted, count=1)
    return (
        shifted[places[:, 0]].permute(0, 2, 3, 1).cpu().numpy(),
        distances[:, 0].double().cpu().numpy() / 28,  # the root of 28 × 28 pixels
    )


def apart(figures: Tensor) -> float:
    """How far drawings, uint8 (N, 1, 28, 28), are from each other: the median RMS distance to the nearest other, shifted."""
    found = []
    for k in range(len(figures)):
        others = all_shifts(torch.cat([figures[:k], figures[k + 1 :]]))
        distance, _ = nearest_pictures(to_unit(figures[k : k + 1]), others, count=1)
        found.append(distance.item() / 28)
    return float(np.median(found))
