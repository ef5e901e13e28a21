"""The lesson plans on the page of the class are those of docs/teaching.md, with every lesson a link."""

import re

from lessons.course import COURSE
from lessons.teaching import CODE, plans


def test_every_lesson_that_a_plan_names_is_a_link_to_it():
    addresses = {lesson.code: lesson.url_path for lesson in COURSE}
    named = set()
    for tab, plan in plans().items():
        text = plan.text
        assert text, tab
        for code, address in re.findall(r"\[([AB]\d+)\]\(([^)]*)\)", text):
            assert address == addresses[code]
            named.add(code)
        assert not CODE.search(re.sub(r"\[[AB]\d+\]\([^)]*\)", "", text)), "a code that leads nowhere"
    assert {"A0", "A4", "A10", "A12", "B2", "B5", "B9", "B12"} <= named


def test_a_link_within_the_documents_would_lead_nowhere_from_the_page():
    assert not re.search(r"\([\w-]+\.md", "\n".join(plan.text for plan in plans().values()))


def test_a_plan_has_its_lessons_in_the_order_in_which_it_goes_through_them():
    codes = {tab: [lesson.code for lesson in plan.lessons] for tab, plan in plans().items()}
    assert codes["50 minutes, Part B"] == ["B2", "B3", "B4", "B5", "B6", "B7", "B8", "B9"]
    assert codes["80 minutes, edits"] == ["A3", "A4", "A7", "A8", "A9", "A6", "A12"]
    assert codes["The class as a data set"] == ["B12", "B6", "B11"]
    assert codes["One lesson in 5 minutes"] == codes["What students say"] == []
