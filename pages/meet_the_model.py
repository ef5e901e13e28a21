"""A0: prompts, steps, seeds, embeddings."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core.compute.jobs import ComputeError, State
from lessons.meet_the_model import LESSON, embed_spec, spec
from pages.ui.controls import control
from pages.ui.films import denoising
from pages.ui.jobs import stage
from pages.ui.lesson_page import lesson_page
from pages.ui.runtime import executor, job_id, model_fingerprint, owner, schedule
from pages.ui.takehome import take_home


def short(prompt: str) -> str:
    """A prompt as a column's label."""
    return (prompt if len(prompt) <= 32 else prompt[:31] + "…") or "(empty prompt)"


@st.fragment(run_every=0.5)
def embedding(values: dict) -> None:
    """What the network gets to see of each prompt: its tokens, one vector each."""
    wanted = embed_spec(values, model_fingerprint())
    try:
        status = executor().status(executor().submit(wanted, owner()))
    except ComputeError as error:
        st.info(str(error))
        return
    if status.state == State.FAILED:
        st.error(status.message)
    if status.state != State.DONE:
        return
    result = executor().result(job_id(wanted))
    for row, tokens, count in zip(result["embedding"], result.meta["tokens"], result.meta["untruncated"], strict=True):
        if count > result.meta["limit"]:
            st.warning(f"Of the prompt’s {count} tokens the model sees {result.meta['limit']}: {' '.join(tokens)}")
        st.plotly_chart(_heatmap(row[: len(tokens)], tokens), config={"displayModeBar": False}, key=f"heat/{tokens}/{row[0, :3]}")


def _heatmap(rows: np.ndarray, tokens: list[str]) -> go.Figure:
    limit = float(np.abs(rows).max()) or 1.0
    labels = [f"{k + 1} {token}" for k, token in enumerate(tokens)]  # a token may occur twice
    figure = go.Figure(go.Heatmap(z=rows, y=labels, zmin=-limit, zmax=limit, colorscale="RdBu", showscale=False))
    figure.update_layout(height=60 + 18 * len(tokens), margin={"l": 0, "r": 0, "t": 8, "b": 24}, xaxis_title="component of the embedding")
    figure.update_yaxes(autorange="reversed")
    return figure


with lesson_page(LESSON) as values:
    picture, side = st.columns([3, 1], gap="large")
    with side:
        ok = all([control(LESSON, field.name) for field in LESSON.fields])
    with picture:
        wanted = spec(values, model_fingerprint())
        columns = [short(values[name]) for name in ("p1", "p2", "p3")]
        films = denoising(schedule().strided_timesteps(values["steps"]), columns, name="a0")
        trajectory = stage(LESSON, wanted, films, allowed=ok)
        if trajectory is not None:
            take_home(LESSON, trajectory, wanted)
    with st.expander("What the network sees of the prompts", icon=":material/text_fields:"):
        st.caption("Each token becomes a vector of numbers; the network is conditioned on these vectors, not on the words.")
        embedding(dict(values))
