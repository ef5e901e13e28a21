"""A harness for the player: explicitly synthetic films, so that the expected pixel of every frame is known.

Query parameters: `samples`, `steps`, `size`, `grow` (add a frame whenever the button is pressed), `chips`, `big`,
`autoplay` (begin at the first frame, by itself), `signed` (two digits' velocities, of flow's clock), `sum` (the step as
pictures that add up, and a row that is the same for all samples).
"""

import numpy as np
import streamlit as st

from core.media import difference_pixels, to_pixels
from pages.components.player import Curve, Film, Number, Row, Term, player

query = st.query_params
SAMPLES, STEPS, SIZE = (int(query.get(n, d)) for n, d in (("samples", 1), ("steps", 34), ("size", 64)))

st.set_page_config(layout="wide")


@st.cache_data(max_entries=8)
def synthetic(samples: int, steps: int, size: int, seed: int) -> dict[str, np.ndarray]:
    """Discs that come out of noise, by the forward process run backwards; (steps, samples, 3, size, size)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size
    clean = np.full((samples, 3, size, size), 0.8, np.float32)
    for i in range(samples):
        for colour, centre, radius in (
            ((-0.6, 0.1, 0.7), (0.5, 0.5), 0.36),
            ((0.9, 0.6, -0.7), (0.4, 0.6), 0.14),
        ):
            cx, cy = centre[0] + 0.08 * np.cos(i + seed), centre[1] + 0.08 * np.sin(2 * i + seed)
            clean[i][:, (x - cx) ** 2 + (y - cy) ** 2 < radius**2] = np.float32(colour)[:, None]
    keep = np.linspace(0.02, 1.0, steps, dtype=np.float32)[:, None, None, None, None]
    noise = rng.standard_normal(clean.shape, dtype=np.float32)
    return {
        "x_t": np.sqrt(keep) * clean + np.sqrt(1 - keep) * noise,
        "clean_hat": keep * clean + (1 - keep) * clean.mean(axis=(2, 3), keepdims=True),
        "eps": np.broadcast_to(noise, (steps, *noise.shape)) * (1 - 0.3 * keep),
    }


def film(arrived: int, seed: int) -> Film:
    data = synthetic(SAMPLES, STEPS, SIZE, seed)
    timesteps = np.linspace(990, 0, STEPS).round().astype(int)
    alphas_cumprod = np.cos(np.linspace(0.99, 0.0, STEPS) * np.pi / 2) ** 2
    rows = [
        Row("x_t", "x_t", to_pixels(data["x_t"][:arrived]), "what the model sees", ends="the picture"),
        Row(
            "clean_hat",
            r"\hat{x}_0",
            to_pixels(data["clean_hat"][:arrived]),
            "its guess of the clean picture",
        ),
        Row(
            "eps",
            r"\hat{\varepsilon}",
            difference_pixels(data["eps"][:arrived], 3.0),
            "the noise it sees",
            limit=3.0,
        ),
    ]
    if "chips" in query:
        eps = data["eps"][:arrived]
        rows += [
            Row(
                "eps_u",
                r"\varepsilon_u",
                difference_pixels(eps[:, :, :1], 3.0),
                "without the prompt",
                shown=False,
            ),
            Row("still", "x_0", to_pixels(data["clean_hat"][-1:]), "the original", shown=False),
        ]
    terms = []
    if "sum" in query:
        one = to_pixels(data["clean_hat"][-1:, :1]).repeat(SAMPLES, axis=1)
        rows.append(Row("same", r"\bar{x}", one, "the same for all", once=True))
        terms = [
            Term("x_{t'}", "x_t", "the next picture", ahead=1, last="clean_hat"),
            Term(r"\hat{x}_0", "clean_hat", "the clean estimate", "a"),
            Term(r"\sigma z", "eps", "the noise added", within=r"\sigma"),
        ]
    coefficient = np.linspace(0.031, 0.98, STEPS)
    sigma = [float(v) for v in np.linspace(0.2, 0.001, STEPS - 1)] + [None]
    return Film(
        rows=rows,
        steps=[f"t = {t}" for t in timesteps[:arrived]],
        columns=[f"seed {i + 1}" for i in range(SAMPLES)] if SAMPLES > 1 else (),
        total=STEPS,
        about={"lesson": "no lesson", "prompts": ["a “synthetic” 猫 🐱"], "seeds": [seed]},
        curves=(
            Curve(r"\bar{\alpha}_t", alphas_cumprod, meaning="share of the picture", panel="signal"),
            Curve(
                r"\sqrt{1-\bar{\alpha}_t}",
                np.sqrt(1 - alphas_cumprod),
                meaning="scale of the noise",
                panel="signal",
            ),
            Curve(r"\text{SNR}", alphas_cumprod / (1 - alphas_cumprod + 1e-4), log=True),
        ),
        terms=terms,
        open=["sum"] if terms else (),
        formula=r"x_{t'} = a\,\hat{x}_0 + b\,x_t + \sigma z",
        numbers=(
            Number("a", "weight of the clean estimate", coefficient[:arrived]),
            Number("b", "weight of the noisy picture", 1 - coefficient[:arrived]),
            Number(r"\sigma", "noise added; none at the last step", sigma[:arrived]),
            Number(
                r"\lVert\hat{\varepsilon}\rVert",
                "norm of the estimated noise",
                np.linspace(110.9, 64.2, STEPS)[:arrived],
            ),
        ),
        marks=range(0, STEPS, max(1, STEPS // 7)),
        start=0 if "autoplay" in query else min(10, STEPS - 1),
        autoplay="autoplay" in query,
        name="synthetic",
    )


def signed() -> Film:
    """A velocity of one channel, −1 on the left and 1.3 on the right, and a picture of which nothing is there yet."""
    velocity = np.full((1, 1, 1, SIZE, SIZE), -1.0, np.float32)
    velocity[..., SIZE // 2 :] = 1.3
    absent = np.full((1, 1, SIZE, SIZE, 1), 128, np.uint8)
    return Film(
        rows=[
            Row("velocity", "u", difference_pixels(velocity, 2.0), "the velocity", limit=2.0),
            Row("half", "x_1", to_pixels(np.full_like(velocity, 0.25), low=0.0), "a quarter everywhere"),
            Row("absent", "x_0", absent, "not there yet", blank=128),
            Row("arrows", "u", absent, "drawn", drawn=True),
        ],
        steps=["t = 0"], clock="flow", name="signed",
    )  # fmt: skip


if "signed" in query:
    player(signed(), key="signed")
    st.stop()
arrived = STEPS
if "grow" in query:
    arrived = st.session_state.setdefault("arrived", 4)
    if st.button("compute four more"):
        st.session_state.arrived = arrived = min(STEPS, arrived + 4)
seed = st.number_input("seed", 0, 9, key="seed", bind="query-params")
if st.button("go to step 5"):
    query["frame"] = "4"
asked = query.get("frame")
frame = player(film(arrived, int(seed)), key="film", start=None if asked is None else int(asked))
if frame is not None:
    query["frame"] = str(frame)
st.write(f"committed frame: {frame}")
