"""What is said once to the browser's window, around every page: see component.py."""

from pages.components.window.component import came_by_history, window

__all__ = ["came_by_history", "window"]
