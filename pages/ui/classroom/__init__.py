"""The class, as its members see it: the way in, the bar that says who is followed, and the question to all."""

from pages.ui.classroom.bar import class_bar
from pages.ui.classroom.entry import admitted

__all__ = ["admitted", "class_bar"]
