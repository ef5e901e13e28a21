"""Checks the pages' scripts: eslint and TypeScript's types, over the modules that the pages join them to.

    python -m scripts.lint_js

Needs Node with npm; where they are not, it says so and passes, because the app and its tests need neither. The first
time, npm installs the tools of scripts/js-lint/package-lock.json beside it.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from core.settings import ROOT

TOOLS = ROOT / "scripts" / "js-lint"
JOINED = TOOLS / "joined"
INSTALLED = TOOLS / "node_modules" / ".installed"  # holds the lock file that they were installed by
_TSC = re.compile(r"joined/(?P<module>[\w-]+)\.js\((?P<line>\d+),(?P<column>\d+)\): (?P<said>.*)")


class NoSuchScript(ValueError):
    """A page joins scripts that are not there, or leaves some out."""


@dataclass
class Module:
    """The scripts of one component, in the order in which the page joins them."""

    name: str
    text: str = ""
    starts: list[tuple[int, Path]] = field(
        default_factory=list
    )  # line of the module -> the script that begins there

    def add(self, path: Path) -> None:
        self.starts.append((self.text.count("\n") + 1, path))
        self.text += path.read_text(encoding="utf-8") + "\n"

    def place(self, line: int) -> str:
        """Where a line of the module (from 1) comes from: "pages/.../chart.js:12"."""
        start, path = max((found for found in self.starts if found[0] <= line), key=lambda found: found[0])
        return f"{path.relative_to(ROOT).as_posix()}:{line - start + 1}"


def modules(pages: Path = ROOT / "pages") -> list[Module]:
    """One for each folder with scripts; those of `COMMON` stand before its own. Raises NoSuchScript."""
    found = []
    shared = pages / "components" / "common"
    folders = sorted({path.parent for path in pages.rglob("*.js")} - {shared})
    for folder in folders:
        home = folder.parent if folder.name == "js" else folder
        scripts = {path.stem: path for path in sorted(folder.glob("*.js"))}
        names = _tuples(*sorted(home.glob("*.py")))
        order = names.get("SCRIPTS")
        if order is None:  # each is a module by itself
            for name, path in scripts.items():
                common = _tuples(home / f"{name}.py").get("COMMON", ())
                found.append(_module(name, [*(shared / f"{one}.js" for one in common), path]))
            continue
        if set(order) != set(scripts):
            raise NoSuchScript(f"{home.name}: joined are {', '.join(order)}; there are {', '.join(scripts)}.")
        common = [shared / f"{name}.js" for name in names.get("COMMON", ())]
        found.append(_module(home.name, common + [scripts[name] for name in order]))
    return found


def _module(name: str, paths: list[Path]) -> Module:
    module = Module(name)
    for path in paths:
        module.add(path)
    return module


def _tuples(*files: Path) -> dict[str, tuple[str, ...]]:
    """Tuples of words in these files, such as `SCRIPTS`, by their names; without importing Streamlit."""
    names: dict[str, tuple[str, ...]] = {}
    for path in filter(Path.exists, files):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and isinstance(node.value, ast.Tuple)
            ):
                names[node.targets[0].id] = tuple(_words(node.value, names))
    return names


def _words(value: ast.Tuple, names: dict[str, tuple[str, ...]]) -> list[str]:
    words: list[str] = []
    for part in value.elts:
        if isinstance(part, ast.Constant):
            words.append(str(part.value))
        elif isinstance(part, ast.Starred) and isinstance(part.value, ast.Name):
            words += names.get(part.value.id, ())
    return words


def install() -> None:
    """The tools, if they are not those of the lock file. Raises CalledProcessError."""
    lock = (TOOLS / "package-lock.json").read_text(encoding="utf-8")
    if INSTALLED.exists() and INSTALLED.read_text(encoding="utf-8") == lock:
        return
    print("Installing eslint and TypeScript (scripts/js-lint/package-lock.json) ...", flush=True)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=TOOLS, check=True)
    INSTALLED.write_text(lock, encoding="utf-8")


def eslint(found: dict[str, Module]) -> list[str]:
    """What eslint says, a line each."""
    done = _run("eslint", "--format", "json", "joined")
    try:
        files = json.loads(done.stdout)
    except ValueError as error:
        raise SystemExit(f"eslint has failed: {done.stderr or done.stdout}") from error
    return [
        f"{found[Path(file['filePath']).stem].place(message['line'])}: {message['message']} [{message['ruleId']}]"
        for file in files
        for message in file["messages"]
    ]


def typescript(found: dict[str, Module]) -> list[str]:
    """What TypeScript says, a line each."""
    done = _run("tsc", "--project", "tsconfig.json", "--pretty", "false")
    said = []
    for line in done.stdout.splitlines():
        if match := _TSC.match(line):
            said.append(f"{found[match['module']].place(int(match['line']))}: {match['said']}")
        elif line.strip():
            said.append(line)
    return said or ([done.stderr] if done.returncode else [])


def _run(tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(TOOLS / "node_modules" / ".bin" / tool), *arguments],
        cwd=TOOLS, capture_output=True, text=True, check=False,
    )  # fmt: skip


def main() -> int:
    if shutil.which("node") is None or shutil.which("npm") is None:
        print(
            "The scripts of the pages are not checked: that needs Node with npm, which is not installed here."
        )
        return 0
    found = {module.name: module for module in modules()}
    install()
    shutil.rmtree(JOINED, ignore_errors=True)
    JOINED.mkdir()
    for module in found.values():
        (JOINED / f"{module.name}.js").write_text(module.text, encoding="utf-8")
    said = eslint(found) + typescript(found)
    print("\n".join(said) if said else f"{len(found)} modules of scripts: nothing to mend.")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
