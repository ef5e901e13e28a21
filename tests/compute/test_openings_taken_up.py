"""Results that ship: taken up when they are asked for, never for another question, and computed here when that is asked."""

from __future__ import annotations

import hashlib
import json
import logging

import numpy as np
import pytest

from core.compact import FOR_THE_EYE
from core.compute.store import ELSEWHERE, Openings, Store
from core.compute.store.openings import FORMAT, MANIFEST
from core.provenance import APP
from core.trajectory import Trajectory
from tests.compute.helpers import fresh, wait

PICTURES = np.linspace(-1, 1, 4 * 3 * 8 * 8, dtype=np.float32).reshape(4, 1, 3, 8, 8)
ORIGIN = {"machine": "another", "date": "2026-01-02", "note": "Rounded.", "seconds": 3.0}


@pytest.fixture
def shipped(tmp_path):
    """A specification, and the folder that holds its result."""
    spec, folder = fresh(), tmp_path / "openings"
    write(folder, spec)
    return spec, folder


def write(folder, spec, **changes):
    folder.mkdir(exist_ok=True)
    trajectory = Trajectory(
        {"x_t": PICTURES, "result": PICTURES[-1]}, {"steps": [1, 2, 3, 4], ELSEWHERE: ORIGIN}
    )
    data = trajectory.to_bytes(FOR_THE_EYE)
    (folder / "one").write_bytes(data)
    entry = {"file": "one", "sha256": hashlib.sha256(data).hexdigest(), "kind": spec.kind, "seconds": 3.0}
    manifest = {
        "format": FORMAT, "app": APP, "model": {"name": "toy", "fingerprint": "f" * 16},
        "results": {spec.key({}): entry}, "cards": {"A0": {**entry, "frames": 4, "model": "f" * 16}},
    }  # fmt: skip
    (folder / MANIFEST).write_text(json.dumps({**manifest, **changes}), encoding="utf-8")


def test_what_ships_answers_at_once_and_without_a_worker(new_executor, shipped):
    spec, folder = shipped
    executor = new_executor(openings=Openings(folder))
    assert executor.at_hand(spec) and not executor.at_hand(fresh())
    job = executor.submit(spec, "ada")
    assert executor.status(job).state == "done"
    assert executor.worker_pid is None
    result = executor.result(job)
    assert result.meta[ELSEWHERE] == ORIGIN
    np.testing.assert_array_equal(result["result"], PICTURES[-1])
    np.testing.assert_allclose(result["x_t"], PICTURES, atol=0.02)


def test_it_is_an_answer_on_every_kind_of_device(tmp_path, shipped):
    """The key of a job holds device and number format; what ships is found without them."""
    from core.compute.queue.ledger import Ledger

    spec, folder = shipped
    store = Store(tmp_path / "gpu")
    environment = {"device": "cuda", "dtype": "float16", "seats": "4"}
    ledger = Ledger(store, ["count"], environment, max_queue=4, max_attempts=1, openings=Openings(folder))
    assert ledger.status(ledger.submit(spec, "ada")).state == "done"
    store.close()


def test_computed_here_it_takes_the_place_of_what_ships(new_executor, shipped, tmp_path):
    spec, folder = shipped
    executor = new_executor(openings=Openings(folder))
    job = executor.submit(spec, "ada")
    assert executor.submit(spec, "ada", here=True) == job
    assert wait(executor, job).state == "done"
    assert ELSEWHERE not in executor.result(job).meta
    executor.submit(spec, "bob")  # what ships does not come back
    assert executor.submit(spec, "bob", here=True) == job  # and it is not computed twice
    assert executor.status(job).state == "done"
    assert ELSEWHERE not in executor.result(job).meta


def test_what_shipped_with_an_earlier_version_is_computed_here_as_well(new_executor, shipped, tmp_path):
    """It lies in the store, and the folder holds another file by now, or none."""
    spec, folder = shipped
    store = Store(tmp_path / "store")
    executor = new_executor(store, openings=Openings(folder))
    job = executor.submit(spec, "ada")
    (folder / MANIFEST).unlink()
    later = new_executor(store, openings=Openings(folder))
    assert ELSEWHERE in later.result(later.submit(spec, "bob")).meta
    later.submit(spec, "bob", here=True)
    assert wait(later, job).state == "done"
    assert ELSEWHERE not in later.result(job).meta


def test_a_question_that_differs_in_one_setting_is_computed(new_executor, shipped):
    spec, folder = shipped
    other = type(spec)(spec.kind, {**spec.params, "total": spec.params["total"] + 1})
    executor = new_executor(openings=Openings(folder))
    assert not executor.at_hand(other)
    job = executor.submit(other, "ada")
    wait(executor, job)
    assert ELSEWHERE not in executor.result(job).meta


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app": "diffusion-lessons 0.0.1"}, "were made by diffusion-lessons 0.0.1"),
        ({"format": FORMAT + 1}, "were made by"),
    ],
)
def test_what_another_version_made_is_passed_over_with_a_sentence(shipped, caplog, changes, said):
    spec, folder = shipped
    write(folder, spec, **changes)
    with caplog.at_level(logging.WARNING):
        assert Openings(folder).read(spec) is None
    assert said in caplog.text and "make openings" in caplog.text


@pytest.mark.parametrize("what", ["damaged", "gone", "no manifest", "garbled manifest"])
def test_what_cannot_be_read_is_computed(new_executor, shipped, what):
    spec, folder = shipped
    if what == "damaged":
        (folder / "one").write_bytes((folder / "one").read_bytes()[:-1] + b"?")
    elif what == "gone":
        (folder / "one").unlink()
    elif what == "no manifest":
        (folder / MANIFEST).unlink()
    else:
        (folder / MANIFEST).write_text("{", encoding="utf-8")
    executor = new_executor(openings=Openings(folder))
    job = executor.submit(spec, "ada")
    assert wait(executor, job).state == "done"
    assert ELSEWHERE not in executor.result(job).meta


def test_what_ships_says_how_long_such_jobs_take_until_one_was_measured_here(new_executor, shipped):
    spec, folder = shipped
    executor = new_executor(openings=Openings(folder))
    assert executor.usual_seconds(spec.kind) == 3.0
    assert executor.usual_seconds("trains") is None
    wait(executor, executor.submit(fresh(), "ada"))
    assert executor.usual_seconds(spec.kind) < 3.0


def test_another_model_is_named_and_its_cards_are_not_shown(shipped):
    _, folder = shipped
    openings = Openings(folder)
    assert openings.why_not("f" * 16) is None
    assert "of the model toy (ffffffffffffffff)" in openings.why_not("e" * 16)
    assert openings.card("A0", "f" * 16) == ((folder / "one").read_bytes(), 4)
    assert openings.card("A0", "e" * 16) is None
    assert openings.card("A1", "f" * 16) is None


def test_what_was_made_anew_is_found_by_a_server_that_is_running(shipped):
    spec, folder = shipped
    openings, later = Openings(folder), fresh()
    assert openings.ships(spec) and not openings.ships(later)
    (folder / MANIFEST).unlink()  # `make openings` replaces it
    assert not openings.ships(spec)
    write(folder, later)
    assert openings.ships(later) and not openings.ships(spec)
