"""The player: a scrubber through a trajectory, with its pictures, curves and numbers under one cursor."""

from pages.components.player.component import Running, player
from pages.components.player.film import (
    Curve,
    Film,
    FilmError,
    Number,
    Row,
    Term,
)
from pages.components.player.joined import above_each_other, side_by_side, together
from pages.components.player.packing import pack

__all__ = [
    "Curve",
    "Film",
    "FilmError",
    "Number",
    "Row",
    "Running",
    "Term",
    "above_each_other",
    "pack",
    "player",
    "side_by_side",
    "together",
]
