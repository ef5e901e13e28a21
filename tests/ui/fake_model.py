"""Pages with everything real but the network: jobs run at once, in the test's process, on a formula for a network."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import ClassVar
from unittest.mock import patch

import streamlit as st
import torch
from diffusers import DDPMScheduler
from streamlit.testing.v1 import AppTest
from torch import Tensor

from core.compute.context import JobContext
from core.compute.executor import JobStatus, OwnJob
from core.jobs import JobId, JobNotFound, JobSpec, State
from core.schedule import NoiseSchedule
from core.trajectory import Trajectory
from lessons.course import JOBS
from lessons.exporting import KIND as EXPORT
from pages.components.plain import APART
from pages.server import runtime

ROUTER = Path(__file__).resolve().parents[2] / "pages" / "router.py"


class FakeModel:
    """The contract of `TextToImageModel`, with a formula that knows the prompt, t and each pixel's place."""

    schedule = NoiseSchedule.from_diffusers(DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2"))
    device, dtype = torch.device("cpu"), torch.float32
    picture_shape = (3, 64, 64)
    text_tokens = 16

    def embed(self, prompts: list[str]) -> Tensor:
        """(len(prompts), 1, 3): a colour for each prompt."""
        digests = [hashlib.sha256(prompt.encode()).digest()[:3] for prompt in prompts]
        return torch.tensor([list(d) for d in digests], dtype=torch.float32)[:, None] / 127.5 - 1

    def tokens(self, prompt: str) -> list[str]:
        return ["<start>", *prompt.split()][: self.text_tokens]

    def count_tokens(self, prompt: str) -> int:
        return 1 + len(prompt.split())

    def prepare(self, prompts: list[str]) -> None:
        """Nothing has to be embedded ahead."""

    def __call__(self, x_t: Tensor, t: int, embedding: Tensor) -> Tensor:
        """The estimate that a model would make which knows a single picture: the prompt's colour, brighter at the top."""
        colour = embedding[:, 0, :, None, None] * torch.linspace(1, 0.2, 64).view(1, 1, 64, 1)
        eps = (x_t - self.schedule.signal(t) * colour) / self.schedule.sigma(t)
        return torch.cat([eps, torch.zeros_like(eps)], dim=1)


class AtOnce:
    """An executor that has computed a job when `submit` returns, and remembers what it was asked for.

    What a job gives is a function of its key, and most tests open on the same few: one computes it for all. An export
    is not, as it writes a file into this test's store.
    """

    computed: ClassVar[dict[JobId, Trajectory]] = {}

    def __init__(self) -> None:
        self.asked: list[JobSpec] = []
        self.here: list[JobId] = []  # that were to be computed here, whatever ships
        self.results: dict[JobId, Trajectory] = {}
        self.specs: dict[JobId, JobSpec] = {}
        self.usual: float | None = None  # seconds that a job of any kind took lately
        self.cache = {("model", runtime.model_fingerprint(), "cpu"): FakeModel()}

    def key(self, spec: JobSpec) -> JobId:
        return spec.key(runtime.environment())

    def at_hand(self, spec: JobSpec) -> bool:
        return self.key(spec) in self.results

    def submit(self, spec: JobSpec, owner: str, *, here: bool = False) -> JobId:
        self.asked.append(spec)
        job_id = self.key(spec)
        if here:
            self.here.append(job_id)
        if job_id not in self.computed or spec.kind == EXPORT:
            self.computed[job_id] = self.compute(spec)
        self.results[job_id], self.specs[job_id] = self.computed[job_id], spec
        return job_id

    def compute(self, spec: JobSpec) -> Trajectory:
        if spec.kind == EXPORT:  # it is made of a run in the store, and its file is looked for there
            runtime.store().put_result(spec.params["job"], self.results[spec.params["job"]])
        module, name = JOBS[spec.kind].split(":")
        job = getattr(import_module(module), name)(
            dict(spec.params), JobContext("cpu", runtime.store(), self.cache)
        )
        while True:
            try:
                next(job)
            except StopIteration as end:
                if spec.kind == EXPORT:
                    runtime.store().put_result(self.key(spec), end.value)
                return end.value

    def status(self, job_id: JobId) -> JobStatus:
        if job_id not in self.results:
            raise JobNotFound()
        if self.specs[job_id].kind == EXPORT and not runtime.store().has_result(job_id):
            raise JobNotFound()  # removed since
        return JobStatus(State.DONE, self.specs[job_id])

    def usual_seconds(self, kind: str) -> float | None:
        return self.usual

    def result(self, job_id: JobId) -> Trajectory:
        return self.results[job_id]

    def events(self, job_id: JobId, after: int = 0) -> list:
        return []

    def mine(self, kind: str, owner: str) -> list[OwnJob]:
        return [OwnJob(job, spec, State.DONE, False) for job, spec in self.specs.items() if spec.kind == kind]

    def kept(self, job_id: JobId) -> None:
        return None

    kept_step = kept


@functools.cache
def pages() -> dict:
    """What Streamlit knows of the app's pages once a visitor has been there; the start page is drawn for that once."""
    with visitor(AtOnce()) as at:
        at.run()
    return at._registered_pages


@contextmanager
def visitor(executor: AtOnce) -> Iterator[AppTest]:
    """Somebody at the start page, which has not run yet."""
    with (
        patch("pages.server.runtime.executor", lambda: executor),
        patch("pages.server.runtime.owner", lambda: "a student"),  # AppTest has no cookies
    ):
        at = AppTest.from_file(str(ROUTER), default_timeout=120)
        at.context["url"] = "http://localhost/"
        yield at


@contextmanager
def open_page(
    slug: str, data_dir: Path, monkeypatch, *, through_start: bool = False, **query: str
) -> Iterator[tuple[AppTest, AtOnce]]:
    """A lesson's page, entered by a link with `query`, and the executor behind it. The page has not run yet.

    With `through_start` the start page was seen before it.
    """
    monkeypatch.setenv("DIFFUSION_DATA_DIR", str(data_dir))
    st.cache_resource.clear()  # and not cache_data: what is kept there is named by a job, and stays true
    known = pages()
    executor = AtOnce()
    with visitor(executor) as at:
        if through_start:
            at.run()
            executor.asked.clear()
        else:
            at._registered_pages = known
        at.switch_page(f"{slug}.py")
        for name, value in query.items():
            at.query_params[name] = value
        yield at, executor
    st.cache_resource.clear()


def boxes(at: AppTest) -> str:
    """Everything that the page tells in boxes, as the Markdown that it is."""
    return "\n".join(
        element.value for kind in ("error", "warning", "info", "success") for element in at.get(kind)
    )


def sentences(at: AppTest) -> str:
    """The same as it is read: without the signs with which `plain` keeps a stranger's words from being Markdown."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", boxes(at)).replace(APART, "")
