"""The start page: cards as data, the way to a lesson with one's own prompt, and the tour from stop to stop."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from lessons.course import COURSE, PARTS
from lessons.meet_the_model import LESSON
from lessons.tour import TOUR, stop_of
from tests.ui.fake_model import sentences


@pytest.fixture
def home(visit):
    at, executor = visit(LESSON.slug)
    executor.asked.clear()
    at.switch_page("home.py").run()
    assert not at.exception
    return at, executor


def test_every_lesson_has_a_card_below_its_part(visit, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "pages.components.cards.component._mount", lambda *, data, **options: drawn.append(data)
    )
    at, _ = visit(LESSON.slug)
    at.switch_page("home.py").run()
    parts = drawn[-1]["parts"]
    assert [part["heading"] for part in parts] == list(PARTS.values())
    cards = [card for part in parts for card in part["cards"]]
    assert [card["code"] for card in cards] == [lesson.code for lesson in COURSE]
    assert all(card["minutes"] > 0 and card["claim"] and card["path"] for card in cards)


def test_a_prompt_is_made_in_the_first_lesson(home):
    at, executor = home
    at.text_input(key="home/prompt").set_value("  a   red car ")
    next(button for button in at.button if button.label == "Make it").click().run()
    assert not at.exception
    assert at.title[0].value == f"{LESSON.code} · {LESSON.title}"
    assert [spec.params["columns"][0]["prompt"] for spec in executor.asked if spec.kind == "denoise"] == [
        "a red car"
    ]


def test_a_prompt_that_the_model_knows_is_one_click(home):
    at, executor = home
    chip = at.button(key="home/known/0")
    chip.click().run()
    assert at.title[0].value == f"{LESSON.code} · {LESSON.title}"
    assert chip.label in [
        spec.params["columns"][0]["prompt"] for spec in executor.asked if spec.kind == "denoise"
    ]


def test_a_prompt_that_is_too_long_is_refused_with_a_sentence_and_stays(home):
    at, _ = home
    at.text_input(key="home/prompt").set_value("x" * 301)
    next(button for button in at.button if button.label == "Make it").click().run()
    assert "is limited to 300 characters; this has 301" in sentences(at)
    assert at.text_input(key="home/prompt").value == "x" * 301


def title_of(slug: str) -> str:
    lesson = next(lesson for lesson in COURSE if lesson.slug == slug)
    return f"{lesson.code} · {lesson.title}"


def ways(at) -> dict[str, tuple[str, dict[str, str]]]:
    """The links of a page by their labels: path and address."""
    links = [link.proto for link in at.get("page_link")]
    return {link.label: (link.page, dict(parse_qsl(link.query_string))) for link in links}


def address_of(number: int) -> tuple[str, dict[str, str]]:
    stop = TOUR[number - 1]
    return stop.slug.replace("_", "-"), {**stop.address, "tour": str(number)}


def test_the_tour_begins_on_the_start_page(home):
    at, _ = home
    assert ways(at)["The ten-minute tour"] == address_of(1)


@pytest.mark.parametrize("number", range(1, len(TOUR) + 1))
def test_each_stop_says_its_words_and_leads_on(visit, number):
    stop = TOUR[number - 1]
    at, _ = visit(stop.slug, tour=str(number), **stop.address)
    assert at.title[0].value == title_of(stop.slug)
    assert any(stop.words == element.value for element in at.markdown)
    assert sentences(at) == ""  # the address of the stop is taken as it stands
    last = number == len(TOUR)
    assert any(f"{number} of {len(TOUR)} · {stop.title}" in element.value for element in at.markdown)
    onward = ("", {}) if last else address_of(number + 1)
    assert ways(at)["Finish" if last else "Next stop"] == onward
    assert ways(at).get("Back") == (address_of(number - 1) if number > 1 else None)


def test_the_tour_can_be_left(visit):
    at, _ = visit(TOUR[0].slug, tour="1")
    at.button(key="tour/leave").click().run()
    assert not [button for button in at.button if (button.key or "").startswith("tour/")]
    assert at.title[0].value == title_of(TOUR[0].slug)


@pytest.mark.parametrize("text", ["0", "6", "-1", "1.5", "two", "", "٣", "111"])
def test_an_address_that_names_no_stop_shows_no_panel(visit, text):
    assert stop_of(text) is None
    at, _ = visit(TOUR[0].slug, tour=text)
    assert not [button for button in at.button if (button.key or "").startswith("tour/")]


@pytest.mark.parametrize("stop", TOUR, ids=lambda stop: stop.slug)
def test_a_stop_points_at_what_its_lesson_has(stop):
    lesson = next(lesson for lesson in COURSE if lesson.slug == stop.slug)
    if stop.text:
        assert stop.text in [preset.label for preset in lesson.presets]
