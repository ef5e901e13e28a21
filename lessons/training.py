"""The training job of Part B. Lessons B2, B4, B6 and B8 run it, each with its own objective.

    {"settings": {"objective": "flow", "width": 64, "learning_rate": 0.01, ...}}     see MnistSettings

What a run has to show so far (times, samples, the weights of some epochs) travels in its checkpoints, so a run that
was paused, or whose server was killed, goes on as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.compute.context import JobContext, JobEvents
from core.datasets import Digits, load_mnist, to_unit
from core.flow import ClassGuided, Conditional, EstimateVelocity, integrate
from core.jobs import Checkpoint, CheckpointCorrupt, Frame, JobSpec, Metric
from core.media import unit_pixels
from core.networks.mnist_unet import count_parameters, one_hot
from core.training import Snapshots, TrainingDiverged, build_network, train_mnist
from core.training_checkpoint import network_weights
from core.training_settings import MnistSettings
from core.trajectory import Trajectory

SAMPLES = 10  # pictures a snapshot: one for each digit
SAMPLE_SEED = 0  # their noise, the same for every training, so that trainings can be compared
SAMPLE_STEPS = 20  # T of a snapshot's Euler steps: the shape shows, the edges do not
SAMPLE_GUIDANCE = 3.0  # gamma of a snapshot of a class-conditioned network
SECONDS_BETWEEN_CHECKPOINTS = 10  # about: this much is computed again after a crash


def spec(settings: MnistSettings) -> JobSpec:
    """The training with these settings. float32 and x_t go without saying: trainings from before there was a choice keep
    their id.
    """
    said = asdict(settings)
    for name, usual in (("precision", "float32"), ("given", "x_t")):
        if said[name] == usual:
            del said[name]
    return JobSpec("train", {"settings": said})


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Trains a network and returns its losses, its samples on the way, and its weights at some epochs.

    A training that diverges is a result as well: `meta["diverged"]` says what happened, and the weights are those of
    the last good checkpoint.

    Arrays: losses, seconds float64 (steps,); samples uint8 (snapshots, 10, 28, 28, 1); sample_steps int64
    (snapshots,); weights/<name>/<tensor> for each of `meta["names"]`, such as "epoch-1".

    Raises:
        InvalidSettings: a number outside its limits.
        CheckpointCorrupt: the saved state belongs to another run.
    """
    settings = MnistSettings(**params["settings"])
    per_epoch = settings.steps_per_epoch(settings.pictures)
    total = settings.epochs * per_epoch
    record = Record() if context.checkpoint is None else Record.restore(context.checkpoint)
    yield from record.replay(total)
    began = time.monotonic() - (record.seconds[-1] if record.seconds else 0.0)
    digits = load_digits("train", context)
    snapshots = Snapshots(frozenset(snapshot_steps(total, per_epoch)), sampler(settings, context))
    diverged = None
    try:
        for event in train_mnist(
            settings,
            digits,
            snapshots=snapshots,
            checkpoint=context.checkpoint,
            checkpoint_every=steps_between_checkpoints(settings, context.device),
        ):
            if isinstance(event, Metric):
                event = record.note(event, time.monotonic() - began)
            elif isinstance(event, Frame):
                record.samples[event.index + 1] = event.arrays["samples"]
            elif isinstance(event, Checkpoint):
                event = record.extend(event, settings.epochs)
            yield event
    except TrainingDiverged as error:
        diverged = str(error)
        if error.checkpoint is not None:
            record.weights[error.checkpoint.name] = small(network_weights(error.checkpoint))
    return record.result(settings, per_epoch, diverged)


@dataclass
class Record:
    """What a run has to show so far.

    Attributes:
        losses, seconds: one for each step; `seconds` counts the time spent training, pauses left out.
        samples: step -> uint8 (10, 28, 28, 1).
        weights: name of the checkpoint -> the network's tensors.
    """

    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    samples: dict[int, np.ndarray] = field(default_factory=dict)
    weights: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)

    @classmethod
    def restore(cls, checkpoint: Checkpoint) -> Record:
        """Out of a checkpoint that `extend` made. Raises CheckpointCorrupt."""
        try:
            losses, seconds = (
                checkpoint.arrays[f"{part}"].tolist() for part in ("loop/losses", "run/seconds")
            )
        except KeyError as error:
            raise CheckpointCorrupt() from error
        record = cls(losses, seconds)
        for key, array in checkpoint.arrays.items():
            if key.startswith("run/samples/"):
                record.samples[int(key.rpartition("/")[2])] = array
            elif key.startswith("weights/"):
                _, name, tensor = key.split("/", 2)
                record.weights.setdefault(name, {})[tensor] = array
        return record

    def replay(self, total: int) -> Iterator[Metric | Frame]:
        """What was reported before the interruption, for those who look now.

        The newest number comes first: from the first one it hears, the executor reckons how fast the run gets on.
        """
        steps = range(1, len(self.losses) + 1)
        for step in [*steps[-1:], *steps[:-1]]:
            values = {"loss": self.losses[step - 1], "seconds": self.seconds[step - 1]}
            yield Metric(step, total, values)
        if self.losses:  # so that the run's progress stands where it is
            yield Metric(len(self.losses), total, {"loss": self.losses[-1], "seconds": self.seconds[-1]})
        for step, samples in sorted(self.samples.items()):
            yield Frame(step - 1, total, {"samples": samples})

    def note(self, metric: Metric, seconds: float) -> Metric:
        """Remembers a step; returns its metric with the time spent so far."""
        self.losses.append(metric.values["loss"])
        self.seconds.append(seconds)
        return Metric(metric.step, metric.total, {**metric.values, "seconds": seconds})

    def extend(self, checkpoint: Checkpoint, epochs: int) -> Checkpoint:
        """The checkpoint with this record in it; keeps the weights of the epochs that are shown."""
        if checkpoint.name in {f"epoch-{epoch}" for epoch in kept_epochs(epochs)}:
            self.weights[checkpoint.name] = small(network_weights(checkpoint))
        arrays = {f"run/samples/{step}": samples for step, samples in self.samples.items()}
        arrays["run/seconds"] = np.array(self.seconds, dtype=np.float64)
        return Checkpoint(
            checkpoint.step, checkpoint.name, {**checkpoint.arrays, **arrays, **self.weight_arrays()}
        )

    def weight_arrays(self) -> dict[str, np.ndarray]:
        """All kept weights under one name each."""
        return {
            f"weights/{name}/{key}": array
            for name, tensors in self.weights.items()
            for key, array in tensors.items()
        }

    def result(self, settings: MnistSettings, per_epoch: int, diverged: str | None) -> Trajectory:
        """The finished run."""
        steps = sorted(self.samples)
        samples = [self.samples[step] for step in steps]
        arrays = {
            "losses": np.array(self.losses, dtype=np.float64),
            "seconds": np.array(self.seconds, dtype=np.float64),
            "samples": np.stack(samples) if samples else np.zeros((0, SAMPLES, 28, 28, 1), np.uint8),
            "sample_steps": np.array(steps, dtype=np.int64),
            **self.weight_arrays(),
        }
        meta = {
            "settings": asdict(settings),
            "steps_per_epoch": per_epoch,
            "names": list(self.weights),
            "parameters": count_parameters(build_network(settings)),
            "diverged": diverged,
        }
        return Trajectory(arrays, meta)


