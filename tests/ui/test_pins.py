"""Pinned runs: side by side with the page's own, over common steps, and in the address."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np
import pytest
import streamlit as st

from lessons import (
    classifier_free_guidance,
    forward_process,
    hybrid_images,
    image_to_image,
    inpainting,
    iterative_denoising,
    meet_the_model,
    one_step_denoising,
    samplers,
    sampling_from_noise,
    text_image_to_image,
    there_and_back,
    visual_anagrams,
)
from lessons.course import COURSE
from lessons.fields import BadValue
from lessons.pins import MOST, read_pins, write_pins
from pages.components.player import Curve, Film, FilmError, Number, Row, pack, together
from pages.components.player.packing import read_header
from pages.server.classroom import bar
from tests.ui.fake_model import sentences

MODULES = (
    meet_the_model, one_step_denoising, iterative_denoising, sampling_from_noise, classifier_free_guidance, image_to_image,
    inpainting, text_image_to_image, visual_anagrams, hybrid_images, samplers, there_and_back,
)  # fmt: skip

SHORT = {  # what keeps these runs short
    "A0": {"steps": "5"}, "A4": {"i_start": "31"}, "A5": {"count": "1"}, "A6": {"gammas": "1"}, "A7": {"i_starts": "30;32"},
    "A8": {"count": "1"}, "A9": {"i_starts": "30;32"}, "A10": {"count": "1"}, "A11": {"count": "1"},
    "A13": {"evaluations": "4"}, "A14": {"steps": "5"},
}  # fmt: skip


@pytest.fixture
def visit(visit_filmed):
    return visit_filmed


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.LESSON.code)
def test_a_pinned_run_stands_beside_the_next_one(module, visit):
    lesson = module.LESSON
    short = SHORT.get(lesson.code, {})
    at, _, films = visit(lesson.slug, **short)
    alone, before = films[0], {tuple(film["columns"]) for film in films}
    at.button(key=f"{lesson.slug}/pin").click().run()
    assert at.query_params["pin"] == (urlencode(short) or "reference")
    assert {tuple(film["columns"]) for film in films} == before  # the same run is not shown twice
    at.text_input(key=f"{lesson.slug}:seed").set_value("77").run()
    at.run()  # this executor has computed before the stage looks again
    assert not at.exception
    joined = next(film for film in reversed(films) if "Seed 77" in str(film))
    seeds = ("Seed 77", f"Seed {lesson.field('seed').default}")
    if len(joined["columns"]) > len(alone["columns"]):
        assert [c for c in joined["columns"] if c.startswith(seeds[0])]
        assert [c for c in joined["columns"] if c.startswith(seeds[1])]
    else:
        captions = [row["caption"] for row in joined["rows"]]
        assert [c for c in captions if c.startswith(seeds[0])] and [
            c for c in captions if c.startswith(seeds[1])
        ]
    at.button(key=f"{lesson.slug}/unpin/0").click().run()
    assert not at.exception
    assert "pin" not in at.query_params


def test_a_link_brings_the_pinned_runs_back(visit):
    at, executor, films = visit("iterative_denoising", seed="3", pin="i_start=20|reference")
    wanted = [
        (column["seed"], spec.params["i_start"])
        for spec in executor.asked
        for column in spec.params["columns"]
    ]
    assert sorted(wanted) == [(0, 10), (0, 20), (3, 10)]
    at.run()
    joined = films[-1]
    assert joined["columns"] == ["i_start 10, Seed 3", "i_start 20, Seed 0", "i_start 10, Seed 0"]
    assert joined["total"] == 24
    assert at.query_params["pin"] == "i_start=20|reference"


def test_whoever_follows_the_instructor_sees_the_pinned_runs(visit, monkeypatch):
    """Also in a session that has been on this page, where other runs were pinned."""

    def follows(*_: object) -> None:
        if wanted := st.session_state.pop("wanted", None):
            bar._go(wanted)

    monkeypatch.setattr(bar, "class_bar", follows)
    at, executor, _ = visit("iterative_denoising", i_start="31")
    at.button(key="iterative_denoising/pin").click().run()
    assert at.query_params["pin"] == "i_start=31"
    for query, pins in (("i_start=30&pin=i_start%3D29", "i_start=29"), ("i_start=30", None)):
        at.session_state["wanted"] = {"page": "iterative-denoising", "query": query, "frame": None}
        at.run().run()
        assert not at.exception, at.exception
        assert at.query_params.get("pin") == pins
        assert {spec.params["i_start"] for spec in executor.asked} >= {30}
    assert {spec.params["i_start"] for spec in executor.asked} == {29, 30, 31}


def test_a_link_with_pins_is_followed_in_a_session_that_has_some(visit):
    at, _, _ = visit("iterative_denoising", i_start="31")
    at.button(key="iterative_denoising/pin").click().run()
    at.switch_page("classroom.py").run()
    at.switch_page("iterative_denoising.py")
    at.query_params["pin"] = "i_start=29"
    at.run()
    assert at.query_params["pin"] == "i_start=29"


@pytest.mark.parametrize(
    ("pin", "sentence"),
    [
        ("seed=1e99", "Seed must lie between 0 and"),
        ("nothing=1", "sets “nothing”, which this lesson does not have"),
        ("i_start=nan", "i_start must be a number, not “nan”"),
        ("nonsense", "written like “seed=3” or “reference”, not “nonsense”"),
        ("reference|", "written like “seed=3” or “reference”, not “”"),
        ("&&&", "written like “seed=3”"),
        ("reference|reference|reference|reference", "At most 3 runs are pinned; the link names 4."),
    ],
)
def test_a_pin_that_cannot_be_followed_is_left_out(visit, pin, sentence):
    at, _, films = visit("iterative_denoising", pin=pin)
    assert "The link’s pinned runs were left out: " in sentences(at)
    assert sentence in sentences(at).replace("\\", "")
    at.run()
    assert sentence in sentences(at).replace("\\", "")  # as the other complaints: until something is changed
    assert "pin" not in at.query_params
    assert len(films[-1]["columns"]) <= 1


def test_pins_are_read_as_they_are_written():
    lesson = classifier_free_guidance.LESSON
    pins = [
        lesson.defaults() | {"prompt": "a | b & c = 50 % ünicode", "gammas": (0.0, 2.5)},
        lesson.defaults(),
        lesson.defaults() | {"prompt": ""},
    ]
    assert read_pins(lesson, write_pins(lesson, pins)) == pins
    assert len(read_pins(lesson, "|".join(["reference"] * MOST))) == MOST
    with pytest.raises(BadValue):
        read_pins(lesson, "gammas=1,x")
    with pytest.raises(BadValue, match="no runs to pin"):
        read_pins(forward_process.LESSON, "reference")


def test_only_the_lessons_with_a_button_to_pin_take_pins():
    assert {lesson.code for lesson in COURSE if lesson.pinnable} == {module.LESSON.code for module in MODULES}


# ---- films over other steps --------------------------------------------------------------------------------


def film_of(steps: list[str], level: int, batch: int = 1) -> Film:
    """Frame k is level + k all over."""
    pixels = np.stack([np.full((batch, 2, 2, 3), level + k, np.uint8) for k in range(len(steps))])
    return Film(
        rows=[Row("x_t", "x_t", pixels), Row("clean", "x_0", pixels[:1])], steps=steps,
        curves=[Curve("c", [float(level + k) for k in range(len(steps))])],
        numbers=[Number("n", "", [float(level + k) for k in range(len(steps))])],
    )  # fmt: skip


def test_a_run_that_begins_later_is_grey_until_then():
    long, short = film_of([f"t = {t}" for t in (90, 60, 30, 0)], 10), film_of(["t = 60", "t = 10"], 50)
    joined = together([short, long], ["short", "long"])
    assert joined.steps == long.steps
    assert joined.columns == ("short", "long")
    assert joined.rows[0].pixels[:, 0, 0, 0, 0].tolist() == [128, 50, 50, 51]
    assert joined.rows[0].pixels[:, 1, 0, 0, 0].tolist() == [10, 11, 12, 13]
    assert joined.rows[1].pixels.shape[0] == 1  # a still stays one
    assert np.isnan(joined.curves[0].values[0]) and list(joined.curves[0].values[1:]) == [50, 50, 51]
    assert list(joined.numbers[0].values) == [None, 50, 50, 51]
    assert read_header(pack(joined))["strip_sample"] == 1  # the thumbnails are of the one that is never grey


def test_a_run_of_a_single_step_stands_beside_longer_ones():
    long, single = film_of([f"t = {t}" for t in (60, 30, 0)], 10), film_of(["t = 0"], 50)
    joined = together([single, long], ["single", "long"])
    assert joined.rows[0].pixels[:, 0, 0, 0, 0].tolist() == [128, 128, 50]
    assert joined.rows[0].pixels[:, 1, 0, 0, 0].tolist() == [10, 11, 12]
    assert joined.rows[1].pixels[:, 1, 0, 0, 0].tolist() == [10, 10, 10]
    pack(joined)


def test_a_curve_that_all_runs_have_alike_stands_once():
    steps = [f"t = {t}" for t in (90, 60, 30, 0)]
    long, short = film_of(steps, 10), film_of(steps[1:], 11)
    joined = together([short, long], ["short", "long"])
    assert [list(curve.values) for curve in joined.curves] == [[10, 11, 12, 13]]
    assert joined.curves[0].meaning == ""


def test_runs_counted_in_other_steps_are_not_joined():
    with pytest.raises(FilmError, match="other steps"):
        together([film_of(["σ = 1", "σ = 2"], 0), film_of(["σ = 1"], 0)], ["one", "two"])


def test_many_columns_are_compared_row_under_row():
    films = [film_of(["t = 1", "t = 0"], k, batch=4) for k in (0, 9)]
    assert [row.name for row in together(films, ["one", "two"]).rows] == ["x_t", "x_t/1", "clean", "clean/1"]


def test_a_row_that_is_drawn_once_is_drawn_for_each_run_that_has_another():
    def film(level: int) -> Film:
        pixels = np.full((2, 3, 2, 2, 3), level, np.uint8)
        return Film(
            rows=[Row("mean", "m", pixels[:1], once=True), Row("x_t", "x_t", pixels)],
            steps=["t = 1", "t = 0"],
        )

    alike, unlike = together([film(7), film(7)], ["a", "b"]), together([film(7), film(9)], ["a", "b"])
    assert [row.once for row in alike.rows] == [True, False]
    assert [row.once for row in unlike.rows] == [False, False]
    assert unlike.rows[0].pixels[0, :, 0, 0, 0].tolist() == [7, 7, 7, 9, 9, 9]
