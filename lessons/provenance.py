"""What the file of a lesson's run says about where it comes from: read out of the job and its result."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.compute.store import ELSEWHERE
from core.jobs import JobSpec
from core.model_folder import ModelNotFound, find_model_folder, fingerprint, shipped_folders
from core.provenance import Provenance
from core.settings import Settings
from lessons.lesson import Lesson

_PROMPTS = ("prompt", "prompts", "unconditional")
_SEEDS = ("seed", "seeds")
_GAMMAS = ("guidance_scale", "gammas")


def provenance_of(
    lesson: Lesson, spec: JobSpec, meta: Mapping[str, Any], *, link: str = "", note: str = ""
) -> Provenance:
    """The provenance of a run of `spec`, whose result has this `meta`.

    Of a result that ships, the note says so, and what was rounded.
    `link` is the address of the page with the run's settings; `note` says what a file's pictures went through.
    """
    params = json.loads(spec.canonical)
    if elsewhere := meta.get(ELSEWHERE):
        note = " ".join(
            filter(
                None, [note, f"Computed on {elsewhere['machine']}, {elsewhere['date']}.", elsewhere["note"]]
            )
        )
    models = list(dict.fromkeys(_models(params)))
    columns = params.get("columns")
    return Provenance(
        lesson=f"{lesson.code} · {lesson.title}",
        link=link,
        model=tuple(name for name, _ in models),
        fingerprint=tuple(mark for _, mark in models),
        prompts=tuple(dict.fromkeys(text for text in _all(params, _PROMPTS) if text)),
        seeds=tuple(c["seed"] for c in columns) if columns else tuple(dict.fromkeys(_all(params, _SEEDS))),
        gammas=tuple(c.get("guidance_scale") for c in columns) if columns else tuple(_gammas(params)),
        t=tuple(_times(params, meta)),
        job={"kind": spec.kind, "params": params},
        note=note,
    )


def _all(value: Any, names: tuple[str, ...]) -> Iterator[Any]:
    """What stands under these names, anywhere in the parameters, in order; members of lists one by one."""
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda name: name == "unconditional")  # behind the prompts
        for name in ordered:
            if name in names:
                yield from value[name] if isinstance(value[name], list) else [value[name]]
            else:
                yield from _all(value[name], names)
    elif isinstance(value, list):
        for item in value:
            yield from _all(item, names)


def _gammas(params: Mapping[str, Any]) -> Iterator[float | None]:
    found = dict.fromkeys(_all(params, _GAMMAS))
    yield from found if any(gamma is not None for gamma in found) else ()


def _models(params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(name, fingerprint) of the models that a job names."""
    for asked in ("model", "learner"):  # A12 asks two
        if isinstance(mark := params.get(asked), str):
            yield model_name(mark), mark
    for cell in params.get("cells", ()):  # of a grid
        yield from _models(cell["params"])
    for network in [*params.get("networks", ()), params.get("network")]:
        if isinstance(network, Mapping):
            yield f"{network['source']}/{network['name']}", network.get("sha256", network["source"])


def model_name(mark: str) -> str:
    """What the model with this fingerprint is called here; "" if it is neither that of the settings nor one that ships."""
    for shipped in shipped_folders():
        if fingerprint(shipped) == mark:
            return shipped.name
    try:
        folder = find_model_folder(Settings.from_environment().model)
    except ModelNotFound:
        return ""
    if fingerprint(folder) != mark:
        return ""
    source = Settings.from_environment().model
    return (
        folder.name if Path(source).expanduser() == folder else source
    )  # the hub's snapshot is named by its hash


def _times(params: Mapping[str, Any], meta: Mapping[str, Any]) -> Iterator[float]:
    """t of each step: of the run's steps, of the steps that it chose, or the one that was asked for."""
    steps = meta.get("steps") or meta.get("timesteps") or meta.get("times") or [params.get("t")]
    for step in steps:
        t = step.get("t") if isinstance(step, Mapping) else step
        if isinstance(t, int | float):
            yield t
