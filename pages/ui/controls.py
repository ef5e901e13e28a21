"""A lesson's controls: drawn from its fields, carried by the URL, set by presets, phrases and answers.

The values of a lesson live in the session under its slug, so that leaving the page and coming back loses
nothing; the URL holds those that differ from the defaults, so that every state is a link.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import streamlit as st

from lessons.address import BRANCH, FRAME, GRID, JOB, PIN, RESERVED, TOUR, WRONG
from lessons.branching import read_branch
from lessons.characters import quoted
from lessons.fields import BadValue, Choice, Field, Number, Numbers, PictureRef, Text, Typed
from lessons.grid import read_grid
from lessons.lesson import Lesson, Preset
from lessons.numbers import NotANumber, read_number
from lessons.pins import read_pins
from pages.components.plain import plain
from pages.components.window import came_by_history
from pages.server.session import LessonState, entered
from pages.ui.pictures import picture_field
from pages.ui.prompts import prompt_remarks, shown_phrases, words_never_shown, words_popover

MOST_FRAMES = 100_000
MOST_ROLLED = 10_000  # values of a number without a slider among which the die chooses
# What an address holds besides: how it is read, and what to call it.
READERS: Mapping[str, tuple[Callable[[Lesson, str], object], str]] = {
    PIN: (read_pins, "pinned runs were"),
    BRANCH: (read_branch, "branch was"),
    GRID: (read_grid, "grid was"),
}
MOST_SEGMENTS = (
    5  # a choice of more values is a list, but above the figure: a row of them would run out of the column
)


def values(lesson: Lesson) -> dict[str, Any]:
    """The values at the moment; filled from the URL when the page is entered, and when Back or Forward leads to it.

    What the URL says wrongly is left out with a sentence, and the page goes on with the default.
    """
    state = LessonState(lesson)
    came, fresh = came_by_history(), entered(lesson.slug)
    bare = fresh and set(st.query_params) <= {TOUR} and not state.begun
    if came:  # what this step of the history held, whatever was set since
        state.forget()
    if came or fresh:
        state.complaints = _read_url(lesson, state)
        if bare:
            state.values.update(lesson.opens)
        for (
            field
        ) in lesson.fields:  # the widgets start from these values, not from what an earlier visit left
            st.session_state.pop(state.control(field.name), None)
    if fresh:
        state.go = True
    elif came:
        state.linked_job = None  # of this very session: nothing to compare with
    write_url(lesson, state.values)  # in one message: the controls, drawn one by one, find it written
    if state.complaints:
        st.warning("  \n".join(map(plain, state.complaints)), icon=":material/link_off:")
    return state.values


def _read_url(lesson: Lesson, state: LessonState) -> list[str]:
    complaints = []
    for name, text in list(st.query_params.items()):
        if name in RESERVED:
            if complaint := _complaint(lesson, name, text):
                complaints.append(complaint)
                del st.query_params[name]
            elif name == PIN:
                del state.pins  # those of the address count
            elif name == BRANCH:
                del state.branch
            elif name == GRID:
                del state.grid
            elif name == WRONG:
                st.session_state.pop(state.key(WRONG), None)
            continue
        try:
            state.values[name], note = lesson.field(name).follow(text)
            if note:
                complaints.append(note)
        except KeyError:
            complaints.append(
                f"The link sets {quoted(name)}, which this lesson does not have; it was left out."
            )
            del st.query_params[name]
        except BadValue as error:
            complaints.append(f"The link was not followed in one place: {error} The default is used.")
    state.linked_job = st.query_params.get(JOB)
    return complaints


def _complaint(lesson: Lesson, name: str, text: str) -> str | None:
    """What is wrong with a parameter that is not a field's; None if nothing is."""
    if name == FRAME and frame_of(text) is None:
        return f"The link asks for frame {quoted(text)}; frames are counted 0, 1, 2, …; it was left out."
    if name == JOB and not re.fullmatch("[0-9a-f]{16,64}", text):
        return f"The link names the run {quoted(text)}, which is no name of a run; it was left out."
    if name in READERS:
        read, what = READERS[name]
        try:
            read(lesson, text)
        except BadValue as error:
            return f"The link’s {what} left out: {error}"
    if name == WRONG and text not in [variant.name for variant in lesson.variants]:
        return (
            f"The link asks for the mistake {quoted(text)}, which this lesson does not have; it was left out."
        )
    return None


def in_address(lesson: Lesson, name: str) -> str:
    """The branch or the grid of this page as text, "" for none: read from the address when the page is entered, and written
    there afterwards. `name` is its name there and in the session.
    """
    state = LessonState(lesson)
    if getattr(state, name) is None:
        setattr(
            state, name, st.query_params.get(name, "")
        )  # `_read_url` has taken out what cannot be followed
        state.go = state.go or bool(getattr(state, name))
    text: str = getattr(state, name)
    if not text:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != text:
        st.query_params[name] = text
    return text


