"""B9: four of each digit under guidance, what the judge says of them, and the sweep over γ."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from core.jobs import JobSpec
from core.media import unit_pixels
from core.trajectory import Trajectory
from lessons.flow_sampling import kept_steps
from lessons.guided_digits import (
    AXES,
    CLASSES,
    EACH,
    LESSON,
    SWEEP_EACH,
    SWEEP_STEPS,
    lines,
    measured,
    sweep_spec,
)
from lessons.integrating import picked
from lessons.networks import Network, title_of
from pages.components.curves import Series, curves
from pages.components.player import Film, Row
from pages.server import runtime
from pages.server.served.progress import Pixels
from pages.ui.controls import control
from pages.ui.films import Films
from pages.ui.flow_films import WRONG, in_fours, pixels_to_the_end, titles
from pages.ui.follow import ask, done, look, result
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import controls_of, network_stage
from pages.ui.stage import NO_PINS, Beside, Pins, stage
from pages.ui.still import still

SHOWN = (2, 4, 7, 8)  # four lines are as many as stay large; the others wait behind their chips
DIGITS = [str(digit) for digit in range(10)]
QUANTITY = {"accuracy": "Read as asked", "diversity": "Diversity", "frechet_distance": "Fréchet distance"}


# ---------------------------------------------------------------- films


def digits_films(num_steps: int, networks: int, pick: int) -> Films:
    """A row for each digit, its four noises side by side as one picture; of the checkpoint that is picked.

    So a digit's four can be compared along a line, and two values of γ stand as two blocks, each below its own head.
    """
    kept = kept_steps(num_steps, len(CLASSES) * networks)
    times = titles(num_steps, kept)
    own = slice(pick * len(CLASSES), (pick + 1) * len(CLASSES))

    def film(
        x_t: np.ndarray, total: int, asked: Sequence[int] = CLASSES, read: Sequence[int] = CLASSES
    ) -> Film:
        fours = in_fours(x_t[:, own], asked, read)
        return Film(
            rows=[
                Row(f"x_t-{digit}", str(digit), fours[:, digit, None], "noises 1 to 4", shown=digit in SHOWN, drawn=True)
                for digit in range(10)
            ],  # `drawn`, as a place among four pictures and frames says nothing
            steps=times[: len(x_t)], total=total, clock="flow", name="b9",
        )  # fmt: skip

    def live(pixels: Pixels, total: int) -> Film:
        return film(pixels["x_t"], total + 1)

    def finished(trajectory: Trajectory) -> Film:
        fork = trajectory.meta["params"].get("fork", {})
        asked = [fork["digit"]] * len(CLASSES) if "digit" in fork else CLASSES
        return film(pixels_to_the_end(trajectory)["x_t"], len(times), asked, trajectory["read"][own])

    return Films(finished, live, key=f"pick {pick}")


def sweep_films(gammas: tuple[float, ...]) -> Films:
    """One frame for each γ."""

    def film(samples: np.ndarray, total: int) -> Film:
        return Film(
            rows=[Row("samples", "x_1", samples, "the same ten noises")],
            steps=[f"γ = {g:g}" for g in gammas[: len(samples)]],
            total=total, columns=DIGITS, clock="flow", name="b9-sweep",
        )  # fmt: skip

    return Films(
        lambda trajectory: film(trajectory["samples"], len(gammas)),
        lambda pixels, total: film(pixels["samples"], total),
    )


# ---------------------------------------------------------------- the judge


def opinion(trajectory: Trajectory, network: Network, pick: int) -> None:
    """Accuracy and diversity at each checkpoint, and the results with what the judge does not read as asked."""
    st.header("What the judge reads", anchor=False)
    judged = trajectory.meta["judged"]
    rows = [
        {
            "network": title_of(name),
            "read as asked": f"{one['accuracy']:.0%}",
            "diversity": f"{one['diversity']:.2f}",
        }
        for name, one in zip(network.names, judged, strict=True)
    ]
    rows.append(
        {
            "network": "test digits",
            "read as asked": "",
            "diversity": f"{trajectory.meta['test_diversity']:.2f}",
        }
    )
    table, sheet = st.columns([1, 2], gap="large")
    with table:
        st.table(
            rows, hide_index=True, border="horizontal", alt="What the judge reads of each checkpoint's digits"
        )
        st.caption(f"{len(CLASSES)} samples each.")
    own = slice(pick * len(CLASSES), (pick + 1) * len(CLASSES))
    results, read = unit_pixels(trajectory["result"][own]), trajectory["read"][own]
    with sheet:
        still(framed(results, read), f"{EACH} samples of each digit, ten a line", 640)
        misread = [
            f"{asked} as {found}" for asked, found in zip(CLASSES, read, strict=True) if asked != found
        ]
        st.caption(
            f"Framed: read as another digit ({', '.join(misread)})." if misread else "All are read as asked."
        )


def framed(results: np.ndarray, read: np.ndarray) -> np.ndarray:
    """uint8 (40, 28, 28, 1) -> one sheet (.., .., 3), ten a line; a frame around what reads as another digit."""
    tiles = np.pad(np.repeat(results, 3, axis=-1), ((0, 0), (2, 2), (2, 2), (0, 0)))
    for tile, asked, found in zip(tiles, CLASSES, read, strict=True):
        if asked != found:
            tile[:2], tile[-2:], tile[:, :2], tile[:, -2:] = WRONG, WRONG, WRONG, WRONG
    lines = tiles.reshape(EACH, 10, 32, 32, 3)
    return lines.swapaxes(1, 2).reshape(EACH * 32, 320, 3)


def memory(trajectory: Trajectory) -> None:
    """Ten samples of the last checkpoint, each above the nearest training digit."""
    st.header("Is it memory?", anchor=False)
    results = unit_pixels(trajectory["result"][-len(CLASSES) :])
    with st.container(horizontal=True, gap="small"):
        for k in range(10):
            with st.container(width=72, gap="xsmall"):
                pair = np.concatenate([results[k], trajectory["nearest"][k]], axis=0)
                still(pair, f"Sample of {CLASSES[k]} above its nearest digit", 56)
                st.caption(f"{trajectory['distance'][k]:.3f}")
    st.caption(
        "Above the sample, below the training digit nearest to it, with the distance (RMS over the pixels). Test digits lie "
        f"{trajectory.meta['test_distance']:.3f} from their nearest training digits (median of 200)."
    )


# ---------------------------------------------------------------- sweeps


def shipped_sweep(network: Network) -> None:
    """What was measured beforehand, with many digits: the course's own setting in a sentence, the rest in curves."""
    points = measured(network.source)
    if not points:
        return
    most = max(points, key=lambda point: (point["samples"], point["epoch"]))
    st.markdown(
        f"**Measured beforehand:** of {most['samples']:,} digits **{most['accuracy']:.1%}** are read as asked at "
        f"γ = {most['guidance_scale']:g}, T = {most['num_steps']}, after epoch {most['epoch']}. Diversity "
        f"{most['diversity']:.2f} (test digits {most['diversity_of_test_digits']:.2f}), Fréchet distance in the judge’s "
        f"features {most['frechet_distance']:.1f}."
    )
    quantity = st.segmented_control(
        "Against γ, T and epoch", list(QUANTITY), default="accuracy", format_func=QUANTITY.get, key="b9/quantity",
        required=True,
    )  # fmt: skip
    for column, (axis, label) in zip(st.columns(len(AXES)), AXES.items(), strict=True):
        shown = [
            one for one in points if axis != "epoch" or one["num_steps"] == SWEEP_STEPS
        ]  # not too many curves
        drawn = [Series(line.name, {label: line.x}, line.y) for line in lines(shown, axis, quantity)]
        if not drawn:
            continue
        if quantity == "diversity":
            ends = [min(min(one.x[label]) for one in drawn), max(max(one.x[label]) for one in drawn)]
            drawn.append(Series("test digits", {label: ends}, [most["diversity_of_test_digits"]] * 2))
        with column:
            curves(
                f"{QUANTITY[quantity]}, against {label}", drawn, key=f"b9/shipped/{axis}", points=True,
                log_x=axis == "num_steps", y_range=(0.0, 1.0) if quantity == "accuracy" else None,
            )  # fmt: skip
    few = sorted({point["samples"] for point in points if point is not most})
    if few:
        st.caption(f"The other points are of {' or '.join(f'{count:,}' for count in few)} digits.")
    with st.expander("Which digit is read as which", icon=":material/grid_on:"):
        confusion_table(most["confusion"])


