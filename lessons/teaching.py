"""The lesson plans of docs/teaching.md for the page of the class: one text, read in two places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from core.settings import ROOT
from lessons.course import COURSE
from lessons.lesson import Lesson

DOCUMENT = ROOT / "docs" / "teaching.md"
# What a tab of the page is called, and the heading in the document.
PLANS: Mapping[str, str] = {
    "One lesson in 5 minutes": "One lesson in five minutes",
    "50 minutes, Part A": "50 minutes: how a picture comes out of noise (Part A)",
    "50 minutes, Part B": "50 minutes: from nothing to a digit (Part B)",
    "80 minutes, edits": "80 minutes: edits, and what the model cannot do",
    "The class as a data set": "50 minutes: the class as a data set",
    "What students say": "Mistakes that students make, and what answers them",
}
TABLES = ("What students say",)  # no way through the lessons, but where to look one up
CODE = re.compile(r"\b[AB]\d{1,2}\b")


@dataclass(frozen=True)
class Plan:
    """`text` is Markdown, in which the code of a lesson leads to it; `lessons` are those it goes through, in its order."""

    text: str
    lessons: tuple[Lesson, ...]


def plans() -> dict[str, Plan]:
    """Tab -> its plan. Raises KeyError where the document has no such heading."""
    sections = {}
    for section in re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        sections[heading.strip()] = text.strip()
    by_code = {lesson.code: lesson for lesson in COURSE}
    found = {}
    for tab, heading in PLANS.items():
        text = sections[heading]
        codes = () if tab in TABLES else dict.fromkeys(CODE.findall(text))
        linked = CODE.sub(lambda code: f"[{code[0]}]({by_code[code[0]].url_path})", text)
        found[tab] = Plan(linked, tuple(by_code[code] for code in codes))
    return found
