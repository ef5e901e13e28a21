"""B12: drawings come in, are trained on, and everybody watches the same samples turn into them."""

from collections.abc import Callable
from functools import partial

import numpy as np
import streamlit as st

from core.classroom.words import ClassroomError
from core.handwriting import (
    FEWEST,
    MOST,
    SIDE,
    BadFigures,
    example_figures,
    figure_of_picture,
    figures_of_numbers,
)
from core.jobs import JobSpec
from core.media import BadPicture, contact_sheet
from core.trajectory import Trajectory
from lessons.class_draws import LESSON, NoDrawings, shown_after, spec
from pages.components.canvas import Drawing, canvas
from pages.components.plain import plain
from pages.components.player import Curve, Film, Row
from pages.server import runtime
from pages.server.served.progress import Pixels
from pages.server.session import LessonState
from pages.ui.collection import OfTheClass, Own, Shown, collection
from pages.ui.films import Films
from pages.ui.follow import ask, look
from pages.ui.lesson_page import lesson_page, picture_and_side, variant_toggle
from pages.ui.sampling import controls_of
from pages.ui.stage import Beside, stage, stage_beside
from pages.ui.still import still

DRAWINGS, TRAINING = "The drawings", "The training"
LEADER_SECONDS, MEMBER_SECONDS = 2.0, 4.0  # how often a page of the class looks for new drawings
BOARD = 280  # pixels: the canvas
LARGE, SCROLLED = (
    48,
    168,
)  # drawings: so many are shown at twice their size, and above so many the sheet is scrolled
REFUSED = (ClassroomError, BadFigures, NoDrawings, BadPicture)
STATE = LessonState(LESSON)


# ---------------------------------------------------------------- the film of a training


