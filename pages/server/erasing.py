"""What was trained on a class's drawings goes with its room."""

from __future__ import annotations

import logging

from core.jobs import ComputeError
from pages.server import runtime
from pages.server.classroom.identity import rooms

log = logging.getLogger(__name__)


def erase_left_behind(owner: str | None = None) -> None:
    """Removes the drawings, checkpoints and results of rooms that are gone from the disk.

    A training that still runs is stopped for `owner`, whoever closed the room; what has not stopped yet, or cannot be
    removed now, is removed by the next call: when a room is opened or closed, and when the server starts.
    """
    for left in rooms().drawings.left_behind():
        if owner is not None:
            try:
                runtime.executor().discard(left.job, owner)
            except (
                ComputeError
            ) as error:  # nobody has asked for it, or somebody else too: then it is left to end
                log.info("a training of a closed room was not discarded: %s", error)
        try:
            if not runtime.erase(left.job, left.blob):
                continue
        except OSError:
            log.exception("what was trained in a closed room cannot be removed")
            continue
        rooms().drawings.erased(left)
