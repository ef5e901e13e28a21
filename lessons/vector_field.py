"""B5: the vector field in two dimensions, where the exact one is known, and a small network that learns it."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from core.compute.context import JobContext, JobEvents
from core.compute.store import Blobs
from core.datasets import TrainingData
from core.flow import interpolate
from core.jobs import Checkpoint, Frame, JobSpec, Metric
from core.networks.first_weights import first_weights
from core.networks.toy_mlp import ToyVelocity
from core.toy import DATA_SETS, ExactField, Points
from core.training import Snapshots, TrainingDiverged, flow_loss, train
from core.training_settings import InvalidSettings, LoopSettings, require, require_whole
from core.trajectory import Trajectory
from lessons.characters import quoted
from lessons.fields import BadValue, Choice, Field, Number, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.numbers import read_number, written

DRAWN = "drawn"
DRAWN_EXTENT = 2.4  # a drawing spans the plane from −2.4 to 2.4, a little more than the other data sets
LAYERS = ("density", "arrows", "streamlines", "particles", "paths", "straight")
WIDTHS = (32, 64, 128)
MAX_POINTS = 600
MAX_PARTICLES = 2000
MAX_DROPS = 6
MAX_TRAINING_STEPS = 10_000
BATCH = 256
EPOCHS = 20  # the learning rate falls by 0.1^(1/20) after each twentieth of the steps
SNAPSHOTS = 32
PROBE_TIMES, PROBE_SAMPLES = 64, 512  # where the exact field's loss is averaged
LOOKED_AT = 64  # of those samples, at each time, where network and exact field are compared


@dataclass(frozen=True)
class Layers(Field):
    """What is drawn, of LAYERS: written "density,arrows"."""

    def parse(self, text: str) -> tuple[str, ...]:
        names = [name for name in self.require_text(text).split(",") if name]
        for name in names:
            if name not in LAYERS:
                raise BadValue(f"{self.label} must be some of {', '.join(LAYERS)}, not {quoted(name)}.")
        return tuple(name for name in LAYERS if name in names)

    def encode(self, value: tuple[str, ...]) -> str:
        return ",".join(value)


@dataclass(frozen=True)
class Sketch(Field):
    """A drawing that is kept in the store, by its SHA-256; "" for none."""

    made: ClassVar[bool] = True

    def parse(self, text: str) -> str:
        if not re.fullmatch(r"|[0-9a-f]{64}", self.require_text(text)):
            raise BadValue(f"{self.label}: {quoted(text)} is no drawing of this app. Draw your own.")
        return text


@dataclass(frozen=True)
class Drops(Field):
    """Particles dropped by hand: where, and at which t. Written "t:x:y;t:x:y"."""

    def parse(self, text: str) -> tuple[tuple[float, float, float], ...]:
        drops = []
        for part in filter(None, self.require_text(text).split(";")):
            try:
                t, x, y = (float(read_number(number)) for number in part.split(":"))
            except ValueError as error:  # NotANumber, or not three of them
                raise BadValue(
                    f"{self.label} are written t:x:y, separated by semicolons, not {quoted(part)}."
                ) from error
            if not (0 <= t <= 1 and abs(x) <= 5 and abs(y) <= 5):
                raise BadValue(f"{self.label}: t must lie between 0 and 1, x and y between −5 and 5.")
            drops.append((t + 0.0, x + 0.0, y + 0.0))  # -0 is 0, here too
        if len(drops) > MAX_DROPS:
            raise BadValue(f"{self.label} are at most {MAX_DROPS}; these are {len(drops)}.")
        return tuple(drops)

    def encode(self, value: tuple[tuple[float, float, float], ...]) -> str:
        return ";".join(":".join(map(written, drop)) for drop in value)


CROSSING = {
    "show": ("arrows", "particles", "paths", "straight"),
    "particles": 8,
    "t": 0.5,
}  # few enough to follow each, and half way: of these eight seven pairs of lines cross, and no two paths do

LESSON = Lesson(
    code="B5",
    slug="vector_field",
    title="The vector field",
    fields=(
        Choice("data", "Data", "moons", options=(*DATA_SETS, DRAWN), labels=("Moons", "Rings", "Board", "Drawn")),
        Sketch("drawing", "Drawing", ""),
        Number("count", "Data points", 300, "Few points make it plain how each pulls.", minimum=1, maximum=MAX_POINTS),
        seed_field(),
        Choice("field", "Velocity", "exact", options=("exact", "network", "difference")),
        Choice("solver", "Solver", "euler", options=("euler", "heun", "rk4"), labels=("Euler", "Heun", "RK4")),
        Number("steps", "Steps T", 30, minimum=1, maximum=100),
        Number("beside", "Steps of the second picture", 0, minimum=0, maximum=100),
        Number("t", "Time t", 0.0, minimum=0, maximum=1, integer=False),
        Layers("show", "Shown", ("density", "arrows", "particles", "paths")),
        Number("particles", "Particles", 1000, minimum=1, maximum=MAX_PARTICLES),
        Drops("drop", "Dropped particles", ()),
        Number("after", "Snapshot of the training", SNAPSHOTS - 1, minimum=0, maximum=SNAPSHOTS - 1),
        Choice("training_steps", "Training steps", "3000", options=("1000", "3000", "10000")),
        Choice("learning_rate", "Learning rate", "0.01", options=("0.001", "0.01", "1")),
        Choice("hidden", "Width of the network", "64", options=tuple(map(str, WIDTHS))),
    ),
    opens=CROSSING,
    presets=(
        Preset("paths", "Straight and curved", CROSSING),
        Preset("reference", "Moons"),
        Preset("rings", "Rings", {"data": "rings"}),
        Preset("checkerboard", "Checkerboard", {"data": "checkerboard", "count": 500}),
        Preset("steps", "4 steps beside 50", {"steps": 4, "beside": 50, "show": ("density", "particles"), "t": 1.0}),
        Preset("network", "The network", {"field": "network", "t": 1.0}),
    ),
    question=Question(
        "Every training pair is a straight line from a noise to a data point, and these lines cross. In the exact field, "
        "can two particles meet at the same place and the same t?",
        ("Yes, they follow the lines", "Only near t = 1", "No, never"),
        answer=2,
        because="At one place and one t the field has one velocity, the mean over all lines that pass there. Two particles "
        "that met would go on together, so they never meet: the paths bend away from each other.",
        reveal={"show": ("paths", "straight"), "t": 1.0, "steps": 50},
    ),
    variants=(
        Variant(
            "to_the_end", "No Euler step at the end",
            "Heun and RK4 also ask for the exact field at t = 1, where it is infinite off the data.",
            "Choose Heun or RK4 and look at the last step: the particles are thrown off the data.",
        ),
        Variant(
            "half_noise", "Half the noise",
            "The particles start with standard deviation ½ in place of 1.",
            "They all end on data, but not everywhere: the outer points are hardly reached.",
        ),
    ),
    shows=("core.toy:ExactField", "core.flow:integrate", "core.training:flow_loss", "lessons.vector_field:run"),
    jobs={"toy_flow": "lessons.vector_field:run"},
    black=0.0,
    minutes=7,
)  # fmt: skip


# ---------------------------------------------------------------- what the particles start from


class NoDrawing(ValueError):
    """There is nothing to draw points from; the message says what to do."""


def data_points(params: Mapping[str, Any], blobs: Blobs) -> Tensor:
    """The data set that `data`, `count`, `seed` and, if it is drawn, `drawing` name: float (count, 2).

    Raises:
        InvalidSettings: no such data set, or more points than the browser can carry.
        NoDrawing: the drawing is empty, or the store does not have it.
    """
    require_whole("the number of data points", params["count"], 1, MAX_POINTS)
    require_whole("the seed", params["seed"], 0, 2**31 - 1)
    generator = torch.Generator().manual_seed(params["seed"])
    if params["data"] == DRAWN:
        return drawn_points(load_ink(params["drawing"], blobs), params["count"], generator)
    names = ", ".join(DATA_SETS)
    require(
        params["data"] in DATA_SETS, f"Choose one of the data sets {names}, {DRAWN}, not {params['data']!r}."
    )
    return DATA_SETS[params["data"]](params["count"], generator)


def load_ink(drawing: str, blobs: Blobs) -> np.ndarray:
    """How dark each pixel of a drawing is: float (H, W) in [0, 1]. Raises NoDrawing."""
    if not drawing:
        raise NoDrawing(
            "Draw the data on the white square: where there is more ink, there will be more points."
        )
    data = blobs.get(drawing)
    if data is None:
        raise NoDrawing("The drawing of this link is not kept here; draw your own.")
    # Our own PNG, made of what the canvas had checked.
    return 1 - np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("L")) / 255


def drawn_points(ink: np.ndarray, count: int, generator: torch.Generator) -> Tensor:
    """Points with the ink as their density, uniform within a pixel: (count, 2).

    Raises:
        NoDrawing: there is no ink.
    """
    density = torch.from_numpy(ink)
    if density.sum() <= 0:
        raise NoDrawing("The drawing is empty: draw at least one stroke.")
    height, width = density.shape
    pixels = torch.multinomial(density.flatten(), count, replacement=True, generator=generator)
    row, column = pixels // width, pixels % width
    inside = torch.rand(count, 2, generator=generator)
    x = (column + inside[:, 0]) / width
    y = (row + inside[:, 1]) / height  # rows are counted from the top
    return DRAWN_EXTENT * torch.stack([2 * x - 1, 1 - 2 * y], dim=1)


def noise_and_pairs(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """MAX_PARTICLES noises, float (P, 2), and for each a data point out of `count`, int64 (P,)."""
    generator = torch.Generator().manual_seed(
        seed + 1
    )  # not the data's: a moon must not start on its own noise
    noise = torch.randn(MAX_PARTICLES, 2, generator=generator)
    return noise, torch.randint(count, (MAX_PARTICLES,), generator=generator)


# ---------------------------------------------------------------- the training


def training_spec(values: Mapping[str, Any]) -> JobSpec:
    """The training on the data that the controls name."""
    drawing = values["drawing"] if values["data"] == DRAWN else None
    return JobSpec("toy_flow", {
        "data": values["data"], "drawing": drawing, "count": values["count"], "seed": values["seed"],
        "hidden": int(values["hidden"]), "steps": int(values["training_steps"]),
        "learning_rate": float(values["learning_rate"]),
    })  # fmt: skip


@dataclass(frozen=True, eq=False)
class Repeated:
    """A few examples as often as a training asks for them, so that an epoch is longer than the data set."""

    data: TrainingData
    length: int

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """As the data's own `batch`, counted round and round."""
        return self.data.batch(indices % len(self.data))


