"""How make lint finds the pages' scripts and says where a mistake stands. What is one, eslint and TypeScript say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.settings import ROOT
from scripts import lint_js
from scripts.lint_js import NoSuchScript, modules


@pytest.fixture
def pages(tmp_path: Path, monkeypatch) -> Path:
    """A component that joins two scripts, and one with a script of its own."""
    monkeypatch.setattr(lint_js, "ROOT", tmp_path)
    folder = tmp_path / "pages"
    (folder / "plane" / "js").mkdir(parents=True)
    (folder / "plane" / "component.py").write_text('FIRST = ("sum",)\nSCRIPTS = (*FIRST, "draw")\n')
    (folder / "plane" / "js" / "sum.js").write_text("const sum = (a, b) => a + b;\n// done\n")
    (folder / "plane" / "js" / "draw.js").write_text("draw(sum(1, 2));\n")
    (folder / "news").mkdir()
    (folder / "news" / "news.js").write_text("tell();\n")
    return folder


def test_scripts_are_joined_in_the_pages_order_and_lines_keep_their_place(pages):
    news, plane = modules(pages)
    assert (news.name, plane.name) == ("news", "plane")
    lines = plane.text.splitlines()
    assert lines.index("const sum = (a, b) => a + b;") < lines.index("draw(sum(1, 2));")
    assert plane.place(lines.index("// done") + 1) == "pages/plane/js/sum.js:2"
    assert plane.place(lines.index("draw(sum(1, 2));") + 1) == "pages/plane/js/draw.js:1"


def test_a_script_that_no_page_joins_is_refused(pages):
    (pages / "plane" / "js" / "forgotten.js").write_text("")
    with pytest.raises(NoSuchScript, match="forgotten"):
        modules(pages)


def test_every_script_of_the_pages_is_checked():
    checked = [path for module in modules() for _, path in module.starts]
    assert sorted(set(checked)) == sorted((ROOT / "pages").rglob("*.js"))
    shared = ROOT / "pages" / "components" / "common"
    own = [path for path in checked if path.parent != shared]
    assert len(own) == len(set(own)), "a script of one component alone is checked once"


def test_what_several_components_begin_with_stands_before_their_own(pages):
    common = pages / "components" / "common"
    common.mkdir(parents=True)
    (common / "ratio.js").write_text("const ratio = 1;\n")
    (pages / "plane" / "component.py").write_text('COMMON = ("ratio",)\nSCRIPTS = ("sum", "draw")\n')
    (pages / "news" / "news.py").write_text('COMMON = ("ratio",)\n')
    for module in modules(pages):
        assert module.text.startswith("const ratio = 1;")
        assert module.place(1) == "pages/components/common/ratio.js:1"


def test_without_node_it_says_so_and_passes(monkeypatch, capsys):
    monkeypatch.setattr(lint_js.shutil, "which", lambda name: None)
    assert lint_js.main() == 0
    assert "not checked" in capsys.readouterr().out


def test_the_tools_are_pinned_with_their_hashes_and_name_no_registry():
    lock = json.loads((ROOT / "scripts" / "js-lint" / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages and all("integrity" in entry and "resolved" not in entry for entry in packages.values())
