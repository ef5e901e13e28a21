"""The queue and the ledger against plain models of them, under every order of events that Hypothesis comes up with.

The models keep to the rules as docs/architecture.md and the docstrings say them, without any cleverness: no cache, no
heap, no table. `pytest --hypothesis-profile explore tests/compute/test_machines.py` looks further, at random.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.compute.queue.fair import FairQueue
from core.compute.queue.ledger import Ledger
from core.compute.queue.quotas import Limits
from core.compute.queue.run import Run
from core.compute.store import Store
from core.jobs import (
    TERMINAL,
    Cancelled,
    Checkpoint,
    Done,
    Failed,
    JobNotFound,
    JobSpec,
    Metric,
    NotOwner,
    QueueFull,
    QuotaExceeded,
)
from core.trajectory import Trajectory

OWNERS = st.sampled_from("abcd")


# ---- the queue -----------------------------------------------------------------------------------------


class QueueMachine(RuleBasedStateMachine):
    """Of the owners least recently served, who came first; what was begun already goes before all."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = FairQueue()
        self.waits: dict[tuple[str, str], int] = {}  # (owner, key) -> when it was asked for
        self.urgent: list[str] = []
        self.served: dict[str, int] = {}  # owner -> number of the last service
        self.moments = 0

    def moment(self) -> int:
        self.moments += 1
        return self.moments

    def keys(self) -> list[str]:
        return sorted({key for _, key in self.waits})

    def plain_order(self) -> list[str]:
        waits, served, order = dict(self.waits), dict(self.served), []

        def take(key: str) -> list[str]:
            order.append(key)
            return [owner for owner, one in list(waits) if one == key and waits.pop((owner, key))]

        for key in self.urgent:
            take(key)
        while waits:
            heads = {owner: min(n for (who, _), n in waits.items() if who == owner) for owner, _ in waits}
            owner = min(heads, key=lambda one: (served.get(one, 0), heads[one]))
            key = next(key for (who, key), n in waits.items() if (who, n) == (owner, heads[owner]))
            served |= dict.fromkeys(take(key), self.moments + len(order))
        return order

    @rule(owners=st.lists(OWNERS, min_size=1, max_size=3, unique=True), urgent=st.booleans())
    def push(self, owners, urgent):
        key = f"job {self.moment()}"
        self.queue.push(key, owners, urgent)
        self.waits |= {(owner, key): self.moment() for owner in owners}
        if urgent:
            self.urgent.append(key)

    @precondition(lambda self: self.waits)
    @rule(data=st.data(), owner=OWNERS)
    def join(self, data, owner):
        key = data.draw(st.sampled_from(self.keys()))
        if (owner, key) not in self.waits:
            self.queue.join(key, owner)
            self.waits[owner, key] = self.moment()

    @precondition(lambda self: self.waits)
    @rule(data=st.data())
    def leave(self, data):
        owner, key = data.draw(st.sampled_from(sorted(self.waits)))
        self.queue.leave(key, owner)
        del self.waits[owner, key]
        if key in self.urgent and key not in self.keys():
            self.urgent.remove(key)

    @rule()
    def pop(self):
        expected = self.plain_order()
        key = self.queue.pop()
        assert key == (expected[0] if expected else None)
        now = self.moment()
        for owner, one in list(self.waits):
            if one == key:
                del self.waits[owner, one]
                self.served[owner] = now
        if key in self.urgent:
            self.urgent.remove(key)

    @invariant()
    def the_order_is_that_of_the_plain_rule(self):
        assert self.queue.order() == self.plain_order()

    @invariant()
    def everybody_stands_in_their_own_line(self):
        assert len(self.queue) == len(self.keys())
        for owner in "abcd":
            assert self.queue.waiting_for(owner) == sum(who == owner for who, _ in self.waits)


# ---- the ledger ----------------------------------------------------------------------------------------

JOBS = st.integers(0, 4)
MOST_WAITING, MOST_IN_QUEUE, ATTEMPTS = 2, 3, 2


@dataclass
class Plain:
    """What is known of a job by who looks on from outside."""

    state: str
    owners: set[str]
    former: set[str] = field(default_factory=set)
    earlier: set[str] = field(default_factory=set)  # who asked for it before, in a run that has ended
    crashes: int = 0  # since it last kept a checkpoint
    stopping: bool = False  # the worker was asked to stop
    makes_way: bool = False  # ... because others wait
    urgent: bool = False  # it waits, was begun already, and did not make way: it goes before all others
    ends: int = 1  # how often it has ended or will have
    in_memory: bool = True  # not only in the table, of an earlier process


