"""Rows about the queue: a burst, turns, cancels, strangers."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from core.jobs import ComputeError, Frame, JobId, JobNotFound, JobSpec, NotOwner, QueueFull
from scripts.measure.reliability_rows import (
    Row,
    clocked,
    closed,
    counting,
    executor_in,
    is_counted,
    moments,
    require,
    require_one_end,
    wait,
)

_SUBMISSIONS, _PLACES = 200, 64


def burst(folder: Path, repeat: int) -> Row:
    """200 submissions from 20 threads at once against a queue of 64; some fail, some are cancelled."""
    times, retries, ends = [], [], Counter()
    for turn in range(repeat):
        executor = executor_in(folder / str(turn), max_queue=_PLACES)
        blocker = executor.submit(counting(100_000, 0.01), "blocker")
        wait(executor, blocker, lambda status: status.done > 0)

        def submit(n: int, executor=executor) -> tuple[JobId | None, float, float]:
            # Every fifth one fails by its own complaint: it cannot count to 0.
            spec, begun = counting(0 if n % 5 == 0 else 3), time.perf_counter()
            try:
                job, retry = executor.submit(spec, f"student {n}"), 0.0
            except QueueFull as full:
                job, retry = None, full.retry_after_seconds
            return job, retry, time.perf_counter() - begun

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(submit, range(_SUBMISSIONS)))
        accepted = {job: f"student {n}" for n, (job, _, _) in enumerate(answers) if job}
        refusals = [(retry, seconds) for job, retry, seconds in answers if job is None]
        require(len(accepted) == _PLACES, f"{len(accepted)} were accepted instead of {_PLACES}")
        times += [seconds for _, seconds in refusals]
        retries += [retry for retry, _ in refusals]
        for job in list(accepted)[::7]:
            executor.cancel(job, accepted[job])
        executor.cancel(blocker, "blocker")
        ends.update(str(wait(executor, job).state) for job in accepted)
        require_one_end(executor, accepted)
        closed(executor)
    total, usual = sum(ends.values()), 1000 * statistics.median(times)
    text = ", ".join(f"{count} {state}" for state, count in sorted(ends.items()))
    return Row(
        f"{repeat} bursts of {_SUBMISSIONS} submissions, a queue of {_PLACES}",
        "the excess is refused within 100 ms with a retry time; accepted = done + failed + cancelled",
        f"{len(times)} refused, {usual:.2f} ms at the median, the slowest {1000 * max(times):.0f} ms, "
        f"retry in {min(retries):.0f}–{max(retries):.0f} s; "
        f"{_PLACES * repeat} accepted = {text}",
        max(times) < 0.1 and min(retries) > 0 and total == _PLACES * repeat and len(ends) == 3,
    )


def turns(folder: Path, repeat: int) -> Row:
    """One owner with 50 jobs, then 29 with one each."""
    latest = 0
    for turn in range(repeat):
        executor = executor_in(folder / str(turn), max_queue=100)
        greedy = [executor.submit(counting(2, 0.002), "greedy") for _ in range(50)]
        modest = [executor.submit(counting(2, 0.002), f"student {n}") for n in range(29)]
        for job in greedy + modest:
            require(wait(executor, job).state == "done", "a job was not done")
        order = sorted(greedy + modest, key=lambda job, runs=executor.store.runs: runs.get(job).started_at)
        third = [job for job in order if job in set(greedy)][2]
        latest = max(latest, sum(order.index(job) > order.index(third) for job in modest))
        closed(executor)
    return Row(
        f"One owner with 50 jobs and 29 with one, {repeat} times",
        "all 29 are served before the first's third",
        f"{latest} of 29 were served after it",
        latest == 0,
    )


def cancels(folder: Path, repeat: int) -> Row:
    """`repeat` cancels at random moments from eight threads, between jobs that nobody cancels."""
    executor = executor_in(folder, max_queue=256)
    cancelled: list[JobId] = []
    kept: list[JobId] = []
    late: list[int] = []  # evaluations that began after the cancel
    held = threading.Lock()

    def student(number: int) -> None:
        rng, owner = moments(number), f"student {number}"
        for turn in range(repeat // 8 + (number < repeat % 8)):
            if turn % 4 == 0:
                with held:
                    kept.append(executor.submit(counting(3), owner))
            job = executor.submit(clocked(), owner)
            if rng.random() < 0.5:
                wait(executor, job, lambda status: status.done > 0)
                time.sleep(rng.uniform(0, 0.02))
            else:
                time.sleep(rng.uniform(0, 0.05))
            executor.cancel(job, owner)
            told = time.monotonic()
            wait(executor, job)
            frames = [event for _, event in executor.events(job) if isinstance(event, Frame)]
            begun = [frame.arrays["began"].view(np.float64)[0] for frame in frames]
            with held:
                cancelled.append(job)
                if begun:
                    late.append(sum(moment > told for moment in begun))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(student, range(8)))
    wrong = sum(wait(executor, job).state != "done" for job in kept)
    wrong += sum(executor.status(job).state != "cancelled" for job in cancelled)
    wrong += sum(executor.store.has_result(job) for job in cancelled)
    require(all(is_counted(executor.result(job), 3) for job in kept), "a result is not what was asked for")
    require_one_end(executor, executor._ledger._runs)  # as far as events are remembered
    closed(executor)
    return Row(
        f"{len(cancelled)} random cancels beside {len(kept)} jobs that nobody cancels",
        "never the wrong job; the device is free within two evaluations",
        f"{wrong} wrong ends; {len(late)} were running, and began at most {max(late)} evaluations more",
        wrong == 0 and len(cancelled) == repeat and max(late) <= 2,
    )


def strangers(folder: Path, repeat: int) -> Row:
    """Others cancel a job in every state, and ask for ids that they guess."""
    executor = executor_in(folder)
    rng = moments(0)
    done = executor.submit(counting(3), "ada")
    wait(executor, done)
    failed = executor.submit(counting(0), "ada")
    wait(executor, failed)
    running = executor.submit(counting(100_000, 0.01), "ada")
    wait(executor, running, lambda status: status.done > 0)
    waiting = executor.submit(counting(3), "ada")
    jobs = {"done": done, "failed": failed, "running": running, "queued": waiting}
    refused, asked = 0, 0
    impostors = ["eve", "Ada", "ada ", " ada", "ad", "adaa", "ada\0", "*", "%", "", '["ada"]']
    for state, job in jobs.items():
        for turn in range(repeat // (2 * len(jobs))):
            refused += _refuses(
                lambda job=job, t=turn: executor.cancel(job, impostors[t % len(impostors)]), NotOwner
            )
            asked += 1
        require(executor.status(job).state == state, f"a stranger has changed a job that was {state}")
    while asked < repeat:
        job = rng.choice(list(jobs.values()))
        place = rng.randrange(64)
        guess = rng.choice([
            job[:place] + rng.choice("0123456789abcdef".replace(job[place], "")) + job[place + 1 :],
            job[:16], job[:-1], job + "0", f"../{job}", f"{job}\n", JobSpec("count", {}).key({}),
        ])  # fmt: skip
        ask = rng.choice(
            [executor.status, executor.events, executor.result, lambda key: executor.cancel(key, "eve")]
        )
        refused += _refuses(lambda ask=ask, guess=guess: ask(guess), JobNotFound)
        asked += 1
    executor.cancel(waiting, "ada"), executor.cancel(running, "ada")
    closed(executor)
    return Row(
        f"{asked} times, another owner cancels somebody's job, or asks for an id that is a guess",
        "refused, always",
        f"{refused} refused, no job changed",
        refused == asked,
    )


def _refuses(ask, error: type[ComputeError]) -> bool:
    try:
        ask()
    except error as refusal:
        return "/" not in str(refusal)  # and no path leaks
    return False
