"""A12: samples, and the training pictures that lie nearest to them."""

import numpy as np
import streamlit as st

from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.is_it_memory import LESSON as WRITTEN
from lessons.is_it_memory import reference_distances, training
from pages.components.curves import Series, curves
from pages.components.player import Curve, Film, Row
from pages.server.runtime import schedule
from pages.server.served.progress import Pixels
from pages.ui.films import Films
from pages.ui.fitted import card, here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, sampling_stage, seeds
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
            Row("x_t", "x_t", pixels["x_t"], "the noisy picture"),
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
    st.subheader("The samples and their nearest training pictures", anchor=False)
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
    st.subheader("How near is near?", anchor=False)
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


with lesson_page(LESSON) as values:
    if not card().training_pictures:
        st.info(
            f"{card().name} was trained on pictures that are not here, so there is nothing to compare its samples with.",
            icon=":material/image_not_supported:",
        )
    elif (trajectory := sampling_stage(LESSON, values, films, pins=False)) is not None:
        neighbours(trajectory, seeds(values))
        distribution(trajectory)
