"""Tiny jobs for the tests of the executors. They run in the worker process and need no torch."""

from __future__ import annotations

import errno
import os
import time

import numpy as np

from core.compute.store import files
from core.jobs import Checkpoint, Frame, Metric
from core.trajectory import Trajectory


class BadCount(ValueError):
    """A job's own complaint about its parameters."""


def count(params, context):
    """`total` frames, one every `seconds`."""
    total = params["total"]
    if total < 1:
        raise BadCount("Choose a count of at least 1.")
    for index in range(total):
        time.sleep(params.get("seconds", 0))
        yield Frame(index, total, {"x": np.full((2, 4, 4, 3), index % 256, np.uint8)})
    numbers = np.arange(total, dtype=np.float32)
    return Trajectory(
        {"x": numbers}, {"tag": params.get("tag"), "pid": os.getpid(), "device": context.device}
    )


def clocked(params, context):
    """As `count`; each frame holds when its evaluation began, in seconds of the system's monotonic clock."""
    for index in range(params["total"]):
        began = np.array([time.monotonic()])
        time.sleep(params["seconds"])
        yield Frame(index, params["total"], {"began": began.view(np.uint8)})
    return Trajectory({"x": np.zeros(1, np.float32)}, {})


def one_long_step(params, context):
    yield Frame(0, 2, {})
    time.sleep(params["seconds"])
    yield Frame(1, 2, {})
    return Trajectory({"x": np.zeros(1, np.float32)}, {})


def fails(params, context):
    yield Metric(1, 2, {"loss": 0.5})
    raise {"index": IndexError, "memory": MemoryError, "plain": ValueError}[params["how"]]("secret detail")


def crashes(params, context):
    """Ends its process the hard way at step 2; every time, or only while the file `once` does not exist."""
    yield Metric(1, 3, {})
    if not (params.get("once") and os.path.exists(params["once"])):
        if params.get("once"):
            open(params["once"], "w").close()
        os._exit(3)
    yield Metric(2, 3, {})
    return Trajectory({"x": np.ones(1, np.float32)}, {})


def trains(params, context):
    """A random walk whose state is checkpointed at every step: bit for bit the same wherever it is resumed."""
    rng, weights, start = np.random.default_rng(params["seed"]), np.zeros(8), 0
    if context.checkpoint:
        start, weights = context.checkpoint.step, context.checkpoint.arrays["weights"].copy()
        rng.standard_normal((start, 8))  # wind the generator forward
    for step in range(start + 1, params["steps"] + 1):
        time.sleep(params.get("seconds", 0))
        weights = weights * 0.9 + rng.standard_normal(8)
        yield Checkpoint(step, f"step {step}", {"weights": weights})
        yield Metric(step, params["steps"], {"norm": float(np.linalg.norm(weights))})
    return Trajectory({"weights": weights}, {"resumed_at": start})


def disk_is_full(params, context):
    """From now on the first write fails as on a full disk: of the checkpoint, or else of the result."""
    real_write = os.write

    def full(descriptor, data):
        files.os.write = real_write
        raise OSError(errno.ENOSPC, "No space left on device")

    files.os.write = full
    if params["at"] == "checkpoint":
        yield Checkpoint(1, "first", {"x": np.zeros(1)})
    yield Metric(1, 1, {})
    return Trajectory({"x": np.zeros(1, np.float32)}, {})


def prints(params, context):
    """Writes to the standard output, which carries the messages."""
    print("hello from a job", flush=True)
    os.write(1, b"raw bytes\n")
    yield Metric(1, 1, {})
    return Trajectory({"x": np.zeros(1, np.float32)}, {})


def returns_nothing(params, context):
    yield Metric(1, 1, {})


def reads_blob(params, context):
    yield Metric(1, 1, {})
    return Trajectory({"x": np.frombuffer(context.store.blobs.get(params["blob"]), np.uint8)}, {})


def counts_calls(params, context):
    context.cache["calls"] = context.cache.get("calls", 0) + 1
    yield Metric(1, 1, {})
    return Trajectory({"x": np.zeros(1, np.float32)}, {"calls": context.cache["calls"]})


def sees(params, context):
    """A variable of the environment, once the file `until` is there."""
    yield Metric(1, 2, {})
    while not os.path.exists(params["until"]):
        time.sleep(0.01)
    return Trajectory({"x": np.zeros(1, np.float32)}, {"value": os.environ.get(params["name"])})


def takes_memory(params, context):
    """Fills `mb` megabytes, 10 at a time; with `keep`, they stay with the worker when the job has ended."""
    if params["mb"] > 100_000:
        np.empty(params["mb"] * 1_000_000, np.uint8)
    held = context.cache.setdefault("held", []) if params.get("keep") else []
    for step in range(params["mb"] // 10):
        held.append(np.ones(10_000_000, np.uint8))
        time.sleep(0.002)
        if step % 10 == 0:
            yield Metric(step + 1, params["mb"] // 10, {})
    time.sleep(0.2)  # long enough to be seen
    return Trajectory({"x": np.zeros(1, np.float32)}, {})


def takes_torch_memory(params, context):
    """Asks for `mb` megabytes at once, as a network's layer would."""
    import torch

    yield Metric(1, 1, {})
    torch.empty(params["mb"] * 1_000_000, dtype=torch.uint8)
    return Trajectory({"x": np.zeros(1, np.float32)}, {})


def meets(params, context):
    """Is done once `others` jobs compute at the same time: each leaves a file in `folder`, and looks for the others'."""
    with open(os.path.join(params["folder"], str(params["name"])), "w"):
        pass
    while len(os.listdir(params["folder"])) < params["others"]:
        time.sleep(0.005)
        yield Metric(1, 2, {})
    return Trajectory({"x": np.zeros(1, np.float32)}, {"pid": os.getpid()})


def shares(params, context):
    """Evaluates a shared network `steps` times; its result says how many rows each call had, and what came out."""
    import torch

    if "network" not in context.cache:
        calls = []

        def network(x_t, t, embedding):
            calls.append(len(x_t))
            return torch.cat([x_t + t.view(-1, 1, 1, 1), x_t], dim=1)

        context.cache["network"] = calls, context.share(network)
    calls, together = context.cache["network"]
    outputs = []
    for step in range(params["steps"]):
        x_t = torch.full((2, 3, 4, 4), float(params["seed"]))
        outputs.append(together(x_t, step, torch.zeros(2, 1, 1))[:, :3].mean().item())
        yield Metric(step + 1, params["steps"], {})
    return Trajectory({"x": np.array(outputs, np.float32), "calls": np.array(calls)}, {})
