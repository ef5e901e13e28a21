"""A12: samples, and the training pictures that lie nearest to them."""

import numpy as np
import streamlit as st

from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.editing import rms
from lessons.is_it_memory import LESSON as WRITTEN
from lessons.is_it_memory import reference_distances, training
from lessons.one_step_denoising import TIMESTEPS
from lessons.two_students import EACH, OPPONENTS, SETS, TIMES, compared_spec, errors_spec, pictures_of
from pages.components.curves import Series, curves
from pages.components.player import Curve, Film, Row
from pages.server.runtime import model_fingerprint, schedule
from pages.server.served.progress import Pixels
from pages.server.session import LessonState
from pages.ui.controls import control
from pages.ui.films import Films
from pages.ui.fitted import card, here
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.sampling import Values, controls_of, sampling_stage, seeds
from pages.ui.stage import stage
from pages.ui.still import still

LESSON = here(WRITTEN)

STYLES = {
    "fluent-3d": "3d", "fluent-high-contrast": "ink", "noto": "painting", "fluent-flat": "flat icon",
}  # fmt: skip


def shown(rows: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Training pictures, uint8 (..., 64, 64, 3), each as it lies nearer to the sample."""
    pixels = training().pixels[rows]
    return np.where(mirrored[..., None, None, None], pixels[..., ::-1, :], pixels)


def films(values: Values) -> Films:
    """x_t, x̂₀ and, once all is computed, the training picture that each x̂₀ is nearest to."""
    labels, columns = [f"t = {t}" for t in schedule().strided_timesteps()], seeds(values)

    def rows(pixels: Pixels) -> list[Row]:
        return [
            Row("x_t", "x_t", pixels["x_t"], "the noisy picture", shown=False),
            Row("clean_hat", r"\hat{x}_0", pixels["clean_hat"], "the estimate of the clean picture"),
        ]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(
            rows=rows(pixels),
            steps=labels[:done],
            columns=columns,
            total=total,
            strip_row="clean_hat",
            name="a12",
        )

    def finished(trajectory: Trajectory) -> Film:
        pixels = {name: to_pixels(trajectory[name]) for name in ("x_t", "clean_hat")}
        near = shown(trajectory["step_nearest"], trajectory["step_mirrored"])  # (steps, B, 64, 64, 3)
        return Film(
            rows=[*rows(pixels), Row("nearest", r"\text{nearest}", near, "the nearest training picture")],
            steps=labels, columns=columns, strip_row="clean_hat", name="a12",
            curves=[
                Curve(r"\text{nearest of all}", trajectory["step_distance"].mean(axis=1).tolist(), panel="distance",
                      meaning="RMS distance to the nearest training picture"),
                Curve(r"\text{the last one}", trajectory["final_distance"].mean(axis=1).tolist(), panel="distance",
                      meaning="RMS distance to the training picture that the result is nearest to"),
            ],
        )  # fmt: skip

    return Films(finished, live)


def neighbours(trajectory: Trajectory, columns: list[str]) -> None:
    """Every sample, and beside it the three nearest training pictures with their distances."""
    st.header("The samples and their nearest training pictures", anchor=False)
    known, results = training(), to_pixels(trajectory["result"])
    for k, label in enumerate(columns):
        with st.container(horizontal=True, gap="small"):
            with st.container(width=136, gap="xsmall"):
                still(results[k], f"Sample, {label}", 128)
                st.caption(f"**Sample**, {label}  \nrelative {trajectory['relative'][k]:.2f}")
            found = (trajectory[name][k] for name in ("nearest", "mirrored", "distance"))
            for row, mirrored, distance in zip(*found, strict=True):
                with st.container(width=136, gap="xsmall"):
                    still(shown(row, mirrored), known.names[row], 128)
                    turned = " (mirrored)" if mirrored else ""
                    st.caption(
                        f"{known.names[row]}{turned}, {STYLES[known.styles[row]]}  \nRMS {distance:.3f}"
                    )
    st.caption(
        "Below 0.5, the relative distance of equation (3) calls a sample a copy: it lies less than half as far from the "
        "training picture as that picture's own neighbours do."
    )


def distribution(trajectory: Trajectory) -> None:
    """The share of pictures that lie within a distance of the training set."""
    st.header("How near is near?", anchor=False)
    found = {
        "samples above": np.sort(trajectory["distance"][:, 0]),
        "training pictures, to the nearest other": reference_distances()["training"],
        "held-out pictures": reference_distances()["heldout"],
    }
    series = [
        Series(
            name,
            {"RMS distance to the nearest training picture": values.round(4).tolist()},
            [(k + 1) / len(values) for k in range(len(values))],
        )
        for name, values in found.items()
    ]
    curves("Share within the distance", series, key="a12/distances", points=True, y_range=(0.0, 1.0))


# ---- two students ------------------------------------------------------------------------------------------------

OPPONENT = {
    "emoji64": "emoji64, which remembers", "storybook64": "storybook64, which learns", "blur": "the best blur",
    "exact": "perfect memory of emoji64’s pictures",
}  # fmt: skip

ANSWER = {  # label and words of each one's estimate: on a phone the label stands alone
    "emoji64": (r"\text{emoji64}", "recalls: it saw 1,493 pictures"),
    "storybook64": (r"\text{storybook64}", "learns: it saw none twice"),
    "blur": (r"\text{blur}", "the best one of xₜ"), "exact": (r"\text{memory}", "emoji64’s pictures that fit, averaged"),
}  # fmt: skip

YARDSTICK = "blur"  # behind its chip: two answers and their memory are read at once

SHORT = {"training": "Training pictures", "heldout": "Other objects", "photographs": "Photographs"}


def both_films() -> Films:
    """One picture at every t, as each opponent gives it back."""
    steps = [f"t = {t}" for t in TIMESTEPS]

    def rows(x_t: np.ndarray, estimates: np.ndarray) -> list[Row]:
        shown = {"x_t": (x_t, "x_t", "what both get")}
        shown |= {name: (estimates[:, k : k + 1], *ANSWER[name]) for k, name in enumerate(OPPONENTS)}
        return [
            Row(name, label, pixels, caption, shown=name != YARDSTICK)
            for name, (pixels, label, caption) in shown.items()
        ]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(
            rows=rows(pixels["x_t"], pixels["estimates"]), steps=steps[:done], total=total, name="a12-both"
        )

    def finished(trajectory: Trajectory) -> Film:
        clean = trajectory["clean"]
        away = rms(trajectory["estimates"] - clean)  # (steps, opponents)
        return Film(
            rows=[
                Row("clean", "x_0", to_pixels(clean[None]), "the picture", shown=False),  # it stands beside them
                *rows(to_pixels(trajectory["x_t"]), to_pixels(trajectory["estimates"])),
            ],
            steps=steps, start=steps.index("t = 300"), strip_row="storybook64", name="a12-both",
            curves=[
                Curve(rf"\text{{{OPPONENT[name]}}}", away[:, k].tolist(), panel="error",
                      meaning="RMS error of x̂₀" if k == 0 else "")
                for k, name in enumerate(OPPONENTS)
            ],
        )  # fmt: skip

    return Films(finished, live)


def set_films() -> Films:
    """A picture of each set, a column for each opponent, a frame for each t."""
    steps, columns = [f"t = {t}" for t in TIMES], [*OPPONENT.values(), "the picture"]
    originals = {name: to_pixels(pictures_of(name, EACH)[:1].numpy()) for name in SETS}  # (1, H, W, 3) each

    def film(pixels: Pixels, total: int) -> Film:
        done = len(pixels["training"])
        beside = {
            name: np.concatenate([pixels[name], originals[name][None].repeat(done, axis=0)], axis=1)
            for name in SETS
        }
        return Film(
            rows=[Row(name, r"\hat{x}_0", beside[name], words) for name, words in SETS.items()],
            steps=steps[:done], total=total, columns=columns, start=TIMES.index(400) if done == total else None,
            name="a12-sets",
        )  # fmt: skip

    return Films(
        lambda trajectory: film({name: to_pixels(trajectory[name]) for name in SETS}, len(steps)), film
    )


TOLD = (
    "Both get the same noisy picture and one try. emoji64 was shown 1,493 pictures again and again; storybook64 was "
    "shown new ones all the time, each composed for it and never shown twice."
)


def one_picture(values: Values) -> None:
    """The same noise to both, over a picture of the student's choice."""
    figure, side = picture_and_side()
    with side:
        control(LESSON, "other")
        st.caption(TOLD)
    with figure:
        go = LessonState(LESSON).take("go")  # the page has just been opened, or a preset asks for it
        stage(LESSON, compared_spec(values, model_fingerprint()), both_films(), name="both", go=go)


def many_pictures() -> None:
    """The same noise to both, over pictures that one of them, or none, was shown."""
    figure, side = picture_and_side()
    with side:
        st.caption(TOLD)
    with figure:
        found = stage(LESSON, errors_spec(model_fingerprint()), set_films(), name="sets")
    if found is None:
        return
    st.header("Error of x̂₀ (root mean square) against t", anchor=False)
    for part, (name, words) in zip(st.columns(len(SETS)), SHORT.items(), strict=True):
        measured = found["error"][list(SETS).index(name)]  # (times, opponents)
        with part:
            curves(
                words,
                [
                    Series(OPPONENT[who], {"t": list(TIMES)}, measured[:, k].round(4).tolist())
                    for k, who in enumerate(OPPONENTS)
                ],
                key=f"a12/errors/{name}", points=True, y_range=(0.0, 0.8),
            )  # fmt: skip


def samples(values: Values) -> None:
    """Samples of the model that remembers, and what they are nearest to."""
    trajectory = sampling_stage(LESSON, values, films, controls=controls)
    if trajectory is not None:
        neighbours(trajectory, seeds(values))
        distribution(trajectory)


def controls() -> bool:
    return controls_of(LESSON, ("prompt", "gamma", "count", "seed"))


with lesson_page(LESSON) as values:
    if not card().training_pictures:
        st.info(
            f"{card().name} was trained on pictures that are not here, so there is nothing to compare its samples with.",
            icon=":material/image_not_supported:",
        )
    else:
        with picture_and_side()[0]:
            control(LESSON, "shown", bare=True)
        if values["shown"] == "both":
            one_picture(values)
        elif values["shown"] == "sets":
            many_pictures()
        else:
            samples(values)
