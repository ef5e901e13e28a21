"""What ships of the lessons' openings: whether it is all there, is small, and is what the lessons' own jobs give today."""

from __future__ import annotations

import io
import json
import re
import shutil

import pytest
from PIL import Image

from core.compact import FOR_THE_EYE, off_by
from core.compute.context import JobContext
from core.compute.store import ELSEWHERE, Openings, Store
from core.jobs import JobSpec
from core.model_card import read_card
from core.model_folder import find_model_folder, fingerprint
from core.settings import ASSETS, Settings
from core.trajectory import Trajectory
from lessons.any_model import fitted
from lessons.course import COURSE, JOBS
from lessons.lesson import named
from lessons.opening import opening_jobs
from scripts.openings import MOST_BYTES, pack, shipped

FOLDER = ASSETS / "openings"
MAKE_ANEW = (
    "the model, or what lessons open with, has changed: run `make openings`, which computes what ships anew"
)
# In units of what rounding may change. A network's answer differs in its last digits from processor to processor.
TOLERANCE = 1.5
# Each takes a second or less; the others are compared by `make claims`.
SAMPLE = ("A1", "A3", "A4", "B1", "B2", "B4", "B10")


@pytest.fixture(scope="module")
def openings() -> Openings:
    return Openings(FOLDER)


@pytest.fixture(scope="module")
def wanted() -> dict[str, tuple[str, JobSpec]]:
    """Key -> (lesson, specification) of all that the lessons open with under the model that ships."""
    settings = Settings(openings=FOLDER)
    model, card = fingerprint(find_model_folder(settings.model)), read_card(settings)
    return {
        spec.key({}): (lesson.code, spec)
        for lesson in COURSE
        for _, spec in opening_jobs(fitted(lesson, card), model, presets=False)
    }


def test_everything_that_lessons_open_with_ships_and_nothing_else(openings, wanted):
    shipped = openings.manifest["results"]
    missing = sorted({code for key, (code, _) in wanted.items() if key not in shipped})
    assert not missing, f"The openings of {', '.join(missing)} do not ship: {MAKE_ANEW}."
    over = sorted(entry["title"] for key, entry in shipped.items() if key not in wanted)
    assert not over, f"What ships is asked for by no lesson: {', '.join(over)}. {MAKE_ANEW.capitalize()}."


def test_it_says_where_it_comes_from(openings):
    manifest = openings.manifest
    assert re.fullmatch("[0-9a-f]{16}", manifest["code"])
    assert re.fullmatch("[0-9a-f]{16}", manifest["model"]["fingerprint"]) and manifest["model"]["name"]
    assert manifest["machine"] and re.fullmatch(r"\d{4}-\d\d-\d\d", manifest["date"])


def test_it_is_small_and_whole(openings, wanted):
    files = {path.name: path.stat().st_size for path in FOLDER.iterdir()}
    assert sum(files.values()) < MOST_BYTES
    for _, spec in wanted.values():
        assert openings.read(spec) is not None


def test_one_lesson_is_packed_anew_and_the_others_stay_to_the_last_byte(openings, wanted, tmp_path):
    """Of a folder with A1 and A3: A1's result comes from a store, and A3's stays as it lies there."""
    manifest = openings.manifest
    lessons = {lesson.code: lesson for lesson in COURSE}
    jobs = [(lessons[code], code, spec, key) for key, (code, spec) in wanted.items() if code in ("A1", "A3")]
    folder = tmp_path / "openings"
    folder.mkdir()
    for entry in (*manifest["results"].values(), manifest["cards"]["A1"], manifest["cards"]["A3"]):
        if entry.get("lesson", "A1") in ("A1", "A3"):
            shutil.copy(FOLDER / entry["file"], folder)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    store = Store(tmp_path / "store")
    for _, code, spec, key in jobs:
        if code == "A1":
            store.put_result_bytes(key, openings.read(spec))
    model = manifest["model"]
    stays = shipped(folder, model["fingerprint"], {"A3"})
    assert not shipped(folder, "another model", {"A3"})["results"]
    about = {"code": "0" * 16, "date": "2000-01-01"}
    pack(jobs, store, {}, about, model, folder, stays)
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    written = json.loads(after["manifest.json"])
    assert set(after) == {*before, "B5.webp", "B12.webp"}  # the cards that are drawn, not computed
    for entry in written["results"].values():
        same = after[entry["file"]] == before[entry["file"]]
        assert same == (entry["lesson"] == "A3"), "a new one says that it is of another day"
    assert written["cards"]["A3"] == manifest["cards"]["A3"] and written["date"] == "2000-01-01"


def test_every_card_has_its_film(openings):
    model = openings.manifest["model"]["fingerprint"]
    for lesson in COURSE:
        data, frames = openings.card(lesson.code, model)
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
        assert height == frames * width and frames >= 2, lesson.code
        assert len(data) < 120_000


def computed(spec: JobSpec, context: JobContext) -> Trajectory:
    job = named(JOBS[spec.kind])(dict(spec.params), context)
    while True:
        try:
            next(job)
        except StopIteration as end:
            return end.value


def compare(code: str, openings: Openings, wanted, context: JobContext) -> None:
    """Computes what a lesson opens with, and compares: its pictures within the rounding, the rest as numbers do."""
    for lesson, spec in wanted.values():
        if lesson != code:
            continue
        shipped, here = Trajectory.from_bytes(openings.read(spec)), computed(spec, context)
        apart = off_by(here.arrays, shipped.arrays, FOR_THE_EYE)
        assert all(value <= TOLERANCE for value in apart.values()), (
            f"{spec.kind} of {code} is not what ships any more (off by {apart}, at most {TOLERANCE}): {MAKE_ANEW}."
        )
        assert {
            name: value for name, value in shipped.meta.items() if name != ELSEWHERE
        }.keys() == here.meta.keys()
        for name in here.arrays.keys() - apart.keys():
            difference = abs(here[name].astype(float) - shipped[name].astype(float)).max()
            assert difference <= 0.02 * max(1.0, abs(here[name].astype(float)).max()), (
                f"{name} of {code}: {MAKE_ANEW}."
            )


@pytest.fixture(scope="module")
def context(tmp_path_factory) -> JobContext:
    return JobContext("cpu", Store(tmp_path_factory.mktemp("store")), {})


@pytest.mark.parametrize("code", SAMPLE)
def test_a_sample_is_what_the_lessons_compute(code, openings, wanted, context):
    compare(code, openings, wanted, context)


@pytest.mark.claims
@pytest.mark.parametrize("code", [lesson.code for lesson in COURSE if lesson.code not in SAMPLE])
def test_the_others_are_what_the_lessons_compute(code, openings, wanted, context):
    compare(code, openings, wanted, context)
