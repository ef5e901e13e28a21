"""What runs for every visitor first: page configuration and navigation, built from `lessons.COURSE`."""

from pathlib import Path

import streamlit as st

from lessons.course import COURSE, PARTS
from pages.components.window import window
from pages.server.classroom.bar import BY_PATH, class_bar
from pages.server.classroom.entry import admitted, entry
from pages.server.classroom.present import presenter
from pages.server.collector import settle_modules
from pages.ui.fitted import here
from pages.ui.tour import tour_panel
from pages.ui.ways import go_on

ICON = (
    Path(__file__).resolve().parent.parent / "assets" / "icon.png"
)  # a Material icon would be fetched from a network

st.set_page_config(layout="wide", page_icon=str(ICON), initial_sidebar_state="collapsed")

sections = {"": [st.Page("home.py", title="Start", default=True)]}
for lesson in COURSE:
    page = st.Page(f"{lesson.slug}.py", title=f"{lesson.code} · {lesson.title}", url_path=lesson.url_path)
    sections.setdefault(PARTS[lesson.part], []).append(page)

sections[""].append(st.Page("collection.py", title="Kept", url_path="collection"))
sections[""].append(st.Page("classroom.py", title="Class", url_path="class"))

CODES = {"": "Start", "collection": "Kept", "class": "Class"} | {
    lesson.url_path: lesson.code for lesson in COURSE
}

if admitted():
    page = st.navigation(sections)
    go_on()
    window(CODES, page.url_path)
    class_bar(page.url_path, here(lesson) if (lesson := BY_PATH.get(page.url_path)) else None)
    page.run()
    tour_panel(page.url_path)
    if page.url_path != "class":  # there it stands where its switch is
        presenter(offer=False)
else:  # the address stays, so that whoever joins is where the link led to
    st.navigation(sections, position="hidden")
    window(CODES, "")
    entry()
settle_modules()
