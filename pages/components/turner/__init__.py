"""Turns finished pictures in the browser, by a button or a key: the second reading of an anagram."""

from pages.components.turner.component import turner

__all__ = ["turner"]
