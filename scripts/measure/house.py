"""Counts what the house is built of, to be compared with an earlier state: python -m scripts.measure.house [REVISION]

Nothing is run or imported: the files are read. Without a revision the working tree is counted, with one what git has of it.

    modules, arrows     the Python files of pages/, and the imports among them
    floors              the longest way along these arrows, in modules
    climbing            imports of pages/ that go up (components, server, ui, pages), where there are such wings
    a slider loads      modules of our own that importing a component loads: what can break it
    the shortest lesson lines of its page, its module and its prose; lines elsewhere that name it by hand
    repeated            lines in a block of at least 8 that stands somewhere else as well, in Python and JavaScript
    lines               all lines of Python, JavaScript, CSS and HTML, by folder
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 8  # lines
WINGS = ("components", "server", "ui")  # from the ground up; a page stands above them
COUNTED = {".py", ".js", ".css", ".html"}
NOT_OURS = {"node_modules", "joined"}  # what `make lint` installs and writes
AREAS = ("core", "lessons", "pages", "scripts", "tests")
SLIDERS = ("distance", "turner", "player")


def modules(root: Path, *areas: str) -> dict[str, Path]:
    """Name to file, of all Python modules below these folders."""
    found = {}
    for path in sorted(path for area in areas for path in (root / area).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path, known: dict[str, Path], *, functions: bool = True) -> set[str]:
    """The modules among `known` that a file imports: of `from a import b` the module a.b, if it is one, else a."""
    found: set[str] = set()
    nodes: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in known else node.module or "")
        elif functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes += ast.iter_child_nodes(node)
    return found & known.keys()


def floors(arrows: dict[str, set[str]]) -> int:
    """Modules on the longest way along the arrows; one that comes round to itself is cut there."""

    @cache
    def height(module: str, on_the_way: frozenset[str]) -> int:
        below = arrows[module] - on_the_way
        return 1 + max((heights(other, on_the_way | {module}) for other in below), default=0)

    known: dict[str, int] = {}

    def heights(module: str, on_the_way: frozenset[str]) -> int:
        if module not in known:
            known[module] = height(module, on_the_way)
        return known[module]

    return max(heights(module, frozenset()) for module in arrows)


def climbing(arrows: dict[str, set[str]]) -> int | None:
    """Arrows that go up a wing; None where there are no wings."""

    def wing(module: str) -> int:
        parts = [*module.split("."), ""]
        return WINGS.index(parts[1]) if parts[1] in WINGS else len(WINGS)

    if not any(module.startswith("pages.components") for module in arrows):
        return None
    return sum(wing(other) > wing(module) for module, others in arrows.items() for other in others)


def loaded(start: str, everything: dict[str, Path]) -> int:
    """Modules of our own that importing one loads, itself among them, and the packages in which they lie."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name in everything and name not in seen:
            seen.add(name)
            todo += [name.rpartition(".")[0], *imported(everything[name], everything, functions=False)]
    return len(seen)


def shortest_lesson(root: Path) -> str:
    """Of those that compute in the executor and have a prose and a page of their own."""

    def length(slug: str) -> int:
        return sum(
            lines(root / name) for name in (f"pages/{slug}.py", f"lessons/{slug}.py", f"lessons/{slug}.md")
        )

    slugs = [
        path.stem
        for path in (root / "lessons").glob("*.md")
        if (module := path.with_suffix(".py")).exists()
        and "\ndef spec(" in module.read_text(encoding="utf-8")
    ]
    slug = min(slugs, key=length)
    own = {root / f"pages/{slug}.py", root / f"lessons/{slug}.py", root / f"lessons/{slug}.md"}
    named = sum(
        slug in line
        for area in (*AREAS, "README.md")
        for path in ([root / area] if area.endswith(".md") else sorted((root / area).rglob("*.py")))
        if path not in own
        for line in path.read_text(encoding="utf-8").splitlines()
    )
    return f"{length(slug)} lines ({slug}: page {lines(root / f'pages/{slug}.py')}), named in {named} lines elsewhere"


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def repeated(root: Path) -> int:
    """Lines, blank ones and imports left out, of core, lessons and pages that stand in a block that stands elsewhere too."""
    places: dict[tuple[str, ...], list[tuple[Path, list[int]]]] = defaultdict(list)
    for path in sorted(p for area in ("core", "lessons", "pages") for p in (root / area).rglob("*")):
        if path.suffix in (".py", ".js"):
            numbered = [
                (number, text.strip())
                for number, text in enumerate(path.read_text(encoding="utf-8").splitlines())
                if text.strip() and not text.startswith(("import ", "from "))
            ]
            for k in range(len(numbered) - BLOCK + 1):
                part = numbered[k : k + BLOCK]
                places[tuple(text for _, text in part)].append((path, [number for number, _ in part]))
    return len(
        {(path, n) for found in places.values() if len(found) > 1 for path, numbers in found for n in numbers}
    )


def count(root: Path) -> list[tuple[str, str]]:
    """(what, how much) of the tree below `root`."""
    pages, everything = modules(root, "pages"), modules(root, "core", "lessons", "pages")
    arrows = {module: imported(path, pages) - {module} for module, path in pages.items()}
    up = climbing(arrows)
    wing = "pages.components" if up is not None else "pages.ui"
    rows = [
        ("modules of pages/", str(len(pages))),
        ("arrows among them", str(sum(map(len, arrows.values())))),
        ("floors", str(floors(arrows))),
        ("arrows that climb", "no wings" if up is None else str(up)),
        *((f"modules that the {name} loads", str(loaded(f"{wing}.{name}", everything))) for name in SLIDERS),
        ("the shortest lesson", shortest_lesson(root)),
        (f"lines repeated in blocks of {BLOCK}", str(repeated(root))),
    ]
    for area in AREAS:
        found = [p for p in (root / area).rglob("*") if p.suffix in COUNTED and not NOT_OURS & set(p.parts)]
        rows.append((f"lines of {area}/", f"{sum(map(lines, found)):,}"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.measure.house", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "revision", nargs="?", help="what git has of this revision, in place of the working tree"
    )
    revision = parser.parse_args().revision
    if revision is None:
        rows = count(ROOT)
    else:
        command = ["git", "archive", "--format=tar", revision, *AREAS, "README.md"]
        packed = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
        if packed.returncode:
            sys.exit(packed.stderr.decode().strip())
        with tempfile.TemporaryDirectory() as folder:
            tarfile.open(fileobj=io.BytesIO(packed.stdout)).extractall(folder, filter="data")
            rows = count(Path(folder))
    for what, how_much in rows:
        print(f"{what:34} {how_much}")


if __name__ == "__main__":
    main()
