"""Shows finished pictures as they are seen from further away, in the browser."""

from pages.components.distance.component import distance

__all__ = ["distance"]
