"""A hand that points at something on the page until that is pressed: for the tour."""

from pages.components.hand.component import hand

__all__ = ["hand"]
