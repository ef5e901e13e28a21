"""Which trained network a page of Part B uses: what ships, or what was trained here."""

from __future__ import annotations

import streamlit as st

from core.compute.executor import OwnJob
from core.jobs import JobNotFound, NoResult
from core.mnist_models import ModelMissing
from core.training_settings import MnistSettings
from lessons.lesson import Lesson
from lessons.networks import AUTO, Network, NetworkChoice, shipped
from lessons.training_fields import describe
from pages.server import runtime
from pages.server.session import LessonState


def trainings(objective: str) -> list[OwnJob]:
    """One's own trainings of an objective, newest first, whatever became of them."""
    mine = runtime.executor().mine("train", runtime.owner())
    return [job for job in mine if job.spec.params["settings"]["objective"] == objective]


@st.cache_data(max_entries=64, show_spinner=False)
def _names(job_id: str) -> tuple[str, ...]:
    """The checkpoints that a finished training has kept."""
    return tuple(runtime.executor().result(job_id).meta["names"])


def trained(job_id: str) -> Network | None:
    """The network of a finished training; None if it has none."""
    try:
        spec = runtime.executor().status(job_id).spec
        names = _names(job_id) if spec.kind == "train" else ()
    except (JobNotFound, NoResult):
        return None
    if not names:
        return None
    settings = MnistSettings(**spec.params["settings"])
    return Network(job_id, names, settings, f"Trained here: {describe(settings)}")


def choices(field: NetworkChoice, objective: str) -> dict[str, Network]:
    """Everything that can be chosen, in the order in which "auto" prefers it."""
    found = []
    for preset in field.presets:
        try:
            if network := shipped(preset):
                found.append(network)
        except ModelMissing as error:
            st.warning(str(error), icon=":material/broken_image:")
    found += [network for job in trainings(objective) if (network := trained(job.id))]
    return {network.source: network for network in found}


def network_control(lesson: Lesson, objective: str, name: str = "network") -> Network | None:
    """Draws the choice and returns the network; None, with a sentence, where there is none yet."""
    field = lesson.field(name)
    state = LessonState(lesson).values
    offered = choices(field, objective)
    asked = state[name]
    if asked != AUTO and asked not in offered and (network := trained(asked)):
        offered[asked] = network  # somebody else's, by a link
    if asked != AUTO and asked not in offered:
        st.warning(
            "The network that the link names is not kept here; another one is shown.",
            icon=":material/link_off:",
        )
        asked = state[name] = AUTO
    if not offered:
        return None
    chosen = asked if asked in offered else next(iter(offered))
    key = LessonState(lesson).control(name)
    if st.session_state.get(key) not in offered:
        st.session_state[key] = chosen
    picked = st.selectbox(
        field.label,
        list(offered),
        list(offered).index(chosen),
        format_func=lambda source: offered[source].label,
        key=key,
        help=field.help or None,
    )
    if picked != chosen:
        state[name] = chosen = picked
        LessonState(lesson).go = True
    return offered[chosen]


def nothing_yet(code: str, page: str | None = None) -> None:
    """What a page says in the place of its picture while there is no network of lesson `code`.

    `page` is where one can be trained; None for a page that has the training on itself.
    """
    where = "under “Its training”" if page is None else f"in lesson {code}"
    with st.container(border=True, horizontal_alignment="center", height=260, vertical_alignment="center"):
        st.markdown(
            f"The trained network of lesson {code} is not in this copy of the app, and you have not trained one yet. "
            f"**Train one {where}: “Two minutes on this machine” is enough to see what it does.**",
            text_alignment="center",
        )
        if page is not None:
            st.page_link(page, label=f"Train one in lesson {code}", icon=":material/arrow_forward:")
