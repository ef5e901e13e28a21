"""A fair queue: round robin over owners, the least recently served first.

Somebody with fifty jobs waits like somebody with one. A job that several owners wait for stands in the line
of each of them, and leaves all lines when it is served.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush

_REMEMBERED_OWNERS = 4096


class FairQueue:
    """Keys of jobs in the order in which they will be served. Not thread-safe: the ledger's lock guards it."""

    def __init__(self) -> None:
        self._lines: dict[str, dict[str, int]] = {}  # owner -> keys in order, each with when it was asked for
        self._owners: dict[str, set[str]] = {}  # key -> owners
        self._served: dict[str, int] = {}  # owner -> running number of the last service, oldest first
        self._urgent: dict[str, None] = {}  # keys that were begun already and go on before all others
        self._clock = 0
        self._order: list[str] | None = None  # cached until something changes

    def __len__(self) -> int:
        return len(self._owners)

    def __contains__(self, key: str) -> bool:
        return key in self._owners

    def push(self, key: str, owners: Iterable[str], urgent: bool = False) -> None:
        """Add a job; an urgent one (interrupted by a crash of its worker) goes before all others."""
        self._owners[key] = set()
        if urgent:
            self._urgent[key] = None
        for owner in owners:
            self.join(key, owner)

    def join(self, key: str, owner: str) -> None:
        """One more owner waits for a job in the queue."""
        self._owners[key].add(owner)
        self._lines.setdefault(owner, {})[key] = self._tick()
        self._order = None

    def leave(self, key: str, owner: str) -> None:
        """An owner waits no longer; the job stays as long as it is in somebody's line."""
        line = self._lines.get(owner, {})
        line.pop(key, None)
        if not line:
            self._lines.pop(owner, None)
        self._owners[key].discard(owner)
        if not self._owners[key]:
            del self._owners[key]
            self._urgent.pop(key, None)
        self._order = None

    def waiting_for(self, owner: str) -> int:
        """How many jobs stand in this owner's line."""
        return len(self._lines.get(owner, {}))

    def pop(self) -> str | None:
        """Take the next job out, and note its owners as served."""
        if not self._owners:
            return None
        key, *rest = self.order()
        now = self._tick()
        # The order was foreseen without counting the urgent ones as anybody's turn; now its owners have been served.
        foreseen = key not in self._urgent
        for owner in list(self._owners[key]):
            self.leave(key, owner)
            self._served.pop(owner, None)
            self._served[owner] = now
        self._order = rest if foreseen else None  # served as foreseen, so the rest of the order stands
        while len(self._served) > _REMEMBERED_OWNERS:
            del self._served[next(iter(self._served))]
        return key

    def order(self) -> list[str]:
        """All keys in the order in which they will be served if nothing more arrives."""
        if self._order is None:
            self._order = self._foresee()
        return self._order

    def _foresee(self) -> list[str]:
        order = list(self._urgent)
        served, clock, taken = dict(self._served), self._clock, set(order)
        rest = {owner: deque(line) for owner, line in self._lines.items()}
        # Never served counts as served at 0; among equals, who came first. A turn in the heap may be out of date, as
        # it comes later when a job is served that others wait for too; then it is put back where it belongs.
        heap = [(served.get(owner, 0), self._lines[owner][line[0]], owner) for owner, line in rest.items()]
        heapify(heap)
        while heap:
            turn = heappop(heap)
            owner = turn[2]
            line = rest[owner]
            while line and line[0] in taken:
                line.popleft()
            if not line:
                continue
            if turn == (served.get(owner, 0), self._lines[owner][line[0]], owner):
                key = line.popleft()
                clock += 1
                served.update(dict.fromkeys(self._owners[key], clock))
                taken.add(key)
                order.append(key)
            if line:
                heappush(heap, (served.get(owner, 0), self._lines[owner][line[0]], owner))
        return order

    def _tick(self) -> int:
        self._clock += 1
        return self._clock
