"""A Jupyter notebook that computes a lesson's run again, outside the app."""

from __future__ import annotations

import json
import pprint
import re

from core.jobs import JobSpec
from lessons.lesson import Lesson

# An uploaded or drawn picture, or a network that was trained in the app: what a specification can name by its hash.
KEPT = re.compile(r"(?:upload-|drawing-|\"source\":\")[0-9a-f]{64}")

INTRODUCTION = """\
# {code} · {title}

{claim}

Start Jupyter in the project's folder, with its requirements installed: the cells import the code that made the \
picture in the app."""

PARAMS = """\
import tempfile

import numpy as np

from core.compute.context import JobContext
from core.compute.store import Store
from core.jobs import Frame
{imports}
params = {params}"""

RUN = """\
job = {function}(params, JobContext(device="cpu", store=Store({store}), cache={{}}))
while True:  # the job is a generator: a frame for every evaluation of the network, at the end the trajectory
    try:
        event = next(job)
    except StopIteration as end:
        trajectory = end.value
        break
    if isinstance(event, Frame):
        print(f"step {{event.index + 1}} of {{event.total}}", end="\\r")
{{name: array.shape for name, array in trajectory.arrays.items()}}"""

SHOW = """\
from IPython.display import Image, display

from core.media import contact_sheet, png, to_pixels

LOW = {low}


def show(pictures, columns):
    pixels = to_pixels(pictures, low=LOW)  # what is drawn black
    display(Image(png(contact_sheet(pixels, columns=columns), scale=2)))


name = next(name for name in ("clean_hat", "blurred", "x_t") if name in trajectory.arrays)
frames = trajectory[name]  # (steps, pictures, channels, height, width)
chosen = np.linspace(0, len(frames) - 1, min(9, len(frames))).round().astype(int)
print(f"{name} at the frames {chosen.tolist()}, a line for each picture")
show(np.concatenate(frames[chosen].swapaxes(0, 1)), columns=len(chosen))
if "result" in trajectory.arrays:
    print("the result")
    show(trajectory["result"], columns=min(10, len(trajectory["result"])))"""


def notebook(lesson: Lesson, spec: JobSpec) -> bytes:
    """The notebook (nbformat 4.5) of one run, as UTF-8 JSON. It is to be opened in a checkout of this project.

    `spec` is of one of the lesson's kinds. Whatever a student typed stands in the code as a Python literal, so
    that a prompt cannot end its string and become code.
    """
    module, function = lesson.jobs[spec.kind].split(":")
    imports = f"from {module} import {function}\n"
    store = "tempfile.mkdtemp()"
    if KEPT.search(spec.canonical):  # it lies in the app's store, so the notebook has to open that one
        imports = f"from core.settings import Settings\n{imports}"
        store = "Settings.from_environment().data_dir"
    params = pprint.pformat(json.loads(spec.canonical), width=100)
    cells = [
        ("markdown", INTRODUCTION.format(code=lesson.code, title=lesson.title, claim=lesson.prose["Claim"])),
        ("code", PARAMS.format(imports=imports, params=params)),
        ("code", RUN.format(function=function, store=store)),
        ("code", SHOW.replace("{low}", "-1.0" if lesson.part == "A" else "0.0")),
        ("markdown", f"## Derivation\n\n{lesson.prose['Derivation']}"),
        ("markdown", f"## Where this comes from\n\n{lesson.prose['Where this comes from']}"),
    ]
    return json.dumps(
        {
            "cells": [_cell(k, kind, text) for k, (kind, text) in enumerate(cells)],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        },
        indent=1,
    ).encode()


def _cell(k: int, kind: str, text: str) -> dict[str, object]:
    cell = {"cell_type": kind, "id": f"cell-{k}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
