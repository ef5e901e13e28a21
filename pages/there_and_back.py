"""A14: a picture to its noise and back; with how many steps, with another prompt, and between two noises."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.editing import rms
from lessons.there_and_back import (
    COLUMNS,
    COUNTS,
    SDEDIT,
    WEIGHTS,
    between_spec,
    turned,
)
from lessons.there_and_back import LESSON as WRITTEN
from pages.components.curves import Series, curves
from pages.components.plain import plain
from pages.components.player import Curve, Film, Number, Row
from pages.server.runtime import executor, job_id, model_fingerprint, schedule
from pages.server.served.progress import Pixels
from pages.ui.controls import control
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.follow import ask, look
from pages.ui.lesson_page import beside_the_figure, lesson_page, picture_and_side
from pages.ui.pins import pin_row, pinned
from pages.ui.sampling import Values, controls_of, kept_row, sampling_stage
from pages.ui.sources import drawing, source_control
from pages.ui.stage import Beside, stage, stage_beside

LESSON = here(WRITTEN)
WRONG = 0.5  # of a pixel in [−1, 1]: what is black or white where a difference is shown


def _ways(timesteps: Sequence[int]) -> list[str]:
    """The names of the frames, one way after the other."""
    return [*(f"there, t = {t}" for t in reversed(timesteps)), *(f"back, t = {t}" for t in timesteps)]


def _marks(total: int) -> list[int]:
    """The frames in the strip: begin, turn and end, and half way between them."""
    half = total // 2
    return sorted({0, half // 2, half - 1, half + half // 2, total - 1})


def _on_the_way(pixels: Pixels) -> list[Row]:
    """x_t, and behind its chip x̂₀."""
    return [
        Row("x_t", "x_t", pixels["x_t"], "the picture on its way"),
        Row("clean_hat", r"\hat{x}_0", pixels["clean_hat"], "the estimate of the clean picture", shown=False),
    ]


def _and_the_picture(trajectory: Trajectory, name: str) -> np.ndarray:
    """A quantity (frames, columns, 3, H, W), and in another column the picture."""
    shown = trajectory[name].astype(np.float32)
    return np.concatenate([shown, trajectory["clean"][None].repeat(len(shown), 0)], axis=1)


def films(values: Values) -> Films:
    """Of the face that these values show."""
    return steps_films(values) if values["shown"] == "steps" else prompts_films(values)


def prompts_films(values: Values) -> Films:
    """The picture with two prompts, and SDEdit beside it."""
    steps = _ways(turned(schedule().strided_timesteps(values["steps"]), values["turn"]))

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(rows=_on_the_way(pixels), steps=steps[:done], total=total, columns=COLUMNS, name="a14")

    def finished(trajectory: Trajectory) -> Film:
        away = rms(trajectory["clean_hat"].astype(np.float32) - trajectory["clean"])  # (2 K, columns)
        away[: len(steps) // 2, COLUMNS.index(SDEDIT)] = np.nan  # it begins where the others turn
        std, alike = np.array(trajectory.meta["std"]), np.array(trajectory.meta["alike"])

        return Film(
            rows=_on_the_way({name: to_pixels(_and_the_picture(trajectory, name)) for name in ("x_t", "clean_hat")}),
            steps=steps, columns=[*COLUMNS, "the picture"], marks=_marks(len(steps)), strip_row="x_t", name="a14",
            curves=[
                Curve(rf"\text{{{title}}}", away[:, k].tolist(), panel="distance",
                      meaning="from x̂₀ to the picture (RMS)" if k == 0 else "")
                for k, title in enumerate(COLUMNS)
            ],
            numbers=[
                Number(r"\text{std}(x_t)", "of the inverted picture", std[:, 0].tolist()),
                Number(r"\text{std}(x_t)", "of the noised one (SDEdit)", std[:, 2].tolist()),
                Number(r"\rho", "between neighbouring pixels, inverted", alike[:, 0].tolist()),
                Number(r"\rho", "between neighbouring pixels, noised", alike[:, 2].tolist()),
            ],
        )  # fmt: skip

    return Films(finished, live)


def taken(values: Values) -> list[int]:
    """How many steps each way the columns take: of a run of each of COUNTS those that lie at the turn or below."""
    return [len(turned(schedule().strided_timesteps(count), values["turn"])) for count in COUNTS]


def steps_films(values: Values) -> Films:
    """A column for each number of steps; below, what the estimate has wrong."""
    timesteps = turned(schedule().strided_timesteps(), values["turn"])
    steps = _ways(timesteps)
    columns = [f"{count} steps" for count in taken(values)]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(
            rows=_on_the_way(pixels), steps=steps[:done], total=total, columns=columns, name="a14-steps"
        )

    def finished(trajectory: Trajectory) -> Film:
        rows = _on_the_way(
            {name: to_pixels(_and_the_picture(trajectory, name)) for name in ("x_t", "clean_hat")}
        )
        wrong = _and_the_picture(trajectory, "clean_hat") - trajectory["clean"]
        rows.append(
            Row("missed", r"\Delta", difference_pixels(wrong, WRONG), "what x̂₀ has wrong", limit=WRONG)
        )
        return Film(
            rows=rows, steps=steps, columns=[*columns, "the picture"], strip_row="x_t", strip_sample=1, name="a14-steps",
            marks=_marks(len(steps)),
        )  # fmt: skip

    return Films(finished, live)


def between_films() -> Films:
    """A column for each weight; above along the great circle, below along the straight line."""
    labels = [f"t = {t}" for t in schedule().strided_timesteps()]
    columns = [f"w = {weight:g}" for weight in WEIGHTS]

    def film(pixels: Pixels, total: int) -> Film:
        many = len(WEIGHTS)
        rows = [
            Row(f"{name}-{way}", label, pixels[name][:, part], f"{what}, {caption}", shown=name == "clean_hat")
            for name, label, what in (("clean_hat", r"\hat{x}_0", "the estimate"), ("x_t", "x_t", "the picture at t"))
            for way, part, caption in ((0, slice(many), "great circle"), (1, slice(many, None), "straight line"))
        ]  # fmt: skip
        return Film(
            rows=rows, steps=labels[: len(pixels["x_t"])], total=total, columns=columns, strip_row="clean_hat-0",
            strip_sample=2, name="a14-between",
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        return film({name: to_pixels(trajectory[name]) for name in ("x_t", "clean_hat")}, len(labels))

    return Films(finished, film)


def by_steps(values: Values) -> None:
    """There and back with few steps and with many, and what each misses by."""
    picture, side = picture_and_side()
    with side:
        source_control(LESSON, values)
        allowed = controls_of(LESSON, ("turn", "prompt"))
        keep = kept_row()
    with picture:
        if canvas := drawing(LESSON):
            aside, picture = st.columns((4, 5), gap="medium")
            with aside:
                canvas()

    def run(values: Values) -> Beside:
        return Beside("", LESSON.job(values, model_fingerprint()), films(values))

    with picture:
        shown = run(values)
        if look(job_id(shown.spec)) is None and executor().at_hand(shown.spec):
            ask(shown.spec)  # answered at once, also beside a pinned run
        found = stage_beside(LESSON, shown, allowed=allowed, pins=pinned(LESSON, values, run))
    with keep:
        pin_row(LESSON, values, found is not None)
    if found is not None:
        counts, errors = taken(values), found["error"].tolist()
        with beside_the_figure():
            missed = [f"{error:.3f} with {count}" for count, error in zip(counts, errors, strict=True)]
            st.caption(f"Root mean square of what is wrong, on a scale from −1 to 1: {', '.join(missed)}.")
        series = [Series("there and back", {"steps each way": counts}, errors)]
        curves("Distance to the picture (RMS)", series, key="a14/errors", points=True, log_x=True, log_y=True)


def with_another_prompt(values: Values) -> None:
    """There, and back with the same prompt, with another one, and SDEdit."""
    trajectory = sampling_stage(
        LESSON, values, films, controls=controls, first=drawing(LESSON),
        forks_from=lambda trajectory: len(trajectory["x_t"]) // 2,
    )  # fmt: skip
    if trajectory is not None:
        with beside_the_figure():
            came_back(trajectory)


def controls() -> bool:
    source_control(LESSON, values)
    ok = controls_of(LESSON, ("steps", "turn"))
    return all([control(LESSON, name) for name in ("prompt", "other", "gamma", "seed")]) and ok


def came_back(trajectory: Trajectory) -> None:
    """How far the way back misses, in a sentence."""
    st.caption(
        f"Back with the same prompt: {trajectory.meta['error'][0]:.3f} from the picture (root mean square, on a scale from "
        f"−1 to 1) after {len(trajectory['x_t']) // 2} steps each way."
    )


def between_noises(values: Values) -> None:
    """The pictures of the noises between two seeds, and how large these are."""
    st.header("Between two noises", anchor=False)
    st.caption(
        f"“{plain(values['other'])}”, drawn by DDIM from the noises between the seeds {values['seed']} and "
        f"{values['seed'] + 1}."
    )
    found = stage(LESSON, between_spec(values, model_fingerprint()), between_films(), name="between")
    if found is None:
        return
    many, std = len(WEIGHTS), found["std"]
    noise = [
        Series(way, {"weight of the second noise": list(WEIGHTS)}, part.tolist())
        for way, part in (("great circle", std[:many]), ("straight line", std[many:]))
    ]
    curves("Standard deviation of the noise", noise, key="a14/std", points=True, y_range=(0.0, 1.1))


with lesson_page(LESSON) as values:
    with picture_and_side()[0]:
        control(LESSON, "shown", bare=True)
    if values["shown"] == "steps":
        by_steps(values)
    else:
        with_another_prompt(values)
        between_noises(values)
