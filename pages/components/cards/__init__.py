"""The cards of the start page: a lesson each, with a small film that plays under the pointer or the focus."""

from pages.components.cards.component import Card, cards

__all__ = ["Card", "cards"]
