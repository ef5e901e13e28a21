"""The way in: page configuration and navigation, built from `lessons.COURSE`."""

import streamlit as st

from lessons.course import COURSE, PARTS

st.set_page_config(layout="wide", page_icon=":material/blur_on:", initial_sidebar_state="auto")

sections = {"": [st.Page("pages/home.py", title="Start", default=True)]}
for lesson in COURSE:
    page = st.Page(f"pages/{lesson.slug}.py", title=f"{lesson.code} · {lesson.title}", url_path=lesson.url_path)
    sections.setdefault(PARTS[lesson.part], []).append(page)

st.navigation(sections).run()
