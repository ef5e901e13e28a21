"""What the editing lessons A7 to A11 share: where a run starts, and several runs taken in step.

Their jobs are the loop of `core.diffusion` with another start, another constraint or another estimator;
what is shown and what is kept of a step is what `lessons.denoising` shows and keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import Step, draw_noise, keep
from core.guidance import Estimator
from core.jobs import Frame
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.denoising import Column, columns_of, frame_pixels, record
from lessons.forking import loop
from lessons.loading import load_model, load_reference, prompts_in
from lessons.requests import BadRequest

if TYPE_CHECKING:
    from core.pretrained import TextToImageModel

NUM_STEPS = 34
MAX_SAMPLES = 4
GAMMA_HELP = r"$\varepsilon_u + \gamma\,(\varepsilon_c - \varepsilon_u)$: 1 takes the prompt as it is, more insists on it."
GREY = 128  # the colour of a tile whose run has not begun


@dataclass(frozen=True)
class Bench:
    """What every editing job has before it begins."""

    model: TextToImageModel
    schedule: NoiseSchedule
    timesteps: list[int]
    columns: list[Column]
    clean: Tensor | None  # (1, 3, H, W), or None for a job without a picture
    like: Tensor  # (B, 3, H, W): shape, device and type of the batch, and nothing else

    @property
    def picture(self) -> Tensor:
        """`clean`, for a job that edits a picture: (1, 3, H, W). Raises BadRequest without one."""
        if self.clean is None:
            raise BadRequest("This edit needs a picture: choose one.")
        return self.clean

    def generators(self, offset: int = 0) -> list[torch.Generator]:
        """One generator a column, seeded as the column says; another `offset` is another stream of noise."""
        return [torch.Generator().manual_seed(column.seed + offset) for column in self.columns]


def set_up(params: Mapping[str, Any], context: JobContext) -> Bench:
    """Loads the model and the picture that `params` name.

    Raises:
        BadRequest, ModelChanged, PictureGone: see `lessons.denoising` and `lessons.loading`.
    """
    model = load_model(params["model"], context)
    columns = columns_of(params)
    model.prepare(prompts_in(params))
    clean = None
    if params.get("picture") is not None:
        clean = load_reference(params["picture"], context).to(model.device, model.dtype)[None]
    like = torch.empty(len(columns), *model.picture_shape, device=model.device, dtype=model.dtype)
    timesteps = model.schedule.strided_timesteps(params.get("num_steps", NUM_STEPS))
    return Bench(model, model.schedule, timesteps, columns, clean, like)


def samples(
    prompt: str, values: Mapping[str, Any], *, count: int | None = None, scale: str = "gamma"
) -> list[dict[str, Any]]:
    """`columns` of a job: `count` pictures of one prompt with seeds seed, seed + 1, ..."""
    count = values["count"] if count is None else count
    return [
        {"prompt": prompt, "seed": values["seed"] + k, "guidance_scale": values[scale]} for k in range(count)
    ]


def second_columns(bench: Bench, params: Mapping[str, Any]) -> list[Column]:
    """The other reading of every picture of the batch: `params["second"]`, with the same seeds."""
    second = params["second"]
    return [Column(second["prompt"], column.seed, second["guidance_scale"]) for column in bench.columns]


def from_noise(
    bench: Bench,
    estimate: Callable[[Sequence[Column]], Estimator],
    params: Mapping[str, Any],
    constrain: Callable[[Tensor, int | None], Tensor] = keep,
    more: Callable[[Step], dict[str, np.ndarray]] = lambda step: {},
) -> JobEvents:
    """Runs the loop from pure noise to its end: a frame a step, then the `Trajectory`.

    `estimate` makes the estimator for the pictures' prompts and scales: those of the bench, and of the fork in `params`.
    `more` gives further uint8 pictures (B, H, W, 3) of a step to be shown while the run goes on.
    """
    generators = bench.generators()
    x_t = draw_noise(bench.like, generators)  # the generators go on from here in the loop
    steps = []
    for step in loop(
        params.get("fork"),
        x_t,
        bench.timesteps,
        estimate,
        bench.columns,
        bench.schedule,
        generators,
        constrain=constrain,
    ):
        steps.append(step)
        yield Frame(step.index, len(bench.timesteps), frame_pixels(step) | more(step))
    clean = None if bench.clean is None else bench.clean[0]
    return record(steps, bench.schedule, params, clean)


# ---- several runs of different lengths, side by side -------------------------------------------------------


def beside(pictures: Sequence[dict[str, np.ndarray] | None]) -> dict[str, np.ndarray]:
    """Frames of single runs as the columns of one frame; grey where a run has not begun.

    Each is {name: uint8 (1, H, W, 3)} or None; at least one is there. Returns {name: uint8 (runs, H, W, 3)}.
    """
    there = next(frame for frame in pictures if frame is not None)
    grey = {name: np.full_like(pixels, GREY) for name, pixels in there.items()}
    return {name: np.concatenate([(frame or grey)[name] for frame in pictures]) for name in there}


def together(runs: Sequence[Trajectory], params: Mapping[str, Any]) -> Trajectory:
    """Runs that end together and began at different steps, as the columns of one trajectory.

    What a run lacks at the beginning is 0, mid-grey. `meta["begins"]` has each column's first step,
    `meta["runs"]` each column's numbers, and `meta["steps"]` those of the longest.
    """
    longest = max(runs, key=lambda run: len(run["x_t"]))
    total = len(longest["x_t"])
    arrays = {"clean": longest["clean"]} if "clean" in longest.arrays else {}
    for name in longest.arrays:
        if name == "clean":
            continue
        parts = [run[name] for run in runs]
        if name != "result":
            parts = [np.concatenate([np.zeros_like(p[:1]).repeat(total - len(p), 0), p]) for p in parts]
        arrays[name] = np.concatenate(parts, axis=0 if name == "result" else 1)
    begins = [total - len(run["x_t"]) for run in runs]
    meta = {"params": dict(params), "steps": longest.meta["steps"], "begins": begins}
    return Trajectory(arrays, meta | {"runs": [run.meta["steps"] for run in runs]})


def alone(trajectory: Trajectory, column: int) -> Trajectory:
    """One column of `together`, from its first step on: the trajectory of that run by itself."""
    begin = trajectory.meta["begins"][column]
    arrays = {}
    for name, array in trajectory.arrays.items():
        if name == "clean":
            arrays[name] = array
        elif name == "result":
            arrays[name] = array[column : column + 1]
        else:
            arrays[name] = array[begin:, column : column + 1]
    return Trajectory(arrays, {"params": trajectory.meta["params"], "steps": trajectory.meta["runs"][column]})


def rms(x: np.ndarray, axis: tuple[int, ...] = (-3, -2, -1)) -> np.ndarray:
    """Root mean square over channels, height and width."""
    return np.sqrt(np.square(x.astype(np.float32)).mean(axis=axis))
