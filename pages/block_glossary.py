"""B10: the kinds of block, each with its rule, its count, its source and what it makes of a digit."""

import inspect
from importlib import import_module

import numpy as np
import streamlit as st

from core.media import contact_sheet, unit_pixels
from core.trajectory import Trajectory
from lessons.block_glossary import LESSON, spec
from lessons.unet_blocks import TERMS, Term
from pages.ui.controls import control
from pages.ui.digits import digit_control
from pages.ui.lesson_page import beside_the_figure, lesson_page, picture_and_side
from pages.ui.quick import result_of
from pages.ui.still import brightened, still

# Pixels of the screen for one of a tensor, by the longer side of what goes in and what comes out: one scale for both.
SCALES = {56: 2, 28: 5, 7: 20, 1: 60}
LINE, CHANNELS = 4, 8  # how many are drawn in a line, and in all


def taken(trajectory: Trajectory, side: int) -> np.ndarray:
    """The digit as a block takes it, reduced to `side` by the mean: uint8 (side, side, 1)."""
    digit = trajectory["x_t"][0, 0, 0]
    step = len(digit) // side
    return unit_pixels(digit.reshape(side, step, side, step).mean(axis=(1, 3))[None])


def enlarged(pixels: np.ndarray, scale: int) -> np.ndarray:
    """uint8 (..., H, W, 1) -> (..., scale * H, scale * W, 1)."""
    return pixels.repeat(scale, axis=-3).repeat(scale, axis=-2)


def one_term(trajectory: Trajectory, term: Term) -> None:
    """A block: its rule, and what it makes of the digit, both to one scale."""
    facts = next(one for one in trajectory.meta["terms"] if one["name"] == term.name)
    before, after = (" × ".join(map(str, facts[key])) for key in ("shape_in", "shape_out"))
    with st.container(key="rule"):  # page.css: larger, it is what the lesson is about
        st.markdown(
            f"**{term.name}**: {term.does}  \n{term.shape}. Parameters: {term.count} = **{facts['parameters']:,}**."
        )
    found = trajectory[f"maps/{term.name}"][:CHANNELS]
    own = found.shape[1] > 1  # single points, each its own white, would all be white
    maps = brightened(found, each=own)[..., None]
    side = facts["shape_in"][-1] if len(facts["shape_in"]) == 3 else 1
    scale = SCALES[max(side, maps.shape[1])]
    with st.container(key="through", horizontal=True, gap="small", vertical_alignment="center"):
        with st.container(width="content", gap="xsmall"):
            still(enlarged(taken(trajectory, side), scale), "The digit, as the block takes it")
            st.caption(f"in: {before}")
        st.markdown(f"**{term.name} →**", width="content")
        with st.container(width="content", gap="xsmall"):
            columns = min(len(maps), LINE)
            still(
                contact_sheet(enlarged(maps, scale), columns=columns, background=128),
                f"What {term.name} puts out",
            )
            st.caption(
                f"out: {after}"
                + ("" if len(maps) == facts["shape_out"][0] else f", {len(maps)} of them")
                + ("; each channel has its own contrast" if own and len(maps) > 1 else "")
            )


def code_of(term: Term) -> None:
    """The source of its class."""
    module, name = term.source.split(":")
    st.code(inspect.getsource(getattr(import_module(module), name)), language="python", wrap_lines=True)


def table(trajectory: Trajectory, shown: Term) -> None:
    """All of them, with the numbers of this run; the one that is `shown` in the figure stands out."""
    rows = []
    for term, facts in zip(TERMS, trajectory.meta["terms"], strict=True):
        row = {"block": term.name, "shape rule": term.shape, "parameters": f"{facts['parameters']:,}"}
        if term is shown:
            row = {name: f"**{text}**" for name, text in row.items()} | {"block": f"**▸ {term.name}**"}
        rows.append(row)
    st.table(
        rows, hide_index=True, border="horizontal", alt="The nine kinds of block, their shapes and parameters"
    )


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, name) for name in ("i", "o")])
        digit_control(LESSON)
        ok = control(LESSON, "seed") and ok
    with picture, st.container(key="board"):  # page.css: on a phone it scrolls away with the rest
        ok = control(LESSON, "term", bare=True) and ok
        term = next(term for term in TERMS if term.name == values["term"])
        trajectory = result_of(LESSON, spec(values), allowed=ok)
        if trajectory is not None:
            one_term(trajectory, term)
    if trajectory is not None:
        with beside_the_figure():
            table(trajectory, term)
    with side, st.expander("Its code", icon=":material/code:"):
        code_of(term)
