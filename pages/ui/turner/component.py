"""Mounts the turner. What moves is drawn by the browser; the picture it ends on is the view's own."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from core.media import png
from core.views import VIEWS
from lessons.visual_anagrams import seen
from pages.ui.player import signed_to_uint8

HERE = Path(__file__).parent
GRID = 4  # the jigsaw's squares a side

_mount = st.components.v2.component(
    "picture_turner",
    html=(HERE / "turner.html").read_text(encoding="utf-8"),
    css=(HERE / "turner.css").read_text(encoding="utf-8"),
    js=(HERE / "turner.js").read_text(encoding="utf-8"),
)


def turner(
    pictures: np.ndarray, view: str, readings: tuple[str, str], labels: Sequence[str], *, key: str
) -> None:
    """Shows pictures (N, 3, H, W) in [−1, 1] and turns all of them through the view named `view`.

    `readings` are the prompts upright and turned, `labels` the pictures' names. Nothing is sent to the server.
    """
    turned = seen(pictures, VIEWS[view])
    _mount(
        key=key,
        height="content",
        data={
            "view": view,
            "upright": [_url(picture) for picture in pictures],
            "turned": [_url(picture) for picture in turned],
            "order": _order(view),
            "grid": GRID,
            "readings": list(readings),
            "labels": list(labels),
        },
    )


def _order(view: str) -> list[int]:
    """For a jigsaw: which square of the picture lies at each place afterwards, in reading order."""
    if view != "jigsaw":
        return []
    squares = np.arange(GRID**2).reshape(1, GRID, GRID)
    return seen(squares, VIEWS[view]).astype(int).ravel().tolist()


def _url(picture: np.ndarray) -> str:
    data = png(signed_to_uint8(picture))
    return "data:image/png;base64," + base64.b64encode(data).decode()
