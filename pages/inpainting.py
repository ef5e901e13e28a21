"""A8: a mask is painted on the picture, and the loop fills it."""

import numpy as np
import streamlit as st

from core.media import difference_pixels, to_pixels
from core.trajectory import Trajectory
from lessons.fields import BadValue
from lessons.inpainting import LESSON as WRITTEN
from lessons.inpainting import seam
from pages.server.runtime import schedule
from pages.ui.controls import control
from pages.ui.edit_films import inpainting, outlined
from pages.ui.films import Films
from pages.ui.fitted import here
from pages.ui.lesson_page import beside_the_figure, lesson_page
from pages.ui.masks import kept_share, mask_field, mask_shapes
from pages.ui.pictures import pixels_of
from pages.ui.sampling import Values, controls_of, model_control, sampling_stage, seeds
from pages.ui.sources import from_lessons
from pages.ui.still import still

LESSON = here(WRITTEN)


def comparison(trajectory: Trajectory) -> None:
    """Original and results with the seam drawn in, what changed, and the two numbers that say how well it went."""
    mask = trajectory["mask"][0, 0].astype(bool)
    clean, result = trajectory["clean"], trajectory["result"]  # (1, 3, H, W), (B, 3, H, W)
    before, after = to_pixels(clean)[0], to_pixels(result)
    st.header("What was kept, and how it joins", anchor=False)
    with st.container(horizontal=True):
        _tile("Original, with the seam", outlined(before[None], mask)[0])
        for k, pixels in enumerate(after):
            changed = difference_pixels(result[k] - clean[0], 1.0)
            name = f"Seed {trajectory.meta['params']['columns'][k]['seed']}"
            _tile(name, pixels)
            _tile(f"{name}, changed", changed)
    different = int((after != before)[:, ~mask].any(axis=-1).sum())
    kept = int((~mask).sum()) * len(after)
    text = f"Outside the mask **{different} of {kept} pixels** differ from the 8-bit original."
    steps = seam(result, mask)
    if steps is not None:
        text += (
            f" The step across the seam is {', '.join(f'{x:.2f}' for x in steps)} (of 2, root mean square); "
            f"in the original it is {seam(clean[0], mask):.2f}."
        )
    st.markdown(text)


def _tile(title: str, pixels: np.ndarray) -> None:
    with st.container(width=144, gap="xsmall"):
        still(pixels, title, 128)
        st.caption(title)


def films(values: Values) -> Films:
    return inpainting(schedule().strided_timesteps(), seeds(values), "a8")


def controls() -> bool:
    control(LESSON, "picture")
    from_lessons(LESSON)
    mask_shapes(LESSON)
    return all([controls_of(LESSON, ("prompt", "gamma", "count", "seed")), model_control(LESSON)])


def mask() -> None:
    with st.container(key="board"):  # page.css: on a phone it scrolls away with the rest
        mask_field(LESSON, values, pixels_of(values["picture"]))


def something_painted(values: Values) -> None:
    """34 steps would give back the original. Raises BadValue where there is nothing to make."""
    if kept_share(values) == 1:
        raise BadValue("Nothing is painted in its mask, so there is nothing to compute.")


with lesson_page(LESSON) as values:
    trajectory = sampling_stage(
        LESSON, values, films, controls=controls, first=mask, shares=(1, 2), needs=something_painted
    )
    if trajectory is not None:
        with beside_the_figure():
            comparison(trajectory)
