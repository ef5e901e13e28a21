"""Whether the lessons are declared as pages, `make warm`, notebooks and the class read them: a sentence for each mistake."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence

from lessons.address import RESERVED
from lessons.branching import BRANCHES, CHANGES, KIND
from lessons.fields import BadValue, Choice, Number, Numbers, PictureRef, Text
from lessons.grid import GRIDS
from lessons.grid import KIND as GRID
from lessons.lesson import Lesson, named
from lessons.networks import NetworkChoice

PLACE = re.compile(r"[a-z_0-9.]+:\w+(\.\w+)*")


class BadLesson(ValueError):
    """A lesson is declared in a way that something could not read; the message says what to write instead."""


def check(course: Sequence[Lesson]) -> None:
    """Raises BadLesson with one sentence for each mistake there is."""
    said = [f"Lesson {lesson.code}: {mistake}" for lesson in course for mistake in _mistakes(lesson)]
    for what in ("code", "slug", "title"):
        names = [getattr(lesson, what) for lesson in course]
        said += [f"Two lessons have the {what} {name!r}: change one." for name in _twice(names)]
    functions: dict[str, str] = {}
    for lesson in course:
        for kind, function in lesson.jobs.items():
            if functions.setdefault(kind, function) != function:
                said.append(
                    f"Lesson {lesson.code}: jobs of the kind {kind!r} are {functions[kind]} in another lesson, so that "
                    f"results would be taken for each other's: give {function} a kind of its own."
                )
    if said:
        raise BadLesson("\n".join(said))


def _twice(names: Sequence[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def _mistakes(lesson: Lesson) -> Iterator[str]:
    yield from _of_the_prose(lesson)
    yield from _of_the_fields(lesson)
    yield from _of_the_values(lesson)
    yield from _of_the_functions(lesson)
    if lesson.takes_pictures and not any(
        f.name == "picture" and isinstance(f, PictureRef) for f in lesson.fields
    ):
        yield 'takes_pictures needs a PictureRef with the name "picture", into which they go.'
    if lesson.black not in (-1.0, 0.0):
        yield f"black is {lesson.black:g}; pictures lie in [−1, 1] or in [0, 1], so write −1 or 0."


def _of_the_prose(lesson: Lesson) -> Iterator[str]:
    try:
        _ = lesson.prose
    except FileNotFoundError:
        yield f"lessons/{lesson.slug}.md is missing: write its prose there."
    except ValueError as error:
        yield str(error)


def _of_the_fields(lesson: Lesson) -> Iterator[str]:
    names = [field.name for field in lesson.fields]
    for name in _twice(names):
        yield f"two fields have the name {name!r}: change one."
    for field in lesson.fields:
        if field.name in RESERVED:
            yield f"no field can be called {field.name!r}, as the page's address does: choose another name."
        try:
            if field.parse(field.encode(field.default)) != field.default:
                yield f"the field {field.name!r} reads its default as something else: write it in its own type."
        except BadValue as error:
            yield f"the field {field.name!r} does not take its own default: {error}"


def _of_the_values(lesson: Lesson) -> Iterator[str]:
    for name in _twice([preset.name for preset in lesson.presets]):
        yield f"two presets have the name {name!r}: change one."
    for name in _twice([variant.name for variant in lesson.variants]):
        yield f"two mistakes have the name {name!r}: change one."
    sets = {f"the preset {preset.name!r}": preset.values for preset in lesson.presets}
    if question := lesson.question:
        sets["the question's answer"] = question.reveal
        if not 0 <= question.answer < len(question.choices):
            yield f"the right answer is choice {question.answer} of {len(question.choices)}; they are counted from 0."
    sets["what it opens on"] = lesson.opens
    known = {field.name: field for field in lesson.fields}
    for what, values in sets.items():
        for name, value in values.items():
            if name not in known:
                yield f"{what} sets {name!r}, which is none of the lesson's fields."
                continue
            try:
                same = known[name].parse(known[name].encode(value)) == value
            except BadValue as error:
                yield f"{what} sets {name!r} to what it does not take: {error}"
            else:
                if not same:
                    yield f"{what} sets {name!r} to {value!r}, which is read back as something else: write it in its type."


def _of_the_functions(lesson: Lesson) -> Iterator[str]:
    for kind, function in lesson.jobs.items():
        if not PLACE.fullmatch(function):
            yield f'the job {kind!r} is {function!r}; name its function as "lessons.module:function".'
    if lesson.spec and lesson.opening:
        yield "it has a spec and an opening; `make warm` computes what it opens with from one of them."
    takes = {"spec": 3 if lesson.variants else 2, "opening": 1, "studies": 2}
    for what, count in takes.items():
        place = getattr(lesson, what)
        if not place:
            continue
        if not PLACE.fullmatch(place):
            yield f'{what} is {place!r}; name the function as "lessons.{lesson.slug}:function".'
            continue
        try:
            function = named(place)
            inspect.signature(function).bind(*range(count))
        except (ImportError, AttributeError):
            yield f"{what} names {place}, which is not there: write that function, or correct the name."
        except TypeError:
            more = ", the last of them the name of a mistake" if count == 3 else ""
            yield f"{what}: {place} must take {count} argument{'s' if count > 1 else ''}{more}."
    by_name = {field.name: field for field in lesson.fields}
    if unknown := set(lesson.branches) - set(CHANGES):
        yield f"branches names {sorted(unknown)}; at a step of a run {', '.join(CHANGES)} can be changed."
    if lesson.branches and lesson.jobs.get(KIND) != BRANCHES[KIND]:
        yield "branches needs the job that forks a run: write jobs={…, **BRANCHES}, of lessons.branching."
    if bad := [
        name for name in lesson.sweeps if not isinstance(by_name.get(name), Choice | Number | Numbers | Text)
    ]:
        yield f"sweeps names {bad}; a grid sweeps fields that are numbers, choices or texts."
    if lesson.sweeps and lesson.jobs.get(GRID) != GRIDS[GRID]:
        yield "sweeps needs the job that computes a grid: write jobs={…, **GRIDS}, of lessons.grid."
    of_networks = lesson.part == "B" and not lesson.pretrained
    if of_networks and lesson.spec and not any(isinstance(f, NetworkChoice) for f in lesson.fields):
        yield "its spec is given networks, and no field chooses one: add a NetworkChoice."