def small(weights: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Weights as they are kept: kernels and matrices in half precision, as in the files that ship."""
    return {key: (w.half() if w.ndim >= 2 else w).numpy() for key, w in weights.items()}


# ---------------------------------------------------------------- when to look, when to keep


def kept_epochs(epochs: int) -> tuple[int, ...]:
    """The epochs whose weights are kept: the first, the middle and the last (1, 5, 10 of 10)."""
    return tuple(sorted({1, (epochs + 1) // 2, epochs}))


def snapshot_steps(total: int, per_epoch: int) -> list[int]:
    """After which steps samples are drawn: often in the beginning, where much changes, then evenly; about 30."""
    early = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    evenly = [round(total * k / 20) for k in range(1, 21)]
    ends = [epoch * per_epoch for epoch in kept_epochs(total // per_epoch)]
    return sorted({step for step in early + evenly + ends if 1 <= step <= total})


def steps_between_checkpoints(settings: MnistSettings, device: str) -> int:
    """About ten seconds of work, by what a step costs on one core of an ordinary CPU; at least 2 steps.

    It decides how much is lost in a crash, and nothing about the numbers.
    """
    step = (
        (settings.width / 64) ** 2 * settings.batch_size / 64
    )  # seconds; a D = 64 step on 64 digits takes about 1
    if device != "cpu":
        step /= 100
    return int(min(max(SECONDS_BETWEEN_CHECKPOINTS / step, 2), 500))


# ---------------------------------------------------------------- what is looked at


def load_digits(split: str, context: JobContext) -> Digits:
    """MNIST on the job's device, kept in the worker between jobs. Raises DamagedDataFile."""
    key = ("digits", split, context.device)
    if key not in context.cache:
        context.cache[key] = load_mnist(split, device=context.device)
    return context.cache[key]


def one_of_each(digits: Digits) -> Tensor:
    """int64 (10,): the position of the first 0, the first 1, ..., the first 9."""
    return torch.stack([(digits.labels == c).nonzero()[0, 0] for c in range(SAMPLES)])


def fixed_noise(count: int, seed: int, device: str) -> Tensor:
    """float (count, 1, 28, 28), standard normal; the first pictures are the same whatever the count."""
    generator = torch.Generator().manual_seed(seed)
    return torch.cat([torch.randn(1, 1, 28, 28, generator=generator) for _ in range(count)]).to(device)


def sampler(settings: MnistSettings, context: JobContext) -> Callable[[nn.Module], dict[str, np.ndarray]]:
    """What a snapshot shows: ten samples from fixed noise, or ten noisy test digits denoised."""
    noise = fixed_noise(SAMPLES, SAMPLE_SEED, context.device)
    if settings.objective == "denoise":
        test = load_digits("test", context)
        z = to_unit(test.pictures[one_of_each(test)]) + settings.sigma * noise
        return lambda network: {"samples": digit_pixels(network(z))}
    if settings.objective == "pure_noise":
        return lambda network: {"samples": digit_pixels(network(noise))}
    classes = one_hot(torch.arange(SAMPLES, device=noise.device))

    def take(network: nn.Module) -> dict[str, np.ndarray]:
        estimate: EstimateVelocity = Conditional(network)
        if settings.objective == "class_flow":
            estimate = ClassGuided(network, classes, SAMPLE_GUIDANCE)
        x = noise
        for step in integrate(estimate, x, SAMPLE_STEPS):
            x = step.x_next
        return {"samples": digit_pixels(x)}

    return take


def digit_pixels(pictures: Tensor) -> np.ndarray:
    """float (B, 1, H, W) in [0, 1] -> uint8 (B, H, W, 1)."""
    return unit_pixels(pictures.detach().float().cpu().numpy())
