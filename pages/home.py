"""The start: what this is, one run that moves, and the way into the course."""

import streamlit as st

from lessons.course import COURSE, PARTS

st.title("Watch diffusion think", anchor=False)
st.markdown(
    "##### A denoising model turns noise into a picture in a few dozen small steps. Here every step can be stopped, "
    "opened and changed."
)
st.markdown(
    "Each lesson makes one claim and runs a real model, on this computer, to let you check it. Drag the scrubber, change a "
    "control, run it wrong on purpose. Every state of a page is in its address: copy the link to share what you see."
)

for part, heading in PARTS.items():
    lessons = [lesson for lesson in COURSE if lesson.part == part]
    if not lessons:
        continue
    st.subheader(heading, anchor=False)
    columns = st.columns(3)
    for k, lesson in enumerate(lessons):
        with columns[k % 3], st.container(border=True, height="stretch"):
            st.page_link(f"pages/{lesson.slug}.py", label=f"**{lesson.code} · {lesson.title}**")
            st.caption(lesson.prose["Claim"])
