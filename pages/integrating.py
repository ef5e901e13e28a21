"""B7: the trajectories, scrubbed; and three studies of the field that they follow."""

import numpy as np
import streamlit as st

from core.media import unit_pixels
from core.trajectory import Trajectory
from lessons.flow_sampling import SOLVER_TITLES
from lessons.flow_studies import STEP_COUNTS
from lessons.integrating import (
    COUNT,
    EXACT_STEPS,
    LESSON,
    STUDY_COUNT,
    errors_spec,
    exact_spec,
    picked,
    plane_spec,
)
from lessons.networks import Network
from pages.components.curves import Series, curves
from pages.components.player import Curve, Film, Row
from pages.server.served.progress import Pixels
from pages.ui.films import Films
from pages.ui.flow_films import NONE, flow, pixels_to_the_end, titles
from pages.ui.lesson_page import lesson_page
from pages.ui.plane_film import plane_film
from pages.ui.sampling import controls_of, network_stage
from pages.ui.stage import stage
from pages.ui.still import still

# ---------------------------------------------------------------- films of the studies


def errors_films() -> Films:
    """One frame for each number of steps, one row for each solver."""

    def film(pixels: np.ndarray, steps: list[int], total: int) -> Film:
        rows = [
            Row(solver, rf"\text{{{title}}}", pixels[:, k * STUDY_COUNT : (k + 1) * STUDY_COUNT], "")
            for k, (solver, title) in enumerate(SOLVER_TITLES.items())
        ]
        return Film(
            rows=rows, steps=[f"T = {t}" for t in steps], total=total, clock="flow", name="b7-solvers"
        )

    def live(pixels: Pixels, total: int) -> Film:
        return film(pixels["x"], list(STEP_COUNTS[: len(pixels["x"])]), total)

    def finished(trajectory: Trajectory) -> Film:
        steps = trajectory.meta["steps"]
        return film(unit_pixels(trajectory["x"]), steps, len(steps))

    return Films(finished, live)


def exact_films() -> Films:
    """The network above, the exact field below, from the same noises."""
    times = titles(EXACT_STEPS, range(EXACT_STEPS))

    def rows(x_t: np.ndarray, clean_hat: np.ndarray) -> list[Row]:
        return [
            Row("x_t-0", "x_t", x_t[:, :STUDY_COUNT], "the network"),
            Row("x_t-1", "x_t", x_t[:, STUDY_COUNT:], "the exact field"),
            Row("clean_hat-0", r"\hat{x}_1", clean_hat[:, :STUDY_COUNT], "the network"),
            Row("clean_hat-1", r"E[x_1|x_t]", clean_hat[:, STUDY_COUNT:], "exact"),
        ]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["x_t"])
        return Film(
            rows=rows(pixels["x_t"], pixels["clean_hat"]),
            steps=times[:done],
            total=total + 1,
            clock="flow",
            name="b7-exact",
        )

    def finished(trajectory: Trajectory) -> Film:
        pixels, mixed = pixels_to_the_end(trajectory), [*trajectory["mixed"].tolist(), NONE]
        return Film(
            rows=rows(pixels["x_t"], pixels["clean_hat"]), steps=times,
            curves=[Curve("n", mixed, log=True, meaning="training digits mixed in the exact answer")],
            clock="flow", name="b7-exact",
        )  # fmt: skip

    return Films(finished, live)


def memory(trajectory: Trajectory) -> None:
    """The ends of both, each beside the training digit that lies nearest."""
    results, nearest = unit_pixels(trajectory["result"]), trajectory["nearest"]
    for title, part in (
        ("The network", slice(0, STUDY_COUNT)),
        ("The exact field", slice(STUDY_COUNT, None)),
    ):
        st.caption(f"{title}: where it ends, and the nearest training digit")
        with st.container(horizontal=True, gap="small"):
            for result, near, distance in zip(
                results[part], nearest[part], trajectory["distance"][part], strict=True
            ):
                with st.container(width=128, gap="xsmall"):
                    still(np.concatenate([result, near], axis=1), "A result beside its nearest digit", 112)
                    st.caption(f"RMS {distance:.3f}")


def plane_films() -> Films:
    def live(pixels: Pixels, total: int) -> Film:  # nothing is shown of a plane before it is whole
        raise NotImplementedError("The plane's frames carry no pictures.")

    return Films(plane_film, live)


# ---------------------------------------------------------------- the page


def age(network: Network) -> int:
    """Which of its checkpoints is shown."""
    return picked(values["checkpoint"], network.names)


def films(network: Network) -> Films:
    return flow(
        values["steps"],
        COUNT,
        network.ages,
        solver=values["solver"],
        pick=age(network),
        shown=("x_t", "clean_hat"),
        rests=0.5,
        name="b7",
    )


with lesson_page(LESSON) as values:
    network, _, _ = network_stage(
        LESSON, values, "flow", films,
        controls=lambda: controls_of(LESSON, ("checkpoint", "solver", "steps", "seed")),
        made_in=("B6", "time_conditioned_flow.py"), says=lambda network: network.ages[age(network)],
    )  # fmt: skip
    if network is not None:
        last = network.ref(network.names[age(network)])
        solvers, exact, plane = st.tabs(["Solvers", "The exact field", "A plane"])
        with solvers:
            st.caption(
                f"Euler, Heun and RK4 from the same {STUDY_COUNT} noises, with 1 to {STEP_COUNTS[-1]} steps: how far each "
                "ends from where a far finer integration ends."
            )
            found = stage(LESSON, errors_spec(values, last), errors_films(), name="solvers")
            if found is not None:
                curves(
                    "Error against evaluations",
                    [
                        Series(title, {"evaluations": found["evaluations"][:, k].tolist()}, found["error"][:, k].tolist())
                        for k, title in enumerate(SOLVER_TITLES.values())
                    ],
                    key="b7/errors", log_x=True, log_y=True, points=True,
                )  # fmt: skip
                st.caption(
                    "RMS over all pixels, which lie in [0, 1], against RK4 with 128 steps (512 evaluations)."
                )
        with exact:
            st.caption(
                "The network beside the best field there can be for the 60,000 training digits, computed in closed form: "
                "both from the same noises."
            )
            found = stage(LESSON, exact_spec(values, last), exact_films(), name="exact")
            if found is not None:
                memory(found)
        with plane:
            st.caption(
                "Three trajectories, and the plane through them at each t: the field on it, and what the network would draw "
                "from every point."
            )
            stage(LESSON, plane_spec(values, last), plane_films(), name="plane")
