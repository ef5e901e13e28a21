"""A harness for the canvas: shows as text what arrived, so that a test can compare it with what was drawn.

Query parameters: `mode`, `size`, `under` (a synthetic picture below), `send`, `paper`, `grain`, `start` (the page holds
a mask of the top rows), `hand` (the page hands back what it got), `pages` (two pages to switch between).
"""

import base64

import numpy as np
import streamlit as st

from pages.components.canvas import Drawing, canvas

st.set_page_config(layout="wide")
query = st.query_params


def picture(side: int, seed: int) -> np.ndarray:
    """A colourful synthetic picture: uint8 (side, side, 3)."""
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(6 * x + seed + k) + np.cos(5 * y - k) for k in range(3)]
    return np.rint(127.5 + 60 * np.stack(waves, axis=-1)).astype(np.uint8)


def note(drawing: Drawing) -> None:
    st.session_state.uses = st.session_state.get("uses", 0) + 1
    if "hand" in query:
        st.session_state.mine = drawing.pixels


def drawing_page() -> None:
    size = int(query.get("size", 64))
    seed = st.number_input("picture", 0, 9, key="seed")
    st.number_input("another control", 0, 9)
    mode = query.get("mode", "colour")
    start, turn = None, 0
    if "start" in query or "hand" in query:
        rows = st.segmented_control("preset", [0, 8, 16], default=8, key="rows", on_change=forget)
        turn = st.session_state.setdefault("turn", 0)
        if st.button("again"):
            st.session_state.turn = turn = turn + 1
        start = st.session_state.get("mine")
        if start is None and rows is not None:
            start = np.zeros((size, size, 1), np.uint8)
            start[:rows] = 255
    under = picture(size, int(seed)) if "under" in query else None
    if under is not None and mode == "grey":
        under = under[..., :1]
    drawing = canvas(
        key="test", mode=mode, size=size, under=under, paper=query.get("paper", "white"), start=start, turn=turn,
        grain=query.get("grain"), send=query.get("send", "use"), on_use=note, label="Test canvas",
    )  # fmt: skip
    st.write(f"uses: {st.session_state.get('uses', 0)}")
    if drawing is None:
        st.write("nothing arrived")
        return
    st.write(f"arrived: {drawing.pixels.shape}, blank: {drawing.blank}")
    st.code(base64.b64encode(drawing.pixels.tobytes()).decode(), language=None, height=80)


def forget() -> None:
    st.session_state.mine = None


if "pages" in query or st.session_state.get("pages"):
    st.session_state.pages = True
    st.navigation(
        [
            st.Page(drawing_page, title="Drawing", default=True),
            st.Page(lambda: st.write("elsewhere"), title="Elsewhere", url_path="elsewhere"),
        ]
    ).run()
else:
    drawing_page()
