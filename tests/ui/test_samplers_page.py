"""The page of A13: what it asks for, what its film shows, and the way of one count below."""

from __future__ import annotations

import numpy as np

from lessons.samplers import LESSON, LIMIT, SAMPLERS, paths_spec, spec
from pages.components.player.packing import read_header
from pages.server import runtime
from tests.ui.fake_model import sentences

SHORT = {"evaluations": "4; 6"}


def test_the_page_runs_every_count_and_says_what_stands_where(visit, monkeypatch):
    films = []
    monkeypatch.setattr(
        "pages.ui.stage.player", lambda film, **more: films.append(read_header(film)) and None
    )
    at, executor = visit("samplers", **SHORT)
    values = LESSON.defaults() | {"evaluations": (4, 6)}
    assert executor.asked[0] == spec(values, runtime.model_fingerprint())
    assert sentences(at) == ""
    at.run()
    film = films[-1]
    assert film["columns"] == ["DDPM", "DDIM, η = 0", "Heun", "DPM-Solver++", f"{LIMIT} evaluations"]
    assert film["steps"] == ["4 evaluations", "6 evaluations"]
    assert [row["caption"] for row in film["rows"]][:2] == [
        "noise on the way: seed 5",
        "noise on the way: seed 6",
    ]


def test_only_samplers_that_add_noise_have_two_pictures(visit):
    """The model of these pages knows a single picture, and in steps enough all samplers find it; on the way they differ."""
    _, executor = visit("samplers", **SHORT, eta="0.5")
    found = executor.result(runtime.job_id(executor.asked[0]))
    assert found["clean_hat"].shape == found["other"].shape == (2, len(SAMPLERS), 3, 64, 64)
    names = list(SAMPLERS)
    for name in ("heun", "dpm"):
        k = names.index(name)
        np.testing.assert_array_equal(found["clean_hat"][:, k], found["other"][:, k])
        assert not found["apart"][:, k].any()
    assert found["limit"].shape == (1, 3, 64, 64)


def test_the_way_of_a_count_is_run_when_it_is_asked_for(visit):
    at, executor = visit("samplers", **SHORT)
    at.run()
    before = len(executor.asked)
    at.button(key="samplers/inside/start").click().run()
    assert not at.exception, at.exception
    values = LESSON.defaults() | {"evaluations": (4, 6)}
    assert executor.asked[before] == paths_spec(values, runtime.model_fingerprint(), 6)  # the one next to 16
    found = executor.result(runtime.job_id(executor.asked[before]))
    assert found["x_t"].shape == (6, len(SAMPLERS), 3, 64, 64)
    heun = [times[list(SAMPLERS).index("heun")] for times in found.meta["times"]]
    assert (
        heun[1] == heun[2] and heun[3] == heun[4] == heun[5] == 0
    )  # twice at each t but the first; 5 evaluations
