"""A0: prompts, steps, seeds, embeddings."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lessons.meet_the_model import LESSON, embed_spec, spec
from pages.components.plain import plain
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.controls import control
from pages.ui.films import denoising
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.pins import pin_row, pinned
from pages.ui.quick import result_of
from pages.ui.stage import stage_beside
from pages.ui.takehome import take_home


def short(prompt: str) -> str:
    """A prompt as a column's label."""
    return (prompt if len(prompt) <= 32 else prompt[:31] + "…") or "(empty prompt)"


def embedding(values: dict[str, Any], allowed: bool) -> None:
    """What the network gets to see of each prompt: its tokens, one vector each."""
    wanted = embed_spec(values, model_fingerprint())
    result = result_of(LESSON, wanted, allowed=allowed, name="embedding")
    if result is None:
        return
    seen = zip(result["embedding"], result.meta["tokens"], result.meta["untruncated"], strict=True)
    for k, (row, tokens, count) in enumerate(seen):
        st.markdown(f"**Prompt {k + 1}**: {count} tokens")
        if count > result.meta["limit"]:
            st.caption(f"The model sees {result.meta['limit']} of them: {plain(' '.join(tokens))}")
        st.plotly_chart(
            _heatmap(row[: len(tokens)], tokens),
            config={"displayModeBar": False},
            key=f"heat/{k}",  # not by the prompt: two of them may be equal
        )


def _heatmap(rows: np.ndarray, tokens: list[str]) -> go.Figure:
    limit = float(np.quantile(np.abs(rows), 0.99)) or 1.0  # a few components are ten times the others
    labels = [f"{k + 1} {token}" for k, token in enumerate(tokens)]  # a token may occur twice
    figure = go.Figure(
        go.Heatmap(z=rows, y=labels, zmin=-limit, zmax=limit, colorscale="RdBu", showscale=False)
    )
    figure.update_layout(
        height=60 + 18 * len(tokens),
        margin={"l": 0, "r": 0, "t": 8, "b": 24},
        xaxis_title="component of the embedding",
    )
    figure.update_yaxes(autorange="reversed")
    return figure


def run(values: dict[str, Any]) -> tuple:
    """The job of these values, and its films."""
    columns = [short(values[name]) for name in ("p1", "p2", "p3")]
    films = denoising(schedule().strided_timesteps(values["steps"]), columns, name="a0")
    return spec(values, model_fingerprint()), films


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
    with picture:
        wanted, films = run(values)
        trajectory = stage_beside(LESSON, wanted, None, films, allowed=ok, pins=pinned(LESSON, values, run))
        pin_row(LESSON, values, trajectory is not None)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
    with st.expander("What the network sees of the prompts", icon=":material/text_fields:"):
        st.caption(
            "Each token becomes a vector of numbers; the network is conditioned on these vectors, not on the words."
        )
        embedding(values, ok)
