"""What a film says about its origin: it is written into every picture that a browser saves of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from core.jobs import JobSpec
from lessons.lesson import Lesson
from lessons.provenance import provenance_of
from pages.components.player import Film


def origin(lesson: Lesson, spec: JobSpec, meta: Mapping[str, Any]) -> dict[str, Any]:
    """The provenance of a run of `spec`, as JSON; the browser adds the page's address and the steps that it saves.

    `meta` is its result's; of a run that goes on, what is known already, such as {}.
    """
    found: dict[str, Any] = json.loads(provenance_of(lesson, spec, meta).to_json())
    return found


def signed(film: Film, lesson: Lesson, spec: JobSpec, meta: Mapping[str, Any], **more: Any) -> Film:
    """The film with its origin in it, and `more`: what tells the film from others of the same run."""
    return replace(film, about={**origin(lesson, spec, meta), **more})
