"""The collection: what this browser has kept, the tasks it is kept for, and the files to hand in."""

import streamlit as st

from lessons.course import COURSE
from lessons.meet_the_model import LESSON as FIRST
from lessons.tasks import course_tasks, told
from pages.components.collection import Example, collection
from pages.components.style import page_style
from pages.server.runtime import model_here, openings
from pages.server.session import entered

entered("collection")
page_style()
with st.container(key="head"):
    st.title("Kept in your collection", anchor=False)
values, model = FIRST.defaults(), model_here()  # what was kept is seen without a model as well
cards = {lesson.code: openings().card(lesson.code, model or "") for lesson in COURSE}
collection(
    told(course_tasks(COURSE), COURSE),
    strips={code: card for code, card in cards.items() if card},
    example=Example(  # the first picture of what that lesson opens with, which its card shows
        FIRST.code,
        f"{FIRST.code} · {FIRST.title}",
        [
            ("Step", "t = 0"),
            ("Prompt", f"“{values['p1']}”"),
            ("Seed", f"{values['seed']}"),
            ("γ", f"{values['gamma']:g}"),
        ],
    ),
    first=FIRST.url_path,
    key="collection",
)
