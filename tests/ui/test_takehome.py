"""Taking it home: what the worker is asked for, what stands in the line meanwhile, and the link."""

from __future__ import annotations

import pytest

from core import provenance
from core.compute.executor import JobStatus
from core.jobs import QueueFull, State
from lessons import iterative_denoising
from lessons.exporting import FORMATS, KIND, file_of
from pages.server import runtime
from pages.ui.takehome import PREPARED

SLUG = iterative_denoising.LESSON.slug


def ask(at, kind: str):
    return at.button(key=f"{SLUG}/take/{kind}/ask")


def downloads(at) -> list[str]:
    return [element.proto.label for element in at.get("download_button")]


def test_a_file_is_asked_for_once_made_and_offered(visit):
    """Nothing is made before it is asked for; the job names the run and its settings; the file says so."""
    at, executor = visit(SLUG, i_start="31", frame="1")
    wanted = executor.asked[-1]
    assert downloads(at) == ["Picture (PNG)", "Notebook that computes it"]
    assert set(PREPARED) == set(FORMATS)
    for kind, label in PREPARED.items():
        assert ask(at, kind).label == f"Prepare: {label}"
    ask(at, "npz").click().run()
    assert [spec.kind for spec in executor.asked].count(KIND) == 1
    export = executor.asked[-1]
    assert export.params["job"] == runtime.job_id(wanted) and export.params["format"] == "npz"
    assert downloads(at) == ["Picture (PNG)", "Notebook that computes it", PREPARED["npz"]]
    found = provenance.read(file_of(executor.result(runtime.job_id(export))))
    assert found.link == "http://localhost/iterative-denoising?i_start=31"  # the frame is no part of the run
    assert found.job == {"kind": wanted.kind, "params": wanted.params}
    at.run()
    assert PREPARED["npz"] in downloads(at) and len(executor.asked) == 2


def test_a_file_that_the_store_has_let_go_can_be_asked_for_again(visit):
    at, _ = visit(SLUG, i_start="31")
    ask(at, "sheet").click().run()
    assert PREPARED["sheet"] in downloads(at)
    runtime.store().prune(0)
    at.run()
    assert PREPARED["sheet"] not in downloads(at)
    ask(at, "sheet").click().run()
    assert PREPARED["sheet"] in downloads(at)


def test_progress_stands_in_the_line_and_can_be_cancelled(visit, monkeypatch):
    at, executor = visit(SLUG, i_start="31")
    cancelled = []
    run_of, status_of = executor.asked[-1], executor.status
    running = JobStatus(State.RUNNING, run_of, done=3, total=12)

    def status(job_id):
        found = {runtime.job_id(spec) for spec in executor.asked if spec.kind == KIND}
        return running if job_id in found and job_id not in cancelled else status_of(job_id)

    monkeypatch.setattr(executor, "status", status)
    monkeypatch.setattr(executor, "submit", lambda spec, owner, here=False: executor.asked.append(spec))
    monkeypatch.setattr(executor, "cancel", lambda job, owner: cancelled.append(job), raising=False)
    ask(at, "webp").click().run()
    assert [bar.proto.text for bar in at.get("progress")] == ["Animation (WebP): preparing, 25%"]
    at.button(key=f"{SLUG}/take/webp/cancel").click().run()
    assert len(cancelled) == 1 and ask(at, "webp").label == "Prepare: Animation (WebP)"


@pytest.mark.parametrize("refused", [True, False])
def test_what_cannot_be_made_is_said_in_the_line(visit, monkeypatch, refused):
    """The queue is full, or the job has failed: a sentence below the button, which stays."""
    at, executor = visit(SLUG, i_start="31")
    spec, status_of = executor.asked[-1], executor.status
    failed = JobStatus(State.FAILED, spec, error_name="RunGone", message="The run is no longer kept here.")
    asked = []

    def submit(export, owner, here=False):
        if refused:
            raise QueueFull(64, 30.0)
        asked.append(runtime.job_id(export))

    monkeypatch.setattr(executor, "submit", submit)
    monkeypatch.setattr(executor, "status", lambda job: failed if job in asked else status_of(job))
    ask(at, "gif").click().run()
    sentence = "64 computations are waiting already" if refused else "The run is no longer kept here"
    assert any(sentence in caption.value for caption in at.caption)
    assert ask(at, "gif").label == "Prepare: Animation (GIF)"


@pytest.mark.parametrize(
    "address", ["http://localhost/", "http://localhost/text-", "http://localhost/text-image-to-image"]
)
def test_the_link_leads_to_the_page_whatever_streamlit_says_of_its_address(visit, address):
    """Streamlit takes the first page path off that an address ends with: "/text-image-to-image" becomes "/text-"."""
    at, _ = visit("text_image_to_image", i_starts="33")
    at.context["url"] = address
    at.run()
    assert "http://localhost/text-image-to-image?i_starts=33" in [
        code.value.split("&")[0] for code in at.code
    ]
