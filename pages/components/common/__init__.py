"""What several components begin with: scripts, styles, buttons. Each is joined from plain files: no build step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def joined(folder: Path, scripts: Sequence[str], *, common: Sequence[str] = ()) -> str:
    """The module of a component: the `common` scripts of this folder, then its own `scripts`, named without their ".js"."""
    files = [HERE / f"{name}.js" for name in common] + [folder / f"{name}.js" for name in scripts]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def styled(style: Path, *, common: Sequence[str] = ("theme",)) -> str:
    """The style sheet of a component: the `common` ones of this folder, then its own."""
    files = [HERE / f"{name}.css" for name in common] + [style]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def with_buttons(page: Path) -> str:
    """The HTML of a component that plays, with the buttons for that."""
    buttons = (HERE / "buttons.html").read_text(encoding="utf-8")
    return page.read_text(encoding="utf-8").replace("<!-- buttons -->", buttons)
