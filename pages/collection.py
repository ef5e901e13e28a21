"""The collection: what this browser has kept, the tasks it is kept for, and the files to hand in."""

import streamlit as st

from lessons.course import COURSE
from lessons.tasks import course_tasks, told
from pages.components.collection import collection
from pages.components.style import page_style
from pages.server.session import entered

entered("collection")
page_style()
with st.container(key="head"):
    st.title("Kept in your collection", anchor=False)
collection(told(course_tasks(COURSE), COURSE), first=COURSE[0].url_path, key="collection")
