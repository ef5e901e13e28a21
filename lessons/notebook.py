"""A Jupyter notebook that computes a lesson's run again, outside the app."""

from __future__ import annotations

import json
import pprint
import re

import nbformat

from core.jobs import JobSpec
from core.provenance import APP, KEY
from lessons.lesson import Lesson
from lessons.provenance import provenance_of

# An uploaded or drawn picture, or a network that was trained in the app: what a specification can name by its hash.
KEPT = re.compile(r"(?:upload-|drawing-|\"source\":\")[0-9a-f]{64}")

# What the run needs besides the project, by the name under which Python imports it.
REQUIRED = ("torch", "diffusers", "transformers", "safetensors", "numpy", "PIL")

FINDS = """\
# The cells below run the code that made the picture in the app. This one finds it, or says what is missing.
import importlib.util
import sys
from pathlib import Path

here = Path.cwd()
project = next((place for place in [here, *here.parents] if (place / "lessons" / "course.py").is_file()), None)
if project is None:
    raise ModuleNotFoundError(
        f"This notebook needs the project that it comes from ({app}), and {{here}} does not lie in it. Get the project, "
        "move this file into its folder, and start Jupyter there."
    )
sys.path.insert(0, str(project))
missing = [name for name in {required} if importlib.util.find_spec(name) is None]
if missing:
    raise ModuleNotFoundError(
        f"This Python ({{sys.executable}}) lacks {{', '.join(missing)}}. Install what the project needs, with "
        f"{{sys.executable}} -m pip install -r {{project / 'requirements.txt'}}, and restart the kernel."
    )"""

INTRODUCTION = """\
# {code} · {title}

{claim}{link}"""

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


# What is (steps, pictures, channels, height, width); numbers, such as a network's activations, are in trajectory.arrays.
films = {name: array for name, array in trajectory.arrays.items() if array.ndim == 5 and array.shape[2] in (1, 3)}
name = next((name for name in ("clean_hat", "blurred", "x_t", *films) if name in films), None)
if name is not None:
    frames = films[name]
    chosen = np.linspace(0, len(frames) - 1, min(9, len(frames))).round().astype(int)
    print(f"{name} at the frames {chosen.tolist()}, a line for each picture")
    show(np.concatenate(frames[chosen].swapaxes(0, 1)), columns=len(chosen))
if "result" in trajectory.arrays:
    print("the result")
    show(trajectory["result"], columns=min(10, len(trajectory["result"])))"""


def notebook(lesson: Lesson, spec: JobSpec, link: str = "") -> bytes:
    """The notebook (nbformat 4.5) of one run, as UTF-8 JSON. It is to be opened in a checkout of this project.

    `spec` is of one of the lesson's kinds, `link` the address of its page. Whatever a student typed stands in the code as a
    Python literal, so that a prompt cannot end its string and become code. Its metadata have the run's provenance.

    Raises KeyError for a kind of another lesson, nbformat.ValidationError if the notebook is none (a mistake of ours).
    """
    module, function = lesson.jobs[spec.kind].split(":")
    imports = f"from {module} import {function}\n"
    store = "tempfile.mkdtemp()"
    if KEPT.search(spec.canonical):  # it lies in the app's store, so the notebook has to open that one
        imports = f"from core.settings import Settings\n{imports}"
        store = "Settings.from_environment().data_dir"
    params = pprint.pformat(json.loads(spec.canonical), width=100)
    v4 = nbformat.v4
    cells = [
        v4.new_code_cell(FINDS.format(app=APP, required=REQUIRED)),
        v4.new_markdown_cell(
            INTRODUCTION.format(
                code=lesson.code, title=lesson.title, claim=lesson.prose["Claim"],
                link=f"\n\nThe same run in the app: <{link}>" if link else "",
            )
        ),
        v4.new_code_cell(PARAMS.format(imports=imports, params=params)),
        v4.new_code_cell(RUN.format(function=function, store=store)),
        v4.new_code_cell(SHOW.replace("{low}", str(lesson.black))),
        v4.new_markdown_cell(f"## Derivation\n\n{lesson.prose['Derivation']}"),
        v4.new_markdown_cell(f"## Where this comes from\n\n{lesson.prose['Where this comes from']}"),
    ]  # fmt: skip
    for k, cell in enumerate(cells):
        cell.id = f"cell-{k}"  # instead of a random one: the same run gives the same file
    book = v4.new_notebook(
        cells=cells,
        metadata={
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            KEY: json.loads(provenance_of(lesson, spec, {}, link=link).to_json()),
        },
    )
    nbformat.validate(book, relax_add_props=False)
    return nbformat.writes(book).encode()
