"""Mounts the turner. What moves is drawn by the browser; the picture it ends on is the view's own."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.media import png, to_pixels
from pages.components.common import joined, styled

HERE = Path(__file__).parent
COMMON = ("room",)
SCRIPTS = ("turner",)

_mount = st.components.v2.component(
    "picture_turner",
    html=(HERE / "turner.html").read_text(encoding="utf-8"),
    css=styled(HERE / "turner.css"),
    js=joined(HERE, SCRIPTS, common=COMMON),
)


def turner(
    pictures: np.ndarray,
    turned: np.ndarray,
    view: str,
    readings: tuple[str, str],
    labels: Sequence[str],
    *,
    order: Sequence[int] = (),
    called: str = "turned",
    about: Mapping[str, Any] | None = None,
    key: str,
) -> None:
    """Shows pictures (N, 3, H, W) in [−1, 1] and turns all of them through the view named `view`, into `turned`.

    `order`, for a jigsaw: which square of the picture lies at each place afterwards, in reading order. `readings` are
    the prompts upright and turned, `labels` the pictures' names, and `called` is what the view does to them, in a word.
    `about` goes into what is kept of them. Nothing is sent to the server.
    """
    _mount(
        key=key,
        height="content",
        data={
            "view": view,
            "upright": [_url(picture) for picture in pictures],
            "turned": [_url(picture) for picture in turned],
            "order": list(order),
            "grid": math.isqrt(len(order)),
            "readings": list(readings),
            "labels": list(labels),
            "called": called,
            "about": dict(about or {}),
        },
    )


def _url(picture: np.ndarray) -> str:
    data = png(to_pixels(picture))
    return "data:image/png;base64," + base64.b64encode(data).decode()
