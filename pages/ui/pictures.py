"""Choosing a picture: those that ship, or one's own through the upload gate."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import numpy as np
import streamlit as st

from core.media import GROUNDS, BadPicture, flaw, png, read_visible
from core.pictures import UnknownPicture, list_pictures, load_picture
from lessons.fields import PictureRef
from lessons.loading import UPLOAD, PictureGone, reference_pixels
from pages.server.runtime import store

SHOWN = 128  # pixels on screen: twice 64, so that every pixel stays a square


def picture_field(field: PictureRef, state: MutableMapping[str, Any], key: str) -> None:
    """Shows the chosen picture and offers others; the reference goes into `state[field.name]`."""
    try:
        pixels = reference_pixels(state[field.name], store())
    except (UnknownPicture, PictureGone) as error:
        st.warning(
            f"{error} The lesson’s own picture is shown instead.", icon=":material/image_not_supported:"
        )
        state[field.name] = field.default
        pixels = reference_pixels(field.default, store())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.image(png(pixels, scale=2), width=SHOWN // 2)
        # Another key is another popover, which is closed: what was chosen is not covered by the choice.
        choices = st.session_state.get(f"{key}/choices", 0)
        with st.popover(field.label, icon=":material/image:", key=f"{key}/popover/{choices}"):
            _upload(field.name, state, key)  # first, so that a refusal is seen without scrolling
            _shipped(field.name, state, key)
    if state[field.name].startswith(UPLOAD) and (sentence := flaw(pixels)) is not None:
        st.warning(sentence, icon=":material/visibility_off:")
    reference, ground = st.session_state.get(f"{key}/ground", ("", ""))
    if reference == state[field.name] and ground != GROUNDS[0]:
        st.caption(f"On white there would be nothing to see of it: its transparent parts lie on {ground}.")


def pixels_of(reference: str) -> np.ndarray:
    """uint8 (64, 64, 3) of a reference that `picture_field` has accepted."""
    return reference_pixels(reference, store())


def _shipped(name: str, state: MutableMapping[str, Any], key: str) -> None:
    st.caption("Test pictures")
    with st.container(horizontal=True):
        for picture in list_pictures():
            with st.container(width=SHOWN // 2 + 24, gap="xsmall", horizontal_alignment="center"):
                st.image(png(load_picture(picture.slug), scale=2), width=SHOWN // 2)
                st.button(
                    picture.title, key=f"{key}/{picture.slug}", type="tertiary",
                    on_click=_choose, args=(name, state, key, picture.slug),
                )  # fmt: skip


def _choose(name: str, state: MutableMapping[str, Any], key: str, reference: str) -> None:
    state[name] = reference
    st.session_state[f"{key}/choices"] = st.session_state.get(f"{key}/choices", 0) + 1
    st.session_state[f"{key.split(':')[0]}/go"] = True


def _upload(name: str, state: MutableMapping[str, Any], key: str) -> None:
    st.caption("Your own: PNG, JPEG or WebP. It is reduced to 64 × 64; nothing else of the file is kept.")
    refusal = st.container()  # above the box: a file that is refused is named below it
    # Streamlit's own type filter would refuse by the file's name, silently; the gate looks inside and says why.
    file = st.file_uploader("Upload", key=f"{key}/upload", label_visibility="collapsed")
    fit = st.segmented_control(
        "If it is not square", ("crop", "letterbox"), default="crop", key=f"{key}/fit", required=True,
        format_func={"crop": "Cut out the middle", "letterbox": "Keep all, white margins"}.get,
    )  # fmt: skip
    if file is None:
        return
    seen = (file.file_id, fit)
    if st.session_state.get(f"{key}/seen") == seen:
        return
    try:
        pixels, ground = read_visible(file.getvalue(), fit=fit)
    except BadPicture as error:
        refusal.error(str(error), icon=":material/image_not_supported:")
        return
    st.session_state[f"{key}/seen"] = seen
    reference = UPLOAD + store().put_blob(png(pixels))
    st.session_state[f"{key}/ground"] = (reference, ground)
    _choose(name, state, key, reference)
    st.rerun()
