"""A14: a picture taken to the noise that draws it, and back; with another prompt, and between two noises."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import add_noise, draw_noise, iterative_denoise
from core.guidance import Estimator
from core.inversion import invert_ddim, neighbours_alike, slerp, straight
from core.jobs import Frame, JobSpec
from core.media import to_pixels
from core.samplers import ddim
from core.trajectory import Trajectory
from lessons.branching import BRANCHES
from lessons.denoising import as_numpy, guided
from lessons.editing import GAMMA_HELP, Bench, rms, set_up
from lessons.fields import BadValue, Choice, Number, PictureRef, Text, seed_field
from lessons.forking import Fork, switched
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import NULL_LIKE, SUGGESTIONS
from lessons.requests import BadRequest

COUNTS = (10, 34, 100)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
SDEDIT = "SDEdit (A9), other prompt"
COLUMNS = ("back, same prompt", "back, other prompt", SDEDIT)

LESSON = Lesson(
    code="A14",
    slug="there_and_back",
    title="There and back",
    card=2,
    pinnable=True,
    branches=("prompt", "gamma"),
    fields=(
        PictureRef("picture", "Picture", "pickup-truck"),
        Number("steps", "Steps each way", 34, "How often the network is asked on the way there, and on the way back.",
               minimum=5, maximum=200),
        Number("turn", "Turn at t", 990, "How far towards noise: 990 is all the way.", minimum=120, maximum=990, step=10),
        Text("prompt", "Prompt there, and back", NULL_LIKE, suggestions=SUGGESTIONS),
        Text("other", "The other prompt", "a 3d render of an automobile", suggestions=SUGGESTIONS),
        Number("gamma", "Guidance γ of the other prompt", 3.0, GAMMA_HELP, maximum=15, step=0.5, integer=False),
        seed_field(),
        Choice("shown", "What the figure shows", "prompts", options=("steps", "prompts"),
               labels=("There and back", "Another prompt")),
    ),
    opens={"shown": "steps"},
    presets=(
        Preset("steps", "10, 34 and 100 steps", {"shown": "steps"}),
        Preset("fish", "A fish that it has seen", {"shown": "steps", "picture": "tropical-fish"}, ships=True),
        Preset("reference", "Back with another prompt", ships=True),
        Preset("half", "Another prompt, from t = 690", {"turn": 690}),
    ),
    question=Question(
        "Where it turns, at t = 990, the truck keeps its outline and its red. What is left there of a fish that the "
        "network has seen?",
        ("As much as of the truck", "Its edges, not its colours", "Nothing: noise"),
        answer=1,
        because="The network knows the fish, and takes more of it away: neighbouring pixels are alike with a correlation of "
        "0.12, the truck’s with 0.64. The edges stay: even then the noise is not independent of the picture. “Show it” puts "
        "the fish above the truck; go to the turn.",
        reveal={"shown": "steps", "picture": "tropical-fish"},
    ),
    variants=(
        Variant("ddpm_back", "Back by DDPM", "The way back is DDPM’s, which adds noise at every step.",
                "Another picture comes out: what the first noise knew is drowned in what is added."),
        Variant("shuffled", "Pixels shuffled", "Before the way back the pixels of the noise are put in another order.",
                "One number for one, the same values as before; but where each stands was the picture, and it is gone."),
    ),
    shows=(
        "core.inversion:invert_ddim", "core.samplers:ddim", "core.inversion:slerp", "core.inversion:straight",
        "core.edits:sdedit_start", "core.samplers:implied_noise", "lessons.there_and_back:run",
        "lessons.there_and_back:errors", "lessons.there_and_back:between",
    ),
    jobs={
        **BRANCHES,
        "there_and_back": "lessons.there_and_back:run",
        "inversion_errors": "lessons.there_and_back:errors",
        "between_noises": "lessons.there_and_back:between",
    },
    spec="lessons.there_and_back:spec",
    studies="lessons.there_and_back:studies",
    takes_pictures=True,
    minutes=7,
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """The picture to noise and back: with few steps and many; or with its prompt, the other one, and SDEdit with the other.

    Raises:
        BadValue: with so few steps none lies between 0 and the turn.
    """
    if values["shown"] == "steps":
        return errors_spec(values, model)
    if 990 / (values["steps"] - 1) > values["turn"]:
        raise BadValue(
            f"With {values['steps']} steps none lies between 0 and t = {values['turn']}: take more steps, or turn later."
        )
    return JobSpec("there_and_back", {
        "model": model, "picture": values["picture"], "num_steps": values["steps"], "turn": values["turn"],
        "columns": [_same(values), _other(values)], "variant": variant,
    })  # fmt: skip


def errors_spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """There and back with each of COUNTS steps."""
    return JobSpec("inversion_errors", {
        "model": model, "picture": values["picture"], "counts": list(COUNTS), "turn": values["turn"],
        "columns": [_same(values)],
    })  # fmt: skip


def between_spec(values: Mapping[str, Any], model: str) -> JobSpec:
    """Pictures from the noises between two seeds."""
    return JobSpec("between_noises", {
        "model": model, "num_steps": 34, "seeds": [values["seed"], values["seed"] + 1], "weights": list(WEIGHTS),
        "columns": [_other(values)],
    })  # fmt: skip


def studies(values: Mapping[str, Any], model: str) -> list[JobSpec]:
    """What stands below the picture."""
    return [between_spec(values, model)]


def _same(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": values["prompt"], "seed": values["seed"], "guidance_scale": None}


def _other(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"prompt": values["other"], "seed": values["seed"], "guidance_scale": values["gamma"]}


# ---- there and back ----------------------------------------------------------------------------------------------


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """A frame for each evaluation, first on the way there, then on the way back; a column for each of COLUMNS.

    {"model", "picture", "num_steps": 34, "turn": 990, "columns": [{the prompt}, {the other}], "variant": null}

    Arrays: x_t float32, clean_hat float16 (2 K, 3, 3, H, W), x_t on the way there as each step leaves it (in the third
    column noised by the forward process); clean (1, 3, H, W); noise (1, 3, H, W), where it turns; result (3, 3, H, W).
    meta: `steps`, t and sigma of each frame; `std` and `alike` (2 K, 3), the standard deviation of x_t, and how alike its
    neighbouring pixels are; `error`, RMS from each result to the picture.

    Raises:
        BadRequest: there is no timestep as small as `turn`.
    """
    bench = set_up(params, context)
    timesteps = turned(bench.timesteps, params["turn"])
    clean, schedule, variant = bench.picture, bench.schedule, params["variant"]
    same = guided(bench.model, bench.columns[:1], "")
    back_same, back_other = _way_back(bench, timesteps, params.get("fork"))
    generators = [torch.Generator().manual_seed(bench.columns[0].seed) for _ in range(3)]
    fresh = draw_noise(clean, generators[2:])
    total, record = 2 * len(timesteps), _Record()

    for step in invert_ddim(clean, timesteps, same, schedule):
        x_t = step.update.x_next
        assert step.t_next is not None  # on the way to noise every step leads to a t
        shown = [x_t, x_t, add_noise(clean, fresh, step.t_next, schedule)]
        record.add(step.t_next, schedule.sigma(step.t_next), shown, [step.clean_hat, step.clean_hat, clean])
        yield Frame(step.index, total, record.pixels())

    noise = shuffled(x_t, bench.columns[0].seed) if variant == "shuffled" else x_t
    back = iterative_denoise if variant == "ddpm_back" else ddim
    loops = [
        back(noise, timesteps, back_same, schedule, generators[:1]),
        back(noise, timesteps, back_other, schedule, generators[1:2]),
        iterative_denoise(shown[2], timesteps, back_other, schedule, generators[2:]),
    ]
    for index, steps in enumerate(zip(*loops, strict=True)):
        record.add(
            steps[0].t, schedule.sigma(steps[0].t), [s.x_t for s in steps], [s.clean_hat for s in steps]
        )
        yield Frame(len(timesteps) + index, total, record.pixels())
    result = as_numpy(torch.cat([step.update.x_next for step in steps]))
    arrays = record.arrays() | {"result": result, "clean": as_numpy(clean), "noise": as_numpy(noise)}
    heads = [f"{'there' if k < total // 2 else 'back'}, t = {s['t']}" for k, s in enumerate(record.steps)]
    return Trajectory(arrays, {
        "params": dict(params), "steps": record.steps, "std": record.std, "alike": record.alike, "heads": heads,
        "lines": list(COLUMNS), "error": rms(result - as_numpy(clean)).astype(float).tolist(),
    })  # fmt: skip


def _way_back(bench: Bench, timesteps: list[int], fork: Fork | None) -> list[Estimator]:
    """The estimators with the prompt and with the other one; where there is a fork, otherwise from its frame on.

    Frames are counted from the first of the way there. Raises BadRequest for one of the way there.
    """
    there = len(timesteps)
    if fork is not None and not there <= fork["at"] < 2 * there:
        raise BadRequest(
            f"The way back has the frames {there + 1} to {2 * there}: go on from one of them, not from {fork['at'] + 1}."
        )
    back = None if fork is None else {**fork, "at": fork["at"] - there}
    return [
        switched(back, timesteps, lambda columns: guided(bench.model, columns, ""), [column])
        for column in bench.columns
    ]


def turned(timesteps: list[int], turn: int) -> list[int]:
    """Those of the falling timesteps that lie at `turn` or below. Raises BadRequest where fewer than two do."""
    left = [t for t in timesteps if t <= turn]
    if len(left) < 2:
        raise BadRequest(
            f"With so few steps none lies between 0 and t = {turn}: take more steps, or turn later."
        )
    return left


def shuffled(x: Tensor, seed: int) -> Tensor:
    """(B, C, H, W) with its places in another order, each pixel whole."""
    flat = x.flatten(2)
    order = torch.randperm(flat.shape[2], generator=torch.Generator().manual_seed(seed))
    return flat[:, :, order.to(x.device)].reshape(x.shape)


class _Record:
    """What is kept of each frame."""

    def __init__(self) -> None:
        self.x_t: list[np.ndarray] = []
        self.clean_hat: list[np.ndarray] = []
        self.steps: list[dict[str, float]] = []
        self.std: list[list[float]] = []
        self.alike: list[list[float]] = []

    def add(self, t: int, sigma: float, x_t: list[Tensor], clean_hat: list[Tensor]) -> None:
        self.x_t.append(as_numpy(torch.cat(x_t)))
        self.clean_hat.append(as_numpy(torch.cat(clean_hat)))
        self.steps.append({"t": t, "sigma": sigma})
        self.std.append([x.std().item() for x in x_t])
        self.alike.append([neighbours_alike(x) for x in x_t])

    def pixels(self) -> dict[str, np.ndarray]:
        return {"x_t": to_pixels(self.x_t[-1]), "clean_hat": to_pixels(self.clean_hat[-1])}

    def arrays(self) -> dict[str, np.ndarray]:
        return {"x_t": np.stack(self.x_t), "clean_hat": np.stack(self.clean_hat).astype(np.float16)}


# ---- the studies -------------------------------------------------------------------------------------------------


def errors(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """There and back with each of `counts` steps, a column each; a frame where a run of 34 steps has one.

    Between two of its own steps a run stays where it is.

    Arrays: x_t float32, clean_hat float16 (2 K, counts, 3, H, W); noise (counts, 3, H, W), where they turn; result
    (counts, 3, H, W); clean (1, 3, H, W); error float64 (counts,), RMS from the result to clean.
    meta: `steps`, the t of each frame.
    """
    bench, turn = set_up(params, context), params["turn"]
    same = guided(bench.model, bench.columns, "")
    trips = [
        Trip(bench, turned(bench.schedule.strided_timesteps(count), turn), same, turn)
        for count in params["counts"]
    ]
    down = turned(bench.schedule.strided_timesteps(), turn)
    places = [*reversed(down[1:]), turn, *(Trip.back(t, turn) for t in down)]
    frames = []
    for index, place in enumerate(places):
        x_t, clean_hat = zip(*(trip.at(place) for trip in trips), strict=True)
        frames.append((as_numpy(torch.cat(x_t)), as_numpy(torch.cat(clean_hat))))
        pixels = {
            name: to_pixels(shown) for name, shown in zip(("x_t", "clean_hat"), frames[-1], strict=True)
        }
        yield Frame(index, len(places), pixels)
    clean, result = as_numpy(bench.picture), as_numpy(torch.cat([trip.at(math.inf)[0] for trip in trips]))
    path, estimates = (np.stack(shown) for shown in zip(*frames, strict=True))
    arrays = {
        "x_t": path, "clean_hat": estimates.astype(np.float16), "noise": path[len(down) - 1],
        "result": result, "clean": clean, "error": rms(result - clean).astype(np.float64),
    }  # fmt: skip
    steps = [{"t": t} for t in (*reversed(down), *down)]
    return Trajectory(arrays, {"params": dict(params), "steps": steps})


class Trip:
    """One run there and back, looked at from places along the way: t on the way there, then back(t)."""

    def __init__(self, bench: Bench, timesteps: list[int], estimator: Estimator, turn: int):
        self._ways = self._go(bench, timesteps, estimator, turn)
        self._here = next(self._ways)
        self._next = next(self._ways, None)

    def at(self, place: float) -> tuple[Tensor, Tensor]:
        """(x_t, x̂₀) that it has come to; beyond the last place, the picture that came back. Places only rise."""
        while self._next is not None and self._next[0] <= place:
            self._here, self._next = self._next, next(self._ways, None)
        return self._here[1:]

    @staticmethod
    def back(t: int, turn: int) -> int:
        """The place of t on the way back; all of them lie beyond the turn."""
        return 2 * turn + 1 - t

    @staticmethod
    def _go(
        bench: Bench, timesteps: list[int], estimator: Estimator, turn: int
    ) -> Iterator[tuple[float, Tensor, Tensor]]:
        for step in invert_ddim(bench.picture, timesteps, estimator, bench.schedule):
            assert step.t_next is not None  # on the way to noise every step leads to a t
            yield step.t_next, step.update.x_next, step.clean_hat
        noise = step.update.x_next
        for step in ddim(noise, timesteps, estimator, bench.schedule, []):
            yield Trip.back(step.t, turn), step.x_t, step.clean_hat
        yield Trip.back(-1, turn), step.update.x_next, step.clean_hat


def between(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The pictures that DDIM draws from the noises between two: along the great circle, then along the straight line.

    Arrays: x_t float32, clean_hat float16 (steps, 2 * weights, 3, H, W); result (2 * weights, 3, H, W); std float64
    (2 * weights,), of the noise that each begins with.
    """
    bench = set_up(params, context)
    weights = params["weights"]
    one, other = (draw_noise(bench.like, [torch.Generator().manual_seed(seed)]) for seed in params["seeds"])
    noise = torch.cat([way(one, other, weight) for way in (slerp, straight) for weight in weights])
    estimator = guided(bench.model, bench.columns * len(noise), "")
    steps = []
    for step in ddim(noise, bench.timesteps, estimator, bench.schedule, []):
        steps.append(step)
        pixels = {"x_t": to_pixels(as_numpy(step.x_t)), "clean_hat": to_pixels(as_numpy(step.clean_hat))}
        yield Frame(step.index, len(bench.timesteps), pixels)
    arrays = {
        "x_t": np.stack([as_numpy(step.x_t) for step in steps]),
        "clean_hat": np.stack([as_numpy(step.clean_hat) for step in steps]).astype(np.float16),
        "result": as_numpy(steps[-1].update.x_next),
        "std": noise.flatten(1).std(dim=1).double().cpu().numpy(),
    }
    return Trajectory(arrays, {"params": dict(params), "timesteps": bench.timesteps})
