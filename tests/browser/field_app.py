"""A harness for the vector field: 40 points, 300 noises, and a network with random weights, all known to the test.

Query parameters: the settings of the component; `network` (give it one), `wrong`; the button sends other weights, as a
training does.
"""

from __future__ import annotations

import streamlit as st
import torch

from core.networks.toy_mlp import ToyVelocity
from core.toy import moons
from pages.components.field import Losses, Scene, Snapshots, vector_field

HIDDEN = 16
NAMES = ("t", "show", "field", "solver", "steps", "beside", "particles", "after", "drop")
OPENING = {
    "t": "0", "show": "density,arrows,particles", "field": "exact", "solver": "euler", "steps": "10", "beside": "0",
    "particles": "300", "after": "31", "drop": "",
}  # fmt: skip


def harness_data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Points (40, 2), noise (300, 2), pairs (300,)."""
    generator = torch.Generator().manual_seed(3)
    points, noise = moons(40, generator), torch.randn(300, 2, generator=generator)
    return points, noise, torch.randint(40, (300,), generator=generator)


def harness_network(number: int) -> ToyVelocity:
    """Random weights; another number, other weights."""
    torch.manual_seed(number)
    return ToyVelocity(HIDDEN)


def weights(network: ToyVelocity) -> torch.Tensor:
    return torch.cat([tensor.flatten() for tensor in network.state_dict().values()])


def main() -> None:
    st.set_page_config(layout="wide")
    state = st.session_state.setdefault(
        "view", OPENING | {n: st.query_params[n] for n in NAMES if n in st.query_params}
    )
    if st.button("other weights"):
        st.session_state["number"] = st.session_state.get("number", 1) + 1
    if st.button("go to t = 0.5"):
        state["t"] = "0.5"
    network = losses = None
    if "network" in st.query_params:
        number = st.session_state.get("number", 1)
        both = torch.stack([weights(harness_network(k)) for k in (number + 100, number)])
        network = Snapshots(f"training {number}", HIDDEN, [100, 200], both.numpy(), [0.5, 0.25])
        losses = Losses(range(1, 201), [2 - k / 200 for k in range(200)], 400, 1.0, live=True)
    points, noise, pairs = harness_data()
    scene = Scene(
        points.numpy(), noise.numpy(), pairs.numpy(), network, losses,
        wrong=st.query_params.get("wrong"), autoplay="autoplay" in st.query_params,
        about={"lesson": "no lesson", "seeds": [3]},
    )  # fmt: skip
    vector_field(scene, state, key="field", on_view=state.update)
    st.text("settings " + " ".join(f"{name}={state[name]}" for name in NAMES))


if __name__ == "__main__":
    main()
