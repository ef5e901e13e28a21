"""B11: reflow. A small flow in the plane is trained, paired with its own samples, and trained again, while one watches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.compute.context import JobContext, JobEvents
from core.datasets import TrainingData
from core.flow import Conditional, integrate
from core.jobs import Frame, JobSpec, Metric
from core.judge import load_judge, read_digits
from core.reflow import Pairs, carry, steps_needed, straightness, transport_cost
from core.toy import DATA_SETS, Points
from core.training import Objective, Snapshots, flow_loss, pair_loss, train
from core.training_settings import LoopSettings, require, require_whole
from core.trajectory import Trajectory
from lessons.fields import Choice, Number, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.networks import load_to_sample, shipped
from lessons.plane_paths import plane_ground, plane_picture
from lessons.training import digit_pixels, fixed_noise
from lessons.vector_field import EPOCHS, Repeated, toy_network

ROUNDS = ("random pairs", "reflow", "reflow twice")  # what each flow was trained on
POINTS = 4096  # data points, and noises that are paired
HIDDEN, BATCH, TRAINING_STEPS, LEARNING_RATE = 64, 256, 2000, 1e-2  # of each flow
SNAPSHOTS = (50, 150, 300, 500, 800, 1200, 1600, 2000)  # after which steps the paths are drawn
FINE_STEPS = 100  # of Euler: what is called the exact path here, and what makes the pairs
COARSE_PAIRS = 2  # steps, in the mistake
MOST_STEPS, MOST_COUNTED = 16, 40  # steps that can be shown, and up to which errors are measured
MEASURED, SHOWN = 1000, 140  # noises that no training has seen: how many are measured, and how many drawn
SHOWN_POINTS = 700
NEAR = 0.1  # RMS distance from the exact ends: less than one sees in the picture

DIGITS = 10
DIGIT_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 32)
DIGIT_REFERENCE = 50  # Euler steps, along which the digits' paths are measured
PAIR = (("b6", "epoch-10"), ("b11", "epoch-4"))

LESSON = Lesson(
    code="B11",
    slug="straighter_paths",
    title="Straighter paths",
    card=12,
    fields=(
        Choice("data", "Data", "moons", options=tuple(DATA_SETS), labels=("Moons", "Rings", "Board")),
        Number("steps", "Euler steps", 2, "How many times each particle asks for its direction.", minimum=1,
               maximum=MOST_STEPS),
        seed_field(),
    ),
    presets=(
        Preset("reference", "2 steps"),
        Preset("one", "1 step", {"steps": 1}),
        Preset("many", "16 steps", {"steps": 16}),
        Preset("board", "Board", {"data": "checkerboard"}),
    ),
    question=Question(
        "The second flow is trained exactly like the first, but each noise is joined to the sample that the first flow made "
        "of it, and not to any data point. What changes?",
        ("The samples, not the paths", "The paths: their lines hardly cross any more", "Nothing: it learns what it knew"),
        answer=1,
        because="Where lines cross, a flow takes their mean and bends. Paths of a flow never cross, so the lines between "
        "their ends cross much less: there is less to average, and what is learned is nearly straight.",
        reveal={"steps": 1},
    ),
    variants=(
        Variant("shuffled", "Pairs shuffled", "The samples are dealt out to the noises anew before the next training.",
                "The same noises, the same samples, and the paths are as bent as at first: it is the pairing that counts."),
        Variant("coarse", "Pairs from 2 steps", "The pairs are made with 2 Euler steps in place of 100.",
                "The paths are straight, and lead to what two steps had made of the data: reflow keeps every error of its "
                "teacher."),
    ),
    shows=(
        "core.reflow:carry", "core.reflow:Pairs", "core.training:pair_loss", "core.reflow:straightness",
        "core.reflow:steps_needed", "lessons.straighter_paths:flows", "lessons.straighter_paths:run",
    ),
    jobs={"reflow": "lessons.straighter_paths:run", "reflow_digits": "lessons.straighter_paths:digits"},
    opening="lessons.straighter_paths:opening",
    black=0.0,
    minutes=8,
)  # fmt: skip


def spec(values: Mapping[str, Any], variant: str | None = None) -> JobSpec:
    """Three flows in the plane, each trained on the pairs of the one before."""
    return JobSpec("reflow", {"data": values["data"], "seed": values["seed"], "variant": variant})


def digits_spec(values: Mapping[str, Any]) -> JobSpec | None:
    """The shipped flow of digits and its straightened successor, from one noise; None where either does not ship."""
    networks = [shipped(source) for source, _ in PAIR]
    if any(
        network is None or name not in network.names
        for network, (_, name) in zip(networks, PAIR, strict=True)
    ):
        return None
    refs = [network.ref(name) for network, (_, name) in zip(networks, PAIR, strict=True) if network]
    return JobSpec("reflow_digits", {"networks": refs, "seed": values["seed"], "count": DIGITS})


def opening(model: str) -> list[JobSpec]:
    """What the page shows at first; nothing of it depends on Part A's model."""
    below = digits_spec(LESSON.defaults())
    return [spec(LESSON.defaults()), *([below] if below else [])]


