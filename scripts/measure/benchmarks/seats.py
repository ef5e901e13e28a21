"""The rows about jobs that share calls of the network: what eight at once gain over one at a time, and one run's time."""

from __future__ import annotations

import threading
from dataclasses import replace

import torch
from torch import Tensor

from core.batching import SharedBatch
from core.diffusion import draw_noise, iterative_denoise
from core.guidance import ClassifierFree
from core.pretrained import TextToImageModel, load_pretrained
from core.settings import Settings
from scripts.measure.benchmarks.measure import Row, alternate, row, seconds
from scripts.measure.benchmarks.sampling import NUM_STEPS, PROMPT, SCALE, Unequal

SEATS = 8
# Root mean square between a picture from shared calls and the same from calls of its own, of a range of 2: another size of
# call rounds its sums otherwise, and guided steps add that up (tests/test_half_precision.py).
EQUAL = {"float32": 1e-3, "float16": 0.03, "bfloat16": 0.24}


def precision(device: str) -> str:
    """What the app's network computes in on this device, unless DIFFUSION_DTYPE says otherwise."""
    asked = Settings.from_environment().dtype
    return asked if asked != "auto" else ("float16" if device == "cuda" else "float32")


def run(model: TextToImageModel, seed: int, embeddings: tuple[Tensor, Tensor], steps: int) -> Tensor:
    """One job: a guided picture (1, 3, H, W)."""
    generators = [torch.Generator().manual_seed(seed)]
    like = torch.empty(1, *model.picture_shape, device=model.device)
    estimate = ClassifierFree(model, *embeddings, SCALE)
    timesteps = model.schedule.strided_timesteps(steps)
    *_, last = iterative_denoise(
        draw_noise(like, generators), timesteps, estimate, model.schedule, generators
    )
    return last.update.x_next


def seats(repeats: int, device: str) -> list[Row]:
    """Eight pictures by eight jobs in shared calls of 16 rows, against one job after another in calls of 2 rows."""
    dtype = precision(device)
    alone = load_pretrained(Settings.from_environment().model, device, getattr(torch, dtype))
    together = replace(alone, together=SharedBatch(alone.evaluate, 2 * SEATS, lambda: SEATS))
    embeddings = alone.embed([PROMPT]), alone.embed([""])
    steps = NUM_STEPS if device == "cuda" else 6  # a step costs what every other costs
    pictures: dict[int, Tensor] = {}

    def one_after_another() -> list[Tensor]:
        return [run(alone, seed, embeddings, steps) for seed in range(SEATS)]

    def at_once() -> None:
        def job(seed: int) -> None:
            pictures[seed] = run(together, seed, embeddings, steps)

        jobs = [threading.Thread(target=job, args=(seed,)) for seed in range(SEATS)]
        for thread in jobs:
            thread.start()
        for thread in jobs:
            thread.join()

    at_once()  # and the first call of each, which allocates
    singles = one_after_another()
    differences = [(pictures[k] - singles[k]).square().mean().sqrt().item() for k in range(SEATS)]
    if max(differences) > EQUAL[dtype]:
        raise Unequal(f"A picture from shared calls differs from its own by {max(differences):.1e} (RMS).")
    pairs = alternate(at_once, one_after_another, repeats)
    figure = f"{SEATS} pictures, {steps} steps, {dtype}: one after another / {SEATS} seats"
    note = f"largest difference {max(differences):.0e} (RMS)"
    return [row(figure, pairs, ">=", 4.0, faster=True, note=note)]


def one_run(repeats: int, device: str) -> list[Row]:
    """34 guided steps of one picture in the app's precision, against the 0.3 s in which they feel immediate."""
    dtype = precision(device)
    model = load_pretrained(Settings.from_environment().model, device, getattr(torch, dtype))
    embeddings = model.embed([PROMPT]), model.embed([""])
    run(model, 0, embeddings, 4)
    pairs = [(seconds(lambda: run(model, 0, embeddings, NUM_STEPS)), 0.3) for _ in range(repeats)]
    return [row(f"{NUM_STEPS} guided steps, 1 picture, {dtype} / 0.3 s", pairs, "<=", 1.0)]
