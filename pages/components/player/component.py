"""Mounts the player. The files under `js/` are plain scripts, joined into one module here: no build step."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.components.common import joined, styled, with_buttons
from pages.components.player.film import Film
from pages.components.player.packing import pack, read_header
from pages.components.shelf import own_routes, publish

HERE = Path(__file__).parent
COMMON = (
    "leaving", "while_here", "pixel_ratio", "quantities", "readback", "room", "file_name", "png_file", "save_png",
    "parts", "clamp", "svg",
)  # fmt: skip
SCRIPTS = (
    "fetch", "inflate", "decode", "tex", "linked", "chart", "values", "stage", "sum", "figure", "save", "keep", "timeline",
    "motion", "lightbox", "watch", "player",
)  # fmt: skip

_mount = st.components.v2.component(
    "trajectory_player",
    html=with_buttons(HERE / "player.html"),
    css=styled(HERE / "player.css", common=("theme", "transport")),
    js=joined(HERE / "js", SCRIPTS, common=COMMON),
)


@dataclass(frozen=True)
class Running:
    """A film that is still being computed, and that the browser gets by itself: where it asks for what is new."""

    address: str


def player(
    film: Film | bytes | Running,
    *,
    key: str,
    start: int | None = None,
    on_frame: Callable[[int], None] | None = None,
    stale: bool = False,
    play: bool = False,
    addressed: bool = True,
) -> int | None:
    """Show a film under a scrubber and return the frame on which the student let go of it.

    While the hand is moving, nothing is sent; on release the script runs again and the new frame is returned.
    Before the first release the result is `start` (which may be None).

    `film`: a `Film`, or its bytes if the page keeps them. Calling again under the same `key` with more frames of
    the same steps lets the film grow in place: it follows the newest frame until the student takes the scrubber.
    Another film with the same steps keeps the frame, so that two runs can be compared at the same step.
    `start`: a frame that the page asks for, usually from the URL. A page may hand back what `player` returned; a value
    that is neither that nor the one of the run before moves the scrubber there.
    `play` has the film play once, from its first frame to the one that it opens on, where motion is not reduced.
    `stale` dims the film: it is of other settings than the page's. `addressed`: the page's address says at which frame
    this player stands, so that what is kept of it leads back there.
    `on_frame(frame)` is called before the script runs again, as the callbacks of widgets are.

    Where the server has routes of its own, a film that is complete is published there and the browser is sent its
    address; a browser that finds it gone has the script, or the fragment around the player, run again. So it does once
    when a `Running` film has come to its end: the film that is then shown under the same `key` goes on from there.
    """
    memory = st.session_state.setdefault(
        f"{key}.memory",
        {"epoch": 0, "steps": (), "returned": None, "asked": None, "redraws": 0, "watched": None},
    )
    if isinstance(film, Running):
        return _watch(film, key, memory, start, on_frame, addressed)
    data = pack(film) if isinstance(film, Film) else film
    header = read_header(data)
    if start is not None:
        start = min(max(int(start), 0), header["total"] - 1)
    if not _continues(memory, header):
        memory.update(epoch=memory["epoch"] + 1, returned=start, start=start)
    elif start is not None and start not in (
        memory["asked"],
        memory["returned"],
        _committed(key, memory["epoch"]),
    ):
        memory.update(epoch=memory["epoch"] + 1, returned=start, start=start)
    memory.update(steps=header["steps"], total=header["total"], asked=start, watched=None)

    envelope = {
        "epoch": memory["epoch"],
        "start": memory["start"],
        "stale": stale,
        "play": play,
        "addressed": addressed,
    }
    if own_routes() and header["total"] == len(header["steps"]):
        envelope |= {"film": publish(data), "redraws": memory["redraws"]}
        data = b""
    _show(key, memory, envelope, data, on_frame)
    frame = _committed(key, memory["epoch"])
    if frame is not None:
        memory["returned"] = min(frame, header["total"] - 1)
    return memory["returned"]


def _watch(
    film: Running,
    key: str,
    memory: dict,
    start: int | None,
    on_frame: Callable[[int], None] | None,
    addressed: bool,
) -> int | None:
    """As `player`. What has arrived, and of which steps, the browser knows alone."""
    if film.address != memory["watched"]:
        memory.update(epoch=memory["epoch"] + 1, returned=start, start=start, asked=start)
    memory.update(steps=(), total=None, watched=film.address)
    envelope = {"epoch": memory["epoch"], "start": memory["start"], "addressed": addressed}
    _show(key, memory, envelope | {"watch": film.address, "redraws": memory["redraws"]}, b"", on_frame)
    frame = _committed(key, memory["epoch"])
    if frame is not None:
        memory["returned"] = frame
    return memory["returned"]


def _show(
    key: str, memory: dict, envelope: dict, data: bytes, on_frame: Callable[[int], None] | None
) -> None:
    def committed() -> None:
        frame = _committed(key, memory["epoch"])
        if on_frame is not None and frame is not None:
            on_frame(frame)

    def redraw() -> None:
        memory["redraws"] += 1  # in the envelope: the browser is not told of what stays the same

    text = json.dumps(envelope).encode()
    _mount(
        key=key,
        data=b"".join((struct.pack("<I", len(text)), text, data)),
        default={"frame": None},
        on_frame_change=committed,
        on_redraw_change=redraw,
    )


def _continues(memory: dict, header: dict) -> bool:
    """Whether this film goes on where the last one was: the same run with more frames, or the same steps again."""
    if memory["watched"]:
        return True  # it was watched, and this is what it has become
    before, now = memory["steps"], header["steps"]
    return memory["epoch"] > 0 and memory["total"] == header["total"] and now[: len(before)] == before


def _committed(key: str, epoch: int) -> int | None:
    """The frame on which the scrubber was last released, if that was since the page last moved it."""
    state = st.session_state.get(key) or {}
    frame = state.get("frame")
    if not isinstance(frame, dict) or frame.get("epoch") != epoch:
        return None
    index = frame.get("index")
    return index if isinstance(index, int) and index >= 0 else None