def frame_of(text: str) -> int | None:
    """The frame that the URL's text names; None for what is no frame."""
    try:
        number = read_number(text, whole=True)
    except NotANumber:
        return None
    return int(number) if 0 <= number < MOST_FRAMES and number == number.to_integral_value() else None


def write_url(lesson: Lesson, state: Mapping[str, Any]) -> None:
    """Puts what differs from the defaults into the URL, at once: every message about it may be a step of the history."""
    _write(lesson, {field.name: state[field.name] for field in lesson.fields})


def to_address(lesson: Lesson, values: Mapping[str, Any]) -> dict[str, str]:
    """Of `values` those that an address has to name, as text: all that a page without them would have otherwise."""
    texts = {name: lesson.field(name).encode(value) for name, value in values.items()}
    return {
        name: text
        for name, text in texts.items()
        if name in lesson.opens or text != lesson.field(name).encode(lesson.field(name).default)
    }


def _write(lesson: Lesson, wanted: Mapping[str, Any]) -> None:
    now = dict(st.query_params.items())
    then = {name: text for name, text in now.items() if name not in wanted} | to_address(lesson, wanted)
    if then != now:
        st.query_params.from_dict(then)


def set_values(lesson: Lesson, wanted: Mapping[str, Any]) -> None:
    """For callbacks: sets controls before the script runs again, and asks for the run."""
    state = LessonState(lesson)
    for name, value in wanted.items():
        state.values[name] = value
        st.session_state[state.control(name)] = _widget_value(lesson.field(name), value)
    state.complaints = []
    state.go = True


def set_texts(lesson: Lesson, wanted: Mapping[str, str]) -> None:
    """The same for the phrases of the prose, whose values are text; `frame` moves the player.

    The controls may be out of sight where the phrase is read, so what changes is said.
    """
    wanted, state = dict(wanted), LessonState(lesson)
    if FRAME in wanted:
        state.stage().frame = int(wanted.pop(FRAME))
    values = {lesson.field(name): lesson.field(name).parse(text) for name, text in wanted.items()}
    changed = [_said(field, value) for field, value in values.items() if value != state.values[field.name]]
    if changed:
        st.toast(plain(" · ".join(changed)), icon=":material/tune:")
    set_values(lesson, {field.name: value for field, value in values.items()})


def _said(field: Field, value: Any) -> str:
    """A control and its value, for the eye."""
    text = field.label_of(value) if isinstance(field, Choice) else field.encode(value)
    return f"{field.label}: {text or 'none'}"


def preset_row(lesson: Lesson) -> None:
    """One button for each preset; each sets every control. Which is on, `preset_on` tells the browser."""
    with st.container(key="presets", horizontal=True, gap="xsmall"):
        for preset in lesson.presets:
            wanted = preset_values(lesson, preset)
            st.button(
                preset.label,
                key=f"{lesson.slug}/preset/{preset.name}",
                on_click=set_values,
                args=(lesson, wanted),
            )


def preset_values(lesson: Lesson, preset: Preset) -> dict[str, Any]:
    """What a preset sets: its own values, and the defaults of all else but what students have made."""
    defaults = {field.name: field.default for field in lesson.fields if not field.made}
    return defaults | dict(preset.values)


def preset_on(lesson: Lesson) -> str:
    """The name of the preset whose values the controls have; "" if they are of none."""
    now = {field.name: field.encode(LessonState(lesson).values[field.name]) for field in lesson.fields}
    for preset in lesson.presets:
        wanted = preset_values(lesson, preset)
        if all(lesson.field(name).encode(value) == now[name] for name, value in wanted.items()):
            return preset.name
    return ""


def control(lesson: Lesson, name: str, *, bare: bool = False) -> bool:
    """Draws one control and keeps its value. False if what was typed cannot be used; the page then says why.

    A `bare` choice of a few has no label above it: only a screen reader says it.
    """
    field = lesson.field(name)
    state = LessonState(lesson).values
    key = LessonState(lesson).control(name)
    if isinstance(field, PictureRef):
        picture_field(lesson, field)
        return True
    begin = _widget_value(field, state[name])
    if key not in st.session_state:
        st.session_state[key] = begin
    typed = _widget(lesson, field, key, begin, bare=bare)
    try:
        state[name] = field.parse(typed if isinstance(typed, str) else field.encode(typed))
    except BadValue as error:
        st.warning(plain(str(error)), icon=":material/edit:")
        return False
    if isinstance(field, Typed) and isinstance(typed, str):
        read_out(field, typed)
    if isinstance(field, Text):
        prompt_remarks(state[name])
        if phrases := shown_phrases(state):
            words_never_shown(phrases, state[name], key, partial(_take, lesson, field))
    _write(lesson, {name: state[name]})  # at once: what is drawn after the controls may take a while
    return True


