"""Films of the runs of Part A: which rows, which curves, which numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.denoising import EPS_RANGE
from pages.components.player import Curve, Film, Number, Row, Term
from pages.server.served.progress import Pixels

UPDATE = r"x_{t'} = c_0\,\hat{x}_0 + c_t\,x_t + \sigma z"
MARK_EVERY = 5
SAME = 4.0  # of 256 levels, root mean square: pictures that nobody tells apart
SUM = (  # the same as pictures
    Term("x_{t'}", "x_t", "the next picture", ahead=1, last="clean_hat"),
    Term(r"\hat{x}_0", "clean_hat", "the estimate of the clean picture", "c_0"),
    Term("x_t", "x_t", "the noisy picture", "c_t"),
    Term(r"\sigma z", "noise", "the noise added by this step", within=r"\sigma"),
)

# name in the trajectory -> label, caption; in the order of the formula
TERMS = {
    "eps_u": (r"\varepsilon_u", "noise estimate without the prompt"),
    "eps_c": (r"\varepsilon_c", "noise estimate with the prompt"),
    "eps_1": (r"\varepsilon_1", "noise estimate of the first reading"),
    "eps_2": (r"\varepsilon_2", "noise estimate of the second reading"),
    "low": (r"\text{low}(\varepsilon_1)", "low frequencies of the first estimate"),
    "high": (r"\text{high}(\varepsilon_2)", "high frequencies of the second estimate"),
}


@dataclass(frozen=True)
class Films:
    """How a job is shown: the film of its result, and that of the frames so far.

    `key` names what the film depends on besides the job: which part of it is shown.
    """

    finished: Callable[[Trajectory], Film]
    live: Callable[[Pixels, int], Film]  # (frames so far, how many there will be)
    key: str = ""


def denoising(
    timesteps: Sequence[int],
    columns: Sequence[str] = (),
    name: str = "denoising",
    *,
    from_noise: bool = False,
    one_noise: bool = False,
) -> Films:
    """Films of `lessons.denoising.run`; `columns` are the labels of its pictures.

    With `from_noise` the noise that each began with stands below it, and the estimate, which at rest is the picture once
    more, waits behind its chip. With `one_noise` all began with the same, which is drawn once.
    """

    def main_rows(pixels: Pixels) -> list[Row]:
        x_t, *others = _main_rows(pixels)
        if not from_noise:
            return [x_t, *others]
        words = "one noise, with which all began" if one_noise else "the noise that it began with"
        noise = Row("began", rf"x_{{{timesteps[0]}}}", pixels["x_t"][:1], words, once=one_noise)
        return [x_t, noise, *(replace(row, shown=False) for row in others)]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(
            rows=main_rows(pixels), steps=_labels(timesteps[:done]), columns=columns, total=total,
            marks=range(0, total, MARK_EVERY), strip_row="clean_hat", name=name,
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        pixels = {
            "x_t": to_pixels(trajectory["x_t"]),
            "clean_hat": to_pixels(trajectory["clean_hat"]),
            "eps": difference_pixels(trajectory["eps"], EPS_RANGE),
        }
        rows = [*main_rows(pixels), *_term_rows(trajectory)]
        steps = trajectory.meta["steps"]
        return Film(
            rows=rows, steps=_labels(timesteps), columns=columns, curves=_curves(trajectory), formula=UPDATE,
            terms=SUM, open=("sum",) if trajectory["x_t"].shape[1] == 1 else (),
            numbers=[
                Number(r"\sqrt{\bar{\alpha}_t}", "weight of the picture in xₜ", [s["signal"] for s in steps]),
                Number(r"\sqrt{1-\bar{\alpha}_t}", "weight of the noise in xₜ", [s["sigma"] for s in steps]),
                Number("c_0", "weight of x̂₀ in the step", [s["clean"] for s in steps]),
                Number("c_t", "weight of xₜ in the step", [s["x_t"] for s in steps]),
                Number(r"\sigma", "noise added, standard deviation", [s["noise"] or None for s in steps]),
            ],
            marks=range(0, len(steps), MARK_EVERY), strip_row="clean_hat", name=name,
        )  # fmt: skip

    return Films(finished, live)


def glimpse(timesteps: Sequence[int], columns: Sequence[str]) -> Films:
    """The same run as one row: noise that becomes pictures, playing by itself, again and again."""

    def film(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        rows = [replace(row, shown=row.name == "x_t") for row in _main_rows(pixels)]
        return Film(
            rows=rows, steps=_labels(timesteps[:done]), columns=columns, total=total,
            autoplay=True, loops=True, start=0 if done == total else None, name="start",
        )  # fmt: skip

    def live(pixels: Pixels, total: int) -> Film:
        return film({name: pixels[name] for name in ("x_t", "clean_hat")}, total)

    def finished(trajectory: Trajectory) -> Film:
        shown = {name: to_pixels(trajectory[name]) for name in ("x_t", "clean_hat")}
        shown["x_t"][-1] = to_pixels(
            trajectory["result"]
        )  # what is left of the noise in the last step is one level
        return film(shown, len(timesteps))

    return Films(finished, live)


def _labels(timesteps: Sequence[int]) -> list[str]:
    return [f"t = {t}" for t in timesteps]


def endings(pixels: Pixels) -> dict[str, str]:
    """What stands beside x_t and its estimate at a run's last frame, where they have become the same picture."""
    if "clean_hat" not in pixels:
        return {}
    last, estimate = (pixels[name][-1].astype(np.float32) for name in ("x_t", "clean_hat"))
    if np.sqrt(((last - estimate) ** 2).mean()) > SAME:
        return {}
    return {"x_t": "the finished picture", "clean_hat": "now the same as xₜ"}


