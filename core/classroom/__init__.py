"""Rooms in which somebody leads a class: who is there, where the class is, and what it was asked."""