def films(wanted: JobSpec) -> Films:
    """A frame for each time that was looked: seven samples, and below each the drawing that it is nearest to."""
    heads = [
        "before the first step",
        *(f"after step {step:,}" for step in shown_after(wanted.params["steps"])),
    ]

    def film(pixels: dict[str, np.ndarray], total: int, lines: list[Curve]) -> Film:
        done = len(pixels["samples"])
        return Film(
            rows=[
                Row("samples", "x_1", pixels["samples"], "from seven noises, always the same"),
                Row("nearest", r"\text{nearest}", pixels["nearest"], "the nearest drawing, shifts allowed"),
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


# ---------------------------------------------------------------- drawing


def add(figures: np.ndarray, named: bool) -> None:
    """Into the collection; on a refusal the sentence is shown at the next run of the page."""
    try:
        collection().add(figures, named)
    except REFUSED as error:
        st.session_state[STATE.key("refused")] = str(error)
    else:
        st.session_state[STATE.key("given")] = st.session_state.get(STATE.key("given"), 0) + len(figures)


def take_back(which: int) -> None:
    try:
        collection().take_back(which)
    except REFUSED as error:  # said where it is seen although only a part of the page is drawn again
        st.toast(str(error), icon=":material/draw:")


def sheet_to_draw_on(drawn: Own | OfTheClass) -> None:
    """The canvas; after each drawing that was given there is a new sheet."""
    of_a_class = isinstance(drawn, OfTheClass)
    named = of_a_class and st.session_state.get(STATE.key("named"), False)

    def used(drawing: Drawing) -> None:
        if drawing.blank:
            st.session_state[STATE.key("refused")] = (
                "The sheet is empty: draw a digit or a small figure first."
            )
        else:
            add(drawing.pixels[None, ..., 0], named)

    canvas(
        key=STATE.key("canvas"), mode="grey", size=SIDE, paper="black", max_side=BOARD,
        identity=str(st.session_state.get(STATE.key("given"), 0)), label="Draw a digit or a small figure",
        use_label="Give it to the class" if of_a_class else "Add it", on_use=used,
    )  # fmt: skip
    if of_a_class:
        st.checkbox(
            "My name may stand with the drawings that I give from now on", key=STATE.key("named"),
            persist_state="session",
        )  # fmt: skip


def words(shown: Shown, people: int | None) -> str:
    """How many there are, and whose, of those who want that said."""
    count = len(shown.pixels)
    said = f"**{count} drawing{'' if count == 1 else 's'}**"
    if people:
        said += f" by {people} {'person' if people == 1 else 'people'}"
    named = [f"{k} {plain(name)}" for k, name in enumerate(shown.names, 1) if name is not None]
    return said + (f" · with a name: {', '.join(named)}" if named else "")


def gallery(drawn: Own | OfTheClass) -> None:
    """All drawings on one sheet, line by line, in the order in which they came."""
    try:
        shown, closed = drawn.look(), drawn.closed
        people = drawn.stands.people if isinstance(drawn, OfTheClass) else None
    except REFUSED as error:
        st.info(str(error), icon=":material/draw:")
        return
    if not len(shown.pixels) and people is None:
        example()
        return
    st.markdown(words(shown, people))
    if not len(shown.pixels):
        st.caption("They appear here as they come in.")
        return
    scale = 2 if len(shown.pixels) <= LARGE else 1
    sheet = contact_sheet(shown.pixels[..., None], columns=12 // scale, background=48)
    with st.container(height=440 if len(shown.pixels) > SCROLLED else "content", border=False):
        still(sheet, f"A sheet of {len(shown.pixels)} drawings", scale * sheet.shape[1])
    if not shown.mine or closed:
        return
    with st.container(horizontal=True, gap="xsmall"):
        if isinstance(drawn, Own) or not drawn.leads:
            st.button(
                "Take the last one back", icon=":material/undo:", key=STATE.key("undo"), type="tertiary",
                on_click=take_back, args=(shown.mine[-1],),
            )  # fmt: skip
        if drawn.leads:
            take_out(shown)


def example() -> None:
    """What is trained on until there are drawings of one's own."""
    pixels = example_figures()
    st.markdown(f"**An example: {len(pixels)} small houses**")
    sheet = contact_sheet(pixels[..., None], columns=5, gap=2, background=48)
    still(sheet, f"A sheet of {len(pixels)} small houses", 2 * sheet.shape[1])
    st.caption(
        "A program with an unsteady hand has drawn them. With your first drawing a collection of your own begins; draw "
        "twenty, each a little different."
    )


def take_out(shown: Shown) -> None:
    """Whoever leads the collection may take out any drawing of it."""
    with st.popover("Take one out", icon=":material/delete:", type="tertiary"):
        k = st.selectbox("Which, counted line by line", range(len(shown.pixels)), format_func=lambda k: str(k + 1),
                         key=STATE.key("which"))  # fmt: skip
        if k < len(shown.pixels):
            still(shown.pixels[k][..., None], f"Drawing {k + 1}", 4 * SIDE)
            st.button("Take it out", key=STATE.key("out"), on_click=take_back, args=(shown.mine[k],))


def bring_along() -> None:
    """Pictures of paper, several at once, or a NumPy file."""
    with st.popover("Bring pictures or a NumPy file", icon=":material/upload_file:"):
        st.caption(
            "Pictures (PNG, JPEG, WebP) of one figure each: all that differs from the paper counts as ink. Or a .npy file "
            f"of up to {MOST} figures, (N, 28, 28), 0 where there is no ink."
        )
        files = st.file_uploader(
            "Files", accept_multiple_files=True, key=STATE.key("files"), label_visibility="collapsed"
        )
        # the id of a file -> what was wrong with it, or ""
        known: dict[str, str] = st.session_state.setdefault(STATE.key("known"), {})
        fresh = [file for file in files if file.file_id not in known]
        for file in fresh:
            known[file.file_id] = bring(file.name, file.getvalue())
        for file in files:
            if known.get(file.file_id):
                st.warning(
                    f"{plain(file.name)}: {known[file.file_id]}", icon=":material/image_not_supported:"
                )
        if any(not known[file.file_id] for file in fresh):
            st.rerun()


def bring(name: str, data: bytes) -> str:
    """Adds what is in a file; returns why not, in a sentence, or ""."""
    numbers = name.lower().endswith((".npy", ".npz"))
    try:
        figures = figures_of_numbers(data) if numbers else figure_of_picture(data)[None]
        collection().add(figures, named=False)
    except REFUSED as error:
        return str(error)
    return ""


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
        drawn.open_again()
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
    return st.segmented_control(
        "What the figure shows", (DRAWINGS, TRAINING), key=key, required=True, label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip


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
