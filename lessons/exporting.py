"""Files to take home: the job that makes one of a finished run, and the pictures that go into it.

    {"job": <id of the run>, "kind": ..., "params": {...}, "lesson": slug, "format": "webp", "link": "https://..."}

`kind` and `params` are those of the run; they go into the file. Making an animation takes seconds, so the worker does it,
like any other job: it waits its turn, can be watched and cancelled, and its result, an array of bytes, is kept in the store.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from core.animation import animated_gif, animated_webp, moderate_scale, near_lossless
from core.compute.context import JobContext, JobEvents
from core.jobs import JobId, JobSpec, Metric
from core.media import contact_sheet, png, to_pixels
from core.npz import npz
from core.provenance import Provenance
from core.trajectory import Trajectory
from lessons.branching import FLOWS
from lessons.flow_sampling import to_the_end
from lessons.labelled_sheet import labelled_sheet
from lessons.lesson import Lesson
from lessons.provenance import provenance_of

KIND = "export"
JOBS = {KIND: "lessons.exporting:run"}
ACROSS = 9  # steps on a contact sheet
MOST_IN_LINE = 10  # pictures of a batch beside each other
STEP_MS, HOLD_MS = 80, 800  # how long a step stands in an animation, and how much longer the last one
FILE = "file"  # the array of a result that holds the bytes

Tick = Callable[[int], None]
T = TypeVar("T")


class RunGone(ValueError):
    """The run that a file is to be made of is no longer in the store."""


class UnknownFormat(ValueError):
    """No file of this kind can be made."""


@dataclass(frozen=True)
class Format:
    """One kind of file. `total` is how many ticks making it takes, `make` turns a run into its bytes, and it is `drawn` if
    those are pictures and not numbers."""

    ending: str
    mime: str
    total: Callable[[Trajectory], int]
    make: Callable[[Trajectory, Request, Tick], bytes]
    drawn: bool = True


@dataclass(frozen=True)
class Request:
    """What a file is made for: the lesson, the run, and the address of its page."""

    lesson: Lesson
    spec: JobSpec
    link: str

    @property
    def low(self) -> float:
        """The value that is drawn black in this half of the course; 1 is white."""
        return self.lesson.black

    def about(self, trajectory: Trajectory, note: str = "") -> Provenance:
        return provenance_of(self.lesson, self.spec, trajectory.meta, link=self.link, note=note)


def export_spec(job: JobId, lesson: Lesson, spec: JobSpec, file_format: str, link: str) -> JobSpec:
    """The job that makes a file of the run `job`, which computed `spec`. `file_format` is one of FORMATS."""
    if file_format not in FORMATS:
        raise UnknownFormat(
            f"There is no file {file_format!r} to take home; choose one of {', '.join(FORMATS)}."
        )
    return JobSpec(KIND, {
        "job": job, "kind": spec.kind, "params": dict(spec.params), "lesson": lesson.slug, "format": file_format,
        "link": link,
    })  # fmt: skip


def run(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Makes the file: one uint8 array FILE, its bytes; meta: ending, mime.

    Raises:
        RunGone, UnknownFormat.
    """
    from lessons.course import COURSE  # which names this job

    lesson = next((lesson for lesson in COURSE if lesson.slug == params["lesson"]), None)
    chosen = FORMATS.get(params["format"])
    if lesson is None or chosen is None:
        raise UnknownFormat("This app does not make that file; reload the page and choose one from its list.")
    trajectory = context.store.get_result(params["job"])
    if trajectory is None:
        raise RunGone("The run is no longer kept here: press Run to compute it again, then ask for the file.")
    request = Request(lesson, JobSpec(params["kind"], params["params"]), params["link"])
    if chosen.drawn and params["params"].get("of", params["kind"]) in FLOWS:
        trajectory = to_the_end(trajectory)  # as the page shows it; numbers are the run's own
    total = chosen.total(trajectory)
    yield Metric(0, total, {})
    with closing(stepwise(lambda tick: chosen.make(trajectory, request, tick))) as making:
        while True:
            try:
                done = next(making)
            except StopIteration as end:
                data = end.value
                break
            yield Metric(min(done, total), total, {})
    file = np.frombuffer(data, dtype=np.uint8)
    return Trajectory({FILE: file}, {"ending": chosen.ending, "mime": chosen.mime})


def file_of(result: Trajectory) -> bytes:
    """The bytes of a finished export."""
    return result[FILE].tobytes()


class _Abandoned(Exception):
    """Raised in the working thread when nobody waits for it any more."""