def confusion_table(confusion: list[list[int]]) -> None:
    """A row for each digit that was asked for, a column for each that was read; zeros are left out."""
    rows = [
        {"asked for": str(asked)} | {f"read as {found}": count or "" for found, count in enumerate(row)}
        for asked, row in enumerate(confusion)
    ]
    st.table(
        rows,
        hide_index=True,
        border="horizontal",
        alt="How often each digit that was asked for was read as which",
    )


def sweep(values: dict, network: Network, at: int, allowed: bool) -> None:
    """The sweep of this network, computed here."""
    st.caption(
        f"{network.label} · {title_of(network.names[at])} · {10 * SWEEP_EACH} digits for each γ, T = {SWEEP_STEPS}"
    )
    wanted = sweep_spec(values, network.ref(network.names[at]))
    found = stage(LESSON, wanted, sweep_films(values["gammas"]), name="sweep", allowed=allowed)
    if found is None:
        return
    axis = {"γ": list(values["gammas"])}
    left, right = st.columns(2)
    with left:
        curves("Read as asked", [Series("accuracy", axis, found["accuracy"].tolist())], key="b9/accuracy", points=True,
               y_range=(0.0, 1.0))  # fmt: skip
    with right:
        real = [found.meta["test_diversity"]] * len(values["gammas"])
        curves("Diversity", [Series("samples", axis, found["diversity"].tolist()), Series("test digits", axis, real)],
               key="b9/diversity", points=True)  # fmt: skip


