"""What a training can be set to, and the limits: bad numbers are refused here, each with a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeGuard

from core.jobs import InvalidSpec

MAX_LEARNING_RATE = 1.0
MAX_EPOCHS = 100
MNIST_SIZE = 60_000
OBJECTIVES = ("denoise", "pure_noise", "flow", "class_flow")
PRECISIONS = ("float32", "bfloat16")
GIVEN = ("x_t", "x_1")


class InvalidSettings(InvalidSpec):
    """A number that no training can use; the message says what to choose instead."""


def is_number(value: object) -> TypeGuard[int | float]:
    """A finite int or float; a bool is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_whole(value: object) -> TypeGuard[int]:
    """An int that is not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def require(holds: bool, message: str) -> None:
    """Raises InvalidSettings unless the condition holds."""
    if not holds:
        raise InvalidSettings(message)


def require_whole(name: str, value: object, least: int, most: int) -> None:
    """Raises InvalidSettings unless `value` is an int within both limits."""
    require(
        is_whole(value) and least <= value <= most,
        f"Choose {name} as a whole number from {least} to {most}; {value!r} does not work.",
    )


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """What every training loop needs.

    Attributes:
        learning_rate: of Adam, above 0 and at most 1. (0.1 is allowed, and diverges: that is a lesson.)
        batch_size: examples a step, from 2 to the size of the data set.
        epochs: passes over the data set, from 1 to 100.
        decay: after every epoch, multiply the learning rate by 0.1^(1/epochs) (ExponentialLR).
        seed: of the weights, the order and the noise.
        precision: "float32", or "bfloat16" for the convolutions and matrix products of a step; weights, their
            gradients, Adam and the loss stay float32 (Micikevicius et al., arXiv:1710.03740).

    Raises:
        InvalidSettings: a number outside its limits.
    """

    learning_rate: float
    batch_size: int
    epochs: int
    decay: bool = False
    seed: int = 0
    precision: str = "float32"

    def __post_init__(self) -> None:
        require(
            is_number(self.learning_rate) and 0 < self.learning_rate <= MAX_LEARNING_RATE,
            f"Choose a learning rate above 0 and at most {MAX_LEARNING_RATE:g}, such as 0.0001; "
            f"{self.learning_rate!r} does not work.",
        )
        require_whole("the batch size", self.batch_size, 2, MNIST_SIZE)
        require_whole("the number of epochs", self.epochs, 1, MAX_EPOCHS)
        require_whole("the seed", self.seed, 0, 2**63 - 1)
        require(
            self.precision in PRECISIONS,
            f"Choose the precision {' or '.join(PRECISIONS)}, not {self.precision!r}.",
        )

    def learning_rate_at(self, epoch: int) -> float:
        """The learning rate during an epoch, counted from 0."""
        return self.learning_rate * (0.1 ** (epoch / self.epochs) if self.decay else 1.0)

    def steps_per_epoch(self, examples: int) -> int:
        """Every example once; the last batch may be shorter.

        Raises:
            InvalidSettings: a batch is larger than the data set.
        """
        require(
            self.batch_size <= examples,
            f"Choose a batch of at most {examples} examples, the size of the data set; {self.batch_size} is more.",
        )
        return math.ceil(examples / self.batch_size)


@dataclass(frozen=True, kw_only=True)
class MnistSettings(LoopSettings):
    """A training of Part B.

    Attributes:
        objective: "denoise" (B2), "pure_noise" (B4), "flow" (B6) or "class_flow" (B8).
        width: D, the number of hidden channels: a multiple of 8 from 8 to 256.
        sigma: of the noise in "denoise", above 0 and at most 10.
        p_uncond: how often "class_flow" hides the class, from 0 to 1.
        pictures: how many of the 60,000 digits are used.
        given: what the network of "flow" is given: "x_t", or by a mistake that is easily made the digit itself, "x_1".
    """

    objective: str
    width: int
    sigma: float = 0.5
    p_uncond: float = 0.1
    pictures: int = MNIST_SIZE
    given: str = "x_t"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(
            self.objective in OBJECTIVES,
            f"Choose one of the objectives {', '.join(OBJECTIVES)}, not {self.objective!r}.",
        )
        require(
            is_whole(self.width) and 8 <= self.width <= 256 and self.width % 8 == 0,
            f"Choose D, the number of hidden channels, as a multiple of 8 from 8 to 256; {self.width!r} is none.",
        )
        require(
            is_number(self.sigma) and 0 < self.sigma <= 10,
            f"Choose a noise level σ above 0 and at most 10; {self.sigma!r} does not work.",
        )
        require(
            is_number(self.p_uncond) and 0 <= self.p_uncond <= 1,
            f"Choose p_uncond, a probability, from 0 to 1; {self.p_uncond!r} is none.",
        )
        require(
            self.given in (GIVEN if self.objective == "flow" else GIVEN[:1]),
            f"Give the network {' or '.join(GIVEN)}, and x_1 in lesson B6 only; not {self.given!r}.",
        )
        require_whole("the number of pictures", self.pictures, 2, MNIST_SIZE)
        self.steps_per_epoch(self.pictures)


REFERENCE = {
    "b2": MnistSettings(objective="denoise", width=128, learning_rate=1e-4, batch_size=256, epochs=5),
    "b4": MnistSettings(objective="pure_noise", width=128, learning_rate=1e-4, batch_size=256, epochs=5),
    "b6": MnistSettings(objective="flow", width=64, learning_rate=1e-2, batch_size=64, epochs=10, decay=True),
    "b8": MnistSettings(
        objective="class_flow", width=64, learning_rate=1e-2, batch_size=64, epochs=10, decay=True
    ),
    "b8-constant": MnistSettings(
        objective="class_flow", width=64, learning_rate=1e-2, batch_size=64, epochs=10
    ),
}
"""The reference presets of the lessons; "b8-constant" is B8 without the scheduler."""

STUDIED = {
    "b6-slow": replace(REFERENCE["b6"], learning_rate=2e-3),
    "b12": replace(REFERENCE["b6"], width=32),
}
"""A reference with one number changed: to be seen beside it, and to go on from in two minutes."""

# Flows that were straightened by scripts/mnist/reflow.py: `pictures` is the number of pairs.
REFLOWED = {
    "b11": MnistSettings(
        objective="flow", width=64, learning_rate=2e-3, batch_size=64, epochs=4, decay=True, pictures=16_000,
        precision="bfloat16",
    ),
}  # fmt: skip
