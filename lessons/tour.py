"""The ten-minute tour: five stops across the lessons, each with what to look at and where the hand points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Stop:
    """One stop of the tour.

    Attributes:
        slug: the lesson.
        title, words: what the panel says; one thing to see, one thing to do.
        point: what the hand points at until it is pressed: a CSS selector on the page, inside components too ...
        text: ... and the beginning of the words on it, where several match.
        address: what the address of the stop holds, as the page writes it.
    """

    slug: str
    title: str
    words: str
    point: str
    text: str = ""
    address: Mapping[str, str] = field(default_factory=dict)


TOUR: tuple[Stop, ...] = (
    Stop(
        "meet_the_model", "Noise becomes a picture",
        "One noise becomes three pictures, because three prompts ask for them. Drag the scrubber slowly: when can you first "
        "tell what it will be?",
        ".player[data-frame] .track .range", address={"frame": "0"},
    ),
    Stop(
        "one_step_denoising", "What the network knows",
        "Asked once, the network answers with the mean of all pictures that fit. Move towards more noise: its answer blurs, "
        "because more pictures fit.",
        ".player[data-frame] .track .range",
    ),
    Stop(
        "classifier_free_guidance", "Asking louder",
        "Each column follows the prompt more strongly. Press “5 dogs at γ = 12”, then “5 dogs at γ = 1”: what is gained, "
        "and what is lost?",
        ".st-key-presets button", "5 dogs at γ = 12",
    ),
    Stop(
        "visual_anagrams", "Two pictures in one",
        "Every step was taken for two prompts at once, one of them turned. Turn the picture.",
        ".turn",
    ),
    Stop(
        "vector_field", "The same as a flow",
        "Flow matching in the plane, where everything is known: straight lines join noise to data, and particles follow "
        "their mean. Press play, then click into the plane to drop particles of your own.",
        ".play",
    ),
)  # fmt: skip


def stop_of(text: str) -> int | None:
    """The number of the stop, from 1, that an address names; None for what is no stop."""
    return int(text) if text in map(str, range(1, len(TOUR) + 1)) else None
