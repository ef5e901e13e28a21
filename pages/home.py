"""The start: one run that moves, the tour, a box for a prompt of one's own, and the way to every lesson."""

import streamlit as st

from lessons.course import COURSE, PARTS
from lessons.fields import BadValue, Text
from lessons.meet_the_model import LESSON as WRITTEN
from lessons.meet_the_model import spec
from pages.components.cards import cards
from pages.components.plain import plain
from pages.components.style import page_style
from pages.server.runtime import model_fingerprint, schedule
from pages.server.session import entered
from pages.ui.films import glimpse
from pages.ui.fitted import here
from pages.ui.lesson_cards import card
from pages.ui.stage import stage
from pages.ui.tour import begin_tour
from pages.ui.ways import go

LESSON = here(WRITTEN)
ASKED = LESSON.field("p1")
assert isinstance(ASKED, Text)
KNOWN = 6  # prompts that are offered below the box
PROMPT, REFUSED = "home/prompt", "home/refused"  # in the session: what is typed, and why it was refused


def ask(prompt: str) -> None:
    """For callbacks: leads to the lesson that runs the model on one's own prompt, where it is run."""
    if not prompt.strip():
        return
    try:
        go(f"{LESSON.slug}.py", {ASKED.name: ASKED.parse(prompt)})
    except BadValue as error:
        st.session_state[REFUSED] = str(error)


def box() -> None:
    """A prompt of one's own, and some that the model knows."""
    with st.form("ask", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            st.text_input(
                "Or ask for a picture",
                placeholder=ASKED.suggestions[0] if ASKED.suggestions else "",
                key=PROMPT,
            )
            st.form_submit_button(
                "Make it", icon=":material/play_arrow:", on_click=lambda: ask(st.session_state[PROMPT])
            )
    if refused := st.session_state.pop(REFUSED, None):
        st.warning(plain(refused), icon=":material/text_fields:")
    with st.container(key="known", horizontal=True, gap="xsmall"):
        for k, known in enumerate(ASKED.suggestions[1 : KNOWN + 1]):
            st.button(known, key=f"home/known/{k}", on_click=ask, args=(known,))


first_look = entered("home")
page_style()
with st.container(key="hero"):
    with st.container(key="hero-words"):
        st.title("Watch diffusion think", anchor=False)
        st.markdown(
            "Noise turns into a picture in a few dozen small steps. Stop any of them, open it, change it, break it."
        )
        with st.container(key="begin"):
            begin_tour()
        box()
    with st.container(key="hero-film"):
        first = LESSON.defaults()  # the run that lesson A0 opens on, so it is computed once for both
        films = glimpse(
            schedule().strided_timesteps(first["steps"]), [first[name] for name in ("p1", "p2", "p3")]
        )
        stage(LESSON, spec(first, model_fingerprint()), films, name="home", go=first_look)
cards(
    {
        heading: [card(here(lesson), model_fingerprint()) for lesson in COURSE if lesson.part == part]
        for part, heading in PARTS.items()
    },
    key="home/cards",
)
