"""The lesson plans of docs/teaching.md for the page of the class: one text, read in two places."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.settings import ROOT
from lessons.course import COURSE

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
CODE = re.compile(r"\b[AB]\d{1,2}\b")


def plans() -> dict[str, str]:
    """Tab -> Markdown, in which the code of a lesson leads to it. Raises KeyError where the document has no such heading."""
    sections = {}
    for section in re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        sections[heading.strip()] = text.strip()
    addresses = {lesson.code: lesson.url_path for lesson in COURSE}
    return {
        tab: CODE.sub(lambda code: f"[{code[0]}]({addresses[code[0]]})", sections[heading])
        for tab, heading in PLANS.items()
    }
