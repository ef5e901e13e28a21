"""A grid of a lesson: two controls swept, the sheet of their pictures in the figure, and the way into any cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from core.trajectory import Trajectory
from lessons.address import GRID
from lessons.fields import BadValue, Choice, Field, Typed
from lessons.grid import (
    GREY,
    MOMENTS,
    MOST,
    Grid,
    cells,
    grid_spec,
    labels,
    read_axis,
    read_grid,
    write_grid,
)
from lessons.lesson import Lesson
from pages.components.plain import plain, shortened
from pages.components.player import Film, Row
from pages.server.runtime import model_of
from pages.server.served.progress import Pixels
from pages.server.session import LessonState
from pages.ui.controls import face_control, in_address, set_values
from pages.ui.films import Films
from pages.ui.stage import stage

SHEET, RUN = "The grid", "The run"
SHORTEST = 24  # characters of a prompt in a label


# ---- the sheet ---------------------------------------------------------------------------------------------


def grid_in_the_figure(lesson: Lesson, values: Mapping[str, Any], *, allowed: bool) -> bool:
    """Draws the grid of this page, if there is one and it is not the run that is asked for; False if it was not drawn."""
    grid = _grid(lesson)
    if grid is None:
        return False
    state = LessonState(lesson)
    key = state.key("grid/shown")
    if state.stage().frame is not None:  # a phrase asks for a step of the run
        st.session_state[key] = RUN
    st.session_state.setdefault(key, SHEET)
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = face_control(key, (SHEET, RUN))
        if shown == SHEET:
            st.caption(_sides(lesson, grid))
    if shown == RUN:
        return False
    try:
        spec = grid_spec(lesson, grid, [(cell, model_of(cell)) for cell in cells(values, grid)])
    except BadValue as error:
        st.warning(f"The grid cannot be computed: {plain(str(error))}", icon=":material/grid_off:")
        return True
    stage(lesson, spec, _films(lesson, grid), allowed=allowed, name="grid", go=state.take("go"))
    return True


def _films(lesson: Lesson, grid: Grid) -> Films:
    """A row of pictures for each value down, a column for each across; the frames are the moments of all runs at once."""
    columns = [shortened(text, SHORTEST) for text in labels(lesson, grid.across)]
    heads = [_head(lesson.field(grid.down.name), k, text) for k, text in enumerate(labels(lesson, grid.down))]

    def film(pixels: np.ndarray, steps: Sequence[str], total: int) -> Film:
        rows = [
            Row(
                f"row {k + 1}",
                label,
                pixels[:, k * len(columns) : (k + 1) * len(columns)],
                caption,
                blank=GREY,
            )
            for k, (label, caption) in enumerate(heads)
        ]
        return Film(rows=rows, steps=steps, columns=columns, total=total, name="grid")

    def live(pixels: Pixels, total: int) -> Film:
        sheets = pixels["sheet"]
        return film(sheets, [f"part {k + 1}" for k in range(len(sheets))], total)

    def finished(trajectory: Trajectory) -> Film:
        share = np.linspace(0, 100, MOMENTS)
        return film(trajectory["pictures"], [f"{part:.0f} %" for part in share], MOMENTS)

    return Films(finished, live, f"grid {grid}")


def _head(field: Field, k: int, value: str) -> tuple[str, str]:
    """What a row is called: a number by itself, above the name of the control; anything else by its place and its words."""
    return (value, field.label) if isinstance(field, Typed) else (str(k + 1), shortened(value, SHORTEST))


def _sides(lesson: Lesson, grid: Grid) -> str:
    across, down = lesson.field(grid.across.name).label, lesson.field(grid.down.name).label
    return f"Across: {plain(across)}. Down: {plain(down)}. Each is the first picture of its run."


# ---- what stands among the words ---------------------------------------------------------------------------


def grid_row(lesson: Lesson, values: Mapping[str, Any]) -> None:
    """The way to a grid; where there is one, into its cells, and how to be rid of it."""
    grid, state = _grid(lesson), LessonState(lesson)
    if grid is None:
        with st.popover("A grid", icon=":material/grid_view:", key=state.key("grid/form")):
            _form(lesson, values)
        return
    with st.popover("Open a cell", icon=":material/open_in_full:", key=state.key("grid/open")):
        st.markdown(f"{_sides(lesson, grid)} The controls take the values of the cell.")
        rows, columns = labels(lesson, grid.down), labels(lesson, grid.across)
        wanted = iter(cells({}, grid))
        for row in rows:
            for column, box in zip(columns, st.columns(len(columns)), strict=True):
                cell = next(wanted)
                box.button(
                    plain(f"{shortened(column, SHORTEST)} · {shortened(row, SHORTEST)}"), width="stretch",
                    key=state.key(f"grid/cell/{row}/{column}"),
                    on_click=_open, args=(lesson, cell),
                )  # fmt: skip
    st.button(
        "Take the grid away", icon=":material/grid_off:", type="tertiary", key=state.key("grid/away"), on_click=_leave,
        args=(lesson,),
    )  # fmt: skip


def _form(lesson: Lesson, values: Mapping[str, Any]) -> None:
    """Two controls, and the values of each."""
    state = LessonState(lesson)
    st.markdown(
        f"Two controls, up to {MOST} values each, every pair of them a picture; with semicolons between them."
    )
    axes, fields = [], [lesson.field(name) for name in lesson.sweeps]
    for side, offered in (("across", fields), ("down", fields[::-1])):
        first, second = st.columns([2, 3], vertical_alignment="bottom")
        field = first.selectbox(
            side.capitalize(), offered, key=state.key(f"grid/{side}"), format_func=lambda field: field.label
        )
        with second:
            axes.append((field, _box(lesson, side, field)))
    if not st.button(
        "Compute the grid", icon=":material/grid_view:", type="primary", key=state.key("grid/compute")
    ):
        return
    if axes[0][0] == axes[1][0]:
        st.warning("Choose two different controls.", icon=":material/edit:")
        return
    try:
        across, down = (read_axis(lesson, field.name, typed) for field, typed in axes)
        grid = Grid(across, down)
        for cell in cells(values, grid):
            lesson.job(cell, model_of(cell))
    except BadValue as error:
        st.warning(plain(str(error)), icon=":material/edit:")
        return
    _show(lesson, grid)
    st.rerun()


def _box(lesson: Lesson, side: str, field: Field) -> str:
    """What is typed or chosen for a control, as `read_axis` reads it."""
    key = LessonState(lesson).key(f"grid/{side}/{field.name}")
    if isinstance(field, Choice):
        chosen = st.pills(
            "Values", field.options, key=key, selection_mode="multi", format_func=field.label_of, wrap=True
        )
        return ";".join(option for option in field.options if option in chosen)
    return st.text_input("Values", key=key, placeholder=field.encode(field.default), help=field.help or None)


def _show(lesson: Lesson, grid: Grid) -> None:
    state = LessonState(lesson)
    state.grid, state.go = write_grid(lesson, grid), True
    st.session_state.pop(state.key("grid/shown"), None)


def _open(lesson: Lesson, cell: Mapping[str, Any]) -> None:
    set_values(lesson, cell)
    st.session_state[LessonState(lesson).key("grid/shown")] = RUN


def _leave(lesson: Lesson) -> None:
    LessonState(lesson).grid = ""


def _grid(lesson: Lesson) -> Grid | None:
    text = in_address(lesson, GRID)
    return read_grid(lesson, text) if text else None
