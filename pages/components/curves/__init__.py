"""Curves over a common axis, drawn by plotly: running losses, sweeps, errors of solvers.

`st.plotly_chart` makes a new chart of every new figure, which loses a zoom and flickers while a training runs. So the
browser gets the numbers, and plotly's own script draws them into one chart that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.components.common import styled
from pages.components.curves.library import address

HERE = Path(__file__).parent

_mount = st.components.v2.component(
    "curves",
    html=(HERE / "curves.html").read_text(encoding="utf-8"),
    css=styled(HERE / "curves.css"),
    js=(HERE / "curves.js").read_text(encoding="utf-8"),
    isolate_styles=False,  # plotly puts its own rules into the page
)


@dataclass(frozen=True, eq=False)
class Series:
    """One curve.

    Attributes:
        name: in the legend.
        x: axis label ("step", "seconds") -> one number for each point; all series of a chart have the same labels.
        y: one number for each point; None leaves a gap.
        every: how many steps one point stands for, in a chart with smoothing.
        note: a few words after the name.
        colour: index of the theme's colours; by default the series' own place.
    """

    name: str
    x: Mapping[str, Sequence[float]]
    y: Sequence[float | None]
    every: int = 1
    note: str = ""
    colour: int | None = None


def curves(
    title: str,
    series: Sequence[Series],
    *,
    key: str,
    smoothing: int = 0,
    log_x: bool = False,
    log_y: bool = False,
    points: bool = False,
    verticals: Sequence[float] = (),
    x_max: float | None = None,
    y_range: tuple[float, float] | None = None,
    height: int = 280,
    share: float = 0.0,
) -> None:
    """Draws the series. Calling again under the same key with more points lets the curves grow.

    `smoothing`: 0, or over how many steps the bold curve first averages (the student may change it). `points` marks
    every point. `verticals` are lines at values of the first axis, such as the ends of epochs; `x_max` is where the
    first axis will end once everything is computed. `height` is in CSS pixels; with a `share` of the window's height, the
    least.

    Raises:
        ValueError: the series do not share their axes, or x and y differ in length.
    """
    axes = list(series[0].x) if series else ["step"]
    for one in series:
        if list(one.x) != axes or any(len(values) != len(one.y) for values in one.x.values()):
            raise ValueError(f"The curve {one.name!r} needs {axes} with as many numbers as its values.")
    _mount(
        key=key,
        data={
            "title": title,
            "axes": axes,
            "series": [
                {
                    "name": one.name,
                    "x": [list(map(float, values)) for values in one.x.values()],
                    "y": [None if v is None else float(v) for v in one.y],
                    "every": one.every,
                    "note": one.note,
                    "colour": one.colour,
                }
                for one in series
            ],
            "smoothing": smoothing,
            "log_x": log_x,
            "log_y": log_y,
            "points": points,
            "verticals": list(verticals),
            "x_max": x_max,
            "y_range": list(y_range) if y_range else None,
            "height": height,
            "share": share,
            "library": address(),
        },
    )