def face_control(key: str, faces: tuple[str, ...]) -> str:
    """Draws the choice of what the figure shows, and returns it; the session holds under `key` which that is."""
    return st.segmented_control(
        "What the figure shows", faces, key=key, required=True, label_visibility="collapsed", persist_state="session"
    )  # fmt: skip


def read_out(field: Typed, typed: str) -> None:
    """Says which number was read, where one who writes numbers in another way might have meant another."""
    if (read := field.read_out(typed)) is not None:
        st.caption(f"Read as {plain(read)}")


def _widget_value(field: Field, value: Any) -> Any:
    if isinstance(field, Numbers):
        return field.shown(value)
    return field.encode(value) if isinstance(field, Typed) and not _is_slider(field) else value


def _is_slider(field: Field) -> bool:
    return isinstance(field, Number) and field.slider


def _widget(lesson: Lesson, field: Field, key: str, begin: Any, *, bare: bool) -> Any:
    """The widget that fits. It is told where to begin at every run, besides through the session.

    A browser that is sent two runs quickly, one after the other, sees the second alone; what the first has put
    into the session is not repeated there, and the widget would begin at its lowest value.
    """
    if _is_slider(field):
        kind = int if field.integer else float
        low, high, step = kind(field.minimum), kind(field.maximum), kind(field.step)
        # A slider whose ends are no multiples of its step would refuse a value that the URL may hold.
        return st.slider(
            field.label,
            low,
            high,
            begin,
            kind(1) if field.integer else step,
            key=key,
            help=field.help or None,
        )
    if isinstance(field, Number):
        return _seed(lesson, field, key, begin)
    if isinstance(field, Choice) and len(field.options) > MOST_SEGMENTS and not bare:
        return st.selectbox(
            field.label, field.options, field.options.index(begin), format_func=field.label_of, key=key,
            help=field.help or None,
        )  # fmt: skip
    if isinstance(field, Choice):
        return st.segmented_control(
            field.label,
            field.options,
            default=begin,
            format_func=field.label_of,
            key=key,
            help=field.help or None,
            required=True,
            wrap=True,
            label_visibility="collapsed" if bare else "visible",
        )
    if isinstance(field, Text) and field.only:
        return st.selectbox(
            field.label, field.only, field.only.index(begin) if begin in field.only else 0, key=key, help=_help(field),
            format_func=lambda prompt: prompt or "(the empty prompt)",
        )  # fmt: skip
    phrases = shown_phrases(LessonState(lesson).values) if isinstance(field, Text) else None
    if phrases:
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="xsmall"):
            typed = st.text_input(field.label, begin, key=key, help=_help(field))
            words_popover(phrases, typed, key, partial(_take, lesson, field))
        return typed
    if isinstance(field, Text | Typed):
        return st.text_input(field.label, begin, key=key, help=_help(field))
    raise TypeError(f"There is no control for a {type(field).__name__}.")


def _take(lesson: Lesson, field: Field, text: str) -> None:
    """For callbacks: a prompt that was offered."""
    set_values(lesson, {field.name: field.parse(text)})


def _help(field: Field) -> str | None:
    """What the question mark says: of a prompt also which ones this model draws recognisably."""
    ideas = "\n".join(f"* {prompt}" for prompt in getattr(field, "suggestions", ()))
    return (f"{field.help}\n\n{field.said}\n{ideas}" if ideas else field.help) or None


def _seed(lesson: Lesson, field: Number, key: str, begin: str) -> str:
    """A number, the next one, and a die.

    The browser's own number box would be no help: Streamlit's drops what it does not know while one types, so that
    "7,5" becomes 75, "60.000" 60 and "1e2" 1.
    """
    with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="xsmall"):
        typed = st.text_input(field.label, begin, key=key, help=field.help or None)
        arguments = (lesson, field, key)
        st.button("+1", key=f"{key}/next", on_click=_next, args=arguments, help="The next seed")
        st.button(
            "Another seed",  # page.css leaves it to those who listen
            icon=":material/casino:",
            key=f"{key}/roll",
            on_click=_roll,
            args=arguments,
            help="Another seed",
        )
    return typed


def _next(lesson: Lesson, field: Number, key: str) -> None:
    """One more than what is typed; what cannot be read stays, with its sentence."""
    try:
        value = field.parse(st.session_state[key]) + 1
    except BadValue:
        return  # the control says it in this run
    set_values(lesson, {field.name: value if value <= field.maximum else int(field.minimum)})


def _roll(lesson: Lesson, field: Number, _key: str) -> None:
    low, high = int(field.minimum), int(field.maximum)
    set_values(lesson, {field.name: random.randrange(low, min(high, low + MOST_ROLLED - 1) + 1)})
