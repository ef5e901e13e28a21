"""The start: what this is, one run that moves, and the way into the course."""

import streamlit as st

from lessons.course import COURSE, PARTS
from lessons.meet_the_model import LESSON as WRITTEN
from lessons.meet_the_model import spec
from pages.components.style import page_style
from pages.server.runtime import model_fingerprint, schedule
from pages.server.session import entered
from pages.ui.films import glimpse
from pages.ui.fitted import here
from pages.ui.stage import stage

LESSON = here(WRITTEN)

ACROSS = 3  # cards in a line

first_look = entered("home")
page_style()

st.title("Watch diffusion think", anchor=False)
st.markdown(
    "##### A denoising model turns noise into a picture in a few dozen small steps. Here every step can be stopped, "
    "opened and changed."
)
words, picture = st.columns([4, 5], gap="medium")
with words:
    st.markdown(
        "Here one noise becomes three pictures, because three prompts ask for them. This computer is making them, or "
        "made them before: drag the scrubber to see how."
    )
    st.markdown(
        "Each lesson makes one claim and runs the model to let you check it. Change a control, run it wrong on purpose, "
        "read the code that ran. Every state of a page is in its address: copy the link to share what you see."
    )
    st.container(key="begin").page_link(
        f"{COURSE[0].slug}.py", label=f"Begin with {COURSE[0].code} · {COURSE[0].title}",
        icon=":material/arrow_forward:", icon_position="right",
    )  # fmt: skip
with picture:
    first = LESSON.defaults()  # the run that lesson A0 opens on, so it is computed once for both
    films = glimpse(
        schedule().strided_timesteps(first["steps"]), [first[name] for name in ("p1", "p2", "p3")]
    )
    stage(LESSON, spec(first, model_fingerprint()), films, name="home", go=first_look)

cards = st.container(key="cards")
for part, heading in PARTS.items():
    lessons = [lesson for lesson in COURSE if lesson.part == part]
    if not lessons:
        continue
    cards.subheader(heading, anchor=False)
    for start in range(0, len(lessons), ACROSS):
        for lesson, column in zip(lessons[start : start + ACROSS], cards.columns(ACROSS), strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                st.page_link(f"{lesson.slug}.py", label=f"**{lesson.code} · {lesson.title}**")
                st.caption(lesson.prose["Claim"])