@dataclass(frozen=True, eq=False)
class Probe:
    """Places x_t at PROBE_TIMES times, drawn as a training draws them, with the exact field there.

    Attributes:
        x, exact: (M, 2); t: (M,). Some of the places, to compare a network at.
        floor: the loss of the exact field, the mean of |u(x_t, t) − (x1 − x0)|² over places, times and components.
    """

    x: Tensor
    t: Tensor
    exact: Tensor
    floor: float

    @classmethod
    def draw(cls, points: Tensor, seed: int) -> Probe:
        generator = torch.Generator().manual_seed(seed)
        field, kept, losses = ExactField(points), [], []
        for k in range(PROBE_TIMES):
            time = (k + 0.5) / PROBE_TIMES
            clean = points[torch.randint(len(points), (PROBE_SAMPLES,), generator=generator)]
            noise = torch.randn(PROBE_SAMPLES, 2, generator=generator)
            x_t = interpolate(noise, clean, time)
            velocity = field.velocity(x_t, time)
            losses.append((velocity - (clean - noise)).square().mean().item())
            kept.append((x_t[:LOOKED_AT], x_t.new_full((LOOKED_AT,), time), velocity[:LOOKED_AT]))
        x, t, exact = (torch.cat(parts) for parts in zip(*kept, strict=True))
        return cls(x, t, exact, math.fsum(losses) / len(losses))

    @torch.no_grad()
    def error(self, network: nn.Module) -> float:
        """The mean of |u_θ − u|² over the places and the components."""
        return (network(self.x, self.t) - self.exact).square().mean().item()


