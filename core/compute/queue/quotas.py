"""What one person may take of a device that others share: places in the queue, computing time, kept trainings.

Looking at a stored result, and joining a computation that somebody has asked for already, are free.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from core.compute.store.runs import Charge
from core.jobs import QuotaExceeded


@dataclass(frozen=True)
class Limits:
    """The limits of one owner; None means no limit.

    Attributes:
        waiting: jobs in the queue.
        device_seconds: computing time within the last `window_seconds`. What was begun is finished even so.
        kept: of these kinds of jobs, how many runs keep their files; the owner's oldest are removed.
    """

    waiting: int | None = None
    device_seconds: float | None = None
    window_seconds: float = 3600.0
    kept: Mapping[str, int] = field(default_factory=dict)


NO_LIMITS = Limits()


class DeviceTime:
    """The computing time of each owner in a rolling window. Not thread-safe: the ledger's lock guards it."""

    def __init__(self, limits: Limits, charges: Iterable[Charge] = ()) -> None:
        self._limits = limits
        self._charges: dict[str, deque[Charge]] = defaultdict(deque)
        for charge in charges:
            self._charges[charge.owner].append(charge)

    def charge(self, owners: Collection[str], seconds: float) -> list[Charge]:
        """Owners that wait for the same job share its time equally. Returns what was charged, for the table."""
        now = time.time()
        shares = [Charge(owner, now, seconds / len(owners)) for owner in sorted(owners)]
        for share in shares:
            self._charges[share.owner].append(share)
        return shares

    def require(self, owner: str, running: float = 0.0) -> None:
        """Raises QuotaExceeded when the owner has used up the window; `running` seconds are not charged yet."""
        limit, window, now = self._limits.device_seconds, self._limits.window_seconds, time.time()
        if limit is None:
            return
        charges = self._charges[owner]
        while charges and charges[0].ended_at <= now - window:
            charges.popleft()
        used = running + sum(charge.seconds for charge in charges)
        if used < limit:
            if not charges:
                del self._charges[owner]
            return
        retry = window  # if what runs now is more than the limit, it has to leave the window
        for charge in charges:
            used -= charge.seconds
            if used < limit:
                retry = charge.ended_at + window - now
                break
        raise QuotaExceeded(
            f"You have used the {in_words(limit)} of computing that one person may have in {in_words(window)}. "
            f"Stored results stay open to you; try again in {in_words(retry)}.",
            retry,
        )


def in_words(seconds: float) -> str:
    """45 -> "45 s", 600 -> "10 min", 10000 -> "3 h"; rounded up, so that nobody comes back too early."""
    if seconds <= 90:
        return f"{max(1, math.ceil(seconds))} s"
    if seconds <= 90 * 60:
        return f"{math.ceil(seconds / 60)} min"
    return f"{math.ceil(seconds / 3600)} h"
