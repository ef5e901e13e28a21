"""A Jupyter notebook that computes a lesson's run again, outside the app."""

from __future__ import annotations

import json

from core.compute.jobs import JobSpec
from lessons.lesson import Lesson

RUN = """\
import json, tempfile
from core.compute.jobs import JobContext
from core.compute.store import Store
from {module} import {function}

params = json.loads(r'''{params}''')
context = JobContext(device="cpu", store=Store({store}), cache={{}})
job = {function}(params, context)
while True:
    try:
        frame = next(job)
        print(f"step {{frame.index + 1}} of {{frame.total}}", end="\\r")
    except StopIteration as end:
        trajectory = end.value
        break
print({{name: array.shape for name, array in trajectory.arrays.items()}})"""

SHOW = """\
import io
from IPython.display import Image, display
from core.media import contact_sheet, png, to_pixels

name = "result" if "result" in trajectory.arrays else "clean_hat"
pictures = to_pixels(trajectory[name].reshape(-1, *trajectory[name].shape[-3:]))
display(Image(png(contact_sheet(pictures, columns=min(8, len(pictures))), scale=3)))"""


def notebook(lesson: Lesson, spec: JobSpec) -> bytes:
    """The notebook (nbformat 4.5) of one run, as UTF-8 JSON. It is to be opened in a checkout of this project."""
    module, function = lesson.jobs[spec.kind].split(":")
    # An uploaded picture lies in the app's store, so a run that needs one has to open that; others need none.
    store = "Settings.from_environment().data_dir" if "upload-" in spec.canonical else "tempfile.mkdtemp()"
    run = RUN.format(module=module, function=function, params=json.dumps(json.loads(spec.canonical), indent=1), store=store)
    if "Settings" in store:
        run = "from core.settings import Settings\n" + run
    cells = [
        ("markdown", f"# {lesson.code} · {lesson.title}\n\n{lesson.prose['Claim']}\n\nStart Jupyter in the project's folder, "
         "with its requirements installed: the first cell imports the code that made the picture in the app."),
        ("code", run),
        ("code", SHOW),
    ]  # fmt: skip
    return json.dumps({
        "cells": [_cell(k, kind, text) for k, (kind, text) in enumerate(cells)],
        "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }, indent=1).encode()  # fmt: skip


def _cell(k: int, kind: str, text: str) -> dict[str, object]:
    cell = {"cell_type": kind, "id": f"cell-{k}", "metadata": {}, "source": text.splitlines(keepends=True)}
    return cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
