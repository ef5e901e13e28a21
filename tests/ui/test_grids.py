"""A grid on a page: asked for, in the address, shown under the player, and into any of its cells."""

from __future__ import annotations

import json

import pytest

from core.provenance import Provenance
from tests.ui.fake_model import sentences

SLUG = "classifier_free_guidance"
ADDRESS = "gammas=0%3B+7&seed=0%3B+1%3B+2"


@pytest.fixture
def visit(visit_filmed):
    return visit_filmed


def test_two_controls_are_swept_and_the_sheet_takes_the_figure(visit):
    at, executor, films = visit(SLUG)
    at.text_input(key=f"{SLUG}/grid/across/gammas").set_value("0; 7")
    at.text_input(key=f"{SLUG}/grid/down/seed").set_value("0;1;2")
    at.button(key=f"{SLUG}/grid/compute").click().run()
    at.run()
    assert not at.exception, at.exception
    assert at.query_params["grid"] == ADDRESS
    job = executor.asked[-1]
    assert job.kind == "grid" and (job.params["across"], job.params["down"]) == (2, 3)
    asked = [cell["params"]["columns"] for cell in job.params["cells"]]
    assert [(c["guidance_scale"], c["seed"]) for (c,) in asked] == [
        (0, 0), (7, 0), (0, 1), (7, 1), (0, 2), (7, 2),
    ]  # fmt: skip
    film = films[-1]
    assert film["columns"] == ["0", "7"] and film["total"] == 12
    assert [row["label"] for row in film["rows"]] == ["0", "1", "2"]
    origin = Provenance.from_json(json.dumps(film["about"]))
    assert origin.gammas == (0, 7) and origin.seeds == (0, 1, 2) and origin.model == ("emoji64",)


def test_a_link_brings_the_grid_back_and_a_cell_opens_in_the_lesson(visit):
    at, executor, films = visit(SLUG, grid="gammas=0;7&seed=0;1;2")
    at.run()
    assert executor.asked[-1].kind == "grid" and films[-1]["columns"] == ["0", "7"]
    at.button(key=f"{SLUG}/grid/cell/2/7").click().run()
    at.run()
    assert not at.exception
    assert at.query_params["seed"] == "2" and at.query_params["gammas"] == "7"
    assert at.query_params["grid"] == "gammas=0;7&seed=0;1;2", "the sheet is still there to go back to"
    own = [film for film in films if film["name"] == "a6"]  # what a judge says of γ stands below
    assert own[-1]["columns"] == ["γ = 7"]
    at.button(key=f"{SLUG}/grid/away").click().run()
    assert "grid" not in at.query_params and at.query_params["seed"] == "2"


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("gammas=x&seed=1", "The link’s grid was left out: Guidance scales γ must be a number"),
        ("gammas=1", "The link’s grid was left out: A grid sweeps two different controls."),
    ],
)
def test_a_link_that_holds_no_grid_costs_a_sentence(grid, said, visit):
    at, executor, _ = visit(SLUG, grid=grid)
    assert said in sentences(at) and "grid" not in at.query_params
    assert {job.kind for job in executor.asked} == {"denoise"}


def test_a_lesson_without_a_run_has_no_grid(visit):
    at, _, _ = visit("forward_process", grid="t=1&seed=3")
    assert "nothing that a grid could sweep" in sentences(at)


@pytest.mark.parametrize(
    ("typed", "said"),
    [("0; x", "must be a number"), ("", "must be a number"), ("1;2;3;4;5;6", "takes 1 to 5 values")],
)
def test_what_cannot_be_swept_is_said_beside_the_form(typed, said, visit):
    at, executor, _ = visit(SLUG)
    at.text_input(key=f"{SLUG}/grid/across/gammas").set_value(typed)
    at.text_input(key=f"{SLUG}/grid/down/seed").set_value("1")
    at.button(key=f"{SLUG}/grid/compute").click().run()
    assert said in sentences(at) and "grid" not in at.query_params
    assert "grid" not in {job.kind for job in executor.asked}
