"""B12's sheet to draw on, what has come in, and what is brought along."""

import numpy as np
import streamlit as st

from core.classroom.words import ClassroomError
from core.handwriting import MOST, SIDE, BadFigures, example_figures, figure_of_picture, figures_of_numbers
from core.media import BadPicture, contact_sheet
from lessons.class_draws import LESSON, NoDrawings
from pages.components.canvas import Drawing, canvas
from pages.components.plain import plain
from pages.server.session import LessonState
from pages.ui.drawings import OfTheClass, Own, Shown, collection
from pages.ui.still import still

BOARD = 280  # pixels: the canvas
LARGE, SCROLLED = (
    48,
    168,
)  # drawings: so many are shown at twice their size, and above so many the sheet is scrolled
REFUSED = (ClassroomError, BadFigures, NoDrawings, BadPicture)
STATE = LessonState(LESSON)


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
