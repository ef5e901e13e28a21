"""A6: several guidance scales under the same noise; and what a judge says of them."""

from dataclasses import replace

import numpy as np
import streamlit as st

from core.trajectory import Trajectory
from lessons.classifier_free_guidance import LESSON as WRITTEN
from lessons.judged_guidance import EACH, LIKELIEST, TOLD, judged_objects, judged_spec, read_instead
from pages.components.plain import plain
from pages.components.player import Curve, Film, Row
from pages.server.runtime import model_of, schedule
from pages.server.served.progress import Pixels
from pages.ui.films import Films, denoising
from pages.ui.fitted import here
from pages.ui.lesson_page import lesson_page
from pages.ui.sampling import Values, controls_of, sampling_stage, seeds
from pages.ui.stage import stage

LESSON = here(WRITTEN)
WRONG = (213, 94, 0)  # frames what the judge takes for something else
FRAME = 2  # pixels


def films(values: Values) -> Films:
    """A column for each γ of each seed; the strip follows a guided one, not the first, which knows no prompt."""
    columns = [
        f"γ = {gamma:g}" + (f", {seed}" if values["count"] > 1 else "")
        for seed in seeds(values)
        for gamma in values["gammas"]
    ]
    one = values["count"] == 1
    run = denoising(schedule().strided_timesteps(), columns, name="a6", from_noise=True, one_noise=one)
    guided = 3 * len(values["gammas"]) // 4

    def shown(film: Film) -> Film:
        rows = [replace(row, shown=row.shown and (one or row.name != "began")) for row in film.rows]
        return replace(film, rows=rows, strip_sample=guided)

    return Films(
        lambda trajectory: shown(run.finished(trajectory)),
        lambda pixels, total: shown(run.live(pixels, total)),
    )


# ---- γ, judged ---------------------------------------------------------------------------------------------------


def judged_films(values: Values, gammas: list[float]) -> Films:
    """A frame for each γ, a column for each noise."""
    columns = [f"seed {values['seed'] + k}" for k in range(EACH)]

    def live(pixels: Pixels, total: int) -> Film:
        done = len(pixels["samples"])
        steps = [f"γ = {gammas[k // TOLD]:g}" + (" …" if k % TOLD < TOLD - 1 else "") for k in range(done)]
        return Film(
            rows=[Row("samples", "x_0", pixels["samples"], "the same eight noises")],
            steps=steps, columns=columns, total=total, name="a6-judged",
        )  # fmt: skip

    def finished(trajectory: Trajectory) -> Film:
        return Film(
            rows=[Row("samples", "x_0", framed(trajectory["samples"], trajectory["rank"] > 0), "the same eight noises")],
            steps=[f"γ = {gamma:g}" for gamma in gammas], columns=columns, marks=range(len(gammas)), name="a6-judged",
            curves=[
                Curve(r"\text{fidelity}", trajectory["fidelity"].tolist(), panel="fidelity",
                      meaning="share that the judge names as asked"),
                Curve(r"\text{variety}", trajectory["variety"].tolist(), panel="variety",
                      meaning="mean difference of two pictures (RMS)"),
            ],
        )  # fmt: skip

    return Films(finished, live)


def framed(samples: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """uint8 (gammas, B, H, W, 3), bool (gammas, B) -> with a margin, coloured where the judge names another object."""
    margin = [(0, 0), (0, 0), (FRAME, FRAME), (FRAME, FRAME), (0, 0)]
    tiles = np.pad(samples, margin, constant_values=255)
    edge = np.ones(tiles.shape[2:4], bool)
    edge[FRAME:-FRAME, FRAME:-FRAME] = False
    tiles[wrong[..., None, None] & edge] = WRONG
    return tiles


def judged(values: Values, allowed: bool) -> None:
    """Fidelity against variety for the prompt that stands above."""
    st.header("γ, judged", anchor=False)
    known, spec = judged_objects(), judged_spec(values, model_of(values))
    if spec is None:
        st.info(
            f"The judge knows {len(known.names)} things, and this prompt names none of them. Ask for one, such as "
            f"“{known.called('dog face')}”, “{known.called('castle')}” or “{known.called('skull')}”.",
            icon=":material/gavel:",
        )
        return
    asked = spec.params["object"]
    st.caption(
        f"{EACH} pictures for each γ. A judge, a small network that knows {len(known.names)} things, looks for "
        f"**{plain(known.called(asked))}**; framed is what it takes for something else. Of drawings that it has never seen "
        f"it names {known.accuracy['new drawings']['top-1']:.0%} as they are called."
    )
    found = stage(
        LESSON, spec, judged_films(values, spec.params["gammas"]), name="judged", allowed=allowed, eager=False
    )
    if found is not None:
        st.table(
            table(found, asked), hide_index=True, border="horizontal", alt="What the judge sees at each γ"
        )


def table(found: Trajectory, asked: str) -> list[dict[str, str]]:
    """A line for each γ."""
    known = judged_objects()
    rows = []
    for k, gamma in enumerate(found.meta["params"]["gammas"]):
        instead = read_instead(found["read"][k], known.names, asked)
        rows.append({
            "γ": f"{gamma:g}",
            "named as asked": f"{(found['rank'][k] == 0).sum()} of {EACH}",
            "among its five likeliest": f"{(found['rank'][k] < LIKELIEST).sum()} of {EACH}",
            "variety": f"{found['variety'][k]:.2f}",
            "taken for": ", ".join(
                known.called(name) + (f" ({count} times)" if count > 1 else "") for name, count in instead.items()
            ) or "–",
        })  # fmt: skip
    return rows


with lesson_page(LESSON) as values:
    usable = []

    def controls() -> bool:
        usable.append(controls_of(LESSON, [field.name for field in LESSON.fields]))
        return usable[-1]

    sampling_stage(LESSON, values, films, controls=controls)
    judged(values, all(usable))
