"""Mounts the canvas. The files under `js/` are plain scripts, joined into one module here: no build step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st

from pages.components.canvas.drawing import (
    MAX_SIDE,
    PALETTE,
    BadDrawing,
    Drawing,
    Mode,
    Sheet,
    check_colours,
    pack,
    read_message,
    read_tag,
)
from pages.components.common import joined, styled

HERE = Path(__file__).parent
COMMON = ("leaving", "while_here", "pixel_ratio", "parts", "clamp")
SCRIPTS = ("raster", "document", "storage", "surface", "plan", "palette", "keys", "canvas")
KEPT = 8  # pictures whose drawings the session keeps for each canvas
START = "start"  # the tag of what `start` laid down

_mount = st.components.v2.component(
    "drawing_canvas",
    html=(HERE / "canvas.html").read_text(encoding="utf-8"),
    css=styled(HERE / "canvas.css"),
    js=joined(HERE / "js", SCRIPTS, common=COMMON),
)


def canvas(
    *,
    key: str,
    mode: Mode = "colour",
    size: int | tuple[int, int] | None = None,
    under: np.ndarray | None = None,
    paper: Literal["white", "black"] = "white",
    start: np.ndarray | Drawing | None = None,
    turn: int = 0,
    identity: str | None = None,
    grain: Literal["smooth", "pixels"] | None = None,
    brush: float | None = None,
    colours: Sequence[tuple[str, str]] | None = None,
    send: Literal["use", "rest"] = "use",
    use_label: str = "Use this drawing",
    label: str = "Drawing canvas",
    on_use: Callable[[Drawing], None] | None = None,
    max_side: int = 448,
) -> Drawing | None:
    """A surface to draw on, and the drawing in use: the last that was sent or laid down by `start`, None before.

    While the hand is drawing nothing is sent. With `send="use"` a drawing is sent when the student presses the
    button: right where something is computed from it. With `send="rest"` it is sent when the hand has rested for 0.6
    seconds after a stroke: right where the answer comes at once. Either way it is one message.

    What is drawn stays in the tab's own storage, under `key` and what is below, and comes back after a page switch
    or a refresh, with undo. After a refresh the browser sends what had been used once more, without calling `on_use`.

    mode: "colour" gives uint8 (H, W, 3), "grey" (H, W, 1), "mask" (H, W, 1) with 255 where painted.
    size: side, or (height, width), in pixels, up to 512; `under` says it where it is left out, else 64.
    under: uint8 (H, W, 1 or 3), the picture to draw over, or to see below a mask.
    paper: what there is to draw on where there is no picture below. Grey is drawn in the other colour.
    start: what the page holds already: a preset mask, a drawing from the URL; uint8 as the result, or bool (H, W) for
        a mask. It is laid down when it changes, counts as in use, and can be undone. Handing back what `canvas`
        returned changes nothing. Another `turn` lays the same `start` down again.
    identity: sets drawings apart that have the same picture below. A mask belongs to it alone: it stays when the
        picture changes.
    grain: "smooth" draws finely and averages areas; "pixels" draws in the result's own pixels, as a mask always is.
    brush: the first size of the brush in pixels of the result.
    colours: the palette, as ("name", "#rrggbb") pairs.
    label: the name of the canvas for screen readers.
    on_use: called with the new drawing before the script runs again, as the callbacks of widgets are.
    max_side: longest side on the screen in CSS pixels.

    Raises: ValueError for arguments that do not fit together. What the browser sends wrongly is refused with a
    sentence under the canvas, and the drawing before it stays.
    """
    sheet = Sheet(mode=mode, size=size, under=under, paper=paper, identity=identity, grain=grain)
    if brush is not None and not 1 <= brush <= MAX_SIDE:
        raise ValueError(f"brush is {brush}: use 1 to {MAX_SIDE} pixels.")
    if max_side < 128:
        raise ValueError(f"max_side is {max_side}: a hand needs at least 128 CSS pixels.")
    if send not in ("use", "rest"):
        raise ValueError(f'send is {send!r}: use "use" or "rest".')
    mine = _memory(key, sheet)
    begun = None if start is None else sheet.held(start)
    if begun is not None and mine["asked"] != (begun.digest, turn):
        mine["asked"] = (begun.digest, turn)
        if mine["drawing"] is None or mine["drawing"].digest != begun.digest:
            mine.update(tag=START, drawing=begun)

    def received() -> None:
        message = (st.session_state.get(key) or {}).get("drawing")
        if message is None:
            return
        try:
            arrived = read_message(message, sheet)
        except BadDrawing as error:
            mine.update(refused=(read_tag(message), str(error)), refusals=mine["refusals"] + 1)
            return
        mine.update(tag=arrived.tag, drawing=arrived.drawing, refused=None)
        if on_use is not None and arrived.why != "restore":
            on_use(arrived.drawing)

    header = {
        "key": key,
        "turn": turn,
        "brush": brush or _first_brush(sheet),
        "colours": check_colours(PALETTE if colours is None else colours) if mode == "colour" else [],
        "send": send,
        "useLabel": use_label,
        "label": label,
        "maxSide": max_side,
        "held": mine["tag"],
        "refused": mine["refused"] and mine["refused"][0],
        "refusals": mine["refusals"],  # so that a second refusal of the same drawing reaches the browser too
    }
    with st.container():  # what follows on the page keeps its place when the sentence comes and goes
        _mount(key=key, data=pack(header, sheet, begun), on_drawing_change=received)
        if mine["refused"]:
            st.error(mine["refused"][1], icon=":material/draw:")
    return mine["drawing"]


def _memory(key: str, sheet: Sheet) -> dict[str, Any]:
    """What the session knows of this canvas over this picture; the last few pictures are kept."""
    all_of_them = st.session_state.setdefault(f"{key}.memory", {})
    fresh = {"tag": None, "drawing": None, "asked": None, "refused": None, "refusals": 0}
    all_of_them[sheet.name] = all_of_them.pop(sheet.name, fresh)
    for name in list(all_of_them)[:-KEPT]:
        del all_of_them[name]
    return all_of_them[sheet.name]


def _first_brush(sheet: Sheet) -> float:
    """An eleventh of the side in grey (2.5 of 28, the strokes of MNIST), a sixteenth in colour, a tenth for a mask."""
    side = max(sheet.height, sheet.width) / {"grey": 11, "colour": 16, "mask": 10}[sheet.mode]
    return max(1.0, round(2 * side) / 2 if sheet.fine > 1 else round(side))
