"""Every result can be taken home: picture, animation, numbers, link, notebook."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from core.jobs import JobSpec
from core.media import animated_gif, animated_webp, contact_sheet, png, to_pixels
from core.trajectory import Trajectory
from lessons.lesson import Lesson
from lessons.notebook import notebook
from pages.ui.sources import go_on

SCALE = 4  # 64 -> 256 pixels: large enough for a slide
ACROSS = 9  # steps on a contact sheet


# What a download is called on screen, how its file name ends, its MIME type, and what makes it when it is asked for.
File = tuple[str, str, str, Callable[[], bytes]]


def take_home(lesson: Lesson, trajectory: Trajectory, spec: JobSpec, more: Sequence[File] = ()) -> None:
    """What can be made of a finished run: files (`more` are the lesson's own), the link, and another lesson's beginning."""
    with st.container(horizontal=True, gap="small"):
        _files(lesson, trajectory, spec, more)
        if "result" in trajectory.arrays and lesson.part == "A":
            go_on(lesson, trajectory["result"])


def slides(pictures: np.ndarray, milliseconds: int) -> bytes:
    """A GIF of pictures (N, B, 3, H, W) in [-1, 1], one batch after the other, each for so long."""
    return animated_gif(_sheet(pictures, -1.0), milliseconds=milliseconds, scale=SCALE)


def _files(lesson: Lesson, trajectory: Trajectory, spec: JobSpec, more: Sequence[File]) -> None:
    """A popover with everything that can be kept; each file is made when it is asked for."""
    name = f"{lesson.code.lower()}-{lesson.url_path}"
    low = -1.0 if lesson.part == "A" else 0.0  # black, in the pictures of this half of the course
    with st.popover("Take it home", icon=":material/download:"):
        files: tuple[File, ...] = (
            (
                "Picture (PNG)",
                "png",
                "image/png",
                lambda: png(_sheet(_last(trajectory)[None], low)[0], scale=SCALE),
            ),
            ("Contact sheet (PNG)", "sheet.png", "image/png", lambda: _contact_sheet(trajectory, low)),
            (
                "Animation (WebP)",
                "webp",
                "image/webp",
                lambda: animated_webp(_film(trajectory, low), scale=SCALE),
            ),
            (
                "Animation (GIF)",
                "gif",
                "image/gif",
                lambda: animated_gif(_film(trajectory, low), scale=SCALE),
            ),
            ("Numbers of every step (NPZ)", "npz", "application/octet-stream", lambda: _npz(trajectory)),
            (
                "Notebook that computes it",
                "ipynb",
                "application/x-ipynb+json",
                lambda: notebook(lesson, spec),
            ),
            *more,
        )
        with st.container(gap=None):
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


def _sheet(pictures: np.ndarray, low: float) -> np.ndarray:
    """(steps, B, C, H, W) in [low, 1] -> uint8 (steps, H', W', C): the batch side by side."""
    return np.stack(
        [contact_sheet(to_pixels(batch, low=low), columns=min(len(batch), 10)) for batch in pictures]
    )


def _last(trajectory: Trajectory) -> np.ndarray:
    """(B, C, H, W): the result, or where there is none the last estimates."""
    return trajectory["result"] if "result" in trajectory.arrays else trajectory["clean_hat"][-1]


def _film(trajectory: Trajectory, low: float) -> np.ndarray:
    """What goes in above the estimate of the clean picture, step by step; the last step held for a while."""
    shown = [_sheet(trajectory[name], low) for name in ("x_t", "z", "clean_hat") if name in trajectory.arrays]
    steps, widest = max(len(sheet) for sheet in shown), max(sheet.shape[2] for sheet in shown)
    same = [
        np.pad(sheet, ((0, 0), (0, 0), (0, widest - sheet.shape[2]), (0, 0)), constant_values=255).repeat(
            1 if len(sheet) == steps else steps,
            axis=0,  # a single frame stands still
        )
        for sheet in shown
    ]
    frames = np.concatenate(same, axis=1)
    return np.concatenate([frames, np.repeat(frames[-1:], 10, axis=0)])


def _contact_sheet(trajectory: Trajectory, low: float) -> bytes:
    """At most `ACROSS` estimates of the clean picture, evenly over the steps; a line for each sample."""
    film = trajectory["clean_hat"] if "clean_hat" in trajectory.arrays else trajectory["x_t"]
    at = np.unique(np.linspace(0, len(film) - 1, ACROSS).round().astype(int))
    chosen = film[at].swapaxes(0, 1)  # (B, steps, C, H, W)
    frames = to_pixels(chosen.reshape(-1, *film.shape[2:]), low=low)
    return png(contact_sheet(frames, columns=len(at)), scale=SCALE // 2)


def _npz(trajectory: Trajectory) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **trajectory.arrays)
    return file.getvalue()
