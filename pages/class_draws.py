"""B12: drawings come in, are trained on, and everybody watches the same samples turn into them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.classroom.words import ClassroomError
from core.handwriting import FEWEST
from core.jobs import JobSpec
from core.media import contact_sheet
from core.trajectory import Trajectory
from lessons.class_draws import EXAMPLE, LESSON, NoDrawings, load_drawings, shown_after, spec
from pages.components.player import Curve, Film, Row
from pages.server import runtime
from pages.server.served.progress import Pixels
from pages.server.session import LessonState
from pages.ui.controls import face_control
from pages.ui.drawing_sheet import REFUSED, bring_along, gallery, sheet_to_draw_on
from pages.ui.drawings import OfTheClass, Own, collection
from pages.ui.films import Films
from pages.ui.follow import ask, look
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.sampling import controls_of
from pages.ui.stage import Beside, stage, stage_beside
from pages.ui.still import still

DRAWINGS, TRAINING = "The drawings", "The training"
LEADER_SECONDS, MEMBER_SECONDS = 2.0, 4.0  # how often a page of the class looks for new drawings
STATE = LessonState(LESSON)


# ---------------------------------------------------------------- the film of a training


def films(wanted: JobSpec) -> Films:
    """A frame for each time that was looked: seven samples below what they were before the first, and the drawing that
    each is nearest to."""
    heads = [
        "before the first step",
        *(f"after step {step:,}" for step in shown_after(wanted.params["steps"])),
    ]

    def film(pixels: dict[str, np.ndarray], total: int, lines: list[Curve]) -> Film:
        done = len(pixels["samples"])
        return Film(
            rows=[
                *learned_from(wanted.params["drawings"], pixels["samples"].shape[1]),
                Row("before", r"\text{before}", pixels["samples"][:1], "seven noises, before the first step"),
                Row("samples", "x_1", pixels["samples"], "the same noises, now"),
                Row("nearest", r"\text{nearest}", pixels["nearest"], "the nearest drawing, shifts allowed", shown=False),
            ],
            steps=heads[:done], total=total, curves=lines, clock="flow", name="b12",
        )  # fmt: skip

    def live(pixels: Pixels, total: int) -> Film:
        return film(pixels, total, [])

    def finished(trajectory: Trajectory) -> Film:
        frames = len(trajectory["samples"])
        lines = [
            Curve(r"\text{samples}", trajectory["distance"].mean(axis=1).tolist(), panel="distance to the nearest drawing",
                  meaning="RMS over the pixels, mean of the seven"),
            Curve(r"\text{drawings}", [trajectory.meta["apart"]] * frames, panel="distance to the nearest drawing",
                  meaning="of a drawing to its nearest other one (median)"),
        ]  # fmt: skip
        return film({name: trajectory[name] for name in ("samples", "nearest")}, frames, lines)

    return Films(finished, live)


def learned_from(name: str, columns: int) -> list[Row]:
    """Some of the drawings that are trained on, as a still; no row where they are no longer kept."""
    try:
        drawings = load_drawings(name, runtime.blobs())
    except NoDrawings:
        return []
    some = np.zeros((1, columns, *drawings.shape[1:], 1), np.uint8)
    some[0, : len(drawings), ..., 0] = drawings[:columns]
    what = "houses" if name == EXAMPLE else "drawings"
    words = f"{min(columns, len(drawings))} of the {len(drawings)} {what}"
    return [Row("drawn", r"\text{drawn}", some, words)]


def more_samples(trajectory: Trajectory) -> None:
    """Thirty more, from other noises, each above its nearest drawing."""
    st.header("Thirty more, each above its nearest drawing", anchor=False)
    pairs = np.concatenate([trajectory["more"], trajectory["more_nearest"]], axis=1)
    sheet = contact_sheet(pairs, columns=15, gap=4, background=128)
    still(sheet, "Samples above the drawings that they are nearest to", 2 * sheet.shape[1])
    st.caption(
        f"They lie {np.median(trajectory['more_distance']):.3f} from their nearest drawings, the {trajectory.meta['count']} "
        f"drawings {trajectory.meta['apart']:.3f} from each other (medians, RMS over the pixels, shifts allowed)."
    )


# ---------------------------------------------------------------- the page's two faces


def drawings(drawn: Own | OfTheClass) -> None:
    """What is collected, and the sheet to draw on while it is open."""
    if refused := st.session_state.pop(STATE.key("refused"), None):
        st.warning(refused, icon=":material/draw:")
    if drawn.closed:
        watched(partial(gallery, drawn), drawn)
        return
    with st.container(key="board"):  # page.css: on a phone it scrolls away with the rest
        left, right = st.columns([1, 1], gap="medium")
        with left:
            sheet_to_draw_on(drawn)
        with right:
            watched(partial(gallery, drawn), drawn)


def watched(draw: Callable[[], None], drawn: Own | OfTheClass) -> None:
    """In a class: again every few seconds, and the whole page once the collection is closed, opened or trained on."""
    if isinstance(drawn, Own):
        draw()
        return
    stood, first = stand(drawn), True

    def again() -> None:
        nonlocal first
        if not first and stand(drawn) != stood:
            st.rerun()
        first = False
        draw()

    every = LEADER_SECONDS if drawn.leads else MEMBER_SECONDS
    with st.container(key="live-collection"):  # page.css: nothing fades while it is drawn again
        st.fragment(again, run_every=every, key=STATE.key("watched"))()


def stand(drawn: OfTheClass) -> tuple[bool, str | None] | None:
    """What the rest of the page depends on; None for whoever is in the room no longer."""
    try:
        stands = drawn.stands
    except ClassroomError:
        return None
    return stands.closed, stands.training


def show_training() -> None:
    """The other face, and the training begins."""
    st.session_state[STATE.key("face")] = TRAINING
    STATE.stage().run = True


def train_button(drawn: Own | OfTheClass, make: Callable[[str], JobSpec], allowed: bool) -> None:
    """What whoever leads presses when there is enough."""

    def close() -> None:
        try:
            if isinstance(drawn, OfTheClass):
                drawn.close(make)
        except REFUSED as error:
            st.session_state[STATE.key("refused")] = str(error)
        else:
            show_training()

    def open_again() -> None:
        try:
            drawn.open_again()
        except REFUSED as error:
            st.session_state[STATE.key("refused")] = str(error)
            return
        st.session_state[STATE.key("face")] = DRAWINGS

    def draw() -> None:
        try:
            count = len(drawn.look().pixels)
        except REFUSED:
            count = 0
        untouched = isinstance(drawn, Own) and not count  # the example's
        label = (
            "Close the collection and train" if isinstance(drawn, OfTheClass)
            else "Train on the example" if untouched else "Train on these drawings"
        )  # fmt: skip
        st.button(
            label, type="primary", icon=":material/play_arrow:", key=STATE.key("train"), on_click=close,
            disabled=not allowed or (not untouched and count < FEWEST),
        )  # fmt: skip
        if untouched:
            st.caption(f"Or draw your own: it takes {FEWEST} drawings at least; twenty are a good beginning.")
        elif count < FEWEST:
            st.caption(f"It takes {FEWEST} drawings at least; twenty are a good beginning.")

    if not isinstance(drawn, OfTheClass):
        draw()
        return
    stood = stand(drawn)
    if stood is not None and stood[0]:
        st.button(
            "Open the collection again",
            icon=":material/lock_open:",
            key=STATE.key("reopen"),
            on_click=open_again,
        )
        return

    def again() -> None:
        if stand(drawn) != stood:
            st.rerun()  # it was closed, here or in another tab, or the room is gone
        draw()

    st.fragment(again, run_every=LEADER_SECONDS, key=STATE.key("count"))()


def face(wanted: JobSpec | None, closed: bool) -> str:
    """Which of the two the figure shows; in a class the closing turns it."""
    key, turned = STATE.key("face"), STATE.key("turned")
    if wanted is None:
        st.session_state[key] = DRAWINGS
        return DRAWINGS
    if st.session_state.get(turned) != closed:
        st.session_state[turned] = closed
        if closed:
            st.session_state[key] = TRAINING
    trained = look(runtime.job_id(wanted)) is not None
    if not trained and not closed and runtime.executor().at_hand(wanted):
        ask(wanted)  # answered at once: the page opens on the example
        trained = True
    st.session_state.setdefault(key, TRAINING if trained else DRAWINGS)
    return face_control(key, (DRAWINGS, TRAINING))


def training(
    drawn: Own | OfTheClass, wanted: JobSpec, wrong: Beside | None, allowed: bool
) -> Trajectory | None:
    if isinstance(drawn, Own):
        return stage_beside(LESSON, Beside("", wanted, films(wanted)), wrong, allowed=allowed)
    return stage(LESSON, wanted, films(wanted), allowed=drawn.leads)


with lesson_page(LESSON) as values:
    picture, side = picture_and_side()
    drawn = collection()

    def make(name: str, variant: str | None = None) -> JobSpec:
        return spec(values, name, variant)

    try:
        closed, wanted = drawn.closed, drawn.training(make)
    except ClassroomError:  # removed, or the room was closed, since this run began: the door is shown
        st.rerun()
    allowed, mistake = True, None
    with side:
        if drawn.leads:
            allowed = controls_of(LESSON, ("start", "steps", "seed"))
            train_button(drawn, make, allowed)
            bring_along()
        elif closed:
            st.info("The collection is closed. You watch the training that your instructor has started.")
        if isinstance(drawn, Own) and wanted is not None:
            mistake = variant_toggle(LESSON)
    wrong = None
    if mistake is not None:
        other = make(values["drawings"], mistake.name)
        wrong = Beside(mistake.label, other, films(other))
    trajectory = None
    with picture:
        if face(wanted, closed) == TRAINING and wanted is not None:
            trajectory = training(drawn, wanted, wrong, allowed)
        else:
            drawings(drawn)
    if trajectory is not None:
        more_samples(trajectory)
