"""A0: prompts, steps, seeds, embeddings, and the network's parts."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from core.media import contact_sheet
from core.settings import SHIPPED_MODELS
from lessons.meet_the_model import LESSON as WRITTEN
from lessons.meet_the_model import embed_spec, inside_spec
from pages.components.plain import plain
from pages.server.runtime import model_fingerprint, schedule
from pages.ui.films import Films, denoising
from pages.ui.fitted import card, here
from pages.ui.lesson_page import lesson_page
from pages.ui.quick import result_of
from pages.ui.sampling import Values, sampling_stage
from pages.ui.still import still

if TYPE_CHECKING:
    import plotly.graph_objects as go

LESSON = here(WRITTEN)
ROOT = Path(__file__).parent.parent
CODE = {"StorybookUNet": "core/networks/storybook_unet.py", "PatchUNet": "core/networks/patch_unet.py"}
THUMB, CARD = 72, 370  # pixels of the screen


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


def _heatmap(rows: np.ndarray, tokens: list[str]) -> "go.Figure":
    import plotly.graph_objects as go  # for this fold alone

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


def inside(values: Values) -> None:
    """The network's parts, each with what it puts out in the middle of the first prompt's run."""
    shipped = ""
    if card().name in SHIPPED_MODELS:
        shipped = st.segmented_control(
            "Network", SHIPPED_MODELS, default=card().name, required=True, key="a0/inside/model"
        )
    result = result_of(LESSON, inside_spec(values, model_fingerprint(shipped)), name="inside")
    if result is None:
        return
    total = result.meta["parameters"]
    st.caption(
        f"{result.meta['network']}, {total:,} parameters, at t = {result.meta['t']} of “{plain(short(values['p1']))}”. "
        "Of each part: the four channels that vary most, the size of what it puts out, and its share of the parameters."
    )
    with st.container(horizontal=True, gap="small"):
        _part(result["x_t"], r"$x_t$", "The noisy picture goes in.")
        for k, part in enumerate(result.meta["parts"]):
            maps = result.arrays.get(f"maps/{k}")
            size = "\u00a0×\u00a0".join(map(str, part["shape"]))  # in one line
            share = max(1, round(100 * part["parameters"] / total))
            _part(
                None if maps is None else _thumbnail(maps),
                part["name"],
                f"{part['does']} *{f'{size}, ' if size else ''}{share} %*",
            )
        _part(result["clean_hat"], r"$\hat x_0$", "The clean picture that the answer comes to.")
    if source := CODE.get(result.meta["network"]):
        if st.toggle("Its code", key="a0/inside/code"):
            st.code((ROOT / source).read_text(encoding="utf-8"), language="python")


def _part(pixels: np.ndarray | None, name: str, words: str) -> None:
    with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="small", width=CARD):
        if pixels is not None:
            still(pixels, f"What goes through at {plain(name)}", width=THUMB)
        st.markdown(f"**{name}**  \n{words}")


def _thumbnail(maps: np.ndarray) -> np.ndarray:
    """Up to four channels, or the one picture: uint8 (H, W, 1 or 3)."""
    if maps.ndim == 4:
        return maps[0]
    return contact_sheet(maps[..., None], columns=2, gap=1, background=128)[1:-1, 1:-1]


def films(values: Values) -> Films:
    columns = [short(values[name]) for name in ("p1", "p2", "p3")]
    return denoising(
        schedule().strided_timesteps(values["steps"]), columns, name="a0", from_noise=True, one_noise=True
    )


with lesson_page(LESSON) as values:
    sampling_stage(LESSON, values, films)
    # Filled when it is opened: Streamlit reads its own plotly for it, and the page's first picture would wait for that.
    with st.expander(
        "What the network sees of the prompts",
        icon=":material/text_fields:",
        key="a0/embedding",
        on_change="rerun",
    ) as fold:
        if fold.open:
            st.caption(
                "Each token becomes a vector of numbers; the network is conditioned on these vectors, not on the words."
            )
            embedding(values)
    with st.expander(
        "What is inside the network", icon=":material/schema:", key="a0/inside", on_change="rerun"
    ) as fold:
        if fold.open:
            inside(values)