def snapshot_steps(total: int) -> list[int]:
    """After which steps the network is kept: close together at first, when it changes fast."""
    return sorted({max(1, round(total * ((k + 1) / SNAPSHOTS) ** 2)) for k in range(SNAPSHOTS)})


def flat_weights(network: nn.Module) -> np.ndarray:
    """All parameters in the order of the state dictionary: float32 (parameters,)."""
    return torch.cat([tensor.flatten() for tensor in network.state_dict().values()]).numpy().copy()


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Trains ToyVelocity on a data set by `core.training.flow_loss`.

    Its frames hold bytes, not pictures: "weights" (float32), "error" and "floor" (float64). The trajectory has
    losses (steps,), snapshot_steps (S,), weights (S, parameters), errors (S,). A training that diverges ends there
    with what it has; meta["trouble"] is then the sentence about it. A few seconds are not worth a checkpoint: after
    a crash the training begins again, with the same numbers.

    Raises:
        InvalidSettings: a number outside its limits.
        NoDrawing: see `data_points`.
    """
    require_whole("the number of training steps", params["steps"], EPOCHS, MAX_TRAINING_STEPS)
    if params["hidden"] not in WIDTHS:
        raise InvalidSettings(f"Choose a width of {', '.join(map(str, WIDTHS))}, not {params['hidden']!r}.")
    points = data_points(params, context.store.blobs)
    per_epoch = math.ceil(params["steps"] / EPOCHS)
    settings = LoopSettings(
        learning_rate=params["learning_rate"],
        batch_size=BATCH,
        epochs=EPOCHS,
        decay=True,
        seed=params["seed"],
    )
    network = toy_network(params["hidden"], params["seed"])
    probe = Probe.draw(points, params["seed"])
    kept: list[tuple[np.ndarray, float]] = []

    def look(network: nn.Module) -> dict[str, np.ndarray]:
        kept.append((flat_weights(network), probe.error(network)))
        numbers = {"error": np.float64(kept[-1][1]), "floor": np.float64(probe.floor)}
        return {"weights": kept[-1][0].view(np.uint8)} | {
            name: np.frombuffer(number.tobytes(), np.uint8) for name, number in numbers.items()
        }

    total = per_epoch * EPOCHS
    data = Repeated(Points(points), per_epoch * BATCH)
    snapshots = Snapshots(frozenset(snapshot_steps(total)), look)
    losses, trouble = [], None
    try:
        for event in train(network, data, flow_loss, settings, snapshots=snapshots):
            if isinstance(event, Metric):
                losses.append(event.values["loss"])
            if not isinstance(event, Checkpoint):
                yield event
    except TrainingDiverged as error:
        trouble = f"{TrainingDiverged.advice} It was seen at step {error.step} of {total}."
    arrays = {
        "losses": np.array(losses),
        "snapshot_steps": np.array(snapshot_steps(total)[: len(kept)]),
        "weights": np.stack([weights for weights, _ in kept]),
        "errors": np.array([error for _, error in kept]),
    }
    meta = {"params": dict(params), "floor": probe.floor, "total": total, "trouble": trouble}
    return Trajectory(arrays, meta)


def read_frame(frame: Frame) -> tuple[np.ndarray, float, float]:
    """Weights, float32 (parameters,); error; floor: what `run` has put into a frame."""
    return (
        frame.arrays["weights"].view(np.float32),
        frame.arrays["error"].view(np.float64).item(),
        frame.arrays["floor"].view(np.float64).item(),
    )


def toy_network(hidden: int, seed: int) -> ToyVelocity:
    """A network whose first weights depend on the seed alone."""
    with first_weights(seed):
        return ToyVelocity(hidden)
