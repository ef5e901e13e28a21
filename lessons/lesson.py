"""What a lesson is made of. The prose lies beside it, in `<slug>.md`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, cast

from core.jobs import JobSpec
from lessons.fields import Field

FOLDER = Path(__file__).resolve().parent
SECTIONS = ("Claim", "What to look for", "Derivation", "Where this comes from")


@dataclass(frozen=True)
class Preset:
    """Values to set with one click; those not named take the fields' defaults."""

    name: str
    label: str
    values: Mapping[str, Any] = field(default_factory=dict)
    ships: bool = False  # computed beforehand, like what the lesson opens with


@dataclass(frozen=True)
class Question:
    """Asked before the picture is touched, and settled by it.

    `reveal` are the values that show the answer when the student asks for it.
    """

    text: str
    choices: tuple[str, ...]
    answer: int
    because: str
    reveal: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """A way to run the lesson wrong on purpose. `name` goes into the job's parameters."""

    name: str
    label: str
    what: str  # what is done wrong, in one sentence
    see: str  # what to look for, in one sentence


@dataclass(frozen=True)
class Lesson:
    """One lesson: its place in the course, its controls, what it computes, and what its page shows beside the prose.

    Functions are named as "module:function", so that a lesson can be read before anything that it needs. All of this is
    checked when COURSE is built (`lessons.check`); docs/add-a-lesson.md walks through a small lesson.
    """

    code: str  # "A4"
    slug: str  # module, page and markdown file are all named after it
    title: str
    fields: tuple[Field, ...] = ()
    presets: tuple[Preset, ...] = ()
    question: Question | None = None
    variants: tuple[Variant, ...] = ()
    shows: tuple[str, ...] = ()  # "module:function", the code that ran
    jobs: Mapping[str, str] = field(default_factory=dict)  # what it computes: kind -> "module:function"
    # (values, model's fingerprint[, variant]) -> JobSpec, and in Part B (values, networks[, variant]) -> JobSpec
    spec: str = ""
    # (model's fingerprint) -> list of JobSpec: of a lesson that opens on something else than `spec`
    opening: str = ""
    # (values, network; in Part A the model's fingerprint) -> list of JobSpec: the studies below the main picture
    studies: str = ""
    takes_pictures: bool = False  # what other lessons made can be its field "picture"
    black: float = -1.0  # what is drawn black: −1, or 0 where pictures are digits
    pretrained: bool = False  # a lesson of Part B that runs Part A's model
    minutes: int = 5
    card: int = 0  # which sample of what it opens with its card on the start page shows
    pinnable: bool = False  # its page can keep runs beside the next one
    branches: tuple[str, ...] = ()  # what can be changed at a step of its run: of lessons.branching.CHANGES
    sweeps: tuple[str, ...] = ()  # the fields that a grid can sweep
    opens: Mapping[str, Any] = field(
        default_factory=dict
    )  # what a bare address shows; a link with values keeps its meaning
    instead: Mapping[str, str] = field(
        default_factory=dict
    )  # sections that replace the file's (any_model.py)

    @property
    def part(self) -> str:
        return self.code[0]

    @property
    def makes_pictures(self) -> bool:
        """Whether what it makes can be taken to a lesson that takes pictures."""
        return self.black == -1.0

    @property
    def url_path(self) -> str:
        """Not the page file's name: Streamlit's legacy discovery would run that file alone, without the entry script."""
        return self.slug.replace("_", "-")

    @cached_property
    def prose(self) -> Mapping[str, str]:
        """The sections of `<slug>.md`, by heading; those of `instead` in their place.

        Raises:
            ValueError: a section is missing.
        """
        text = (FOLDER / f"{self.slug}.md").read_text(encoding="utf-8")
        parts = text.split("\n## ")[1:]
        sections = {
            heading.strip(): body.strip() for heading, body in (part.split("\n", 1) for part in parts)
        }
        missing = [name for name in SECTIONS if name not in sections]
        if missing:
            raise ValueError(f"lessons/{self.slug}.md lacks the section {', '.join(missing)}.")
        return sections | dict(self.instead)

    def field(self, name: str) -> Field:
        """The field called `name`. Raises KeyError."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise KeyError(f"Lesson {self.code} has no control {name!r}.")

    def defaults(self) -> dict[str, Any]:
        """The value of every control that an address does not name; a bare address opens with `opens` besides."""
        return {f.name: f.default for f in self.fields}

    def job(self, values: Mapping[str, Any], source: Any, variant: str | None = None) -> JobSpec:
        """What is computed for these values. `source`: the model's fingerprint; in Part B the networks.

        Raises:
            BadValue: together, the values ask for more than one run can do.
        """
        asked = (values, source) if variant is None else (values, source, variant)
        return cast(JobSpec, named(self.spec)(*asked))

    def sources(self) -> list[tuple[str, str]]:
        """(module:function, source text) of everything in `shows`."""
        found = []
        for place in self.shows:
            found.append((place, inspect.getsource(named(place))))
        return found


def named(place: str) -> Any:
    """What "module:function" names. Raises ImportError, AttributeError, ValueError."""
    module, name = place.split(":")
    return attrgetter(name)(import_module(module))
