"""The block of a page on which a lesson samples: its controls at the side, the run under the player, what can be kept of it.

Pages differ by their controls and their films. What the functions here are given is a function of the controls' values
alone, so that a pinned run is the run that was pinned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.jobs import JobSpec
from core.trajectory import Trajectory
from lessons.fields import MODEL, BadValue
from lessons.lesson import Lesson
from lessons.networks import Network, NetworkChoice
from pages.server import runtime
from pages.server.runtime import model_of
from pages.server.session import LessonState
from pages.ui.branches import branch_row, in_branch, with_branch
from pages.ui.controls import control, face_control
from pages.ui.films import Films
from pages.ui.follow import ask, done, look
from pages.ui.grids import grid_in_the_figure, grid_row
from pages.ui.lesson_page import picture_and_side, variant_toggle
from pages.ui.networks import network_control, nothing_yet
from pages.ui.pins import pin_row, pinned
from pages.ui.stage import NO_PINS, Beside, Pins, stage_beside, stand_in
from pages.ui.takehome import File, take_home

RESULT, RUN = "The result", "The run"
BRANCH, HOME, GO_ON = "Go on from here", "Take it home", "Continue from this picture"
WAITING = {
    BRANCH: ":material/call_split:", HOME: ":material/download:", GO_ON: ":material/arrow_forward:",
}  # fmt: skip

Values = dict[str, Any]


def nothing(*_: Any) -> None:
    """Where a page has nothing of its own to draw."""


def controls_of(lesson: Lesson, names: Sequence[str]) -> bool:
    """Draws these controls; False if one of them holds something unusable."""
    return all([control(lesson, name) for name in names])


def model_control(lesson: Lesson) -> bool:
    """The choice between the models that ship, where the lesson offers it under the model of the settings."""
    return controls_of(lesson, [field.name for field in lesson.fields if field.name == MODEL])


def seeds(values: Values) -> list[str]:
    """The columns of a run of several samples, each from a seed of its own."""
    return [f"seed {values['seed'] + k}" for k in range(values["count"])]


def _result_is_shown(lesson: Lesson, run: Beside) -> bool:
    """The choice between the result in the lesson's own way and the run that led to it; a phrase that asks for a step of
    the run gets that.
    """
    state = LessonState(lesson)
    key = state.key("shown")
    if state.stage().frame is not None:
        st.session_state[key] = RUN
    if not done(look(runtime.job_id(run.spec))):
        return False
    st.session_state.setdefault(key, RESULT)
    return face_control(key, (RESULT, RUN)) == RESULT


def kept_row() -> DeltaGenerator:
    """Where it stands, among the words, what can be kept of the run: the figure leaves its height to the pictures."""
    return st.container(key="kept", horizontal=True, gap="xsmall")


def _waits(lesson: Lesson, *labels: str) -> None:
    """What can be done with a run that is not there yet, out of use: when it comes, nothing jumps."""
    with st.container(horizontal=True, gap="small"):
        for label in labels:
            key = LessonState(lesson).key(f"waiting/{label}")
            st.popover(label, icon=WAITING[label], disabled=True, key=key)


def _branch_of(lesson: Lesson, trajectory: Trajectory | None, first: int = 0) -> None:
    if trajectory is not None:
        branch_row(lesson, trajectory, first)
    elif not in_branch(lesson):
        _waits(lesson, BRANCH)


def _home_of(
    lesson: Lesson, trajectory: Trajectory | None, spec: JobSpec, files: Sequence[File] = ()
) -> None:
    if trajectory is not None:
        take_home(lesson, trajectory, spec, files)
    else:
        _waits(lesson, HOME, *([GO_ON] if lesson.makes_pictures else []))


def sampling_stage(
    lesson: Lesson,
    values: Values,
    films: Callable[[Values], Films],
    *,
    controls: Callable[[], bool] | None = None,
    remarks: Callable[[Values], None] = nothing,
    first: Callable[[], None] | None = None,
    shares: tuple[int, int] = (4, 5),
    top: Callable[[Trajectory], None] | None = None,
    files: Callable[[Trajectory], Sequence[File]] = lambda trajectory: (),
    at: Callable[[Values], int] | None = None,
    needs: Callable[[Values], None] = nothing,
    forks_from: Callable[[Trajectory], int] = lambda trajectory: 0,
) -> Trajectory | None:
    """Of a lesson of Part A. Returns the trajectory once it is there.

    `controls` draws the controls, all fields' unless given, and says whether they can be used; `remarks` says below them
    what holds for these values. `first` is drawn at the picture's side; `shares` of the width
    are its and the picture's. `top` shows the result in the lesson's own way, in
    place of the run until that is asked for; `files` can be taken home besides the usual ones. `at` says which frame a
    control asks for, `forks_from` what is the first frame that one can go on from otherwise.
    `needs` raises BadValue for values with which there is nothing to compute.
    """
    picture, side = picture_and_side()
    with side:
        allowed = controls() if controls else controls_of(lesson, [field.name for field in lesson.fields])
        remarks(values)
        variant = variant_toggle(lesson) if lesson.variants else None
        keep = kept_row()

    def run(values: Values) -> Beside:
        return Beside("", lesson.job(values, model_of(values)), films(values))

    def pin(values: Values) -> Beside:
        needs(values)
        return run(values)

    def possible() -> bool:
        try:
            needs(values)
        except BadValue:
            return False
        return True

    if first is not None:
        with picture:
            aside, picture = st.columns(shares, gap="medium")
        with aside:
            first()
    with picture:
        try:
            right = run(values)
            wrong = variant and replace(
                right, label=variant.label, spec=lesson.job(values, model_of(values), variant.name)
            )
        except BadValue as error:
            st.warning(str(error), icon=":material/grid_off:")
            stand_in(LessonState(lesson).stage())
            return None
        beside = pinned(lesson, values, pin) if lesson.pinnable else NO_PINS
        if look(runtime.job_id(right.spec)) is None and runtime.executor().at_hand(right.spec):
            ask(right.spec)  # answered at once: the page opens on the result
        trajectory = None
        if not (lesson.sweeps and grid_in_the_figure(lesson, values, allowed=allowed and possible())):
            if lesson.branches:
                beside, right = with_branch(lesson, beside, right)
            result_first = (
                top is not None and wrong is None and not beside.runs and _result_is_shown(lesson, right)
            )
            trajectory = stage_beside(
                lesson, right, wrong, allowed=allowed and possible(), at=at and at(values), pins=beside,
                drawn=not result_first,
            )  # fmt: skip
            if trajectory is not None and result_first:
                top(trajectory)
    with keep:
        if lesson.pinnable:
            pin_row(lesson, values, trajectory is not None)
        if lesson.branches:
            _branch_of(lesson, trajectory, 0 if trajectory is None else forks_from(trajectory))
        if lesson.sweeps:
            grid_row(lesson, values)
        _home_of(lesson, trajectory, right.spec, () if trajectory is None else files(trajectory))
    return trajectory


def named(lesson: Lesson, network: Network) -> str:
    """What stands above a network's pictures: nothing of the one that ships for this lesson, unless another is chosen."""
    choice = lesson.field("network")
    assert isinstance(choice, NetworkChoice)
    return "" if network.source in choice.presets[:1] else network.label


