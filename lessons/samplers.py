"""A13: one noise, one network, four samplers; what each makes of it with few evaluations and with many.

    {"model": fingerprint, "evaluations": [4, 8], "spacing": "karras", "eta": 0.0, "ways": [1, 2], "variant": null,
     "limit_evaluations": 200,
     "columns": [{"prompt": "...", "seed": 2, "guidance_scale": null}, {the same}], "unconditional": ""}

Both columns start from the same noise; `ways` are the seeds of the noise that is added on the way, one for each.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.diffusion import Step, denoise_step, draw_noise, iterative_denoise
from core.guidance import Estimator
from core.jobs import Frame, JobSpec, Metric
from core.media import to_pixels
from core.samplers import ddim, dpm_solver_pp, heun
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.denoising import as_numpy, guided
from lessons.editing import GAMMA_HELP, Bench, rms, set_up
from lessons.fields import Choice, Number, Numbers, Text, seed_field
from lessons.lesson import Lesson, Preset, Question, Variant
from lessons.prompts import SUGGESTIONS
from lessons.wrong import StaleClock, no_noise

SAMPLERS = {"ddpm": "DDPM", "ddim": "DDIM", "heun": "Heun", "dpm": "DPM-Solver++"}
COUNTS = (4, 8, 16, 34, 100)
OPENED = 16  # evaluations: the count on which the lesson opens
LIMIT = 200  # evaluations of DPM-Solver++: what the others are measured against
ON_THE_WAY = 2**40  # added to the seeds of the way, so that they are nobody's first noise

LESSON = Lesson(
    code="A13",
    slug="samplers",
    title="Samplers",
    pinnable=True,
    fields=(
        Text("prompt", "Prompt", "a photo of a dog", suggestions=SUGGESTIONS),
        Number("eta", "DDIM’s η", 0.0, "How much noise DDIM adds on the way: 0 none, 1 as much as DDPM.", maximum=1,
               step=0.25, integer=False),
        Choice("spacing", "Timesteps", "karras", "Where the steps lie. Karras: close together at both ends.",
               options=("karras", "even"), labels=("Karras, ρ = 7", "Even in t")),
        Numbers("evaluations", "Evaluations", COUNTS, "Up to six counts (4; 16; 100): how often the network is asked.",
                minimum=4, maximum=LIMIT, integer=True),
        Number("gamma", "Guidance γ", 1.0, GAMMA_HELP, maximum=15, step=0.5, integer=False),
        seed_field(2),
        Number("way", "Noise on the way", 5, "Seed of the noise that samplers add; the second row has the next one.",
               maximum=9999, slider=False),
    ),
    presets=(
        Preset("reference", "4 to 100 evaluations"),
        Preset("even", "Steps even in t", {"spacing": "even"}),
        Preset("half", "DDIM with η = ½", {"eta": 0.5}),
        Preset("full", "DDIM with η = 1", {"eta": 1.0}),
    ),
    question=Question(
        "DPM-Solver++ is of second order. From 8 evaluations to 16, what becomes of its distance to its limit?",
        ("It halves", "It falls to about a quarter", "It stays: 8 were enough"),
        answer=1,
        because="Second order means that half the step leaves a quarter of the error; of DDIM, which is of first order, "
        "half is left. The curves under the pictures show both.",
        reveal={"evaluations": (8, 16, 32)},
    ),
    variants=(
        Variant("no_noise", "DDPM without its noise", "The term σz is left out of every step of DDPM.",
                "That is not DDIM: the step keeps less of the old noise than belongs to t′, because fresh noise was to fill "
                "the place. The picture comes out smooth and pale, and is not DDIM’s."),
        Variant("stale_clock", "Heun told the old t", "Heun’s second look is told the t of the step’s start.",
                "The slope at the far end is read off at the wrong t, and the mean of both is worse than either: with 16 "
                "evaluations hardly more than noise comes out."),
    ),
    shows=(
        "core.samplers:ddim", "core.samplers:heun", "core.samplers:dpm_solver_pp", "core.samplers:implied_noise",
        "core.diffusion:iterative_denoise", "core.diffusion:denoise_step", "core.diffusion:estimate_clean",
        "core.schedule:NoiseSchedule", "lessons.samplers:run", "lessons.samplers:paths", "lessons.wrong:StaleClock",
    ),
    jobs={"samplers": "lessons.samplers:run", "sampler_paths": "lessons.samplers:paths"},
    spec="lessons.samplers:spec",
    studies="lessons.samplers:studies",
    minutes=7,
)  # fmt: skip


def spec(values: Mapping[str, Any], model: str, variant: str | None = None) -> JobSpec:
    """Every sampler with every number of evaluations, twice: under two noises on the way."""
    counts = sorted(set(values["evaluations"]))
    return JobSpec(
        "samplers", _params(values, model, variant) | {"evaluations": counts, "limit_evaluations": LIMIT}
    )


def paths_spec(values: Mapping[str, Any], model: str, count: int, variant: str | None = None) -> JobSpec:
    """The way there: every sampler with `count` evaluations, each of them kept."""
    return JobSpec("sampler_paths", _params(values, model, variant) | {"evaluations": [count]})


def studies(values: Mapping[str, Any], model: str) -> list[JobSpec]:
    """The way there on which the page opens."""
    return [paths_spec(values, model, opened(values))]


def opened(values: Mapping[str, Any]) -> int:
    """Which of the counts is shown first."""
    return min(values["evaluations"], key=lambda count: abs(count - OPENED))


def _params(values: Mapping[str, Any], model: str, variant: str | None) -> dict[str, Any]:
    gamma = values["gamma"]
    column = {
        "prompt": values["prompt"], "seed": values["seed"], "guidance_scale": None if gamma == 1 else gamma
    }  # fmt: skip
    return {
        "model": model, "columns": [column, column], "ways": [values["way"], values["way"] + 1], "unconditional": "",
        "eta": values["eta"], "spacing": values["spacing"], "variant": variant,
    }  # fmt: skip


# ---- the runs --------------------------------------------------------------------------------------------------


def timesteps_for(sampler: str, evaluations: int, schedule: NoiseSchedule, spacing: str) -> list[int]:
    """The timesteps on which a sampler asks the network so often; Heun, which can only do odd counts, at most."""
    count = (evaluations + 1) // 2 if sampler == "heun" else evaluations
    spaced: dict[str, Callable[[int], list[int]]] = {
        "even": schedule.strided_timesteps, "karras": schedule.karras_timesteps,
    }  # fmt: skip
    return spaced[spacing](count)


def asked(sampler: str, evaluations: int) -> int:
    """How often a sampler asks the network if it may ask `evaluations` times."""
    return 2 * ((evaluations + 1) // 2) - 1 if sampler == "heun" else evaluations


def loop(
    sampler: str,
    evaluations: int,
    noise: Tensor,
    estimator: Estimator,
    bench: Bench,
    params: Mapping[str, Any],
) -> Iterator[Step]:
    """One sampler from the noise (ways, 3, H, W) to the picture: a `Step` for each evaluation."""
    variant = params["variant"]
    generators = [torch.Generator().manual_seed(ON_THE_WAY + way) for way in params["ways"][: len(noise)]]
    timesteps = timesteps_for(sampler, evaluations, bench.schedule, params["spacing"])
    if sampler == "heun" and variant == "stale_clock":
        estimator = StaleClock(estimator)
    take_step = no_noise if variant == "no_noise" else denoise_step
    samplers: dict[str, Callable[..., Iterator[Step]]] = {
        "ddpm": partial(iterative_denoise, take_step=take_step), "ddim": partial(ddim, eta=params["eta"]), "heun": heun,
        "dpm": dpm_solver_pp,
    }  # fmt: skip
    return samplers[sampler](noise, timesteps, estimator, bench.schedule, generators)


def first_noise(bench: Bench) -> Tensor:
    """(ways, 3, H, W): the same noise in every column."""
    return draw_noise(bench.like, bench.generators())


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """A frame for each number of evaluations, with the pictures of all samplers; a `Metric` for each evaluation.

    Arrays: clean_hat, other float32 (counts, samplers, 3, H, W), the pictures under the first and the second noise on the
    way; limit (1, 3, H, W), what many steps lead to; result, the pictures of the largest count; distance float64 (counts,
    samplers), RMS from clean_hat to the limit; apart, RMS from clean_hat to other. meta["timesteps"] are those
    of the largest count.

    Raises:
        BadRequest, core.schedule's ValueError: parameters outside their range.
    """
    bench = set_up(params, context)
    noise, counts = first_noise(bench), params["evaluations"]
    estimator = guided(bench.model, bench.columns, params["unconditional"])
    alone = guided(bench.model, bench.columns[:1], params["unconditional"])
    work = Work(
        params["limit_evaluations"] + sum(asked(sampler, count) for sampler in SAMPLERS for count in counts)
    )
    right = dict(params) | {"variant": None}
    pictures = []
    for index, count in enumerate(counts):
        ends = []
        for sampler in SAMPLERS:
            end = yield from work.end(loop(sampler, count, noise, estimator, bench, params))
            ends.append(as_numpy(end))
        if index == len(counts) - 1:
            limit = as_numpy(
                (
                    yield from work.end(
                        loop("dpm", params["limit_evaluations"], noise[:1], alone, bench, right)
                    )
                )
            )
        pictures.append(np.stack(ends, axis=1))  # (ways, samplers, 3, H, W)
        yield Frame(
            index, len(counts), {"one": to_pixels(pictures[-1][0]), "other": to_pixels(pictures[-1][1])}
        )
    one, other = np.stack(pictures, axis=1)  # 2 x (counts, samplers, 3, H, W)
    arrays = {
        "clean_hat": one, "other": other, "limit": limit, "result": one[-1],
        "distance": rms(one - limit).astype(np.float64), "apart": rms(one - other).astype(np.float64),
    }  # fmt: skip
    heads = [f"{count} evaluations" for count in counts]
    timesteps = timesteps_for("ddpm", counts[-1], bench.schedule, params["spacing"])
    lines = list(SAMPLERS.values())
    return Trajectory(
        arrays, {"params": dict(params), "timesteps": timesteps, "heads": heads, "lines": lines}
    )


class Work:
    """Counts the evaluations of one run after another, `total` in all; so a job of many runs can be watched and stopped."""

    def __init__(self, total: int) -> None:
        self.total, self.done = total, 0

    def end(self, steps: Iterator[Step]) -> Generator[Metric, None, Tensor]:
        """Takes the steps to their end and returns where they lead, (B, 3, H, W)."""
        picture = None
        for step in steps:
            picture = step.update.x_next
            self.done += 1
            yield Metric(self.done, self.total, {})
        if picture is None:
            raise ValueError("A run of no steps has no picture.")
        return picture


def paths(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """The way there under the first noise on the way: a frame for each evaluation, a column for each sampler.

    `evaluations` names one count. Arrays: x_t float32, clean_hat float16 (evaluations, samplers, 3, H, W), what the network
    was asked about and the estimate it led to (of Heun, which asks once less, the last stands twice); result (samplers, 3,
    H, W). `meta["times"]`: the t of each evaluation, for each sampler.
    """
    bench = set_up(params, context)
    (count,) = params["evaluations"]
    noise = first_noise(bench)[:1]
    estimator = guided(bench.model, bench.columns[:1], params["unconditional"])
    loops = {sampler: loop(sampler, count, noise, estimator, bench, params) for sampler in SAMPLERS}
    latest: dict[str, Step] = {}
    x_t, clean_hat, times = [], [], []
    for index in range(count):
        for sampler, steps in loops.items():
            step = next(steps, latest.get(sampler))
            assert step is not None  # every sampler takes a first step
            latest[sampler] = step
        x_t.append(np.concatenate([as_numpy(step.x_t) for step in latest.values()]))
        clean_hat.append(np.concatenate([as_numpy(step.clean_hat) for step in latest.values()]))
        times.append([step.t for step in latest.values()])
        yield Frame(index, count, {"x_t": to_pixels(x_t[-1]), "clean_hat": to_pixels(clean_hat[-1])})
    arrays = {
        "x_t": np.stack(x_t), "clean_hat": np.stack(clean_hat).astype(np.float16),
        "result": np.concatenate([as_numpy(step.update.x_next) for step in latest.values()]),
    }  # fmt: skip
    heads = [f"evaluation {k + 1}" for k in range(count)]
    timesteps = [asked_at[0] for asked_at in times]
    meta = {"params": dict(params), "timesteps": timesteps, "times": times, "heads": heads}
    return Trajectory(arrays, meta | {"lines": list(SAMPLERS.values())})
