"""A4: the loop, scrubbed."""

from dataclasses import replace

import numpy as np
import streamlit as st
import torch

from core.media import to_pixels
from core.trajectory import Trajectory
from lessons.classical_denoising import best_blur, psnr
from lessons.iterative_denoising import LESSON as WRITTEN
from pages.components.player import Film, Row
from pages.server.runtime import job_id, model_of, schedule
from pages.ui.edit_films import with_original
from pages.ui.films import Films, denoising
from pages.ui.fitted import here
from pages.ui.lesson_page import beside_the_figure, lesson_page
from pages.ui.pictures import pixels_of
from pages.ui.sampling import Values, sampling_stage
from pages.ui.still import still

LESSON = here(WRITTEN)
LEFT = 4  # steps before the end the film rests: x̂₀ is nearly the result, x_t not yet the same, the sum has all its terms


@st.cache_data(max_entries=64, show_spinner=False)
def blur_of(job: str, _noisy: torch.Tensor, _clean: torch.Tensor) -> tuple[torch.Tensor, float]:
    """The best blur of this job's first picture: twenty are tried, which not every click should wait for."""
    return best_blur(_noisy, _clean)


def comparison(job: str, trajectory) -> None:
    """The result against the two shortcuts: the first step's estimate, and the best blur."""
    clean = torch.from_numpy(trajectory["clean"][0].copy())  # a shared result is read-only
    noisy = torch.from_numpy(trajectory["x_t"][0, 0].copy())
    blurred, sigma = blur_of(job, noisy, clean)
    one_step = torch.from_numpy(trajectory["clean_hat"][0, 0].astype(np.float32))
    result = torch.from_numpy(trajectory["result"][0].copy())
    t = trajectory.meta["steps"][0]["t"]
    shown = (
        ("Original", clean),
        (f"Noised to t = {t}", noisy),
        ("Iterative", result),
        ("One step", one_step),
        (f"Best blur, σ = {sigma:g}", blurred),
    )
    st.header("The result beside the shortcuts", anchor=False)
    with st.container(horizontal=True):
        for title, picture in shown:
            with st.container(width=144, gap="xsmall"):
                still(to_pixels(picture.numpy()), title, 128)
                st.caption(title if picture is clean else f"{title}  \nPSNR {psnr(picture, clean):.1f} dB")


def films(values: Values) -> Films:
    """The run beside the original and what one step would have given: the estimate that it begins with."""
    run = denoising(schedule().strided_timesteps()[values["i_start"] :], name="a4")
    original = pixels_of(values["picture"])[None, None]

    def with_both(film: Film) -> Film:
        film = with_original(film, original)
        rows = {row.name: row for row in film.rows}
        first, estimate = film.rows[0], rows["clean_hat"]
        one = Row("one_step", r"\text{one step}", estimate.pixels[:1], "would have given this")
        rows["x_t"] = replace(rows["x_t"], shown=False)  # the sum has it
        rows["clean_hat"] = replace(
            estimate, caption="the estimate, step by step", ends="the estimate, after all steps"
        )
        return replace(film, rows=[first, one, *(row for row in rows.values() if row.name != first.name)])

    def finished(trajectory: Trajectory) -> Film:
        film = with_both(run.finished(trajectory))
        return replace(film, start=len(film.steps) - LEFT) if len(film.steps) > LEFT else film

    return Films(
        finished,
        lambda pixels, total: with_both(run.live(pixels, total)),
    )


with lesson_page(LESSON) as values:
    trajectory = sampling_stage(LESSON, values, films)
    if trajectory is not None:
        with beside_the_figure():
            comparison(job_id(LESSON.job(values, model_of(values))), trajectory)
