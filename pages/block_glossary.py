"""B10: the kinds of block, each with its rule, its count, its source and what it makes of a digit."""

import inspect
from importlib import import_module

import streamlit as st

from core.media import contact_sheet, unit_pixels
from core.trajectory import Trajectory
from lessons.block_glossary import LESSON, spec
from lessons.unet_blocks import TERMS, Term
from pages.ui.controls import control
from pages.ui.digits import digit_control
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.quick import result_of
from pages.ui.still import still

TILE = 72  # about so many pixels of the screen for a picture


def one_term(trajectory: Trajectory, term: Term) -> None:
    """A block: its rule, and what it makes of the digit."""
    facts = next(one for one in trajectory.meta["terms"] if one["name"] == term.name)
    before, after = (" × ".join(map(str, facts[key])) for key in ("shape_in", "shape_out"))
    st.markdown(
        f"**{term.name}**: {term.does}  \n{term.shape}, here {before} → {after}. "
        f"Parameters: {term.count} = **{facts['parameters']:,}**."
    )
    maps = trajectory[f"maps/{term.name}"]
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        with st.container(width=TILE + 16, gap="xsmall"):
            still(unit_pixels(trajectory["x_t"][0, 0]), "The digit", TILE)
            st.caption("the digit")
        with st.container(width="content", gap="xsmall"):
            scale = max(1, TILE // maps.shape[1])
            tiles = maps.repeat(scale, axis=1).repeat(scale, axis=2)[..., None]
            still(
                contact_sheet(tiles, columns=min(8, len(tiles)), background=128), f"What {term.name} puts out"
            )
            st.caption(f"{len(maps)} of {facts['shape_out'][0]} channels")


def code_of(term: Term) -> None:
    """The source of its class."""
    module, name = term.source.split(":")
    st.code(inspect.getsource(getattr(import_module(module), name)), language="python", wrap_lines=True)


def table(trajectory: Trajectory) -> None:
    """All of them, with the shapes and numbers of this run."""
    rows = []
    for term, facts in zip(TERMS, trajectory.meta["terms"], strict=True):
        before, after = (" × ".join(map(str, facts[key])) for key in ("shape_in", "shape_out"))
        rows.append({
            "block": term.name, "shape rule": term.shape, "here": f"{before} → {after}", "parameters": term.count,
            "in all": facts["parameters"],
        })  # fmt: skip
    st.dataframe(
        rows, hide_index=True, height="content", row_height=29,
        column_config={"in all": st.column_config.NumberColumn(format="localized")},
    )  # fmt: skip


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, name) for name in ("term", "i", "o")])
        digit_control(LESSON)
        ok = control(LESSON, "seed") and ok
    term = next(term for term in TERMS if term.name == values["term"])
    with picture, st.container(key="board"):  # page.css: on a phone it scrolls away with the rest
        trajectory = result_of(LESSON, spec(values), allowed=ok)
        if trajectory is not None:
            one_term(trajectory, term)
            table(trajectory)
    with side, st.expander("Its code", icon=":material/code:"):
        code_of(term)
