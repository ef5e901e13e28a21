"""The film of lesson B7's plane: the field as arrows, and what would be drawn from every point."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from core.media import unit_pixels
from core.trajectory import Trajectory
from lessons.flow_studies import PLANE_POINTS
from pages.components.player import Film, Row

SIDE = 560  # pixels of the drawing of the field
FINER = 2  # drawn at twice the size and reduced, for smooth lines
GROUND, FAINT, BRIGHT = (0, 0, 0), (70, 74, 84), (240, 242, 245)
MARKS = (
    (86, 180, 233),
    (242, 153, 92),
    (60, 201, 160),
)  # the three trajectories, in the theme's dark colours
TILE = 28


def plane_film(trajectory: Trajectory) -> Film:
    """One frame for each time."""
    sheets = np.stack([_sheet(trajectory, k) for k in range(len(trajectory["corners"]))])
    fields = np.stack([_field(trajectory, k) for k in range(len(trajectory["corners"]))])
    return Film(
        rows=[
            Row("field", "u", fields[:, None], "the part of the velocity that lies in the plane", drawn=True),
            Row(
                "clean_hat", r"\hat{x}_1", sheets[:, None], "what would be drawn from each point", drawn=True
            ),
        ],
        steps=[f"t = {t:g}" for t in trajectory.meta["times"]],
        clock="flow",
        strip_row="clean_hat",
        start=0,
        name="b7-plane",
    )


def _place(trajectory: Trajectory, k: int, points: np.ndarray, size: float) -> np.ndarray:
    """Points of the plane (N, 2) as positions on a square drawing of `size`: x to the right, y downwards."""
    left, right, bottom, top = trajectory["side"][k]
    return np.stack(
        [(points[:, 0] - left) / (right - left) * size, (top - points[:, 1]) / (top - bottom) * size], axis=1
    )


def _grid(trajectory: Trajectory, k: int) -> np.ndarray:
    """The grid's points in the plane, (N * N, 2), as the job lays them: rows from bottom to top."""
    left, right, bottom, top = trajectory["side"][k]
    across = np.linspace(left, right, PLANE_POINTS)
    up = np.linspace(bottom, top, PLANE_POINTS)
    return np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)


def _field(trajectory: Trajectory, k: int) -> np.ndarray:
    """uint8 (SIDE, SIDE, 3). An arrow is as bright as the share of the velocity that lies in the plane."""
    size = SIDE * FINER
    inner = size * PLANE_POINTS / (PLANE_POINTS + 1)  # half a cell is left free around the outermost points
    offset = (size - inner) / 2
    image = Image.new("RGB", (size, size), GROUND)
    draw = ImageDraw.Draw(image)
    starts = _place(trajectory, k, _grid(trajectory, k), inner) + offset
    arrows, inside = trajectory["arrows"][k].astype(float), trajectory["inside"][k]
    longest = np.linalg.norm(arrows, axis=1).max() or 1.0
    reach = 0.85 * inner / (PLANE_POINTS - 1)
    for (x, y), (u, v), share in zip(starts, arrows, inside, strict=True):
        length = math.hypot(u, v) / longest * reach
        colour = tuple(round(a + (b - a) * float(share)) for a, b in zip(FAINT, BRIGHT, strict=True))
        _arrow(draw, x, y, math.atan2(-v, u), length, colour)
    for (x, y), colour in zip(
        _place(trajectory, k, trajectory["corners"][k], inner) + offset, MARKS, strict=True
    ):
        draw.ellipse(
            [x - 9 * FINER, y - 9 * FINER, x + 9 * FINER, y + 9 * FINER],
            fill=colour,
            outline=GROUND,
            width=FINER,
        )
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _arrow(draw: ImageDraw.ImageDraw, x: float, y: float, angle: float, length: float, colour: tuple) -> None:
    """From (x, y); the head takes a third of its length."""
    dx, dy = math.cos(angle), math.sin(angle)
    tip_x, tip_y = x + length * dx, y + length * dy
    draw.line([x, y, tip_x, tip_y], fill=colour, width=round(1.6 * FINER))
    head = min(length / 2.5, 7 * FINER)
    for turn in (2.6, -2.6):
        draw.line(
            [tip_x, tip_y, tip_x + head * math.cos(angle + turn), tip_y + head * math.sin(angle + turn)],
            fill=colour, width=round(1.6 * FINER),
        )  # fmt: skip


def _sheet(trajectory: Trajectory, k: int) -> np.ndarray:
    """uint8 (N * 28, N * 28, 3): the grid's pictures in their places; the three trajectories framed in their colours."""
    pictures = unit_pixels(trajectory["clean_hat"][k])[..., 0]  # (N * N, 28, 28), rows from bottom to top
    rows = pictures.reshape(PLANE_POINTS, PLANE_POINTS, TILE, TILE)[::-1]
    sheet = rows.swapaxes(1, 2).reshape(PLANE_POINTS * TILE, PLANE_POINTS * TILE)
    sheet = np.repeat(sheet[..., None], 3, axis=-1).copy()
    corners = _place(trajectory, k, trajectory["corners"][k], PLANE_POINTS - 1)
    for (column, row), colour in zip(np.rint(corners).astype(int), MARKS, strict=True):
        top, left = row * TILE, column * TILE
        sheet[top : top + TILE, [left, left + TILE - 1]] = colour
        sheet[[top, top + TILE - 1], left : left + TILE] = colour
    return sheet
