"""Shows finished pictures as they are seen from further away, in the browser."""

from pages.ui.distance.component import distance

__all__ = ["distance"]
