"""The direction of the imports: streamlit_app -> pages -> lessons -> core, and the floors within core.

Every file is parsed, not run. Between rooms, an import inside a function or under TYPE_CHECKING counts too.
"""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Which of our own packages a file may import, by where it lies. What is missing here may import none.
ROOMS = {
    "streamlit_app": {"pages", "lessons", "core"},
    "pages": {"pages", "lessons", "core"},
    "lessons": {"lessons", "core"},
    "core": {"core"},
    "scripts": {"scripts", "lessons", "core"},
}
STREAMLIT_ROOMS = {"streamlit_app", "pages"}
# A script that plays a browser speaks the server's wire format; it may read those messages, and no more of it.
WIRE_FORMAT = "streamlit.proto"

# Rooms of several floors, from the ground up. A module may import its own floor and those below.
# core: a new module is entered here once. `jobs` holds the words (JobSpec, events, errors) in which training reports.
CORE = [
    {
        "schedule",
        "trajectory",
        "compact",
        "settings",
        "provenance",
        "media",
        "animation",
        "npz",
        "upload",
        "handout",
        "jobs",
        "write_ahead",
        "classroom",
    },
    {
        "datasets",
        "handwriting",
        "pictures",
        "emoji_pictures",
        "caption_phrases",
        "judged_objects",
    },  # what goes in
    {
        "diffusion",
        "samplers",
        "inversion",
        "conventions",
        "flow",
        "reflow",
        "guidance",
        "views",
        "edits",
        "toy",
        "oracle",
    },  # the algorithms
    {
        "batching",
        "networks",
        "model_folder",
        "model_card",
        "model_weights",
        "pretrained",
        "inside",
        "prompt_reading",
        "prompt_book",
        "prompt_file",
        "streamed_encoder",
        "judge",
        "object_judge",
        "mnist_models",
        "training",
        "training_checkpoint",
        "training_settings",
    },
    {"compute.store", "compute.executor"},  # what outlives a process; what every executor can do
    {"compute.queue", "compute.workers", "compute.context"},
    {"compute"},
]
# pages: three wings below the pages themselves, which are entered by nobody.
PAGES = [{"components"}, {"server"}, {"ui"}]
FLOORS = {"core": CORE, "pages": PAGES}
# What runs in the browser knows Streamlit; neither a lesson nor who computes.
COMPONENTS = "pages.components"
STRANGE_TO_COMPONENTS = ("lessons", "core.compute", "core.jobs", "core.classroom")
# What ships, shows or serves pictures needs no torch, whoever imports it.
TORCH_FREE = [
    "core.animation", "core.caption_phrases", "core.classroom.rooms", "core.emoji_pictures", "core.judged_objects",
    "core.media", "core.npz", "core.pictures", "core.prompt_reading", "core.provenance", "core.settings", "core.trajectory",
]  # fmt: skip


def python_files(root: Path) -> dict[str, Path]:
    """Module name to file, for everything that ships (tests aside)."""
    files = [root / "streamlit_app.py"] + [
        path for room in ROOMS for path in sorted((root / room).rglob("*.py"))
    ]
    names = {}
    for path in files:
        if path.exists():
            parts = path.relative_to(root).with_suffix("").parts
            names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