def _say(place: DeltaGenerator, parts: Sequence[str]) -> None:
    """In one line, as a sentence begins; nothing, and no room for it, where there is nothing to say."""
    if line := " · ".join(filter(None, parts)):
        place.caption(line[0].upper() + line[1:])


def network_stage(
    lesson: Lesson,
    values: Values,
    objective: str,
    films: Callable[[Network], Films],
    *,
    controls: Callable[[], bool],
    made_in: tuple[str, str | None],
    says: Callable[[Network], str] = lambda network: "",
    tells: Callable[[Network, Trajectory], str] = lambda network, trajectory: "",
    at: Callable[[Values], int] | None = None,
    beside: Callable[[Network], Pins] = lambda network: NO_PINS,
) -> tuple[Network | None, Trajectory | None, bool]:
    """The same of a lesson of Part B, which samples from a trained network. Returns the network, the trajectory, and whether
    the controls can be used.

    `made_in`: where a network of this objective is trained, "B6" and its page; None for the page itself. `says` is what
    the caption tells of the network besides its name, and `tells` what it then tells of the run. `beside`: what is shown
    with it whoever pins what.
    """
    picture, side = picture_and_side()
    with side:
        network = network_control(lesson, objective)
        allowed = controls()
        variant = variant_toggle(lesson) if lesson.variants else None
        keep = kept_row()
    with picture:
        if network is None:
            nothing_yet(*made_in)
            return None, None, allowed
        right = Beside("", lesson.job(values, network.refs()), films(network))
        wrong = variant and replace(
            right, label=variant.label, spec=lesson.job(values, network.refs(), variant.name)
        )
        caption, words = st.empty(), [named(lesson, network), says(network)]
        _say(caption, words)
        if look(runtime.job_id(right.spec)) is None and runtime.executor().at_hand(right.spec):
            ask(right.spec)  # answered at once: what stands beside it does so at the first visit too
        pins = NO_PINS if wrong else beside(network)
        if lesson.branches:
            pins, right = with_branch(lesson, pins, right)
        trajectory = stage_beside(lesson, right, wrong, allowed=allowed, at=at and at(values), pins=pins)
        if trajectory is not None and (told := tells(network, trajectory)):
            _say(caption, [*words, told])
    with keep:
        if lesson.branches:
            _branch_of(lesson, trajectory)
        _home_of(lesson, trajectory, right.spec)
    return network, trajectory, allowed
