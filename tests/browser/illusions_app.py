"""The turner and the distance slider on their own, with pictures made here. `view`, `count`: query parameters."""

import numpy as np
import streamlit as st

from core.media import from_pixels
from core.pictures import load_picture
from pages.ui.distance import distance
from pages.ui.turner import turner

view = st.query_params.get("view", "flip")
count = int(st.query_params.get("count", "2"))
pictures = from_pixels(np.stack([load_picture(slug) for slug in ("castle", "cat-face", "volcano")][:count]))
labels = [f"seed {k}" for k in range(count)]
st.text_input("A text", key="text")
turner(pictures, view, ("a castle", "a bat"), labels, key="turner")
distance(pictures, ("a castle", "a bat"), labels, key="distance")
st.write("ready")
