"""What is taken home of every lesson's run: made by a job, complete, labelled, readable without the app."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from PIL import Image

from core import provenance
from core.compute.context import JobContext
from core.compute.local import LocalExecutor
from core.compute.queue.quotas import Limits
from core.compute.store import Store
from core.jobs import InvalidSpec, JobSpec, Metric, QuotaExceeded, State
from core.trajectory import Trajectory
from lessons import (
    class_conditioning,
    denoising_digits,
    denoising_pure_noise,
    flow_sampling,
    guided_digits,
    integrating,
    judging,
    one_step_denoiser,
    out_of_distribution,
    time_conditioned_flow,
)
from lessons.branching import FLOWS
from lessons.course import JOBS
from lessons.exporting import (
    FORMATS,
    KIND,
    Request,
    RunGone,
    UnknownFormat,
    export_spec,
    file_of,
    picture,
    run,
    stepwise,
)
from lessons.labelled_sheet import LACKING, drawable, line_labels
from lessons.notebook import notebook
from lessons.provenance import provenance_of
from tests.lesson_runs import BY_CODE, WITH_SPEC, result_of, shortened, spec_of
from tests.test_notebook import opened

LINK = "https://example.org/lesson?seed=1"


def finished(spec: JobSpec, context: JobContext) -> tuple[Trajectory, list[Metric]]:
    """What the job returns, and how far it said it was."""
    job, events = run(dict(spec.params), context), []
    while True:
        try:
            events.append(next(job))
        except StopIteration as end:
            return end.value, events


def exported(store: Store, lesson, spec: JobSpec, trajectory: Trajectory) -> dict[str, bytes]:
    """Every file of this run, by its format; made as the worker makes them."""
    job = spec.key({"test": lesson.slug})
    store.put_result(job, trajectory)
    context = JobContext("cpu", store, {})
    files = {}
    for name in FORMATS:
        result, events = finished(export_spec(job, lesson, spec, name, LINK), context)
        assert [event.step for event in events] == sorted(event.step for event in events)
        assert events[0].step == 0 and events[-1].step <= events[-1].total
        files[name] = file_of(Trajectory.from_bytes(result.to_bytes()))
    return files | {"png": picture(trajectory, Request(lesson, spec, LINK))}


def check(lesson, spec: JobSpec, files: dict[str, bytes], trajectory: Trajectory) -> None:
    """All of them say the same about the run; the numbers are the run's; the notebook is one."""
    for name, data in files.items():
        found = provenance.read(data)
        assert found.lesson == f"{lesson.code} · {lesson.title}" and found.link == LINK, name
        assert found.job == {"kind": spec.kind, "params": JobSpec(spec.kind, spec.params).params}, name
    with np.load(io.BytesIO(files["npz"]), allow_pickle=False) as arrays:
        names = set(arrays.files)
        assert all(name.isidentifier() for name in names)
        for name, array in trajectory.arrays.items():
            if name in names and array.ndim < 5:
                np.testing.assert_array_equal(arrays[name], array, err_msg=name)
        assert {"t", "prompt", "seed", "gamma", "about", "link", "model", "fingerprint"} <= names
        assert [str(text) for text in arrays["prompt"]] or not found.prompts
    for name in ("webp", "gif"):
        with Image.open(io.BytesIO(files[name])) as film:
            steps = FORMATS[name].total(trajectory) + (spec.kind in FLOWS)  # which go on to their end
            total = 0
            for k in range(getattr(film, "n_frames", 1)):
                film.seek(k)
                film.load()
                total += film.info.get("duration", 0)
            if film.is_animated:
                assert total == steps * 80 + 800, (
                    name
                )  # repeated frames give their time to the one that stays
    opened(notebook(lesson, spec, LINK))


