"""Choosing a picture: those that ship, or one's own through the upload gate."""

from __future__ import annotations

import numpy as np
import streamlit as st

from core.media import GROUNDS, BadPicture, flaw, png, read_visible
from core.pictures import Picture, UnknownPicture, list_pictures, load_picture
from lessons.fields import PictureRef
from lessons.lesson import Lesson
from lessons.loading import UPLOAD, PictureGone, reference_pixels
from pages.server.runtime import blobs
from pages.server.session import LessonState
from pages.ui.fitted import card
from pages.ui.still import still

SIDE = 64  # pixels on screen, as many as a picture has


def picture_field(lesson: Lesson, field: PictureRef) -> None:
    """Shows the chosen picture and offers others; the reference goes into the lesson's values."""
    values, state = LessonState(lesson).values, LessonState(lesson).picture(field.name)
    try:
        pixels = reference_pixels(values[field.name], blobs())
    except (UnknownPicture, PictureGone) as error:
        st.warning(
            f"{error} The lesson’s own picture is shown instead.", icon=":material/image_not_supported:"
        )
        values[field.name] = field.default
        pixels = reference_pixels(field.default, blobs())
    with st.container(horizontal=True, vertical_alignment="center"):
        still(pixels, _words(values[field.name]), SIDE)
        # Another key is another popover, which is closed: what was chosen is not covered by the choice.
        with st.popover(field.label, icon=":material/image:", key=state.key(f"popover/{state.choices}")):
            _upload(lesson, field)  # first, so that a refusal is seen without scrolling
            _shipped(lesson, field)
    if values[field.name].startswith(UPLOAD) and (sentence := flaw(pixels)) is not None:
        st.warning(sentence, icon=":material/visibility_off:")
    reference, ground = state.ground
    if reference == values[field.name] and ground != GROUNDS[0]:
        st.caption(f"On white there would be nothing to see of it: its transparent parts lie on {ground}.")


def _words(reference: str) -> str:
    """What is seen on the picture, where the app knows that."""
    return next((picture.alt for picture in list_pictures() if picture.slug == reference), "Your own picture")


def pixels_of(reference: str) -> np.ndarray:
    """uint8 (64, 64, 3) of a reference that `picture_field` has accepted."""
    return reference_pixels(reference, blobs())


def _shipped(lesson: Lesson, field: PictureRef) -> None:
    key = LessonState(lesson).control(field.name)
    st.caption("Test pictures")
    with st.container(horizontal=True):
        for picture in list_pictures():
            with st.container(width=SIDE + 24, gap="xsmall", horizontal_alignment="center"):
                still(load_picture(picture.slug), picture.alt, SIDE)
                st.button(
                    _title(picture), key=f"{key}/{picture.slug}", type="tertiary",
                    on_click=_choose, args=(lesson, field, picture.slug),
                )  # fmt: skip


def _title(picture: Picture) -> str:
    """What a picture is called: whether it was trained on is known of the model that ships, and of no other."""
    return picture.title if card().ours else picture.title.split(" (")[0]


def _choose(lesson: Lesson, field: PictureRef, reference: str) -> None:
    state = LessonState(lesson)
    state.values[field.name] = reference
    state.picture(field.name).choices += 1
    state.go = True


def _upload(lesson: Lesson, field: PictureRef) -> None:
    state = LessonState(lesson).picture(field.name)
    st.caption("Your own: PNG, JPEG or WebP. It is reduced to 64 × 64; nothing else of the file is kept.")
    refusal = st.container()  # above the box: a file that is refused is named below it
    # Streamlit's own type filter would refuse by the file's name, silently; the gate looks inside and says why.
    file = st.file_uploader("Upload", key=state.key("upload"), label_visibility="collapsed")
    fit = st.segmented_control(
        "If it is not square", ("crop", "letterbox"), default="crop", key=state.key("fit"), required=True,
        format_func={"crop": "Cut out the middle", "letterbox": "Keep all, white margins"}.get,
    )  # fmt: skip
    if file is None:
        return
    seen = (file.file_id, fit)
    if state.seen == seen:
        return
    try:
        pixels, ground = read_visible(file.getvalue(), fit=fit)
    except BadPicture as error:
        refusal.error(str(error), icon=":material/image_not_supported:")
        return
    state.seen = seen
    reference = UPLOAD + blobs().put(png(pixels))
    state.ground = (reference, ground)
    _choose(lesson, field, reference)
    st.rerun()
