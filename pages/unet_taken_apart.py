"""B1: the UNet as a drawing, with a digit on its way through it."""

import inspect
from collections.abc import Mapping
from importlib import import_module

import numpy as np
import streamlit as st

from core.media import contact_sheet, difference_pixels, unit_pixels
from core.trajectory import Trajectory
from lessons.networks import Network, title_of
from lessons.unet_blocks import PATH
from lessons.unet_taken_apart import LESSON, shipped_network, spec
from pages.components.blocks import Edge, Node, blocks
from pages.ui.controls import control, set_values
from pages.ui.digits import digit_control
from pages.ui.lesson_page import lesson_page, picture_and_side
from pages.ui.networks import trained, trainings
from pages.ui.quick import result_of
from pages.ui.still import brightened, still

# Where each block stands on the drawing: column, row, share of a cell.
PLACES = {
    "conv_in": (1, 0, 1.0), "down1": (1.7, 1, 0.95), "down2": (2.35, 2, 0.85), "flatten": (3, 3, 0.75),
    "unflatten": (3.65, 2, 0.85), "up1": (4.3, 1, 0.95), "up2": (5, 0, 1.0), "conv_out": (6, 0, 1.0), "last": (7, 0, 1.0),
}  # fmt: skip
ESTIMATE = (7, 1.75, 1.7)  # large, where the U leaves room: what all of it is for
TOLD = ("unflatten", "up1")  # what they put out, the time shifts
STRONGEST = 2.0  # of a velocity, drawn as the strongest colour
SHEET_COLUMNS = 8


def newest() -> tuple[Network, str] | None:
    """A trained network and its last checkpoint: what ships, else one's own newest; None if there is none."""
    if found := shipped_network():
        return found
    for objective in ("class_flow", "flow", "denoise"):
        for job in trainings(objective):
            if network := trained(job.id):
                return network, network.names[-1]
    return None


def thumbnail(maps: np.ndarray) -> np.ndarray:
    """uint8 (channels, H, W) -> (2H + 1, 2W + 1, 1): the four channels that vary most, or the only one; of single points
    sixteen. White is the largest value among them: what a block has to say at the bottom is small in numbers.
    """
    if len(maps) == 1:
        return maps[0][..., None]
    if maps.shape[1] == 1:
        points = np.zeros(16, np.uint8)
        points[: len(maps)] = brightened(maps).ravel()[:16]
        return points.reshape(4, 4, 1)
    four = np.zeros((4, *maps.shape[1:]), np.uint8)
    four[: len(maps)] = brightened(maps[:4])
    return contact_sheet(four[..., None], columns=2, gap=1, background=128)[1:-1, 1:-1]


def says_velocity(trajectory: Trajectory) -> bool:
    """Whether the network's answer is a velocity, or the clean digit itself: only a flow is told the time."""
    return bool(trajectory.meta["conditioning"])


def answer(trajectory: Trajectory) -> np.ndarray:
    """What comes out: uint8 (28, 28, 1), or (28, 28, 3) for a velocity, blue below zero and orange above."""
    out = trajectory["clean_hat"][0, 0]
    return difference_pixels(out, STRONGEST) if says_velocity(trajectory) else unit_pixels(out)


def clean_estimate(trajectory: Trajectory) -> np.ndarray:
    """Where the velocity leads: x + (1 - t) u, float (1, 28, 28)."""
    t = trajectory.meta["params"]["t"]
    return trajectory["x_t"][0, 0] + (1 - t) * trajectory["clean_hat"][0, 0]


def drawing(trajectory: Trajectory, chosen: str) -> None:
    """The U, each block with its picture."""
    shapes = {block["name"]: block["shape"] for block in trajectory.meta["blocks"]}
    nodes = [Node("", "x", "1 × 28 × 28", 0, 0, unit_pixels(trajectory["x_t"][0, 0]), 1.0)]
    for block in PATH:
        column, row, side = PLACES[block.name]
        pixels, note = thumbnail(trajectory[f"maps/{block.name}"]), " × ".join(map(str, shapes[block.name]))
        if block.name == "flatten":
            note += ": what it is"  # the claim of the lesson, where it can be pointed at
        if block.name in TOLD and says_velocity(trajectory):
            note += ", told t"
        if block.name == "last":
            pixels = answer(trajectory)
            note = "blue −, orange +" if says_velocity(trajectory) else note
        nodes.append(Node(block.name, block.name, note, column, row, pixels, side))
    edges = [Edge(k, k + 1) for k in range(len(PATH))]
    if says_velocity(trajectory):
        column, row, side = ESTIMATE
        estimate = unit_pixels(clean_estimate(trajectory))
        note = f"x + (1 − t) u, t = {trajectory.meta['params']['t']:g}"
        nodes.append(Node("", "x̂₁", note, column, row, estimate, side))
        edges.append(Edge(len(PATH), len(PATH) + 1))
    at = {node.name: k for k, node in enumerate(nodes)}
    for start, end in (("conv_in", "up2"), ("down1", "up1"), ("down2", "unflatten")):
        edges.append(
            Edge(
                at[start], at[end], skip=True, label="where it is, concatenated" if start == "conv_in" else ""
            )
        )
    blocks(
        nodes,
        edges,
        key="b1/blocks",
        chosen=chosen,
        on_choose=lambda name: set_values(LESSON, {"block": name}),
    )


