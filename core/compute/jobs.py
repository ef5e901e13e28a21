"""Where notebooks of before November 2026 look for the words of the work. The app itself takes them from `core.jobs`."""

from core.compute.context import JobContext
from core.jobs import Frame

__all__ = ["Frame", "JobContext"]
