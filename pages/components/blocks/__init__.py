"""The UNet as a drawing: blocks that can be clicked, each with what it puts out."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from core.media import png
from pages.components.common import joined, styled

HERE = Path(__file__).parent
COMMON = ("svg",)
SCRIPTS = ("blocks",)

_mount = st.components.v2.component(
    "unet_blocks",
    html='<div class="unet themed"><svg role="group" aria-label="The blocks of the UNet"></svg></div>',
    css=styled(HERE / "blocks.css"),
    js=joined(HERE, SCRIPTS, common=COMMON),
)


@dataclass(frozen=True, eq=False)
class Node:
    """One box of the drawing.

    Attributes:
        name: what a click reports; "" for a box that cannot be chosen (the input, the output's neighbour).
        title, note: two lines below the picture.
        column, row: its place, in cells from the upper left.
        pixels: uint8 (H, W, 1), drawn as squares.
        side: of the picture on the drawing, as a share of a cell, 0 to 1.
    """

    name: str
    title: str
    note: str
    column: float
    row: float
    pixels: np.ndarray
    side: float = 1.0


@dataclass(frozen=True)
class Edge:
    """An arrow between two boxes, by their titles' places in the list; `skip` is drawn dashed."""

    start: int
    end: int
    skip: bool = False
    label: str = ""


def blocks(
    nodes: Sequence[Node], edges: Sequence[Edge], *, key: str, chosen: str, on_choose: Callable[[str], None]
) -> None:
    """Draws the boxes and arrows; `on_choose` gets a name before the script runs again."""

    def clicked() -> None:
        name = (st.session_state.get(key) or {}).get("block")
        if isinstance(name, str) and name in {node.name for node in nodes if node.name}:
            on_choose(name)

    _mount(
        key=key,
        data={
            "nodes": [
                {
                    "name": node.name, "title": node.title, "note": node.note, "column": node.column, "row": node.row,
                    "side": node.side, "image": base64.b64encode(png(node.pixels)).decode(),
                }
                for node in nodes
            ],
            "edges": [
                {"start": edge.start, "end": edge.end, "skip": edge.skip, "label": edge.label} for edge in edges
            ],
            "chosen": chosen,
        },
        on_block_change=clicked,
    )  # fmt: skip
