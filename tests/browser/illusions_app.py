"""The turner and the distance slider on their own, with pictures made here. `view`, `count`: query parameters."""

import numpy as np
import streamlit as st

from core.media import from_pixels
from core.pictures import load_picture
from core.views import VIEWS
from lessons.visual_anagrams import order, seen
from pages.components.distance import distance
from pages.components.turner import turner

view = st.query_params.get("view", "flip")
count = int(st.query_params.get("count", "2"))
pictures = from_pixels(np.stack([load_picture(slug) for slug in ("castle", "cat-face", "volcano")][:count]))
labels = [f"seed {k}" for k in range(count)]
st.text_input("A text", key="text")
turned = seen(pictures, VIEWS[view])
turner(pictures, turned, view, ("a castle", "a bat"), labels, order=order(VIEWS[view]), key="turner")
distance(pictures, ("a castle", "a bat"), labels, sigma=2.0, key="distance")
st.write("ready")