ALWAYS = {"A0", "A6", "A8", "A10", "A13", "A14"}  # of each kind of result one; make journeys has the others


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize(
    "lesson",
    [
        pytest.param(lesson, marks=() if lesson.code in ALWAYS else pytest.mark.journey, id=lesson.code)
        for lesson in WITH_SPEC
        if lesson.code not in ("A1", "A2")
    ],
)  # A1 and A2 compute in closed form and have nothing to take home
def test_of_a_lesson_of_part_a(lesson, job_context, emoji64_fingerprint, store):
    spec = shortened(spec_of(lesson, lesson.defaults(), emoji64_fingerprint))
    trajectory, _ = result_of(lesson, spec, job_context)
    files = exported(store, lesson, spec, trajectory)
    check(lesson, spec, files, trajectory)
    found = provenance.read(files["png"])
    assert found.model == ("emoji64",) and found.fingerprint == (emoji64_fingerprint,)
    assert found.seeds and found.prompts and found.t


PART_B = {
    "B2": (one_step_denoiser, "denoise", denoising_digits.denoise, {}),
    "B3": (out_of_distribution, "denoise", denoising_digits.denoise, {}),
    "B4": (denoising_pure_noise, "pure_noise", denoising_digits.pure_noise, {}),
    "B6": (time_conditioned_flow, "flow", flow_sampling.run, {"steps": 4}),
    "B7": (integrating, "flow", flow_sampling.run, {"steps": 4}),
    "B8": (class_conditioning, "class_flow", flow_sampling.run, {"steps": 4}),
    "B9": (guided_digits, "class_flow", judging.guided, {"steps": 4}),
}


def grey(data: bytes, frame: int = 0) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as found:
        found.seek(frame if frame >= 0 else found.n_frames + frame)
        return np.asarray(found.convert("L"))


