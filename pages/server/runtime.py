"""What a server process has once: the settings, the model's fingerprint, the store and the executor."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import uuid
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import streamlit as st

from core.classroom.settings import ClassSettings
from core.compute.choose import make_executor
from core.compute.executor import Executor
from core.compute.queue.quotas import Limits
from core.compute.store import ELSEWHERE, Blobs, Openings, Store
from core.jobs import JobId, JobSpec, State
from core.model_folder import ModelNotFound, find_model_folder, fingerprint
from core.schedule import NoiseSchedule
from core.settings import MODELS, BadSetting, Settings
from core.trajectory import Trajectory
from lessons.course import JOBS
from lessons.fields import MODEL
from pages.server.classroom.identity import account, class_settings, person

log = logging.getLogger(__name__)

STORE_BYTES = 4 * 10**9  # results beyond this are removed, least recently used first


@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    return Settings.from_environment()


@st.cache_resource(show_spinner=False)
def store() -> Store:
    return Store(settings().data_dir)


def blobs() -> Blobs:
    """Pictures, drawings and masks that students bring along. All else that is kept, pages have from the executor."""
    return store().blobs


@st.cache_resource(show_spinner=False)
def executor() -> Executor:
    """The one executor of this server. What a crash interrupted is queued again here."""
    bounds = bounds_of(class_settings())
    made = make_executor(
        settings(), store(), JOBS, max_store_bytes=STORE_BYTES, openings=openings(), **bounds
    )
    made.resume()
    return made


@st.cache_resource(show_spinner=False)
def openings() -> Openings:
    """The results that ship. Where they are of another model than the one in the settings, the log says so, once."""
    found = Openings(settings().openings)
    try:
        folder = find_model_folder(settings().model)
    except ModelNotFound:  # which the pages say
        return found
    if why := found.why_not(fingerprint(folder, settings().embeddings)):
        log.info(why)
    return found


def bounds_of(shared: ClassSettings) -> dict[str, Any]:
    """What a server that a class shares bounds, as options of the executor; nothing for whoever is alone."""
    if not shared.on:
        return {}
    return {
        "limits": limits_of(shared),
        "max_memory_bytes": int(shared.job_memory_gb * 1e9) if shared.job_memory_gb else None,
        "deadline_seconds": 60 * shared.job_minutes,
        "drain_seconds": shared.drain_seconds,
    }


def limits_of(shared: ClassSettings) -> Limits:
    """What one person of a class may take of the device that all share."""
    return Limits(
        waiting=shared.jobs_per_person,
        device_seconds=60 * shared.minutes_per_person,
        kept={"train": shared.trainings_per_person},
    )


@st.cache_resource(show_spinner=False)
def environment() -> dict[str, str]:
    """What results depend on besides their specification."""
    return settings().environment()


def job_id(spec: JobSpec) -> JobId:
    """The id that this specification has here: the same question has the same id."""
    return executor().key(spec)


def computed_elsewhere(result: Trajectory) -> Mapping[str, Any] | None:
    """Of a result that ships: which machine computed it, when, and what was rounded. None for this machine's own."""
    return result.meta.get(ELSEWHERE)


class SharedResults:
    """Results that somebody still shows, and the last few: one object each, however many sessions show it. Thread-safe.

    A page keeps its result as long as its session lives, and a server keeps sessions for a while after their tab has been
    closed: 10 MB each, if every session reads its own. What is shared is read-only.
    """

    def __init__(self, recent: int = 4) -> None:
        self._lock = threading.Lock()
        self._live: WeakValueDictionary[JobId, Trajectory] = WeakValueDictionary()
        # Else a single student would have the file read at every touch of a control: nobody else holds the result.
        self._recent: deque[Trajectory] = deque(maxlen=recent)

    def get(self, job: JobId) -> Trajectory | None:
        with self._lock:
            found = self._live.get(job)
            if found is not None and all(found is not kept for kept in self._recent):
                self._recent.append(found)
            return found

    def forget(self, job: JobId) -> None:
        """Share it no longer: it is computed again, or gone. Who shows it goes on showing it."""
        with self._lock:
            found = self._live.pop(job, None)
            self._recent = deque((kept for kept in self._recent if kept is not found), self._recent.maxlen)

    def put(self, job: JobId, result: Trajectory) -> Trajectory:
        """Share this one from now on; returns the one to use, as another session may have been faster."""
        for array in result.arrays.values():
            array.flags.writeable = False
        with self._lock:
            result = self._live.setdefault(job, result)
            self._recent.append(result)
            return result


