"""B11: three flows in the plane, each trained on the pairs of the one before; and the digits' flow before and after."""

from collections.abc import Callable, Sequence

import numpy as np
import streamlit as st

from core.media import unit_pixels
from core.trajectory import Trajectory
from lessons.plane_paths import plane_ground, plane_picture
from lessons.straighter_paths import (
    DIGIT_REFERENCE,
    DIGIT_STEPS,
    FINE_STEPS,
    LESSON,
    MOST_COUNTED,
    NEAR,
    ROUNDS,
    SNAPSHOTS,
    digits_spec,
    spec,
)
from pages.components.curves import Series, curves
from pages.components.player import Curve, Film, Number, Row
from pages.server.served.progress import Pixels
from pages.ui.films import Films
from pages.ui.lesson_page import beside_the_figure, lesson_page, picture_and_side, variant_toggle
from pages.ui.networks import nothing_yet
from pages.ui.sampling import Values, controls_of
from pages.ui.stage import Beside, stage, stage_beside

TIMES = np.linspace(0, 1, 21)
NUMBERS = ("first", "second", "third")
EVERY = 3  # of the paths one is drawn: all of them lie on each other


# ---------------------------------------------------------------- films


def films(values: Values) -> Films:
    """While they are trained, the paths as far as they have been learned; then the steps that the control asks for."""
    steps = values["steps"]

    def rows(pixels: np.ndarray, words: Sequence[str]) -> list[Row]:
        """pixels: uint8 (times, 3, SIDE, SIDE, 3). The third flow looks like the second, and waits behind its chip."""
        return [
            Row(f"flow-{k}", rf"\text{{{name}}}", pixels[:, k : k + 1], words[k], shown=k < 2, drawn=True)
            for k, name in enumerate(ROUNDS)
        ]

    def live(pixels: Pixels, total: int) -> Film:
        heads = [f"{NUMBERS[k]} flow, step {step}" for k in range(len(ROUNDS)) for step in SNAPSHOTS]
        return Film(
            rows=rows(pixels["paths"], ["the paths, as far as they are learned"] * len(ROUNDS)),
            steps=heads[: len(pixels["paths"])], total=total, clock="flow", name="b11",
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        words = [
            f"{needed(flow)} enough, S = {bent(flow)}. Colour: {counted(steps)}; grey: exact"
            for flow in trajectory.meta["flows"]
        ]
        return Film(
            rows=rows(pictures(trajectory, steps), words), steps=[f"t = {t:.2f}" for t in TIMES],
            curves=[
                Curve(rf"\text{{{name}}}", trajectory["bend"][k][at(FINE_STEPS)].tolist(), log=True,
                      panel="off the straight line", meaning="" if k else "|Z₁ − Z₀ − u|² at this t; its mean over t is S")
                for k, name in enumerate(ROUNDS)
            ],
            clock="flow", name="b11",
        )  # fmt: skip

    return Films(finished, live, key=f"{steps} steps")


def at(count: int) -> np.ndarray:
    """For each of TIMES the place in an array over `count` steps."""
    return np.minimum(np.rint(TIMES * count).astype(int), count - 1)


def pictures(trajectory: Trajectory, steps: int) -> np.ndarray:
    """uint8 (times, 3, SIDE, SIDE, 3): a few of the paths, which can be told apart."""
    data, noise, exact, taken = (trajectory[name] for name in ("data", "noise", "exact", f"taken_{steps}"))
    noise, exact, taken = noise[::EVERY], exact[:, ::EVERY], taken[:, ::EVERY]
    grounds = [plane_ground(data, exact[k]) for k in range(len(ROUNDS))]
    frames = [[plane_picture(on, noise, taken[k], float(t)) for k, on in enumerate(grounds)] for t in TIMES]
    return np.array(frames)


def counted(steps: int) -> str:
    return "1 Euler step" if steps == 1 else f"{steps} Euler steps"


def needed(flow: dict) -> str:
    """How many steps are enough for a flow, in words."""
    steps = flow["steps_needed"]
    if steps is None:
        return f"not even {MOST_COUNTED} steps are"
    return "1 step is" if steps == 1 else f"{steps} steps are"


def bent(flow: dict) -> str:
    """Its S, to two decimals, or to its first digit."""
    size = flow["straightness"]
    return f"{size:.2f}" if size >= 0.1 else f"{size:.1g}"


def digit_films(count: int) -> Films:
    """One frame for each number of steps: the flow before above, the straightened one below."""

    def rows(x: np.ndarray) -> list[Row]:
        return [
            Row("before", r"\text{B6}", x[:, :count], "before"),
            Row("after", r"\text{reflow}", x[:, count:], "after reflow"),
        ]

    def film(x: np.ndarray, total: int, lines: Sequence[Curve] = (), numbers: Sequence[Number] = ()) -> Film:
        return Film(
            rows=rows(x), steps=[f"T = {steps}" for steps in DIGIT_STEPS[: len(x)]], total=total, curves=lines,
            numbers=numbers, start=0 if len(x) == total else None, clock="flow", name="b11-digits",
        )  # fmt: skip

    def live(pixels: Pixels, total: int) -> Film:
        return film(pixels["x"], total)

    def finished(trajectory: Trajectory) -> Film:
        lines = [
            Curve(rf"\text{{{name}}}", trajectory["errors"][:, k].tolist(), log=True, panel="error",
                  meaning=f"RMS over the pixels, from where {DIGIT_REFERENCE} steps end")
            for k, name in enumerate(("before", "after"))
        ]  # fmt: skip
        different = [
            Number(
                rf"\text{{{name}}}",
                "different digits that the judge of B9 reads",
                [len(set(one)) for one in part],
            )
            for name, part in (
                ("before", trajectory["read"][:, :count]),
                ("after", trajectory["read"][:, count:]),
            )
        ]
        return film(unit_pixels(trajectory["x"]), len(DIGIT_STEPS), lines, different)

    return Films(finished, live)


# ---------------------------------------------------------------- what was measured


def figures(trajectory: Trajectory) -> None:
    """The numbers of the three flows, for which there is no room in the figure."""
    measured: dict[str, Callable[[dict], str]] = {
        "|x₁ − x₀|²": lambda flow: f"{flow['pairs_cost']:.2f}",
        "|Z₁ − Z₀|²": lambda flow: f"{flow['paths_cost']:.2f}",
        "S": bent,
        "V": lambda flow: f"{flow['loss']:.2f}",
        "steps": lambda flow: str(flow["steps_needed"] or f"over {MOST_COUNTED}"),
    }
    st.table(
        [
            {"quantity": quantity, **{name: say(flow) for name, flow in zip(ROUNDS, trajectory.meta["flows"], strict=True)}}
            for quantity, say in measured.items()
        ],
        hide_index=True, border="horizontal", alt="The numbers of the three flows",
    )  # fmt: skip
    st.caption(
        f"S: how far from straight. V: the loss that is left. Steps: the fewest of Euler from which on the particles end "
        f"within {NEAR:g} (RMS) of where {FINE_STEPS} steps take them; noises that no training has seen."
    )


def error_curves(trajectory: Trajectory) -> None:
    st.header("What a step costs", anchor=False)
    axis = {"Euler steps": list(range(1, MOST_COUNTED + 1))}
    curves(
        "RMS distance from the exact ends",
        [Series(name, axis, trajectory["errors"][k].tolist()) for k, name in enumerate(ROUNDS)],
        key="b11/errors", log_x=True, log_y=True, points=True,
    )  # fmt: skip


def on_digits(values: Values) -> None:
    """The same with pictures."""
    st.header("On digits", anchor=False)
    wanted = digits_spec(values)
    if wanted is None:
        nothing_yet("B6", "time_conditioned_flow.py")
        return
    st.caption(
        "The flow that ships with B6, and below it the same network after one reflow, from the same noises. Each frame is a "
        "number of Euler steps; at the first, one step makes the whole digit."
    )
    found = stage(LESSON, wanted, digit_films(wanted.params["count"]), name="digits")
    if found is not None:
        (before, after), (far, near) = found.meta["straightness"], found.meta["cost"]
        st.caption(
            f"Along {DIGIT_REFERENCE} steps the paths have S = {before:.0f} before and {after:.0f} after, and noise and "
            f"digit lie |Z₁ − Z₀|² = {far:.0f} and {near:.0f} apart, the squares summed over 784 pixels."
        )


# ---------------------------------------------------------------- the page


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    with side:
        allowed = controls_of(LESSON, ("data", "steps", "seed"))
        variant = variant_toggle(LESSON)
    right = Beside("", spec(values), films(values))
    wrong = Beside(variant.label, spec(values, variant.name), films(values)) if variant else None
    with picture:
        trajectory = stage_beside(LESSON, right, wrong, allowed=allowed)
    if trajectory is not None:
        with beside_the_figure():
            figures(trajectory)
        error_curves(trajectory)
    on_digits(values)