def halves_of_the_last_frame(film: bytes, png: bytes) -> list[np.ndarray]:
    """What stands above, and below it, at one pixel for one of theirs; the PNG shows four for each."""
    last = grey(film, -1)
    scale = 4 * last.shape[1] // grey(png).shape[1]
    return np.split(last[scale // 2 :: scale, scale // 2 :: scale], 2)


@pytest.mark.parametrize("code", PART_B)
def test_of_a_lesson_of_part_b(code, bench, store):
    lesson, objective, job, changes = PART_B[code]
    values = {**lesson.LESSON.defaults(), **changes}
    spec = lesson.spec(values, [bench.trained(objective)])
    assert lesson.LESSON.jobs[spec.kind] == f"{job.__module__}:{job.__name__}"
    trajectory, _ = bench.run(job, spec.params)
    files = exported(store, lesson.LESSON, spec, trajectory)
    check(lesson.LESSON, spec, files, trajectory)
    found = provenance.read(files["npz"])
    assert found.model[0].endswith("/epoch-1") and len(found.fingerprint[0]) == 64
    if "flow" in objective:
        assert found.t == (0.0, 0.25, 0.5, 0.75)
        assert provenance.read(files["webp"]).t == (0.0, 0.25, 0.5, 0.75, 1.0)
        x_t, clean_hat = halves_of_the_last_frame(files["webp"], files["png"])
        np.testing.assert_array_equal(x_t, grey(files["png"])[2::4, 2::4])  # which is the result
        np.testing.assert_allclose(x_t.astype(int), clean_hat, atol=1)  # float16


# ---- what stands in them ------------------------------------------------------------------------------------


def test_prompts_seeds_gammas_and_times_by_hand():
    """A6 with two γ of one prompt, an anagram's two prompts, one γ of class-guided digits."""
    lesson = BY_CODE["A6"]
    spec = spec_of(lesson, lesson.defaults() | {"prompt": "猫", "gammas": (0.0, 7.5), "seed": 5})
    found = provenance_of(lesson, spec, {"steps": [{"t": 990}, {"t": 0}]}, link=LINK)
    assert (found.prompts, found.seeds, found.gammas, found.t) == (("猫",), (5, 5), (0.0, 7.5), (990, 0))
    assert found.model == ("",) and found.fingerprint == ("0" * 64,)  # not the model that is here

    anagram = BY_CODE["A10"]
    wanted = anagram.defaults() | {"p1": "a cat", "p2": "a dog", "count": 2, "seed": 3}
    found = provenance_of(anagram, spec_of(anagram, wanted), {})
    assert found.prompts == ("a cat", "a dog") and found.seeds == (3, 4)

    ref = {"source": "b8", "name": "epoch-10", "sha256": "f" * 64}
    digits = guided_digits.spec(guided_digits.LESSON.defaults() | {"gamma": 4.0, "seed": 9}, [ref])
    found = provenance_of(guided_digits.LESSON, digits, {"steps": [{"index": 0, "t": 0.0}]})
    assert (found.prompts, found.seeds, found.gammas, found.t) == ((), (9,), (4.0,), (0.0,))
    assert found.model == ("b8/epoch-10",) and found.fingerprint == ("f" * 64,)


def test_lines_of_the_sheet_say_what_tells_the_pictures_apart():
    columns = [
        {"prompt": "a cat", "seed": 3, "guidance_scale": 0.0},
        {"prompt": "a cat", "seed": 3, "guidance_scale": 7.5},
    ]
    assert line_labels({"columns": columns}, 2) == ["gamma 0", "gamma 7.5"]
    columns[1] |= {"seed": 4, "guidance_scale": 0.0}
    assert line_labels({"columns": columns}, 2) == ["seed 3", "seed 4"]
    assert line_labels({"columns": columns[:1]}, 1) == [""]
    assert line_labels({"classes": [0, 7]}, 4) == ["digit 0", "digit 7", "digit 0", "digit 7"]
    assert line_labels({}, 2) == ["picture 1", "picture 2"]


def test_the_sheet_has_type_above_and_beside_its_pictures(monkeypatch):
    """What is written is caught at the pen; that there is ink is seen in the picture."""
    from PIL import ImageDraw

    written: list[str] = []
    original = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda pen, at, text, *rest: (written.append(text), original(pen, at, text, *rest)),
    )
    lesson = BY_CODE["A6"]
    spec = spec_of(lesson, lesson.defaults() | {"gammas": (0.0, 7.0), "prompt": "a cat 猫"})
    white = np.ones((3, 2, 3, 64, 64), np.float32)
    trajectory = Trajectory({"clean_hat": white}, {"steps": [{"t": 990}, {"t": 510}, {"t": 0}]})
    data = FORMATS["sheet"].make(trajectory, Request(lesson, spec, LINK), lambda done: None)
    assert {"t = 990", "t = 510", "t = 0", "gamma 0", "gamma 7", f"a cat [U+732B] ({LACKING})"} <= set(
        written
    )
    assert any(lesson.title in text and "x_0" in text for text in written)
    sheet = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    assert (sheet < 100).sum() > 500  # white pictures: all ink is type


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a cat", "a cat"), ("it’s “a cat”…", "it’s “a cat”…"), ("猫", "[U+732B]"), ("café", "caf[U+00E9]"),
        ("cafe\u0301", "cafe[U+0301]"), ("a\u200bb", "a[U+200B]b"), ("🐱", "[U+1F431]"),
        ("猫が座っている", "[7 signs: U+732B U+304C U+5EA7 ...]"), ("قطة here", "[U+0642 U+0637 U+0629] here"),
        ("a\nb", "a[U+000A]b"),
    ],
)  # fmt: skip
def test_what_the_type_lacks_stands_there_by_its_number(text, shown):
    """All that is left can be drawn: each sign has a shape of its own in Pillow's type."""
    from PIL import ImageFont

    assert drawable(text) == shown
    font = ImageFont.load_default(15)
    missing = bytes(font.getmask("\U0010fffd"))
    assert all(bytes(font.getmask(sign)) != missing for sign in shown)