def details(trajectory: Trajectory, name: str) -> None:
    """One block: what it does, its channels, its source."""
    block = next(one for one in PATH if one.name == name)
    facts = next(one for one in trajectory.meta["blocks"] if one["name"] == name)
    maps = trajectory[f"maps/{name}"]
    white = facts["largest"] * maps.max() / 255
    st.header(f"{name}: {block.label}", anchor=False)
    means = ""
    if name == "last" and says_velocity(trajectory):
        means = " Here the answer is the velocity u: on the drawing blue is negative, orange positive; x̂₁ is where it leads."
    st.markdown(
        f"{block.does}{means} It puts out **{' × '.join(map(str, facts['shape']))}** numbers and has "
        f"**{facts['parameters']:,}** parameters."
    )
    with st.container():
        scale = max(1, 56 // maps.shape[1])
        still(
            contact_sheet(large(brightened(maps), scale), columns=SHEET_COLUMNS, background=128),
            "What the block puts out",
        )
        if len(maps) > 1:
            st.caption(
                f"{len(maps)} of its {facts['shape'][0]} channels, those that vary most; white is {white:.2g}, "
                "black 0 or less."
            )
    with st.expander("Its code", icon=":material/code:"):
        if block.source is None:
            st.code("nn.Conv2d(d, 1, kernel_size=3, stride=1, padding=1)", language="python", wrap_lines=True)
        else:
            module, kind = block.source.split(":")
            st.code(
                inspect.getsource(getattr(import_module(module), kind)), language="python", wrap_lines=True
            )


def large(maps: np.ndarray, scale: int) -> np.ndarray:
    """uint8 (N, H, W) -> (N, H * scale, W * scale, 1)."""
    return maps.repeat(scale, axis=1).repeat(scale, axis=2)[..., None]


def counts(trajectory: Trajectory) -> None:
    """Where the parameters are."""
    blocks_found, conditioning = trajectory.meta["blocks"], trajectory.meta["conditioning"]
    total = trajectory.meta["parameters"]
    rows: list[Mapping[str, object]] = [
        {"block": one["name"], "puts out": " × ".join(map(str, one["shape"])), "parameters": one["parameters"],
         "share": one["parameters"] / total}
        for one in blocks_found
    ]  # fmt: skip
    rows += [
        {"block": name, "puts out": "for the condition", "parameters": count, "share": count / total}
        for name, count in conditioning.items()
    ]
    st.dataframe(
        rows, hide_index=True, width="content", height="content",
        column_config={
            "parameters": st.column_config.NumberColumn(format="localized"),
            "share": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
        },
    )  # fmt: skip
    st.caption(f"{total:,} parameters in all, at D = {trajectory.meta['width']}.")


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    found = newest()
    with side:
        chosen = st.container()
        ok = control(LESSON, "network")
        if values["network"] != "trained" or found is None:
            ok = control(LESSON, "width") and ok
        digit_control(LESSON)
        ok = all([control(LESSON, name) for name in ("t", "seed", "block")]) and ok
    with picture:
        if values["network"] == "trained":
            st.caption(
                "No trained network is here yet, so the weights are fresh: train one in lesson B2, B6 or B8."
                if found is None else f"{found[0].label} · {title_of(found[1])} · white is the largest value shown"
            )  # fmt: skip
        trajectory = result_of(
            LESSON, spec(values, None if found is None else found[0].ref(found[1])), allowed=ok
        )
        if trajectory is not None:
            drawing(trajectory, values["block"])
    if trajectory is not None:
        with chosen:
            details(trajectory, values["block"])
        with side, st.expander("Where the parameters are", icon=":material/table_rows:"):
            counts(trajectory)
