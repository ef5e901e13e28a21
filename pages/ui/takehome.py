"""Every result can be taken home: picture, animation, numbers, link, notebook."""

from __future__ import annotations

import io

import numpy as np
import streamlit as st

from core.compute.jobs import JobSpec
from core.media import animated_gif, animated_webp, contact_sheet, png, to_pixels
from core.trajectory import Trajectory
from lessons.lesson import Lesson
from lessons.notebook import notebook

SCALE = 4  # 64 -> 256 pixels: large enough for a slide


def take_home(lesson: Lesson, trajectory: Trajectory, spec: JobSpec) -> None:
    """A popover with everything that can be made of a finished run; each file is made when it is asked for."""
    name = f"{lesson.code.lower()}-{lesson.url_path}"
    with st.popover("Take it home", icon=":material/download:"):
        files = (
            ("Picture (PNG)", "png", "image/png", lambda: png(_sheet(trajectory["result"][None])[0], scale=SCALE)),
            ("Animation (WebP)", "webp", "image/webp", lambda: animated_webp(_film(trajectory), scale=SCALE)),
            ("Animation (GIF)", "gif", "image/gif", lambda: animated_gif(_film(trajectory), scale=SCALE)),
            ("Numbers of every step (NPZ)", "npz", "application/octet-stream", lambda: _npz(trajectory)),
            ("Notebook that computes it", "ipynb", "application/x-ipynb+json", lambda: notebook(lesson, spec)),
        )
        for label, ending, mime, make in files:
            st.download_button(
                label, make, f"{name}.{ending}", mime, key=f"{lesson.slug}/take/{ending}",
                on_click="ignore", type="tertiary", icon=":material/download:",
            )  # fmt: skip
        st.caption("The link to this state, the same picture included, is the address of the page:")
        st.code(st.context.url.split("?")[0] + _query(), language=None, wrap_lines=True)


def _query() -> str:
    from urllib.parse import urlencode

    kept = {key: value for key, value in st.query_params.items() if key != "job"}
    return f"?{urlencode(kept)}" if kept else ""


def _sheet(pictures: np.ndarray) -> np.ndarray:
    """(steps, B, 3, H, W) -> uint8 (steps, H', W', 3): the batch side by side."""
    return np.stack([contact_sheet(to_pixels(batch), columns=len(batch)) for batch in pictures])


def _film(trajectory: Trajectory) -> np.ndarray:
    """x_t above the estimate of the clean picture, step by step; the result at the end, held for a while."""
    x_t, clean_hat = _sheet(trajectory["x_t"]), _sheet(trajectory["clean_hat"])
    frames = np.concatenate([x_t, clean_hat], axis=1)
    return np.concatenate([frames, np.repeat(frames[-1:], 10, axis=0)])


def _npz(trajectory: Trajectory) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **trajectory.arrays)
    return file.getvalue()