@st.cache_resource(show_spinner=False)
def shared_results() -> SharedResults:
    """The ones of this server."""
    return SharedResults()


def shared_result(job: JobId) -> Trajectory:
    """The result of a job that is done, to look at and not to change. Raises as `Executor.result` does."""
    if executor().status(job).state is State.DONE and (found := shared_results().get(job)) is not None:
        return found
    return shared_results().put(job, executor().result(job))


def erase(job: JobId, blob: str) -> bool:
    """Removes a run that was made of what somebody had brought along, and that itself; False while it still runs.

    Raises OSError.
    """
    if not executor().erase(job):
        return False
    blobs().remove(blob)
    shared_results().forget(job)
    return True


def model_folder() -> Path:
    """The folder of the model in the settings; if there is none, the page says so and stops."""
    try:
        return find_model_folder(settings().model)
    except (ModelNotFound, BadSetting) as error:
        st.error(str(error), icon=":material/folder_off:")
        st.stop()


def model_fingerprint(shipped: str = "") -> str:
    """Names the weights of the model of the settings, or of one that ships: results are kept under it."""
    folder = find_model_folder(MODELS / shipped) if shipped else model_folder()
    return fingerprint(folder, settings().embeddings)


def model_here() -> str | None:
    """The same of the settings' model, for a page that needs none; None where there is none, or it cannot be read."""
    try:
        return fingerprint(find_model_folder(settings().model), settings().embeddings)
    except (ModelNotFound, BadSetting, OSError):
        return None


def model_of(values: Mapping[str, Any]) -> str:
    """The fingerprint of the model that a lesson's values ask: the one that is chosen, where there is a choice."""
    return model_fingerprint(values.get(MODEL, ""))


@st.cache_resource(show_spinner=False)
def _schedule(folder: str, fingerprint: str) -> NoiseSchedule:
    place = Path(folder) / "scheduler"
    config = json.loads((place / "scheduler_config.json").read_text(encoding="utf-8"))
    others = config.get("trained_betas"), config.get("rescale_betas_zero_snr")
    if config.get("beta_schedule") == "squaredcos_cap_v2" and not any(others):
        return NoiseSchedule.cosine(config["num_train_timesteps"])
    from diffusers import DDPMScheduler  # takes seconds to import, and this process needs nothing else of it

    return NoiseSchedule.from_diffusers(DDPMScheduler.from_pretrained(place))


def schedule() -> NoiseSchedule:
    """The noise schedule that ships with the model."""
    return _schedule(str(model_folder()), model_fingerprint())


def browser_token(cookie: str) -> bytes:
    """The secret in the cookie that the server gives each browser, "2|mask|masked secret|time" in hexadecimal.

    The secret stays, but it is masked anew (XOR) in every answer, so the cookie's text is another at each reload.
    Any other text stands for itself.
    """
    try:
        version, mask, masked, _ = cookie.split("|")
        mask_bytes, masked_bytes = bytes.fromhex(mask), bytes.fromhex(masked)
    except ValueError:
        return cookie.encode()
    if version != "2" or not mask_bytes:
        return cookie.encode()
    return bytes(byte ^ mask_bytes[k % len(mask_bytes)] for k, byte in enumerate(masked_bytes))


def owner() -> str:
    """Who asks: whoever has logged in; in a class its member; otherwise the browser, by its cookie.

    A refresh or a second tab is the same.
    """
    if somebody := account():
        return somebody.owner
    if member := person():
        return member.owner
    cookie = st.context.cookies.get("_streamlit_xsrf")
    if cookie:
        return hashlib.sha256(browser_token(cookie)).hexdigest()[:16]
    return st.session_state.setdefault("owner", uuid.uuid4().hex[:16])
