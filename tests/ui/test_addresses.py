"""Hostile addresses: for whatever stands in a link there is a value or a sentence, and a page that works."""

from __future__ import annotations

import random
import re
from types import SimpleNamespace
from unittest.mock import patch

import pytest

from lessons.address import RESERVED
from lessons.characters import invisible_in
from lessons.course import COURSE
from lessons.fields import BadValue
from pages.server import session
from pages.ui import controls
from tests.ui.fake_model import open_page

each_lesson = pytest.mark.parametrize("lesson", COURSE, ids=lambda lesson: lesson.code)


def test_a_lesson_may_open_on_something_else_and_old_links_mean_what_they_meant(tmp_path, monkeypatch):
    """A12's bare address shows both models; what leads to its samples says so from now on, and did not need to before."""
    for query, shown in (
        ({}, "both"), ({"seed": "3"}, "samples"), ({"job": "0" * 16}, "samples"), ({"shown": "sets"}, "sets"),
    ):  # fmt: skip
        with open_page("is_it_memory", tmp_path, monkeypatch, **query) as (at, _):
            at.run()
            assert not at.exception
            assert at.session_state["is_it_memory/values"]["shown"] == shown
            assert at.query_params["shown"] == shown


def test_a_stop_of_the_tour_opens_as_a_bare_address_does(tmp_path, monkeypatch):
    with open_page("visual_anagrams", tmp_path, monkeypatch, tour="4") as (at, _):
        at.run()
        assert at.session_state["visual_anagrams/values"]["p2"] == "a 3d render of a frog"


NASTY = (
    "", " ", "nan", "inf", "-inf", "1e999", "-1", "1e-999", "9" * 5000, "0x10", "7,5", "1,000", "60.000", "1.2.3",
    "٣", "１２", "½", "²",
    "null", "undefined", "[object Object]", "true", "__proto__", "constructor", "../../etc/passwd",
    "file:///etc/passwd", "%00", "\x00",
    "a\x00b", "\r\nSet-Cookie: a=b", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)",
    "' OR 1=1 --", '"; DROP TABLE runs; --', "${7*7}", "{{7*7}}", "#{7*7}", "$(id)", "`id`", "|", "||", "&", "&&&",
    "=", "a=b", "reference",
    "reference|seed=x", "seed=1|seed=2|seed=3|seed=4", "pin=pin", "%s%n", "\u202e12", "\u200b", "\ufeff1", "\ud7ff",
    "\U0010ffff", "🐱" * 301,
    "x" * 10_000, "upload-", "upload-" + "0" * 64, "drawing-" + "f" * 64, "0" * 64, "auto", "none", "all", "0:0:0",
    "1:2:3;", "nan:nan:nan",
    "0:1e9:0", ";", ",", ",,,", "0;0;0", "density,density", "b8", "epoch-5", "-0", "+5", "1_000", "1e2", "10⁻³",
    "５０ %", "**b**", ":red[x]",
    "$x$", "&lt;b&gt;", "[a](https://example.org)",
)  # fmt: skip
SIGNS = "0123456789.,;:-−+eE %&=|/\\'\"<>[]{}()*_`~$#@!?abcxyzγσ\u200b\u202e\u00a0\t\n\x00٣１½🐱"


def hostile(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(NASTY)
    return "".join(chance.choice(SIGNS) for _ in range(chance.randrange(24)))


def address(lesson, chance: random.Random) -> dict[str, str]:
    """One to all of a lesson's parameters, and some that it has not."""
    names = [field.name for field in lesson.fields] + list(RESERVED)
    chosen = chance.sample(names, chance.randint(1, len(names)))
    return {name: hostile(chance) for name in chosen} | (
        {hostile(chance) or "empty": hostile(chance)} if chance.random() < 0.3 else {}
    )


@each_lesson
@pytest.mark.parametrize("count", [250, pytest.param(1000, marks=pytest.mark.journey)])
def test_hostile_addresses_give_values_or_sentences(lesson, count):
    """The whole reading of an address, without drawing the page."""
    chance = random.Random(lesson.code)
    for _ in range(count):
        query = address(lesson, chance)
        given, browser = dict(query), SimpleNamespace(query_params=query, session_state={})
        with patch.object(controls, "st", browser), patch.object(session, "st", browser):
            kept = session.LessonState(lesson)
            complaints = controls._read_url(lesson, kept)
            state = kept.values
        assert set(state) == set(lesson.defaults())
        for complaint in complaints:
            assert complaint.endswith(".") and not invisible_in(complaint) and len(complaint) < 500, complaint
        for name, text in given.items():
            if name in state:
                field = lesson.field(name)
                try:
                    value, note = field.follow(text)
                except BadValue as error:
                    assert state[name] == field.default and any(
                        str(error) in complaint for complaint in complaints
                    )
                else:
                    assert state[name] == value and (note is None or note in complaints)
                    assert field.parse(field.encode(value)) == value, (
                        "what is put into the address is read as the same"
                    )
            elif name not in RESERVED:
                assert name not in query and complaints


def pages_work(lesson, count: int, tmp_path, monkeypatch) -> None:
    """Opens the lesson by `count` hostile addresses, one after the other."""
    chance = random.Random(lesson.code)
    with open_page(lesson.slug, tmp_path, monkeypatch) as (at, executor):
        monkeypatch.setattr(
            executor, "submit", lambda spec, owner, here=False: "0" * 64
        )  # nothing needs to be computed
        monkeypatch.setattr("pages.ui.training.measured_pace", lambda: None)
        for _ in range(count):
            query = address(lesson, chance)
            at.query_params.clear()
            for name, text in query.items():
                at.query_params[name] = text
            at.session_state["page"] = "elsewhere"  # entered anew, by this link
            at.run()
            assert not at.exception, (query, at.exception)
            assert at.title[0].value == f"{lesson.code} · {lesson.title}"
            for button in at.get("button"):
                assert re.search(r"\w", re.sub(r":material/\w+:", "", button.label)), "an icon is no name"
            assert [heading.value for heading in at.header if heading.value == "What to look for"], (
                "to its end"
            )


@each_lesson
def test_a_page_works_after_hostile_addresses(lesson, tmp_path, monkeypatch):
    pages_work(lesson, 2, tmp_path, monkeypatch)


@pytest.mark.journey
@each_lesson
def test_a_page_works_after_a_thousand_hostile_addresses(lesson, tmp_path, monkeypatch):
    pages_work(lesson, 1000, tmp_path, monkeypatch)