def stepwise(work: Callable[[Tick], T]) -> Generator[int, None, T]:
    """Turns a function that reports its progress into a generator that yields it, and returns what the function does.

    The function waits at each report until the generator goes on, and is ended there when the generator is closed. It
    runs in a thread, because encoders call back and cannot be left in the middle. Its exceptions are raised here.
    """
    reports: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    go_on = threading.Semaphore(0)
    abandoned = threading.Event()

    def tick(done: int) -> None:
        reports.put(("tick", done))
        go_on.acquire()
        if abandoned.is_set():
            raise _Abandoned

    def target() -> None:
        try:
            reports.put(("result", work(tick)))
        except BaseException as error:  # noqa: BLE001 - it is raised again by the generator
            reports.put(("error", error))

    thread = threading.Thread(target=target, name="export", daemon=True)
    thread.start()
    try:
        while True:
            what, value = reports.get()
            if what == "tick":
                yield value
                go_on.release()
            elif what == "error":
                raise value
            else:
                return value
    finally:
        abandoned.set()
        go_on.release()
        thread.join()


# ---- the pictures -------------------------------------------------------------------------------------------


def picture(trajectory: Trajectory, request: Request, scale: int = 4) -> bytes:
    """The finished pictures beside each other, as a PNG."""
    pixels = in_line(last(trajectory)[None], request.low)[0]
    return png(pixels, scale=scale, about=request.about(trajectory))


def slides(pictures: np.ndarray, milliseconds: int, about: Provenance | None = None) -> bytes:
    """A GIF of pictures (N, B, 3, H, W) in [-1, 1], one batch after the other, each for so long."""
    frames = in_line(pictures, -1.0)
    return animated_gif(
        frames, milliseconds=milliseconds, scale=moderate_scale(*frames.shape[1:3]), about=about
    )


def in_line(pictures: np.ndarray, low: float) -> np.ndarray:
    """(steps, B, C, H, W) in [low, 1] -> uint8 (steps, H', W', C): the batch side by side."""
    return np.stack(
        [contact_sheet(to_pixels(b, low=low), columns=min(len(b), MOST_IN_LINE)) for b in pictures]
    )


def last(trajectory: Trajectory) -> np.ndarray:
    """(B, C, H, W): the result, or where there is none the last estimates."""
    return trajectory["result"] if "result" in trajectory.arrays else trajectory["clean_hat"][-1]


def film(trajectory: Trajectory, low: float, *, exact: bool = True) -> np.ndarray:
    """uint8 (steps, H', W', C): what goes in above the estimate of the clean picture, step by step.

    Without `exact`, x_t is rounded where it is noisy; see `core.animation.near_lossless`.
    """
    rows = []
    for name in ("x_t", "z", "clean_hat"):
        if name not in trajectory.arrays:
            continue
        pixels = in_line(trajectory[name], low)
        sigmas = _sigmas(trajectory)
        if name == "x_t" and not exact and len(sigmas) == len(pixels):
            pixels = near_lossless(pixels, sigmas)
        rows.append(pixels)
    steps, widest = max(len(row) for row in rows), max(row.shape[2] for row in rows)
    same = [
        np.pad(row, ((0, 0), (0, 0), (0, widest - row.shape[2]), (0, 0)), constant_values=255).repeat(
            1 if len(row) == steps else steps,
            axis=0,  # a single frame stands still
        )
        for row in rows
    ]
    return np.concatenate(same, axis=1)


def _sigmas(trajectory: Trajectory) -> list[float]:
    """The noise's standard deviation in x_t at every step, as the diffusion lessons keep it; else nothing."""
    steps = trajectory.meta.get("steps", ())
    return [s["sigma"] for s in steps if isinstance(s, Mapping) and isinstance(s.get("sigma"), float)]


# ---- the formats --------------------------------------------------------------------------------------------


def _animation(
    encode: Callable[..., bytes], exact: bool, note: str
) -> Callable[[Trajectory, Request, Tick], bytes]:
    def make(trajectory: Trajectory, request: Request, tick: Tick) -> bytes:
        frames = film(trajectory, request.low, exact=exact)
        times = [STEP_MS] * (len(frames) - 1) + [STEP_MS + HOLD_MS]
        return encode(
            frames, milliseconds=times, scale=moderate_scale(*frames.shape[1:3]), tick=tick,
            about=request.about(trajectory, note),
        )  # fmt: skip

    return make


def _sheet(trajectory: Trajectory, request: Request, tick: Tick) -> bytes:
    return labelled_sheet(trajectory, request.about(trajectory), request.low, across=ACROSS)


def _frame_count(trajectory: Trajectory) -> int:
    return max(len(trajectory[name]) for name in ("x_t", "z", "clean_hat") if name in trajectory.arrays)


WEBP_NOTE = (
    "In the noisy steps x_t is rounded by at most an eighth of the noise that is in it; all else is exact."
)
GIF_NOTE = "All colours are rounded to 256 that the whole film shares."

FORMATS: dict[str, Format] = {
    "sheet": Format("sheet.png", "image/png", lambda _: 1, _sheet),
    "webp": Format("webp", "image/webp", _frame_count, _animation(animated_webp, False, WEBP_NOTE)),
    "gif": Format("gif", "image/gif", _frame_count, _animation(animated_gif, True, GIF_NOTE)),
    "npz": Format(
        "npz", "application/octet-stream", lambda trajectory: len(trajectory.arrays),
        lambda trajectory, request, tick: npz(trajectory, request.about(trajectory), tick, low=request.low), drawn=False,
    ),
}  # fmt: skip
