"""Lists of tasks: the course's own is one, and a teacher is told of every mistake in theirs."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from lessons.course import COURSE
from lessons.tasks import BadTasks, course_tasks, read_tasks, told

GOOD = {"id": "grin", "lesson": "A6", "text": "A grin at γ = 7."}


def written(*tasks: object, title: object = "Sheet 3", **more: object) -> str:
    return json.dumps({"title": title, "tasks": list(tasks), **more})


def refused(text: str) -> list[str]:
    with pytest.raises(BadTasks) as caught:
        read_tasks(text, COURSE)
    return str(caught.value).split("\n")


def test_the_course_s_own_list_has_a_task_for_every_lesson_but_the_glossary_and_later_ones():
    """The deliverables of the lessons A0 to A14 and B0 to B9; B10 is a table to look things up in."""
    wanted = {f"A{k}" for k in range(15)} | {f"B{k}" for k in range(10)}
    assert {task.lesson for task in course_tasks(COURSE).tasks} >= wanted


def test_the_link_of_a_task_sets_the_controls_that_its_lesson_has():
    lessons = {lesson.code: lesson for lesson in COURSE}
    for task in told(course_tasks(COURSE), COURSE)["tasks"]:
        address = urlsplit(task["path"])
        lesson = lessons[task["lesson"]]
        assert address.path == lesson.url_path and task["title"] == lesson.title
        for name, value in parse_qsl(address.query):
            lesson.field(name).parse(value)


def test_what_a_teacher_wrote_is_taken():
    text = written({**GOOD, "pictures": 2, "settings": {"gammas": "7;9"}})
    (task,) = told(read_tasks(text, COURSE), COURSE)["tasks"]
    assert task == {
        "id": "grin", "lesson": "A6", "title": "Classifier-free guidance", "text": "A grin at γ = 7.", "pictures": 2,
        "path": "classifier-free-guidance?gammas=7%3B9",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("grin", "must be written as"),
        ({**GOOD, "id": "Grin!"}, "small letters, digits and hyphens"),
        ({**GOOD, "lesson": "A99"}, "one of A0, A1, "),
        ({"id": "x", "text": "y"}, "the code of a lesson"),
        ({**GOOD, "text": "  "}, "what is to be made"),
        ({**GOOD, "text": "x" * 501}, "in 1 to 500 characters"),
        ({**GOOD, "pictures": 0}, "from 1 to 50"),
        ({**GOOD, "pictures": True}, "from 1 to 50"),
        ({**GOOD, "pictures": 2.5}, "from 1 to 50"),
        ({**GOOD, "settings": ["gammas"]}, 'written as {"control": "value"}'),
        ({**GOOD, "settings": {"gamma": "7"}}, "has no control “gamma”; it has prompt, gammas, "),
        ({**GOOD, "settings": {"gammas": "99"}}, "between 0 and 30"),
        ({**GOOD, "settings": {"gammas": 7}}, "is read from text"),
        ({**GOOD, "points": 3}, "“points” is not known"),
    ],
    ids=str,
)
def test_a_mistake_is_named_with_the_number_of_its_task(task, said):
    (sentence,) = refused(written({**GOOD, "id": "first"}, task))
    assert sentence.startswith("Task 2") and said in sentence and sentence.endswith(".")


def test_all_mistakes_are_named_at_once():
    sentences = refused(written(GOOD, GOOD, {**GOOD, "id": "?", "pictures": 99}, title=3, points=1))
    assert len(sentences) == 5
    assert "“title” must be a text" in sentences[0] and "“points” is not known" in sentences[1]
    assert "an earlier task has the id “grin”" in sentences[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"title": "x", "tasks": [}', "line 1, column 26"),
        ("", "is not JSON: line 1, column 1"),
        ("[]", 'Write the file as {"title"'),
        ('{"title": "x"}', 'Write the file as {"title"'),
        (written(), "A list has 1 to 100 tasks; this has 0"),
        ("[" * 100_000, "nested too deep"),
        (written({**GOOD, "text": "x" * 300_000}), "larger than 200 kB"),
    ],
    ids=["bracket", "empty", "list", "no tasks", "none", "deep", "large"],
)
def test_what_is_no_list_is_refused_in_a_sentence(text, said):
    assert any(said in sentence for sentence in refused(text))