# ---------------------------------------------------------------- in the plane


def flows(
    points: Tensor, seed: int, variant: str | None, look: Snapshots
) -> Iterator[Frame | tuple[nn.Module, Tensor, float]]:
    """Trains the three flows one after the other, all from the same first weights.

    Yields:
        the frames of `look`; and at the end of each training the network, the mean |x1 - x0|^2 of its pairs, a scalar, and
        its loss over the last epoch, the squares summed over both coordinates.
    """
    settings = LoopSettings(
        learning_rate=LEARNING_RATE, batch_size=BATCH, epochs=EPOCHS, decay=True, seed=seed
    )
    per_epoch = TRAINING_STEPS // EPOCHS
    data: TrainingData = Points(points)
    objective: Objective = flow_loss
    generator = torch.Generator().manual_seed(seed + 1)
    noise = torch.randn(len(points), 2, generator=generator)
    cost = transport_cost(noise, points).mean()
    for _ in ROUNDS:
        network, losses = toy_network(HIDDEN, seed), []
        for event in train(network, Repeated(data, per_epoch * BATCH), objective, settings, snapshots=look):
            if isinstance(event, Frame):
                yield event
            if isinstance(event, Metric):
                losses.append(event.values["loss"])
        yield network, cost, 2 * sum(losses[-per_epoch:]) / per_epoch
        pairs = make_pairs(network, noise, variant, generator)
        cost = transport_cost(pairs.noise, pairs.clean).mean()
        data, objective = pairs, pair_loss


def make_pairs(network: nn.Module, noise: Tensor, variant: str | None, generator: torch.Generator) -> Pairs:
    """Each noise with the sample that the network makes of it; or with a mistake, of LESSON.variants."""
    clean = carry(Conditional(network), noise, COARSE_PAIRS if variant == "coarse" else FINE_STEPS)
    if variant == "shuffled":
        clean = clean[torch.randperm(len(clean), generator=generator)]
    return Pairs(noise, clean)


def paths(network: nn.Module, noise: Tensor, num_steps: int) -> np.ndarray:
    """Where Euler's steps lead, float32 (P, T + 1, 2)."""
    places = [noise, *(step.x_next for step in integrate(Conditional(network), noise, num_steps))]
    return torch.stack(places, dim=1).numpy()


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """A frame for each snapshot of each training: "paths", uint8 (3, SIDE, SIDE, 3), a picture for each flow so far.

    Arrays, with a flow at each place of the first axis: `exact` float32 (3, SHOWN, FINE_STEPS + 1, 2), `taken_<T>` float32
    (3, SHOWN, T + 1, 2) for T of 1 .. MOST_STEPS; `errors` float64 (3, MOST_COUNTED), RMS distance from the exact ends
    with 1, 2, ... steps; `bend` float64 (3, FINE_STEPS), the mean |Z1 - Z0 - u|^2 at each time, whose mean is S; `data`
    (N, 2), `noise` (SHOWN, 2). meta["flows"]: pairs_cost, paths_cost, straightness, loss and steps_needed of each.

    Raises:
        InvalidSettings: no such data set or mistake, or a seed outside its limits.
        TrainingDiverged: see `core.training`.
    """
    require(params["data"] in DATA_SETS, f"Choose one of the data sets {', '.join(DATA_SETS)}.")
    names = [None, *(variant.name for variant in LESSON.variants)]
    require(params["variant"] in names, f"This lesson has no mistake {params['variant']!r}.")
    require_whole("the seed", params["seed"], 0, 2**31 - 1)
    points = DATA_SETS[params["data"]](POINTS, torch.Generator().manual_seed(params["seed"]))
    noise = torch.randn(MEASURED, 2, generator=torch.Generator().manual_seed(params["seed"] + 2))
    data = points[:SHOWN_POINTS].numpy()
    ground = plane_ground(data, np.zeros((0, 2, 2)))
    pictures = [plane_picture(ground, noise[:0].numpy(), np.zeros((0, 2, 2)), 1.0)] * len(ROUNDS)
    found: list[dict[str, np.ndarray]] = []
    numbers: list[dict[str, float | int | None]] = []

    def picture(network: nn.Module) -> dict[str, np.ndarray]:
        way = paths(network, noise[:SHOWN], FINE_STEPS)
        pictures[len(found)] = plane_picture(ground, way[:, 0], way, 1.0)
        return {"paths": np.stack(pictures)}

    total = len(ROUNDS) * len(SNAPSHOTS)
    index = 0
    for event in flows(points, params["seed"], params["variant"], Snapshots(frozenset(SNAPSHOTS), picture)):
        if isinstance(event, Frame):
            yield Frame(index, total, event.arrays)
            index += 1
            continue
        network, cost, loss = event
        arrays, measured = measure(network, noise)
        found.append(arrays)
        numbers.append({"pairs_cost": cost.item(), "loss": loss, **measured})
    arrays = {name: np.stack([each[name] for each in found]) for name in found[0]}
    arrays |= {"data": data, "noise": noise[:SHOWN].numpy()}
    return Trajectory(arrays, {"params": dict(params), "flows": numbers})


