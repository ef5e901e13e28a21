"""The lesson plans on the page of the class are those of docs/teaching.md, with every lesson a link."""

import re

from lessons.course import COURSE
from lessons.teaching import CODE, plans


def test_every_lesson_that_a_plan_names_is_a_link_to_it():
    addresses = {lesson.code: lesson.url_path for lesson in COURSE}
    named = set()
    for tab, text in plans().items():
        assert text, tab
        for code, address in re.findall(r"\[([AB]\d+)\]\(([^)]*)\)", text):
            assert address == addresses[code]
            named.add(code)
        assert not CODE.search(re.sub(r"\[[AB]\d+\]\([^)]*\)", "", text)), "a code that leads nowhere"
    assert {"A0", "A4", "A10", "A12", "B2", "B5", "B9", "B12"} <= named


def test_a_link_within_the_documents_would_lead_nowhere_from_the_page():
    assert not re.search(r"\([\w-]+\.md", "\n".join(plans().values()))
