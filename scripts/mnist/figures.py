"""What is known of a shipped network of Part B: its figures, <preset>.json, and its model card, <preset>.md."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.mnist_models import MODEL_FOLDER
from core.training_settings import REFERENCE, REFLOWED, MnistSettings

LESSONS = {
    "b2": "the one-step denoiser of lesson B2",
    "b4": "the denoiser of pure noise of lesson B4",
    "b6": "the time-conditioned flow of lessons B6 and B7",
    "b6-slow": "the same flow at a learning rate of 0.002, for lesson B6",
    "b8": "the class-conditioned flow of lessons B8 and B9",
    "b11": "the straightened flow of lesson B11",
    "b12": "the smaller flow with which lesson B12 begins",
    "b8-constant": "the class-conditioned flow of lesson B8, without the learning rate's decay",
}


def figures_file(preset: str, folder: Path = MODEL_FOLDER) -> Path:
    """Where the figures of a preset are kept."""
    return folder / f"{preset}.json"


def write_figures(preset: str, settings: MnistSettings, figures: dict, folder: Path = MODEL_FOLDER) -> None:
    """Writes the figures and the card that quotes them, each whole or not at all."""
    path = figures_file(preset, folder)
    for place, text in (
        (path, json.dumps(figures, indent=1) + "\n"),
        (path.with_suffix(".md"), card(preset, settings, figures)),
    ):
        temporary = place.with_name(f"{place.name}.{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(place)


def card(preset: str, settings: MnistSettings, figures: dict) -> str:
    """The model card."""
    decay = "falling tenfold over the training" if settings.decay else "constant"
    what = settings.objective
    what += f", σ = {settings.sigma:g}" if settings.objective == "denoise" else ""
    if settings.objective == "class_flow":
        what += f", class hidden with probability {settings.p_uncond:g}"
    straightened = preset in REFLOWED
    if straightened:
        what += f" on {figures['pairs']}, begun with the weights of b6"
    script = f"reflow.py`: {what}" if straightened else f"train.py {preset} --width {settings.width}`: {what}"
    usual = (
        "as b6" if straightened else f"the course's preset: {REFERENCE.get(preset, REFERENCE['b6']).width}"
    )
    rows = [
        ("network", f"`core/networks/mnist_unet.py`, D = {settings.width} ({usual}), "
                    f"{figures['parameters']:,} parameters; kernels stored as float16"),
        ("data", "MNIST, 60,000 training digits in [0, 1] (LeCun, Cortes, Burges; generally cited as CC BY-SA 3.0)"),
        ("recipe", f"`scripts/mnist/{script}; Adam {settings.learning_rate:g}, "
                   f"{decay}, batch {settings.batch_size}, {settings.epochs} epochs, seed {settings.seed}, "
                   f"{settings.precision}"),
        ("time", f"{figures['training_seconds']} s for {figures['steps']} steps on {figures['threads']} CPU thread(s)"),
        ("loss at the end", f"{figures['loss_curve']['loss'][-1]:.4f} (the whole curve is in {preset}.json)"),
    ]  # fmt: skip
    measured = [
        (f"after epoch {epoch}", figures["epochs"][epoch]) for epoch in sorted(figures["epochs"], key=int)
    ]
    if straightened:
        measured = [("b6, before", figures["before"]), *measured]
    for when, found in measured:
        said = [f"{k.replace('_', ' ')} {short(v)}" for k, v in found.items() if k != "confusion"]
        rows.append((when, ", ".join(said)))
    if figures.get("sweep"):
        rows.append(("measured afterwards", headline(figures["sweep"])))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"""# {preset}: {LESSONS[preset]}

| | |
|---|---|
{table}

Limits: it draws or denoises 28 × 28 digits and nothing else. The Fréchet distance is over the features of
our own judge, so it compares only with other values measured here; few samples bias it upwards.
"""


def averaged(losses: np.ndarray, block: int) -> list[float]:
    """The mean of every `block` losses: (steps,) -> about steps / block numbers."""
    return [round(float(losses[i : i + block].mean()), 6) for i in range(0, len(losses), block)]


def headline(sweep: Sequence[dict]) -> str:
    """The point of a sweep that was measured with most digits, in words."""
    most = max(sweep, key=lambda point: (point["samples"], point["epoch"]))
    gamma = most["guidance_scale"]
    said = [
        f"{most['samples']:,} digits{'' if gamma is None else f', γ = {gamma:g}'}, T = {most['num_steps']}, "
        f"after epoch {most['epoch']}: {most['confident']:.1%} read with a confidence of at least 0.9 (test digits "
        f"{most['confident_of_test_digits']:.1%}), {most['judges_agree']:.1%} read alike by a second judge"
    ]
    if gamma is not None:
        said.append(
            f"{most['accuracy']:.1%} read as asked, {most['accuracy_second_judge']:.1%} by the second judge, "
            f"diversity {most['diversity']:.3g} (test digits {most['diversity_of_test_digits']:.3g})"
        )
    said.append(f"Fréchet distance {most['frechet_distance']:.3g}, sampled in {most['precision']}")
    return "; ".join([*said, f"{len(sweep)} points in the json"])


def short(value: float) -> str:
    """A figure as the card shows it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