class LedgerMachine(RuleBasedStateMachine):
    """Students ask and cancel, a worker computes, fails and dies, and the server is started anew."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ledger-machine-"))
        self.plain: dict[int, Plain] = {}
        self.runs: dict[int, Run] = {}  # what the dispatcher has in hand
        self.stored: set[int] = set()
        self.seen: dict[int, int] = {}  # number of the last event that a reader has
        self.told: dict[int, int] = {}  # terminal events that it got
        self.open()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def open(self) -> None:
        self.store = Store(self.folder)
        self.ledger = Ledger(
            self.store,
            ["count"],
            {},
            max_queue=MOST_IN_QUEUE,
            limits=Limits(waiting=MOST_WAITING),
            max_attempts=ATTEMPTS,
            turn_seconds=0.0,
        )

    def spec(self, n: int) -> JobSpec:
        return JobSpec("count", {"n": n})

    def key(self, n: int) -> str:
        return self.spec(n).key({})

    def queued(self) -> list[int]:
        return [n for n, job in self.plain.items() if job.state == "queued"]

    def hold_result(self, n: int) -> None:
        self.store.put_result(self.key(n), Trajectory({"x": np.zeros(1, np.float32)}))
        self.stored.add(n)

    def running(self, data) -> tuple[Plain, Run]:
        n = data.draw(st.sampled_from(sorted(self.runs)))
        return self.plain[n], self.runs[n]

    def finish(self, n: int, state: str) -> None:
        self.plain[n].state = state
        self.runs.pop(n, None)

    def queue_again(self, n: int, urgent: bool) -> None:
        job = self.plain[n]
        job.state, job.stopping, job.makes_way, job.urgent = "queued", False, False, urgent
        self.runs.pop(n, None)

    # -- students --

    @rule(n=JOBS, owner=OWNERS)
    def submit(self, n, owner):
        job = self.plain.get(n)
        refused: set[type[Exception]] = set()
        if not (job and job.state in ("queued", "running")) and n not in self.stored:
            if sum(owner in self.plain[one].owners for one in self.queued()) >= MOST_WAITING:
                refused.add(QuotaExceeded)
            if len(self.queued()) >= MOST_IN_QUEUE:
                refused.add(QueueFull)
        if refused:
            with pytest.raises(tuple(refused)) as error:
                self.ledger.submit(self.spec(n), owner)
            assert 1 <= error.value.retry_after_seconds <= 300
            return
        assert self.ledger.submit(self.spec(n), owner) == self.key(n)
        if job and (job.state in ("queued", "running") or (job.state == "done" and job.in_memory)):
            job.owners.add(owner)
            job.former.discard(owner)
            job.earlier.discard(owner)
        else:
            state = "done" if n in self.stored else "queued"
            before = job.owners | job.former | job.earlier if job else set()
            self.plain[n] = Plain(state, {owner}, earlier=before - {owner}, ends=(job.ends if job else 0) + 1)

    @rule(n=JOBS, owner=OWNERS)
    def cancel(self, n, owner):
        job = self.plain.get(n)
        if job is None or owner not in job.owners | job.former | job.earlier:
            with pytest.raises((JobNotFound, NotOwner)):
                self.ledger.cancel(self.key(n), owner)
            return
        stopped = self.ledger.cancel(self.key(n), owner)
        if job.state not in ("queued", "running") or owner not in job.owners:
            assert stopped is None
            return
        job.owners.discard(owner)
        job.former.add(owner)
        if job.state == "queued" and not job.owners:
            self.finish(n, "cancelled")
        job.stopping = job.state == "running" and not job.owners
        assert stopped is (self.runs[n] if job.stopping else None)

    # -- the worker --

    @rule()
    def take(self):
        run = self.ledger.take(patience=0.0)
        if run is None:
            assert not self.queued()
            return
        n = run.spec.params["n"]
        assert self.plain[n].state == "queued"
        assert self.plain[n].urgent or not any(self.plain[one].urgent for one in self.queued())
        self.plain[n].state, self.plain[n].urgent = "running", False
        self.runs[n] = run

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def advance(self, data):
        _, run = self.running(data)
        assert not self.ledger.record(run, Metric(1, 9, {"loss": 1.0}))

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def keep_a_checkpoint(self, data):
        job, run = self.running(data)
        makes_way = bool(self.queued()) and not job.stopping
        assert self.ledger.record(run, Checkpoint(1, "one", {})) == makes_way
        job.crashes = 0
        job.stopping |= makes_way
        job.makes_way |= makes_way

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def succeed(self, data):
        _, run = self.running(data)
        n = run.spec.params["n"]
        self.hold_result(n)
        self.ledger.ended(run, Done(run.key))
        self.finish(n, "done")

    @precondition(lambda self: self.runs)
    @rule(data=st.data())
    def fail(self, data):
        _, run = self.running(data)
        self.ledger.ended(run, Failed("Broken", "It broke."))
        self.finish(run.spec.params["n"], "failed")

    @precondition(lambda self: any(self.plain[n].stopping for n in self.runs))
    @rule(data=st.data())
    def stop(self, data):
        n = data.draw(st.sampled_from([n for n in sorted(self.runs) if self.plain[n].stopping]))
        self.ledger.ended(self.runs[n], Cancelled())
        if self.plain[n].owners:  # it made way, or somebody has asked again meanwhile
            self.queue_again(n, urgent=not self.plain[n].makes_way)
        else:
            self.finish(n, "cancelled")

    @precondition(lambda self: self.runs)
    @rule(data=st.data(), stored=st.booleans())
    def die(self, data, stored):
        job, run = self.running(data)
        n = run.spec.params["n"]
        if stored:  # right after its last write
            self.hold_result(n)
        self.ledger.lost(run, worker_was_ready=True)
        job.crashes += 1
        if stored:
            self.finish(n, "done")
        elif not job.owners:
            self.finish(n, "cancelled")
        elif job.crashes < ATTEMPTS:
            self.queue_again(n, urgent=True)
        else:
            self.finish(n, "failed")

    # -- the server --

    @rule()
    def start_anew(self):
        """Killed: nothing is told to anybody, and another process opens the same folder."""
        self.store.close()
        self.open()
        unfinished = {n for n, job in self.plain.items() if job.state in ("queued", "running")}
        resumed = self.ledger.resume()
        for n in unfinished:
            if self.plain[n].owners:
                self.queue_again(n, urgent=False)
            else:
                self.finish(n, "cancelled")
        assert sorted(resumed) == sorted(self.key(n) for n in unfinished if self.plain[n].owners)
        for n, job in self.plain.items():
            if n in unfinished:  # those who no longer waited keep their claims
                job.earlier |= job.former
            else:
                job.owners |= job.former
            job.former = set()
            job.in_memory = n in unfinished
        self.seen = {}
        self.told = {n: job.ends - 1 for n, job in self.plain.items()}

    # -- what always holds --

    @invariant()
    def every_job_is_where_it_should_be(self):
        for n, job in self.plain.items():
            assert self.ledger.status(self.key(n)).state == job.state
        capacity = self.ledger.capacity()
        assert (capacity.running, capacity.waiting) == (len(self.runs), len(self.queued()))
        positions = [self.ledger.status(self.key(n)).position for n in self.queued()]
        assert sorted(positions) == list(range(1, len(positions) + 1))

    @invariant()
    def every_job_ends_once_each_time_it_is_asked_for_and_its_numbers_go_on(self):
        for n, job in self.plain.items():
            after = self.seen.get(n, 0)
            events = self.ledger.events(self.key(n), after)
            numbers = [number for number, _ in events]
            assert numbers == sorted(set(numbers)) and all(number > after for number in numbers)
            self.seen[n] = max(numbers, default=after)
            self.told[n] = self.told.get(n, 0) + sum(isinstance(event, TERMINAL) for _, event in events)
            ended = job.state not in ("queued", "running")
            assert self.told[n] == job.ends - (not ended)

    @invariant()
    def the_table_knows_who_waits(self):
        for n, job in self.plain.items():
            row = self.store.runs.get(self.key(n))
            final = job.state not in ("queued", "running")
            if final:  # they keep their claims, and so may those of earlier runs
                assert job.owners | job.former <= row.claimants
            else:
                assert row.waiting == job.owners


TestQueue = QueueMachine.TestCase
TestLedger = LedgerMachine.TestCase
if settings().derandomize:  # make test: some seconds
    TestLedger.settings = settings(max_examples=50)
