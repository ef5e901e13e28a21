"""Lists of tasks: what is to be made in which lesson. The course's own lies in `tasks.json`; teachers write theirs likewise.

    {"title": "Sheet 3", "tasks": [
        {"id": "grin", "lesson": "A6", "text": "A grin at γ = 7.", "pictures": 2, "settings": {"gammas": "7"}}]}

`settings` are controls of the lesson as its address has them; docs/teaching.md explains the format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from lessons.characters import quoted
from lessons.fields import BadValue
from lessons.lesson import Lesson

COURSE_TASKS = Path(__file__).with_name("tasks.json")
MOST_BYTES = 200_000
MOST_TASKS, MOST_PICTURES = 100, 50
LONGEST_TITLE, LONGEST_TEXT = 120, 500  # characters
ID = re.compile("[a-z0-9][a-z0-9-]{0,39}")
NAMES = {"id", "lesson", "text", "pictures", "settings"}


class BadTasks(ValueError):
    """A list of tasks that cannot be used; one sentence, on a line of its own, for each mistake."""


@dataclass(frozen=True)
class Task:
    """What is to be made: in the lesson with this code, so many pictures; `settings` is where its link leads."""

    id: str
    lesson: str
    text: str
    pictures: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TaskList:
    """Tasks in the order in which they are to be done."""

    title: str
    tasks: tuple[Task, ...]


def read_tasks(text: str, course: Sequence[Lesson]) -> TaskList:
    """The list that this JSON is. Raises BadTasks with a sentence for each mistake there is."""
    if len(text.encode()) > MOST_BYTES:
        raise BadTasks(f"The file is larger than {MOST_BYTES // 1000} kB: a list of tasks is text alone.")
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise BadTasks("The file is no list of tasks: its brackets are nested too deep.") from error
    except json.JSONDecodeError as error:
        raise BadTasks(
            f"The file is not JSON: line {error.lineno}, column {error.colno} ({error.msg}). Look for a missing comma, "
            "quotation mark or bracket just before it."
        ) from error
    if not isinstance(found, dict) or not isinstance(found.get("tasks"), list):
        raise BadTasks('Write the file as {"title": "…", "tasks": [ … ]}.')
    said = [*_of_the_list(found), *_of_the_tasks(found["tasks"], {lesson.code: lesson for lesson in course})]
    if said:
        raise BadTasks("\n".join(said))
    return TaskList(found["title"].strip(), tuple(Task(**task) for task in found["tasks"]))


def _of_the_list(found: Mapping[str, Any]) -> Iterator[str]:
    if not _is_text(found.get("title"), LONGEST_TITLE):
        yield f'“title” must be a text of 1 to {LONGEST_TITLE} characters, such as "Sheet 3".'
    for name in sorted(set(found) - {"title", "tasks"}):
        yield f"{quoted(name)} is not known beside “title” and “tasks”: take it out."
    if not 1 <= len(found["tasks"]) <= MOST_TASKS:
        yield f"A list has 1 to {MOST_TASKS} tasks; this has {len(found['tasks'])}."


def _of_the_tasks(tasks: Sequence[Any], lessons: Mapping[str, Lesson]) -> Iterator[str]:
    seen: set[str] = set()
    for number, task in enumerate(tasks[:MOST_TASKS], start=1):
        where = f"Task {number}"
        if not isinstance(task, dict):
            yield f'{where} must be written as {{"id": "…", "lesson": "A6", "text": "…"}}.'
            continue
        for name in sorted(set(task) - NAMES):
            yield f"{where}: {quoted(name)} is not known; a task has {', '.join(sorted(NAMES))}."
        yield from (f"{where}: {mistake}" for mistake in _of_a_task(task, lessons))
        if isinstance(task.get("id"), str):
            if task["id"] in seen:
                yield f"{where}: an earlier task has the id {quoted(task['id'])} already: choose another."
            seen.add(task["id"])


def _of_a_task(task: Mapping[str, Any], lessons: Mapping[str, Lesson]) -> Iterator[str]:
    if not (isinstance(task.get("id"), str) and ID.fullmatch(task["id"])):
        yield "“id” must be 1 to 40 small letters, digits and hyphens, such as grin-2."
    if not _is_text(task.get("text"), LONGEST_TEXT):
        yield f"“text” must say in 1 to {LONGEST_TEXT} characters what is to be made."
    pictures = task.get("pictures", 1)
    if not isinstance(pictures, int) or isinstance(pictures, bool) or not 1 <= pictures <= MOST_PICTURES:
        yield f"“pictures” must be a whole number from 1 to {MOST_PICTURES}."
    code = task.get("lesson")
    if not isinstance(code, str) or code not in lessons:
        yield f"“lesson” must be the code of a lesson, one of {', '.join(lessons)}."
        return
    settings = task.get("settings", {})
    if not isinstance(settings, dict):
        yield '“settings” must be written as {"control": "value"}, as in the address of the page.'
        return
    for name, value in settings.items():
        try:
            lessons[code].field(name).parse(value)
        except KeyError:
            known = ", ".join(field.name for field in lessons[code].fields)
            yield f"lesson {code} has no control {quoted(name)}; it has {known}."
        except BadValue as error:
            yield str(error)


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value.strip()) and len(value) <= longest


def course_tasks(course: Sequence[Lesson]) -> TaskList:
    """The course's own deliverables. Raises BadTasks for a mistake of ours."""
    return read_tasks(COURSE_TASKS.read_text(encoding="utf-8"), course)


def told(tasks: TaskList, course: Sequence[Lesson]) -> dict[str, Any]:
    """The list as a page needs it: {"title", "tasks": [{"id", "lesson", "title", "text", "pictures", "path"}]}.

    `path` leads to the lesson in the task's state, from the app's own address on.
    """
    lessons = {lesson.code: lesson for lesson in course}

    def path(task: Task) -> str:
        return lessons[task.lesson].url_path + (f"?{urlencode(task.settings)}" if task.settings else "")

    return {
        "title": tasks.title,
        "tasks": [
            {
                "id": task.id, "lesson": task.lesson, "title": lessons[task.lesson].title, "text": task.text,
                "pictures": task.pictures, "path": path(task),
            }
            for task in tasks.tasks
        ],
    }  # fmt: skip
