"""B0: one path in two clocks. The pretrained model of Part A, run as diffusion and as flow matching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from core.compute.context import JobContext, JobEvents
from core.conventions import Clock, convert, flow_euler
from core.diffusion import draw_noise
from core.guidance import Estimator
from core.jobs import Frame, JobSpec
from core.media import difference_pixels, to_pixels
from core.samplers import ddim
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.branching import BRANCHES
from lessons.denoising import as_numpy, guided
from lessons.editing import set_up
from lessons.fields import Number, Text, seed_field
from lessons.forking import switched
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import SUGGESTIONS
from lessons.wrong_flows import WRONG_CLOCKS

PICTURES = ("x_t", "scaled", "x_flow", "clean_hat")
RANGES = {"eps": 3.0, "v": 3.0, "velocity": 3.0}  # what is drawn in full colour

LESSON = Lesson(
    code="B0",
    slug="two_conventions",
    title="Two conventions",
    pretrained=True,
    branches=("prompt", "gamma"),
    fields=(
        Text("prompt", "Prompt", "a photo of a dog", suggestions=SUGGESTIONS),
        Number("steps", "Steps", 34, "How many times the network is asked, in each clock.", minimum=2, maximum=100),
        seed_field(3),
    ),
    presets=(
        Preset("reference", "34 steps"),
        Preset("four", "4 steps", {"steps": 4}),
        Preset("hundred", "100 steps", {"steps": 100}),
    ),
    question=Question(
        "Where picture and noise have equal weights, diffusion’s clock says t = 495. What does flow’s say?",
        ("τ = 0.505: it counts the other way", "τ = 0.5", "It depends on the picture"),
        answer=1,
        because="Flow’s weights are τ and 1 − τ, so they are equal at ½ and nowhere else. Both clocks say how picture and "
        "noise relate, and only that: one follows from the other by the schedule, whatever the picture is.",
        reveal={"steps": 100},
    ),
    variants=(
        Variant("unscaled", "Not rescaled", "The network, which knows diffusion, is handed flow’s x as it is.",
                "In the middle that is only 0.71 of what belongs to t: the network finds too little noise and takes too "
                "little away. What is left grows into blotches of colour."),
        Variant("linear_clock", "t = 999 (1 − τ)", "The network is told t as if both clocks ran evenly.",
                "Up to the middle it hears a smaller t than belongs to the noise it sees: grain is left, colours pale."),
    ),
    shows=(
        "core.conventions:Clock", "core.conventions:convert", "core.conventions:amplification",
        "core.conventions:flow_euler", "core.samplers:ddim", "core.flow:interpolate", "lessons.two_conventions:run",
    ),
    jobs={"two_clocks": "lessons.two_conventions:run", **BRANCHES},
    spec="lessons.two_conventions:spec",
    minutes=6,
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """The same noise through DDIM and through Euler's method in flow's clock."""
    column = {"prompt": values["prompt"], "seed": values["seed"], "guidance_scale": None}
    return JobSpec(
        "two_clocks", {"model": model, "num_steps": values["steps"], "columns": [column], "variant": variant}
    )


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """A frame for each step of both.

    Arrays: x_t, x_flow float32 (steps, B, 3, H, W), where diffusion and flow stand; clean_hat, eps, v, velocity float16, of
    the diffusion run; result, result_ddim (B, 3, H, W), where flow and diffusion end. meta: `steps`, for each t, sigma,
    signal, tau, scale and gap, the largest difference of x_flow and scale x_t; `end_gap`, that of the results.
    """
    bench = set_up(params, context)
    schedule, timesteps = bench.schedule, bench.timesteps
    estimator = switched(
        params.get("fork"), timesteps, lambda columns: guided(bench.model, columns, ""), bench.columns
    )
    noise = draw_noise(bench.like, bench.generators())
    start = noise * Clock.at(timesteps[0], schedule).scale
    asked = WRONG_CLOCKS.get(params["variant"] or "", unchanged)(estimator, schedule)
    runs = zip(
        ddim(noise, timesteps, estimator, schedule, []),
        flow_euler(start, timesteps, asked, schedule),
        strict=True,
    )
    found: dict[str, list[np.ndarray]] = {
        name: [] for name in ("x_t", "x_flow", "clean_hat", "eps", "v", "velocity")
    }
    steps = []
    for one, other in runs:
        clock = Clock.at(one.t, schedule)
        answers = convert("clean_hat", one.clean_hat, one.x_t, clock)
        found["x_t"].append(as_numpy(one.x_t))
        found["x_flow"].append(as_numpy(other.x_t))
        for name in ("clean_hat", "eps", "v", "velocity"):
            found[name].append(as_numpy(getattr(answers, name)).astype(np.float16))
        steps.append({
            "t": one.t, "signal": clock.signal, "sigma": clock.sigma, "tau": clock.tau, "scale": clock.scale,
            "gap": (other.x_t - clock.scale * one.x_t).abs().max().item(),
        })  # fmt: skip
        now = {name: parts[-1] for name, parts in found.items()} | {"scaled": as_numpy(clock.scale * one.x_t)}
        yield Frame(one.index, len(timesteps), frame_pixels(now))
    ends = {"result": other.update.x_next, "result_ddim": one.update.x_next}
    arrays = {name: np.stack(parts) for name, parts in found.items()}
    arrays |= {name: as_numpy(end) for name, end in ends.items()}
    gap = (ends["result"] - ends["result_ddim"]).abs().max().item()
    return Trajectory(arrays, {"params": dict(params), "steps": steps, "end_gap": gap})


def unchanged(estimator: Estimator, schedule: NoiseSchedule) -> Estimator:
    """The network, asked as it should be."""
    return estimator


def frame_pixels(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """uint8 (..., H, W, 3) of each quantity; pictures as they are, noises and velocities as differences from grey."""
    return {
        name: to_pixels(x) if name in PICTURES else difference_pixels(x, RANGES[name])
        for name, x in arrays.items()
    }