# ---------------------------------------------------------------- the page


def age(network: Network) -> int:
    """Which of its checkpoints is shown."""
    return picked(values["checkpoint"], network.names)


def told(network: Network, trajectory: Trajectory) -> str:
    """How many of its digits are read as asked, and how much they differ."""
    one = trajectory.meta["judged"][age(network)]
    right = round(one["accuracy"] * len(CLASSES))
    return f"{right} of {len(CLASSES)} read as asked, diversity {one['diversity']:.1f}"


def judged(network: Network, trajectory: Trajectory) -> str:
    """What the claim is about, or what of it does not stand above the two blocks."""
    real = f"{trajectory.meta['test_diversity']:.1f}"
    if unguided(network).runs:
        return f"framed: not read as asked · diversity of test digits {real}"
    others = "; the others are framed" if trajectory.meta["judged"][age(network)]["accuracy"] < 1 else ""
    return f"{told(network, trajectory)}{others} (test digits {real})"


def unguided(network: Network) -> Pins:
    """The same noises at γ = 1, to stand before: where their digits are at hand, since they may take minutes."""
    own, plain = (LESSON.job({**values, "gamma": gamma}, network.refs()) for gamma in (values["gamma"], 1.0))
    if values["gamma"] == 1 or not (done(look(runtime.job_id(plain))) or at_hand(plain)):
        return NO_PINS
    return Pins(
        (Beside(head(network, 1.0, plain), plain, films(network)),),
        head(network, values["gamma"], own),
        before=True,
    )


def head(network: Network, gamma: float, spec: JobSpec) -> str:
    """What stands above a block: its γ, and what the judge says of it."""
    job = runtime.job_id(spec)
    return f"γ = {gamma:g}" + (f": {told(network, result(job))}" if done(look(job)) else "")


def at_hand(spec: JobSpec) -> bool:
    """Whether it is answered at once; then it is asked for."""
    return runtime.executor().at_hand(spec) and done(ask(spec))


def films(network: Network) -> Films:
    return digits_films(values["steps"], len(network.names), age(network))


with lesson_page(LESSON) as values:
    network, trajectory, usable = network_stage(
        LESSON, values, "class_flow", films,
        controls=lambda: controls_of(LESSON, ("checkpoint", "gamma", "steps", "seed")),
        made_in=("B8", "class_conditioning.py"), says=lambda network: network.ages[age(network)],
        tells=judged, beside=unguided,
    )  # fmt: skip
    if trajectory is not None:
        opinion(trajectory, network, age(network))
        memory(trajectory)
    if network is not None:
        st.header("γ, judged", anchor=False)
        shipped_sweep(network)
        usable = control(LESSON, "gammas") and usable
        sweep(values, network, age(network), usable)