# ---- the job ------------------------------------------------------------------------------------------------


@pytest.fixture
def film(store) -> tuple[JobSpec, JobContext]:
    """A run in the store whose film has 40 steps, and a context to make a file of it."""
    lesson = BY_CODE["A5"]
    spec = spec_of(lesson, lesson.defaults())
    noise = np.random.default_rng(0).normal(size=(40, 2, 3, 64, 64)).astype(np.float32)
    steps = [{"t": 999 - 20 * k, "sigma": 1.0} for k in range(40)]
    job = spec.key({"test": "film"})
    store.put_result(
        job, Trajectory({"x_t": noise, "clean_hat": np.tanh(noise), "result": noise[-1]}, {"steps": steps})
    )
    return export_spec(job, lesson, spec, "webp", LINK), JobContext("cpu", store, {})


def test_a_run_that_is_gone_gets_a_sentence(film, tmp_path):
    spec, _ = film
    with pytest.raises(RunGone, match="press Run to compute it again"):
        finished(spec, JobContext("cpu", Store(tmp_path), {}))


def test_formats_and_lessons_that_there_are_not(film):
    spec, context = film
    with pytest.raises(UnknownFormat, match="choose one of sheet, webp, gif, npz"):
        export_spec("0" * 64, BY_CODE["A5"], spec, "exe", LINK)
    for changed in ({"format": "exe"}, {"lesson": "nobody"}):
        with pytest.raises(UnknownFormat, match="reload the page"):
            finished(JobSpec(KIND, {**spec.params, **changed}), context)


def test_leaving_in_the_middle_ends_the_work(film):
    spec, context = film
    job = run(dict(spec.params), context)
    for _ in range(3):
        next(job)
    assert [thread.name for thread in threading.enumerate()].count("export") == 1
    job.close()
    assert [thread.name for thread in threading.enumerate()].count("export") == 0


def test_stepwise_waits_for_its_reader_and_passes_errors_on():
    reached: list[int] = []

    def work(tick):
        for k in range(5):
            reached.append(k)
            tick(k)
            if k == 3:
                raise OSError("the disk is full")

    steps = stepwise(work)
    assert next(steps) == 0
    time.sleep(0.05)
    assert reached == [0]  # no further than was asked for
    assert [next(steps), next(steps), next(steps)] == [1, 2, 3]
    with pytest.raises(OSError, match="the disk is full"):
        next(steps)


def test_the_executor_makes_a_file_once_for_all_who_ask(film, tmp_path):
    """In the worker's process, with progress, cached under its own id, within an owner's limits."""
    spec, context = film
    made = LocalExecutor(context.store, JOBS, environment={"test": "1"}, limits=Limits(waiting=1))
    try:
        job = made.submit(spec, "ada")
        assert made.submit(spec, "bob") == job
        deadline = time.monotonic() + 120
        while not made.status(job).state.final:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        status = made.status(job)
        assert status.state is State.DONE, status
        assert (status.done, status.total) == (39, 40) or status.done == status.total
        assert sum(isinstance(event, Metric) for _, event in made.events(job)) > 10
        data = file_of(made.result(job))
        assert Image.open(io.BytesIO(data)).format == "WEBP" and provenance.read(data).link == LINK
        with pytest.raises(InvalidSpec):
            made.submit(JobSpec("export-all", spec.params), "ada")

        others = [JobSpec(KIND, {**spec.params, "link": f"{LINK}&n={k}"}) for k in range(6)]
        with pytest.raises(QuotaExceeded):
            for other in others:
                made.submit(other, "ada")
        waiting = made.submit(others[0], "ada")
        made.cancel(waiting, "ada")
        deadline = time.monotonic() + 60
        while not made.status(waiting).state.final:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert made.status(waiting).state in (State.CANCELLED, State.DONE)
    finally:
        made.close()
