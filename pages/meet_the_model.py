"""A0: prompts, steps, seeds, embeddings."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from lessons.meet_the_model import LESSON as WRITTEN
from lessons.meet_the_model import embed_spec
from pages.components.plain import plain
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.films import Films, denoising
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.quick import result_of
from pages.ui.sampling import Values, sampling_stage

LESSON = here(WRITTEN)


def short(prompt: str) -> str:
    """A prompt as a column's label."""
    return (prompt if len(prompt) <= 32 else prompt[:31] + "…") or "(empty prompt)"


def embedding(values: Values) -> None:
    """What the network gets to see of each prompt: its tokens, one vector each."""
    wanted = embed_spec(values, model_fingerprint())
    result = result_of(LESSON, wanted, name="embedding")
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
            alt=f"The embedding of prompt {k + 1}: a row of numbers for each of its {len(tokens)} tokens.",
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


def films(values: Values) -> Films:
    columns = [short(values[name]) for name in ("p1", "p2", "p3")]
    return denoising(schedule().strided_timesteps(values["steps"]), columns, name="a0")


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films)
    with st.expander("What the network sees of the prompts", icon=":material/text_fields:"):
        st.caption(
            "Each token becomes a vector of numbers; the network is conditioned on these vectors, not on the words."
        )
        embedding(values)
