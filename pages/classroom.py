"""The class: its code on the screen, who has joined, and the way out. On a laptop: how to have one."""

import io

import segno
import streamlit as st

from core.classroom.rooms import Person
from core.classroom.words import ClassroomError, spaced
from lessons.teaching import plans
from pages.components.address import base
from pages.components.cards import cards
from pages.components.plain import plain
from pages.components.style import page_style
from pages.server.classroom.entry import entry, leave
from pages.server.classroom.identity import class_settings, or_say, person, rooms, token
from pages.server.classroom.present import presenter
from pages.server.erasing import erase_left_behind
from pages.server.runtime import model_here, owner
from pages.server.session import entered
from pages.ui.lesson_cards import card

entered("class")
LOOK_SECONDS = 2.0
OPEN_PLAN = "50 minutes, Part A"
CODE_STYLE = (
    "font-size: clamp(3rem, 8vw, 7rem); font-weight: 700; letter-spacing: .06em; line-height: 1.1; margin: 0"
)


def join_address(code: str) -> str:
    """What the QR picture says: the way in, with the code filled in where one is asked for."""
    public = class_settings().public_url
    if not public:
        scheme, _, rest = (st.context.url or "").partition("://")
        public = f"{scheme}://{rest.split('/')[0]}{base()}"
    return f"{public}/class" + ("" if class_settings().by_login else f"?code={code}")


def qr(text: str) -> bytes:
    """A QR picture, black on white in every theme: cameras want it so."""
    picture = io.BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=8, border=4)
    return picture.getvalue()


def room_of_the_instructor(code: str) -> None:
    address = join_address(code)
    st.title("Your class", anchor=False)
    picture, words = st.columns([2, 3], gap="large", vertical_alignment="center")
    picture.image(qr(address), width="stretch", output_format="PNG", caption="Point a phone’s camera here",
                  alt=f"QR picture of {address}")  # fmt: skip
    with words:
        where = f"Open **{address.partition('?')[0].partition('://')[2]}** and"
        if class_settings().by_login:
            st.markdown(f"{where} log in")
            st.caption(f"Room {spaced(code)}: another instructor takes it up with this code.")
        else:
            st.markdown(f"{where} type")
            st.html(f'<p class="room-code" style="{CODE_STYLE}">{spaced(code)}</p>')
        if address.split("://")[-1].startswith(("localhost", "127.")):
            st.warning(
                "This address is of this machine only. Open the app under a name that students can reach.",
                icon=":material/wifi_off:",
            )
    st.fragment(members, run_every=LOOK_SECONDS, key="classroom/members")()
    st.header("How to lead", anchor=False)
    st.markdown(
        "“Lead the class”, in the bar above, has the class follow this tab: its page, its controls, the cursor of its "
        "player. Each student can let go, and follow again. On a lesson, “Ask the class” puts the lesson’s question "
        "to everybody; you see the answers come in and decide when all see them."
    )
    with st.popover("Close the room", icon=":material/door_front:"):
        st.markdown(
            "Names, answers and drawings are deleted, with what was trained on them, and all students are out."
        )
        if st.button("Close it for all", type="primary", key="classroom/close"):
            mine = owner()
            or_say(rooms().close_room, token())
            erase_left_behind(mine)
            leave("classroom/closed")
    if class_settings().by_login:
        from pages.server.classroom.login_entry import log_out

        log_out()


def members() -> None:
    """The list of names, kept up to date; each can be removed, which also frees the name."""
    try:
        there = rooms().members(token())
    except ClassroomError:
        return
    st.header(f"{len(there)} of {class_settings().places} places are taken", anchor=False)
    with st.container(horizontal=True, gap="xsmall"):
        for member in there:
            with st.popover(plain(member.name), type="tertiary"):
                st.button(
                    "Remove from the room", key=f"classroom/remove/{member.member}",
                    on_click=or_say, args=(rooms().remove, token(), member.member),
                )  # fmt: skip


def room_of_a_student(who: Person) -> None:
    st.title(f"Room {spaced(who.code)}", anchor=False)
    st.markdown(
        f"You are here as **{plain(who.name)}**. When your instructor leads, this app follows; one click lets go."
    )
    if st.button("Leave the class", icon=":material/logout:"):
        or_say(rooms().leave, token())
        leave("classroom/left")
    if class_settings().by_login:
        from pages.server.classroom.login_entry import log_out

        log_out()


def laptop() -> None:
    st.title("Class", anchor=False)
    st.markdown(
        "On a projector, or with a class whose screens follow yours; and what to show in 5, 50 or 80 minutes."
    )
    projector, served = st.columns(2, gap="large")
    with projector:
        how_to_present()
    with served:
        st.header("With students at their own screens", anchor=False)
        st.markdown(
            "This app runs for you alone. Served from one computer (`make serve`, see docs/hosting.md), it has a room: "
            "students join with a code or a phone’s camera, follow your page and your player, answer the questions at "
            "once, and draw what a network then learns."
        )
    lesson_plans()


def how_to_present() -> None:
    st.header("On a projector", anchor=False)
    st.markdown(
        "On any lesson the key **p** makes the figure and the type big and leaves the menu and the controls out. Page Down "
        "and Page Up go from stop to stop: claim, picture, question, what to look for, and what is folded below; after "
        "the last one comes the next lesson. Esc ends it."
    )
    presenter(offer=True)


def lesson_plans() -> None:
    """What a teacher looks for before a class: what to show in which order, and what to ask."""
    st.header("Lesson plans", anchor=False)
    found, model = plans(), model_here()
    for number, (tab, plan) in enumerate(
        zip(st.tabs(list(found), default=OPEN_PLAN), found.values(), strict=True)
    ):
        with tab:
            if plan.lessons:
                cards(
                    {"": [card(lesson, model) for lesson in plan.lessons]},
                    key=f"classroom/plan/{number}",
                    small=True,
                )
            st.markdown(plan.text)


page_style()
if not class_settings().on:
    laptop()
elif (me := person()) is None:
    entry()
    presenter(offer=False)
elif me.leads:
    room_of_the_instructor(me.code)
    how_to_present()
    lesson_plans()
else:
    room_of_a_student(me)
    presenter(offer=False)
