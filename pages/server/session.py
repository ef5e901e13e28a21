"""What a session holds of a lesson, by names that are checked.

What a page keeps besides has a key of the lesson's, too (`LessonState.key`).

A lesson's state lies under its slug, so that leaving the page and coming back loses nothing. What lies in the address as
well (values, the mistake, the pins) is forgotten by `forget`, and read from there when the page is entered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

import streamlit as st

from lessons.address import WRONG
from lessons.lesson import Lesson

T = TypeVar("T")
PAGE = "page"  # in the session: which page was drawn last


class Kept(Generic[T]):
    """An attribute that lives in the session, under "<place>/<name>"; `default` makes what is read before it is set."""

    def __init__(self, default: Callable[[], T]) -> None:
        self._default = default

    def __set_name__(self, owner: type[Place], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, place: None, owner: type[Place]) -> Kept[T]: ...

    @overload
    def __get__(self, place: Place, owner: type[Place]) -> T: ...

    def __get__(self, place: Place | None, owner: type[Place]) -> Kept[T] | T:
        if place is None:
            return self
        return st.session_state.get(place.key(self._name), self._default())

    def __set__(self, place: Place, value: T) -> None:
        st.session_state[place.key(self._name)] = value

    def __delete__(self, place: Place) -> None:
        st.session_state.pop(place.key(self._name), None)


def nothing() -> None:
    return None


class Place:
    """A part of the session."""

    def __init__(self, name: str) -> None:
        self.name = name

    def key(self, what: str) -> str:
        """Under which `what` lies in the session; also the key of a widget that belongs here."""
        return f"{self.name}/{what}"

    def take(self, attribute: str) -> Any:
        """The value of an attribute, once: it is at its default afterwards. Raises AttributeError for one there is not."""
        value = getattr(self, attribute)
        delattr(self, attribute)
        return value


class StageState(Place):
    """Of one stage on a page: "<slug>/main", "<slug>/wrong", …"""

    run = Kept[bool](bool)  # asked for by the button in the place of the picture
    frame = Kept[int | None](nothing)  # asked for by a phrase
    at = Kept[int | None](nothing)  # asked for by a control, when it was drawn last
    job = Kept[str | None](nothing)  # which was drawn last
    played = Kept[bool](bool)  # a film was shown here, which plays the first time
    film = Kept[bytes | None](nothing)  # ... and the last that was there to be shown

    @property
    def slug(self) -> str:
        """Of the lesson, or of the page where it is none of a lesson's."""
        return self.name.split("/")[0]

    @property
    def main(self) -> bool:
        """Whether it is the stage that the address speaks of."""
        return self.name == f"{self.slug}/main"


class TrainingState(Place):
    """Of a lesson's training panel."""

    def stage(self, name: str) -> StageState:
        return StageState(self.key(name))

    ask = Kept[tuple[str, str | None] | None](nothing)  # what a button has asked for, and of which job
    over = Kept[list[str]](list)  # the trainings that were drawn over each other last
    stood = Kept[tuple[dict[str, Any], dict[str, Any]] | None](
        nothing
    )  # the numbers of a training and the others, last time


class PictureState(Place):
    """Of the choice of a picture."""

    choices = Kept[int](int)  # how often one was chosen
    ground = Kept[tuple[str, str]](lambda: ("", ""))  # an upload, and on what its transparent parts were laid
    seen = Kept[tuple[str, str] | None](nothing)  # the upload that was looked at last, and how it was cut


class FileState(Place):
    """Of a file that the worker makes of a run."""

    refused = Kept[str | None](nothing)  # why it was not begun, for the next time that it is drawn


class LessonState(Place):
    """Of a lesson."""

    go = Kept[bool](bool)  # a run was asked for: by a preset, a phrase, a first visit
    complaints = Kept[list[str]](list)  # what the address said wrongly
    linked_job = Kept[str | None](nothing)  # the run that the address named when the page was entered
    instead_of_linked = Kept[str | None](nothing)  # ... and the one that its settings lead to
    pins = Kept[list[dict[str, Any]] | None](nothing)  # None: the address has not been read yet
    branch = Kept[str | None](
        nothing
    )  # as the address writes it, "" for none; None: the address has not been read yet
    grid = Kept[str | None](nothing)  # the same of the grid
    run_wrong = Kept[bool](bool)  # a mistake was chosen, and is to be run at once
    base = Kept[str | None](nothing)  # the picture that is drawn over
    empty = Kept[bool](bool)  # an empty drawing was to be used
    mask_turn = Kept[int](int)  # how often the mask was set from outside of its canvas

    def __init__(self, lesson: Lesson) -> None:
        super().__init__(lesson.slug)
        self._lesson = lesson

    @property
    def begun(self) -> bool:
        """Whether this session has values of the page already."""
        return self.key("values") in st.session_state

    @property
    def values(self) -> dict[str, Any]:
        """The controls' values."""
        return st.session_state.setdefault(self.key("values"), self._lesson.defaults())

    def control(self, name: str) -> str:
        """The key of the widget that sets a field."""
        return f"{self.name}:{name}"

    def stage(self, name: str = "main") -> StageState:
        return StageState(self.key(name))

    def picture(self, name: str) -> PictureState:
        return PictureState(self.control(name))

    def file(self, kind: str) -> FileState:
        return FileState(self.key(f"take/{kind}"))

    def training(self) -> TrainingState:
        return TrainingState(self.key("training"))

    def forget(self) -> None:
        """Everything that the address holds is at its default again."""
        del self.pins
        del self.branch
        del self.grid
        for name in ("values", WRONG):
            st.session_state.pop(self.key(name), None)


def entered(page: str) -> bool:
    """Whether `page` is drawn for the first time since another one was; a lesson then reads its address."""
    before = st.session_state.get(PAGE)
    st.session_state[PAGE] = page
    return before != page


def enter_anew() -> None:
    """Has the next page read its address, also if it is the one that was drawn last."""
    st.session_state[PAGE] = None
