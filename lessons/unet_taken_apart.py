"""B1: a digit on its way through the UNet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.jobs import JobSpec
from lessons.denoising_digits import DigitRef
from lessons.fields import Choice, Number, seed_field
from lessons.lesson import Lesson, Preset, Question
from lessons.networks import Network, shipped
from lessons.unet_blocks import PATH, UNTRAINED

NETWORKS = ("trained", "none", "time", "class")
SOURCES = ("b8", "b6", "b2")  # the shipped network that is walked through: the first that is there

LESSON = Lesson(
    code="B1",
    slug="unet_taken_apart",
    title="The UNet, taken apart",
    fields=(
        Choice("network", "Network", "trained", "Trained: what ships, or your own newest. Else fresh random weights.",
               options=NETWORKS, labels=("trained", "fresh", "fresh, with t", "fresh, with t and class")),
        Number("width", "D of a fresh network", 64, "Hidden channels, a multiple of 8.", minimum=8, maximum=128, step=8),
        DigitRef("digit", "Test digit", "0", "Its number among the 10,000 test digits."),
        Number("t", "t", 0.5, "0 is noise, 1 is the clean digit.", maximum=1, step=0.05, integer=False),
        seed_field(),
        Choice("block", "Block", "down1", "Which one is shown; a click on the drawing does the same.",
               options=tuple(block.name for block in PATH)),
    ),
    presets=(
        Preset("reference", "The trained network"),
        Preset("fresh", "Fresh weights, D = 64", {"network": "time", "t": 1.0}),
        Preset("small", "Fresh weights, D = 16", {"network": "time", "width": 16, "t": 1.0}),
        Preset("noise", "Pure noise goes in", {"t": 0.0}),
        Preset("clean", "A clean digit goes in", {"t": 1.0}),
    ),
    question=Question(
        "At the bottom of the U the picture is averaged to one number a channel. How does the digit find its place again?",
        ("From those numbers", "Along the skip connections", "It does not: digits are centred anyhow"),
        answer=1,
        because="The bottom knows what, and not where. The outputs of the way down are laid beside those of the way up, so "
        "every place is known at every size.",
        reveal={"block": "up1"},
    ),
    shows=(
        "core.networks.mnist_unet:UNetBody", "lessons.unet_blocks:walk",
        "core.networks.mnist_unet:ConvBlock", "core.networks.mnist_unet:DownBlock",
        "core.networks.mnist_unet:UpBlock", "core.networks.mnist_unet:Flatten", "core.networks.mnist_unet:Unflatten",
    ),
    jobs={"walk": "lessons.unet_blocks:walk"},
    opening="lessons.unet_taken_apart:opening_specs",
    black=0.0,
    minutes=6,
)  # fmt: skip


def spec(values: Mapping[str, Any], network: Mapping[str, Any] | None) -> JobSpec:
    """One digit through every block of a network: of `network` if it is wanted, else of a fresh one."""
    kind = values["network"] if values["network"] != "trained" else "time"
    wanted = network if values["network"] == "trained" and network is not None else {
        "source": UNTRAINED, "kind": kind, "width": values["width"] - values["width"] % 8,
    }  # fmt: skip
    return JobSpec(
        "walk", {"network": dict(wanted), "digit": values["digit"], "t": values["t"], "seed": values["seed"]}
    )


def shipped_network() -> tuple[Network, str] | None:
    """The shipped network that the lesson opens on, and its last checkpoint; None if none ships."""
    network = next((network for preset in SOURCES if (network := shipped(preset))), None)
    return None if network is None else (network, network.names[-1])


def opening_specs(model: str) -> list[JobSpec]:
    """The defaults, which are the first preset, and the other presets."""
    found = shipped_network()
    ref = None if found is None else found[0].ref(found[1])
    return [spec({**LESSON.defaults(), **preset.values}, ref) for preset in LESSON.presets]
