"""Scripts that several components begin with. Each component is one module of plain scripts, joined: no build step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent


def joined(folder: Path, scripts: Sequence[str], *, common: Sequence[str] = ()) -> str:
    """The module of a component: the `common` scripts of this folder, then its own `scripts`, named without their ".js"."""
    files = [HERE / f"{name}.js" for name in common] + [folder / f"{name}.js" for name in scripts]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)
