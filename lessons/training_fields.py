"""The controls of a training, as fields of a lesson: typed numbers, each checked where trainings check them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.training_settings import GIVEN, PRECISIONS, REFERENCE, InvalidSettings, MnistSettings
from lessons.fields import BadValue, Choice, Field, Typed
from lessons.numbers import NotANumber, is_plain, read_number, written

FALLING, CONSTANT = "falling", "constant"
# What the presets of a small network set.
SMALL = {"width": 16, "batch_size": 32, "epochs": 5, "pictures": 9600}
SMALL_AND_FAST = {**SMALL, "learning_rate": 0.01, "decay": FALLING}
# The jobs of a lesson in which one trains.
TRAINS = {"train": "lessons.training:run", "training_pace": "lessons.training_pace:measure"}
PRECISION_HELP = (
    "How the products of a step are multiplied. float32 keeps 24 binary digits of each number, bfloat16 only 8: enough "
    "for a gradient that is noisy anyhow, and about twice as fast where the processor does it in hardware. Weights, "
    "their gradients and Adam’s sums stay float32 in both."
)
_WHOLE = ("width", "batch_size", "epochs", "pictures", "training_seed")
_NAMES = {
    "training_seed": "seed"
}  # field -> setting, where they differ: a page's own seed is that of its samples


@dataclass(frozen=True)
class Setting(Typed):
    """A number typed in, such as "1e-2". Its limits are those of `MnistSettings`, and so is the sentence."""

    @property
    def whole(self) -> bool:
        return self.name in _WHOLE

    def parse(self, text: str) -> int | float:
        try:
            value = read_number(self.require_text(text), whole=self.whole, words=self.words)
        except NotANumber as error:
            raise self.unreadable(text, error) from error
        # A fraction where a whole number belongs is refused by the settings, whose sentence says more.
        number = self.exactly(value, text, whole=self.whole and value == value.to_integral_value())
        try:
            # A batch of 2 fits into any data set: whether batch and data set fit together is seen when both are known.
            changed: dict[str, Any] = {"batch_size": 2, _NAMES.get(self.name, self.name): number}
            replace(REFERENCE["b8"], **changed)
        except InvalidSettings as error:
            raise BadValue(str(error)) from error
        return number

    def encode(self, value: Any) -> str:
        return str(value) if self.whole else written(value)

    def read_out(self, text: str) -> str | None:
        return None if is_plain(text, whole=self.whole) else self.encode(self.parse(text))


def training_fields(reference: str) -> tuple[Field, ...]:
    """The fields of one reference preset ("b2", ...), which they open on."""
    settings = REFERENCE[reference]
    fields: list[Field] = [
        Setting("width", "Width D", settings.width, "Hidden channels: a multiple of 8 from 8 to 256."),
        Setting("learning_rate", "Learning rate", settings.learning_rate, "Of Adam. Above 0, at most 1."),
        Setting("batch_size", "Batch", settings.batch_size, "Digits a step, from 2 to 60,000."),
        Setting("epochs", "Epochs", settings.epochs, "Passes over the digits, from 1 to 100."),
        Setting("pictures", "Digits", settings.pictures, "How many of the training digits are used, from 2 to 60,000."),
        Choice(
            "decay", "Learning rate over the epochs", FALLING if settings.decay else CONSTANT,
            "Falling: to a tenth, in equal ratios, one step down after each epoch.",
            options=(FALLING, CONSTANT), labels=("falls tenfold", "constant"),
        ),
        Setting("training_seed", "Training seed", settings.seed, "Of the weights, the order and the noise: 0, 1, 2, …"),
        Choice(
            "precision", "Precision", settings.precision, PRECISION_HELP,
            options=PRECISIONS, labels=("float32", "bfloat16"),
        ),
    ]  # fmt: skip
    if settings.objective == "denoise":
        fields.append(
            Setting(
                "sigma",
                "Noise σ",
                settings.sigma,
                "Standard deviation, above 0 and at most 10; pixels lie in [0, 1].",
            )
        )
    if settings.objective == "flow":
        fields.append(
            Choice(
                "given", "Given to the network", settings.given,
                "The noisy picture, as it should be; or, a mistake easily made, the digit that it is on the way to.",
                options=GIVEN, labels=("xₜ", "x₁, by mistake"),
            )
        )  # fmt: skip
    if settings.objective == "class_flow":
        fields.append(
            Setting(
                "p_uncond",
                "p_uncond",
                settings.p_uncond,
                "How often the class is hidden, from 0 to 1.",
            )
        )
    return tuple(fields)


def settings_of(values: Mapping[str, Any], reference: str) -> MnistSettings:
    """The training that the controls describe. Raises InvalidSettings if batch and data set do not fit together."""
    settings = REFERENCE[reference]
    wanted = {
        "width": values["width"], "learning_rate": values["learning_rate"], "batch_size": values["batch_size"],
        "epochs": values["epochs"], "pictures": values["pictures"], "decay": values["decay"] == FALLING,
        "seed": values["training_seed"], "precision": values["precision"],
    }  # fmt: skip
    wanted |= {name: values[name] for name in ("sigma", "p_uncond", "given") if name in values}
    return replace(settings, **wanted)


def values_of(settings: MnistSettings, names: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: the controls (those in `names`) that describe a training."""
    values = {
        "width": settings.width, "learning_rate": settings.learning_rate, "batch_size": settings.batch_size,
        "epochs": settings.epochs, "pictures": settings.pictures, "decay": FALLING if settings.decay else CONSTANT,
        "training_seed": settings.seed, "precision": settings.precision, "sigma": settings.sigma,
        "p_uncond": settings.p_uncond, "given": settings.given,
    }  # fmt: skip
    return {name: value for name, value in values.items() if name in names}


def remark(settings: MnistSettings) -> str | None:
    """What to expect of a training with a mistake in it or at one of the ends of p_uncond; None: nothing to say."""
    if settings.given == "x_1":
        return (
            "The network is given the digit in place of xₜ. Watch loss and samples: it can answer with x₁ only, so the loss "
            "goes down to 1, the variance of the noise, and stays there; and the samples remain noise."
        )
    if settings.objective != "class_flow":
        return None
    if settings.p_uncond == 1:
        return (
            "With p_uncond = 1 the class is always hidden: the network never sees one, and draws any digit whichever is "
            "asked for. Choose less, such as 0.1."
        )
    if settings.p_uncond == 0:
        return (
            "With p_uncond = 0 the class is never hidden: the network draws the asked digit, but has not learned what it "
            "would draw without a class, so guidance (γ other than 1, lesson B9) has nothing to start from."
        )
    return None


def describe(settings: MnistSettings) -> str:
    """A training in a line: "D 16 · rate 0.01 falling · 5 × 300 steps of 32"."""
    steps = settings.steps_per_epoch(settings.pictures)
    fall = " falling" if settings.decay else ""
    parts = [
        f"D {settings.width}",
        f"rate {settings.learning_rate:g}{fall}",
        f"{settings.epochs} × {steps:,} steps of {settings.batch_size}",
    ]
    if settings.objective == "denoise":
        parts.insert(1, f"σ {settings.sigma:g}")
    if settings.objective == "class_flow" and settings.p_uncond != REFERENCE["b8"].p_uncond:
        parts.append(f"p_uncond {settings.p_uncond:g}")
    if settings.given != REFERENCE["b6"].given:
        parts.append("given x₁ by mistake")
    if settings.precision != REFERENCE["b8"].precision:
        parts.append(settings.precision)
    if settings.seed:
        parts.append(f"seed {settings.seed}")
    return " · ".join(parts)