def measure(network: nn.Module, noise: Tensor) -> tuple[dict[str, np.ndarray], dict[str, float | int | None]]:
    """Of one flow, from the noises (N, 2): the arrays of `run` without their first axis, and the numbers."""
    estimate = Conditional(network)
    ends = carry(estimate, noise, FINE_STEPS)
    bend = [
        transport_cost(step.estimate.velocity, ends - noise).mean().item()
        for step in integrate(estimate, noise, FINE_STEPS)
    ]
    counts = range(1, MOST_COUNTED + 1)
    errors = [transport_cost(carry(estimate, noise, count), ends).mean().sqrt().item() for count in counts]
    arrays = {f"taken_{count}": paths(network, noise[:SHOWN], count) for count in counts[:MOST_STEPS]}
    arrays |= {
        "exact": paths(network, noise[:SHOWN], FINE_STEPS),
        "errors": np.array(errors),
        "bend": np.array(bend),
    }
    return arrays, {
        "paths_cost": transport_cost(noise, ends).mean().item(),
        "straightness": straightness(estimate, noise, FINE_STEPS).mean().item(),
        "steps_needed": steps_needed(counts, errors, NEAR),
    }


# ---------------------------------------------------------------- digits


def digits(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Two flows of digits from the same noises, a frame for each number of Euler steps.

        {"networks": [before, after], "seed": 0, "count": 10}

    Arrays: x float32 (numbers of steps, 2 * count, 1, 28, 28), the first network's first; errors float64 (numbers of
    steps, 2), RMS over the pixels from where DIGIT_REFERENCE steps of the same network end; read uint8 (numbers of
    steps, 2 * count), as which digit the judge reads each. meta: straightness and cost of both along those steps.

    Raises:
        InvalidSettings: more than 40 digits; lessons.networks' errors.
    """
    count = params["count"]
    require_whole("the number of digits", count, 1, 40)
    estimates = [Conditional(load_to_sample(ref, context)) for ref in params["networks"]]
    noise = fixed_noise(count, params["seed"], context.device)
    exact = [carry(estimate, noise, DIGIT_REFERENCE) for estimate in estimates]
    judge = load_judge(device=context.device)
    samples, errors, read = [], [], []
    for index, num_steps in enumerate(DIGIT_STEPS):
        ends = [carry(estimate, noise, num_steps) for estimate in estimates]
        errors.append(
            [(end - goal).square().mean().sqrt().item() for end, goal in zip(ends, exact, strict=True)]
        )
        x = torch.cat(ends)
        samples.append(x.cpu().numpy())
        read.append(read_digits(judge, x).labels.cpu().numpy().astype(np.uint8))
        yield Frame(index, len(DIGIT_STEPS), {"x": digit_pixels(x)})
    arrays = {"x": np.stack(samples), "errors": np.array(errors), "read": np.stack(read)}
    bent = [straightness(estimate, noise, DIGIT_REFERENCE).mean().item() for estimate in estimates]
    cost = [transport_cost(noise, goal).mean().item() for goal in exact]
    return Trajectory(arrays, {"params": dict(params), "straightness": bent, "cost": cost})
