"""Who asks: one browser is one person, however often its cookie is masked anew."""

from __future__ import annotations

import pytest

from core.classroom.rooms import Person
from pages.server import runtime
from pages.server.runtime import browser_token

# Three answers of one server to one browser, as they came.
SAME = (
    "2|1259dc18|18199aef14e4b4aa93fd413acdac43d9|1795425581",
    "2|63331c2c|69735adb658e749ee297810ebcc683ed|1795425581",
    "2|f292ec84|f8d2aa73f42f8436733671a62d677345|1795425581",
)


def test_the_same_browser_is_the_same_person_at_every_reload():
    assert len({browser_token(cookie) for cookie in SAME}) == 1
    assert len(browser_token(SAME[0])) == 16


def test_another_browser_is_another_person():
    assert browser_token("2|70b296c4|625adc75a43265cb07a9dba2a62396b4|1795425049") != browser_token(SAME[0])


@pytest.mark.parametrize("cookie", ["", "secret", "2|zz|00|1", "2||00|1", "3|00|00|1", "a|b|c|d|e"])
def test_any_other_cookie_stands_for_itself(cookie):
    assert browser_token(cookie) == cookie.encode()


def test_in_a_class_a_member_is_one_person_in_every_browser(monkeypatch):
    monkeypatch.setattr(runtime, "person", lambda: Person("BCDFGH", 7, "Ada"))
    assert runtime.owner() == "class:BCDFGH:7"