def _main_rows(pixels: Pixels) -> list[Row]:
    rows = (
        ("x_t", "x_t", "the noisy picture"),
        ("clean_hat", r"\hat{x}_0", "the estimate of the clean picture"),
        ("eps", r"\hat{\varepsilon}", "the estimated noise"),
    )
    ends = endings(pixels)
    alone = pixels["x_t"].shape[1] == 1
    return [
        Row(  # two rows of samples are larger than three
            name,
            label,
            pixels[name],
            caption,
            shown=alone or name != "eps",
            ends=ends.get(name, ""),
            limit=EPS_RANGE if name == "eps" else 0.0,
        )
        for name, label, caption in rows
        if name in pixels
    ]


def _term_rows(trajectory: Trajectory) -> list[Row]:
    """What the step was made of; behind its chip until asked for."""
    rows = [
        Row(key, label, difference_pixels(trajectory[key], EPS_RANGE), caption, shown=False, limit=EPS_RANGE)
        for key, (label, caption) in TERMS.items()
        if key in trajectory.arrays
    ]
    if "eps_c" in trajectory.arrays:
        pull = trajectory["eps"].astype(np.float32) - trajectory["eps_u"].astype(np.float32)
        caption = "what guidance adds to the estimate without the prompt"
        rows.append(
            Row(
                "pull",
                r"\gamma(\varepsilon_c-\varepsilon_u)",
                difference_pixels(pull, EPS_RANGE / 3),
                caption,
                shown=False,
                limit=EPS_RANGE / 3,
            )
        )
    noise = difference_pixels(trajectory["noise_added"], EPS_RANGE / 3)
    caption = "the noise added by this step"
    return [*rows, Row("noise", r"\sigma z", noise, caption, shown=False, limit=EPS_RANGE / 3)]


def _curves(trajectory: Trajectory) -> list[Curve]:
    """The schedule, and how far the estimate of the clean picture still is from the result."""
    steps = trajectory.meta["steps"]
    away = trajectory["clean_hat"].astype(np.float32) - trajectory["result"][None]
    distance = np.sqrt((away**2).mean(axis=(1, 2, 3, 4)))  # (steps,)
    return [
        Curve(
            r"\sqrt{\bar{\alpha}_t}",
            [s["signal"] for s in steps],
            panel="weights",
            meaning="weight of the picture",
        ),
        Curve(
            r"\sqrt{1-\bar{\alpha}_t}",
            [s["sigma"] for s in steps],
            panel="weights",
            meaning="weight of the noise",
        ),
        Curve(
            r"\text{RMS}(\hat{x}_0 - x_0)",
            distance.tolist(),
            panel="distance",
            meaning="from x̂₀ to the finished picture",
        ),
    ]
