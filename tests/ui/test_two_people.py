"""Two people on one page: what one of them does must not take anything from the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core import mnist_models
from core.compute.local import LocalExecutor
from core.training_settings import MnistSettings
from lessons.course import COURSE, JOBS
from lessons.training import spec as training_spec
from pages.server import runtime
from tests.compute.helpers import wait
from tests.ui.fake_model import ROUTER

B6 = next(lesson for lesson in COURSE if lesson.code == "B6")
PANEL = f"{B6.slug}/training"
LINK = {"width": "8", "batch_size": "8", "pictures": "800", "epochs": "100"}
PACE = {"float32": {8: 0.01}}


@pytest.fixture
def executor(tmp_path, monkeypatch) -> Iterator[LocalExecutor]:
    """A real one, whose trainings need no torch and have no end."""
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(mnist_models, "MODEL_FOLDER", tmp_path)  # no network ships: the page is the panel
    st.cache_resource.clear()
    st.cache_data.clear()
    endless = dict.fromkeys(("train", "toy_flow"), "tests.ui.slow_training:run")
    registry = dict.fromkeys(JOBS, "tests.ui.slow_training:refuse") | endless
    made = LocalExecutor(runtime.store(), registry, environment=runtime.environment(), grace_seconds=1.0)
    monkeypatch.setattr(runtime, "executor", lambda: made)
    monkeypatch.setattr(runtime, "owner", lambda: st.session_state["owner"])  # AppTest has no cookies
    monkeypatch.setattr("pages.ui.training.measured_pace", lambda: PACE)
    yield made
    made.close()
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def enter(executor) -> Callable[[str], AppTest]:
    """`enter(owner)`: a session of this person's, on B6, whose controls describe a training of 10,000 steps."""

    def session(owner: str) -> AppTest:
        at = AppTest.from_file(str(ROUTER), default_timeout=120)
        at.context["url"] = "http://localhost/"
        at.session_state["owner"] = owner
        at.run()
        at.switch_page(f"{B6.slug}.py")
        for name, value in LINK.items():
            at.query_params[name] = value
        return look(at)

    return session


def look(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception
    return at


def offered(at: AppTest) -> set[str]:
    """What the panel offers to do with this training."""
    return {b.label for b in at.button if b.key in {f"{PANEL}/{a}" for a in ("start", "pause", "discard")}}


def press(at: AppTest, action: str) -> AppTest:
    at.button(key=f"{PANEL}/{action}").click()
    return look(at)


def under_way(executor: LocalExecutor) -> str:
    """The id of Ada's training, once it has got on and kept something."""
    (job,) = (one.id for one in executor.mine("train", "ada"))
    begun = executor.status(job).done
    wait(executor, job, until=lambda status: status.done > begun + 2)
    return job


def test_what_somebody_else_has_paused_can_be_gone_on_with_and_not_discarded(executor, enter):
    ada, bob = enter("ada"), enter("bob")
    press(ada, "start")
    job = under_way(executor)
    assert offered(look(ada)) == {"Pause", "Stop and discard"}
    assert offered(look(bob)) == {"Join"}  # it is hers
    press(ada, "pause")
    wait(executor, job)
    kept = executor.kept_step(job)
    assert offered(look(ada)) == {"Go on", "Discard"}
    assert offered(look(bob)) == {"Go on"}

    # A page that was drawn before, or a click that is made up, comes to the same end: the executor asks who is asking.
    bob.session_state[f"{PANEL}/ask"] = ("discard", job)
    look(bob)
    assert any("Only who has asked for this computation" in error.value for error in bob.error)
    assert executor.kept_step(job) == kept

    press(bob, "start")
    assert offered(look(ada)) == {"Go on", "Discard"}  # he trains it now, and her claim is what it was
    assert offered(look(bob)) == {"Pause", "Stop and discard"}


def test_stopping_a_shared_training_leaves_the_other_what_they_pause_later(executor, enter):
    ada, bob = enter("ada"), enter("bob")
    press(ada, "start")
    job = under_way(executor)
    press(look(bob), "start")
    press(look(bob), "discard")
    under_way(executor)  # hers goes on
    press(look(ada), "pause")
    wait(executor, job)
    look(bob), look(ada)  # his page is drawn again, and takes nothing with it
    assert executor.kept_step(job) >= 1
    assert offered(ada) == {"Go on", "Discard"}
    press(ada, "discard")
    wait(executor, job, until=lambda status: executor.kept_step(job) is None)
    assert offered(look(ada)) == {"Train"}


def test_a_training_of_b5_that_somebody_else_has_begun_is_joined_and_theirs_to_cancel_alone(executor, enter):
    def buttons(at: AppTest) -> set[str]:
        return {b.label for b in look(at).button if b.key in ("train", "cancel")}

    ada, bob = enter("ada"), enter("bob")
    for at in (ada, bob):
        at.switch_page("vector_field.py")
        assert buttons(at) == {"Train"}
    ada.button(key="train").click()
    assert buttons(ada) == {"Cancel"}
    (job,) = (one.id for one in executor.mine("toy_flow", "ada"))
    wait(executor, job, until=lambda status: status.done > 2)
    assert buttons(bob) == {"Train"}, "it is hers to cancel"
    bob.button(key="train").click()
    assert buttons(bob) == {"Cancel"}
    ada.button(key="cancel").click()
    look(ada)
    begun = executor.status(job).done
    wait(executor, job, until=lambda status: status.done > begun + 2)  # his goes on
    bob.button(key="cancel").click()
    look(bob)
    wait(executor, job)
    assert executor.status(job).state == "cancelled"


def test_ones_own_trainings_are_listed_however_many_a_class_has_made(executor, enter):
    def asked_by(owner: str, rate: float) -> str:
        settings = MnistSettings(
            objective="flow", width=8, learning_rate=rate, batch_size=8, pictures=800, epochs=100
        )
        job = executor.submit(training_spec(settings), owner)
        executor.cancel(job, owner)
        return job

    hers = asked_by("ada", 0.5)
    for n in range(104):  # twenty-six others, four each
        asked_by(f"student {n // 4}", 0.001 + n * 1e-5)
    ada = enter("ada")
    assert f"{PANEL}/open/{hers}" in {button.key for button in ada.button}
    assert sum(str(button.key).startswith(f"{PANEL}/open/") for button in ada.button) == 1
