"""The player: a scrubber through a trajectory, with its pictures, curves and numbers under one cursor."""

from pages.ui.player.component import Running, player
from pages.ui.player.film import (
    Curve,
    Film,
    FilmError,
    Number,
    Row,
    above_each_other,
    difference_to_uint8,
    side_by_side,
    signed_to_uint8,
    together,
    unit_to_uint8,
)

__all__ = [
    "Curve",
    "Film",
    "FilmError",
    "Number",
    "Row",
    "Running",
    "above_each_other",
    "difference_to_uint8",
    "player",
    "side_by_side",
    "signed_to_uint8",
    "together",
    "unit_to_uint8",
]
