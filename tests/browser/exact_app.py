"""A harness for browsers that change what a canvas gives back: a film each of whose pixels is known by a formula.

Query parameters: `show` is film, canvas or distance.
"""

import numpy as np
import streamlit as st

from pages.components.canvas import canvas
from pages.components.distance import distance
from pages.components.player import Film, Row, player
from tests.browser.exact_numbers import FRAMES, SAMPLES, SIDE, film_pixels, pictures

st.set_page_config(layout="wide")
show = st.query_params.get("show", "film")
if show == "film":
    film = Film(
        rows=[Row("x_t", "x_t", film_pixels())],
        steps=[f"t = {k}" for k in range(FRAMES)],
        columns=[f"sample {k}" for k in range(SAMPLES)],
        total=FRAMES,
        name="known",
    )
    player(film, key="film", start=int(st.query_params.get("frame", "0")))
elif show == "canvas":
    drawing = canvas(key="canvas", mode="mask", size=SIDE)
    st.write(f"painted: {0 if drawing is None else int(np.count_nonzero(drawing.pixels))}")
else:
    distance(pictures(), ("near", "far"), ("one", "two"), sigma=2.0, key="distance")
st.write("ready")
