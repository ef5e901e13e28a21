"""Mounts the distance slider. Shrinking and blurring are done by the browser; nothing is sent while it moves."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from core.media import to_pixels
from pages.components.common import joined, styled

HERE = Path(__file__).parent
COMMON = ("pixel_ratio", "room")
SCRIPTS = ("distance",)
EYE_ARCMINUTES = 1.0  # standard deviation of the eye's blur; normal sight separates lines one arcminute apart

_mount = st.components.v2.component(
    "picture_distance",
    html=(HERE / "distance.html").read_text(encoding="utf-8"),
    css=styled(HERE / "distance.css"),
    js=joined(HERE, SCRIPTS, common=COMMON),
)


def distance(
    pictures: np.ndarray,
    readings: tuple[str, str],
    labels: Sequence[str],
    *,
    sigma: float,
    about: Mapping[str, Any] | None = None,
    key: str,
) -> None:
    """Shows one of the pictures (N, 3, H, W) in [−1, 1] from near and at a distance that the student sets, 0.5 to 24 metres.

    It opens at the distance at which the eye blurs by `sigma`, in the pictures' pixels. `readings` are the prompts from afar
    and from near, `labels` the pictures' names; `about` goes into what is kept of them.
    """
    raw = [base64.b64encode(to_pixels(picture).tobytes()).decode() for picture in pictures]
    _mount(
        key=key,
        height="content",
        data={
            "pictures": raw,
            "side": pictures.shape[-1],
            "readings": list(readings),
            "labels": list(labels),
            "sigma": sigma,
            "eye": EYE_ARCMINUTES,
            "about": dict(about or {}),
        },
    )