@functools.cache  # a file stands on the way of a hundred others
def imports(path: Path, module: str, *, functions: bool = True, typing: bool = True) -> set[str]:
    """Absolute names of the modules a file imports; of `from a import b`, both a and a.b.

    functions: with the imports inside functions; typing: with those under TYPE_CHECKING.
    """
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join([*above, source]).rstrip(".")
            found |= {source} | {f"{source}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and not typing:
            nodes += node.orelse
        elif functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += ast.iter_child_nodes(node)
    return frozenset(found)


def room(module: str) -> str:
    return module.split(".")[0]


def floor(module: str) -> int | None:
    """The floor of a module in its room, by the longest name that FLOORS knows; None for what stands on none.

    A page stands above all wings.
    """
    parts, floors = module.split(".")[1:], FLOORS.get(room(module), [])
    for length in range(len(parts), 0, -1):
        for number, names in enumerate(floors):
            if ".".join(parts[:length]) in names:
                return number
    return len(PAGES) if room(module) == "pages" and parts else None


def turned_arrows(root: Path) -> list[str]:
    """Every import that goes to a room it may not enter, as "importer -> imported"."""
    files = python_files(root)
    wrong = []
    for module, path in files.items():
        for name in sorted(imports(path, module)):
            if room(name) == "streamlit":
                speaks = room(module) == "scripts" and f"{name}.".startswith(f"{WIRE_FORMAT}.")
                allowed = room(module) in STREAMLIT_ROOMS or speaks
            else:
                allowed = room(name) not in ROOMS or room(name) in ROOMS[room(module)]
            if not allowed:
                wrong.append(f"{module} -> {name}")
    return wrong


def climbing_arrows(root: Path) -> list[str]:
    """Every import within a room that goes up a floor; names for type checkers alone are free."""
    files = python_files(root)
    wrong = []
    for module, path in files.items():
        for name in sorted(imports(path, module, typing=False) & files.keys()):
            own, other = floor(module), floor(name)
            if room(module) == room(name) and own is not None and other is not None and other > own:
                wrong.append(f"{module} -> {name}")
    return wrong


def strange_components(root: Path) -> list[str]:
    """Every import with which a component of the browser reaches for a lesson, or for who computes."""
    return [
        f"{module} -> {name}"
        for module, path in python_files(root).items()
        if f"{module}.".startswith(f"{COMPONENTS}.")
        for name in sorted(imports(path, module))
        if any(f"{name}.".startswith(f"{strange}.") for strange in STRANGE_TO_COMPONENTS)
    ]


def reaches_past_the_executor(root: Path) -> list[str]:
    """Every use of the store in pages/, outside of the two modules of the server that make it and say whether it answers.

    Whose a job is, and what is kept of it, the executor knows; a page has the bytes that students bring along.
    """
    found = []
    for module, path in python_files(root).items():
        if room(module) != "pages" or module in ("pages.server.runtime", "pages.server.health"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = getattr(node, "attr", getattr(node, "id", None))
            imported = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            if name == "store" or "store" in imported or "core.compute.store" in imported:
                found.append(f"{module} line {node.lineno}")
    return found


def loops(root: Path) -> list[str]:
    """Modules that have to be loaded before they can be loaded, each with the way round."""
    files = python_files(root)
    graph = {}
    for module, path in files.items():
        names = imports(path, module, functions=False, typing=False) & files.keys()
        # `from a import b` names the package a too, which says nothing where b is a module of it
        graph[module] = {name for name in names if not any(other.startswith(f"{name}.") for other in names)}
    found = []
    for start in graph:
        ways, seen = [(start,)], set()
        while ways:
            way = ways.pop()
            for name in sorted(graph[way[-1]] - seen):
                if name != start:
                    seen.add(name)
                    ways.append((*way, name))
                elif start == min(way):  # each loop once
                    found.append(" -> ".join([*way, start]))
    return found


def loaded_with(module: str, root: Path) -> set[str]:
    """All that importing a module loads, as far as our own files say."""
    files = python_files(root)
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += imports(files[name], name, functions=False, typing=False) if name in files else []
    return seen


# ---- the tree as it is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong", [turned_arrows, climbing_arrows, strange_components, reaches_past_the_executor, loops]
)
def test_the_tree_is_straight(wrong):
    assert wrong(ROOT) == []


def test_every_module_of_core_has_its_floor():
    homeless = [name for name in python_files(ROOT) if name.startswith("core.") and floor(name) is None]
    assert homeless == [], "enter the module in CORE, on the lowest floor on which it can live"


def test_the_architecture_names_every_module_on_its_floor():
    """What a newcomer reads first; `compute`, the fifth, is described as a whole."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    floors = text.partition("Within `core` there are floors")[2].partition("A new module of `core`")[0]
    named = re.split(r"^\d\. ", floors, flags=re.MULTILINE)[1:5]
    assert [set(re.findall(r"`([a-z_]+)`", one)) for one in named] == CORE[:4]


def test_core_does_not_name_lessons_or_pages_as_text_either():
    reach = re.compile(r"(lessons|pages)(\.\w+)*(:\w+)?")
    for module, path in python_files(ROOT).items():
        if room(module) == "core":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
                assert not (reach.fullmatch(text) and "." in text), f"{module} names {text}"


@pytest.mark.parametrize("module", TORCH_FREE)
def test_the_web_process_loads_no_torch(module):
    heavy = {"torch", "diffusers", "transformers"}
    assert module in python_files(ROOT)
    assert not {room(name) for name in loaded_with(module, ROOT)} & heavy


def test_no_page_waits_for_the_libraries_that_load_models():
    """diffusers and transformers take longer to import than all the rest; only the worker needs them."""
    loaded = set().union(*(loaded_with(m, ROOT) for m in python_files(ROOT) if room(m) in STREAMLIT_ROOMS))
    assert not {room(name) for name in loaded} & {"diffusers", "transformers"}


# ---- and the test itself: turn an arrow, and see it found ---------------------------------------------


def house(root: Path, **changed: str) -> Path:
    files = {
        "streamlit_app": "import streamlit as st\nfrom lessons import course",
        "pages/denoising": "import streamlit\nfrom lessons.denoising import LESSON\nimport pages.ui.stage",
        "pages/ui/stage": "from pages.server import runtime\nfrom pages.components.player import player",
        "pages/server/runtime": "from core.compute.local import LocalExecutor\nfrom lessons import course",
        "pages/components/player": "import streamlit\nfrom core import schedule",
        "lessons/course": "from lessons import denoising",
        "lessons/denoising": "from core import diffusion\nfrom core.schedule import NoiseSchedule",
        "core/schedule": "import torch\nclass NoiseSchedule: pass",
        "core/diffusion": "from core.schedule import NoiseSchedule",
        "core/jobs": "if TYPE_CHECKING:\n    from core.compute.local import LocalExecutor",
        "core/compute/store": "from core import jobs",
        "core/compute/local": "import core.diffusion\nfrom core import jobs\nfrom core.compute import store",
    }
    files |= {name.replace("__", "/"): text for name, text in changed.items()}
    for name, text in files.items():
        path = root / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_straight_house_is_accepted(tmp_path):
    house(tmp_path)
    assert turned_arrows(tmp_path) == climbing_arrows(tmp_path) == loops(tmp_path) == []
    assert strange_components(tmp_path) == []


@pytest.mark.parametrize(
    ("where", "line", "found"),
    [
        ("core__schedule", "from lessons.denoising import LESSON", "core.schedule -> lessons.denoising"),
        ("core__schedule", "def f():\n    import pages.denoising", "core.schedule -> pages.denoising"),
        ("core__diffusion", "import streamlit.components.v2", "core.diffusion -> streamlit.components.v2"),
        ("lessons__denoising", "import streamlit as st", "lessons.denoising -> streamlit"),
        ("lessons__denoising", "from ..pages.ui import stage", "lessons.denoising -> pages.ui.stage"),
        (
            "lessons__denoising",
            "if TYPE_CHECKING:\n    from pages.ui import stage",
            "lessons.denoising -> pages.ui.stage",
        ),
        ("pages__ui__stage", "import streamlit_app", "pages.ui.stage -> streamlit_app"),
        ("pages__ui__stage", "from scripts import warm", "pages.ui.stage -> scripts"),
        ("lessons__course", "import tests.helpers, scripts.warm", "lessons.course -> scripts.warm"),
        ("scripts__load", "import streamlit.runtime", "scripts.load -> streamlit.runtime"),
        ("lessons__wire", "from streamlit.proto import X", "lessons.wire -> streamlit.proto"),
    ],
)
def test_a_turned_arrow_is_found(tmp_path, where, line, found):
    assert found in turned_arrows(house(tmp_path, **{where: line}))


@pytest.mark.parametrize(
    ("where", "line", "found"),
    [
        ("core__schedule", "from core import diffusion", "core.schedule -> core.diffusion"),
        ("core__schedule", "from . import diffusion", "core.schedule -> core.diffusion"),
        ("core__schedule", "def f():\n    from .diffusion import x", "core.schedule -> core.diffusion"),
        ("core__diffusion", "import core.compute.local", "core.diffusion -> core.compute.local"),
        ("core__jobs", "from core.compute import local", "core.jobs -> core.compute.local"),
        (
            "core__compute__store",
            "from core.compute import local",
            "core.compute.store -> core.compute.local",
        ),
        (
            "pages__components__player",
            "import pages.server.runtime",
            "pages.components.player -> pages.server.runtime",
        ),
        ("pages__server__runtime", "from pages.ui import stage", "pages.server.runtime -> pages.ui.stage"),
        ("pages__ui__stage", "import pages.denoising", "pages.ui.stage -> pages.denoising"),
    ],
)
def test_an_arrow_that_climbs_is_found(tmp_path, where, line, found):
    assert climbing_arrows(house(tmp_path, **{where: line})) == [found]


@pytest.mark.parametrize(
    "line", ["from pages.server.runtime import store", "runtime.store().drop_checkpoints(job)"]
)
def test_a_page_that_reaches_past_the_executor_is_found(tmp_path, line):
    house(tmp_path, pages__ui__stage=f"def f(job):\n    {line}")
    assert reaches_past_the_executor(tmp_path) == ["pages.ui.stage line 2"]


@pytest.mark.parametrize("name", ["lessons.course", "core.compute.local", "core.jobs"])
def test_a_component_that_knows_too_much_is_found(tmp_path, name):
    house(tmp_path, pages__components__player=f"def f():\n    import {name}")
    assert strange_components(tmp_path) == [f"pages.components.player -> {name}"]


def test_a_loop_is_found(tmp_path):
    house(tmp_path, core__guidance="import core.diffusion", core__diffusion="from core import guidance")
    assert loops(tmp_path) == ["core.diffusion -> core.guidance -> core.diffusion"]


def test_torch_behind_another_module_is_found(tmp_path):
    house(tmp_path, core__media="from core import schedule", core__settings="def f():\n    import torch")
    assert "torch" in loaded_with("core.media", tmp_path)
    assert "torch" not in loaded_with("core.settings", tmp_path)
