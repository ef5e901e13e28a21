"""Rooms: an instructor opens one and leads, students join with its code, follow, and answer questions.

Everything is asked for with a token, which says who asks and in which room; nobody names a room that is not theirs.
All of it is on the disk at once, so a room outlives the server.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from core.classroom.drawings import Drawings
from core.classroom.table import Table
from core.classroom.words import (
    NAME_LENGTH,
    BadAnswer,
    BadName,
    ClassroomError,
    LeadsAlready,
    NoSuchRoom,
    NotInstructor,
    NotYourRoom,
    RoomFull,
    hashed,
    new_code,
    new_token,
    read_code,
    read_name,
)

log = logging.getLogger(__name__)

PRESENT_SECONDS = 15.0  # who has asked for the room's state within this time is there
KEPT_SECONDS = 30 * 86400.0  # rooms that nobody closed
QUERY_LENGTH = 4000
PAGE_LENGTH = 100


@dataclass(frozen=True)
class Person:
    """Somebody in a room. The instructor's `member` is 0."""

    code: str
    member: int
    name: str

    @property
    def leads(self) -> bool:
        return self.member == 0

    @property
    def owner(self) -> str:
        """Who this is for the executor: the same person in every tab and browser that holds the token."""
        return f"class:{self.code}:{self.member}"


@dataclass(frozen=True)
class Question:
    """What the class is asked: the question of the lesson `subject`, which has so many `choices`."""

    id: int
    subject: str
    choices: int
    revealed: bool


@dataclass(frozen=True)
class RoomState:
    """Where a class is. `version` grows with every change of anything else in here."""

    version: int
    instructor: str
    leading: bool
    page: str  # the lesson's address, "" for the start
    query: str  # the page's parameters, as in an address
    frame: int | None  # of the player ...
    total: int | None  # ... in a film of so many
    question: Question | None


@dataclass(frozen=True)
class Census:
    """How many there are, for the operator."""

    rooms: int
    members: int
    present: int


class Rooms:
    """Thread-safe. Every method is quick; those with a `token` raise NotYourRoom when it is nobody's."""

    def __init__(self, path: Path | str, *, clock: Callable[[], float] = time.time) -> None:
        self._table, self._clock = Table(Path(path)), clock
        self._seen: dict[Person, float] = {}  # of no use after a restart, so not on the disk
        self.drawings = Drawings(self._table, self._person, self._leader)

    # --- coming and going -----------------------------------------------------------------------------------

    def open(self, instructor: str, places: int = 80, token: str | None = None) -> tuple[str, str]:
        """A new room; returns its code and the instructor's token.

        Args:
            instructor: the name that students see.
            places: how many students may join.
            token: by which the instructor is known already, having logged in; a new one otherwise.

        Raises BadName; LeadsAlready.
        """
        name, token = read_name(instructor), token or new_token()
        with self._table.change() as table:
            _free(table, token)
            table.execute("DELETE FROM rooms WHERE opened_at < ?", (self._clock() - KEPT_SECONDS,))
            while True:
                code = new_code()
                if table.execute("SELECT 1 FROM rooms WHERE code = ?", (code,)).fetchone() is None:
                    break
            table.execute(
                "INSERT INTO rooms (code, instructor, token, places, opened_at) VALUES (?, ?, ?, ?, ?)",
                (code, name, hashed(token), places, self._clock()),
            )
        _note("a room was opened", room=code, places=places)
        return code, token

    def take_over(self, code: str, token: str | None = None) -> str:
        """A new token for the instructor, who has lost the old one: that one is void.

        With `token`, it is the one of another instructor, who has logged in. Raises NoSuchRoom; LeadsAlready.
        """
        token = token or new_token()
        with self._table.change() as table:
            _free(table, token)
            changed = table.execute(
                "UPDATE rooms SET token = ? WHERE code = ?", (hashed(token), read_code(code))
            )
            if changed.rowcount == 0:
                raise NoSuchRoom()
        _note("a room was taken over", room=read_code(code))
        return token

    def join(self, code: str, name: str) -> str:
        """The token of a new member. Raises NoSuchRoom, BadName (also for one that is taken), RoomFull."""
        code, name, token = read_code(code), read_name(name), new_token()
        with self._table.change() as table:
            members = self._add(table, code, name, token)
        _note("a student has joined", room=code, members=members)
        return token

    def enter(self, code: str, name: str, token: str) -> None:
        """Somebody who has logged in, and is known by `token`, joins this room and leaves the one before.

        A name that is taken gets a number: people cannot choose what their provider calls them. Who is in stays in.
        Raises NoSuchRoom, BadName, RoomFull; LeadsAlready.
        """
        code, name = read_code(code), read_name(name)
        with self._table.change() as table:
            here = (code, hashed(token))
            if table.execute("SELECT 1 FROM members WHERE code = ? AND token = ?", here).fetchone():
                return  # once more, from a second tab: the answers stay
            _free(table, token)
            rows = table.execute("SELECT folded FROM members WHERE code = ?", (code,)).fetchall()
            taken = {row["folded"] for row in rows}
            names = (name if k == 1 else f"{name[: NAME_LENGTH - 5].rstrip()} {k}" for k in count(1))
            free = next(name for name in names if name.casefold() not in taken)
            members = self._add(table, code, free, token)
        _note("a student has joined", room=code, members=members)

    def instructors(self) -> list[Person]:
        """Those who lead a room at the moment, the latest first: for whoever has logged in and may choose one."""
        rows = self._table.all(
            "SELECT code, 0, instructor FROM rooms WHERE opened_at >= ? ORDER BY opened_at DESC",
            self._clock() - KEPT_SECONDS,
        )
        return [Person(*row) for row in rows]

    def whois(self, token: str) -> Person | None:
        """Whose token this is; None if it is nobody's, also after the room was closed."""
        key = hashed(token)
        row = self._table.one(
            "SELECT code, 0 AS member, instructor AS name FROM rooms WHERE token = ? "
            "UNION ALL SELECT code, id, name FROM members WHERE token = ?",
            key, key,
        )  # fmt: skip
        return Person(*row) if row else None

    def leave(self, token: str) -> None:
        """A student's place is free again, and the answers go with the student."""
        person = self._person(token)
        if person.leads:
            raise ClassroomError("The instructor cannot leave the room: close it.")
        self._remove(person.code, person.member)

    def remove(self, token: str, member: int) -> None:
        """The instructor takes somebody out of the room. Raises NotInstructor."""
        self._remove(self._leader(token).code, member)

    def close_room(self, token: str) -> None:
        """The room, its members and their answers are deleted. Raises NotInstructor."""
        code = self._leader(token).code
        with self._table.change() as table:
            table.execute("DELETE FROM rooms WHERE code = ?", (code,))
        _note("a room was closed", room=code)

    def members(self, token: str) -> list[Person]:
        """Who has joined, in the order of joining. For the instructor: raises NotInstructor."""
        code = self._leader(token).code
        rows = self._table.all("SELECT code, id, name FROM members WHERE code = ? ORDER BY id", code)
        return [Person(*row) for row in rows]

    # --- leading and following ------------------------------------------------------------------------------

    def state(self, token: str) -> RoomState:
        """Where the class is. Whoever asks is there (`present`)."""
        person = self._person(token)
        self._seen[person] = self._clock()
        row = self._table.one("SELECT * FROM rooms WHERE code = ?", person.code)
        if row is None:
            raise NotYourRoom()
        return RoomState(
            row["version"], row["instructor"], bool(row["leading"]), row["page"], row["query"], row["frame"],
            row["total"], self._question(person.code),
        )  # fmt: skip

    def lead(
        self, token: str, page: str, query: str, frame: int | None = None, total: int | None = None
    ) -> None:
        """The instructor is here now. Raises NotInstructor; ClassroomError for what is no place."""
        if len(page) > PAGE_LENGTH or len(query) > QUERY_LENGTH:
            raise ClassroomError("This address is too long to be followed.")
        code = self._leader(token).code
        self._change(
            code, "leading = 1, page = ?, query = ?, frame = ?, total = ?", page, query, frame, total
        )

    def stop_leading(self, token: str) -> None:
        """Raises NotInstructor."""
        self._change(self._leader(token).code, "leading = 0")

    def present(self, token: str) -> int:
        """How many students of the room are there at the moment."""
        code, since = self._person(token).code, self._clock() - PRESENT_SECONDS
        self._seen = {person: at for person, at in self._seen.copy().items() if at > since}
        return sum(person.code == code and not person.leads for person in self._seen)

    # --- asking the class -----------------------------------------------------------------------------------

    def ask(self, token: str, subject: str, choices: int) -> Question:
        """Put a question to the class, in place of the one before. Raises NotInstructor."""
        code = self._leader(token).code
        with self._table.change() as table:
            table.execute("UPDATE questions SET put_away = 1 WHERE code = ?", (code,))
            made = table.execute(
                "INSERT INTO questions (code, subject, choices) VALUES (?, ?, ?)", (code, subject, choices)
            )
            table.execute("UPDATE rooms SET version = version + 1 WHERE code = ?", (code,))
        _note("the class is asked", room=code, subject=subject)
        assert made.lastrowid is not None  # an INSERT has one
        return Question(made.lastrowid, subject, choices, revealed=False)

    def reveal(self, token: str) -> None:
        """Show the answers to all; none counts afterwards. Raises NotInstructor."""
        self._change_question(token, "revealed = 1")

    def put_away(self, token: str) -> None:
        """The question leaves everybody's page. Raises NotInstructor."""
        self._change_question(token, "put_away = 1")

    def answer(self, token: str, question: int, choice: int) -> None:
        """A student's guess, which may be changed until the answers are shown. Raises BadAnswer."""
        person = self._person(token)
        if person.leads:
            raise BadAnswer("The class is asked, not its instructor.")
        with self._table.change() as table:
            row = table.execute(
                "SELECT * FROM questions WHERE id = ? AND code = ?", (question, person.code)
            ).fetchone()
            if row is None or row["put_away"] or row["revealed"]:
                raise BadAnswer("This question is closed: your answer came too late.")
            if not 0 <= choice < row["choices"]:
                raise BadAnswer("This question has no such answer: choose one of those shown.")
            table.execute(
                "INSERT OR REPLACE INTO answers (question, member, choice) VALUES (?, ?, ?)",
                (question, person.member, choice),
            )

    def my_answer(self, token: str, question: int) -> int | None:
        """What this student has answered."""
        person = self._person(token)
        row = self._table.one(
            "SELECT choice FROM answers WHERE question = ? AND member = ?", question, person.member
        )
        return row["choice"] if row else None

    def tally(self, token: str, question: int) -> list[int]:
        """How often each choice was taken: for the instructor at any time, for students once it is shown.

        Raises BadAnswer.
        """
        person = self._person(token)
        row = self._table.one("SELECT * FROM questions WHERE id = ? AND code = ?", question, person.code)
        if row is None or not (person.leads or row["revealed"]):
            raise BadAnswer("The answers are shown when the instructor reveals them.")
        counts = dict(
            map(
                tuple,
                self._table.all(
                    "SELECT choice, count(*) FROM answers WHERE question = ? GROUP BY choice", question
                ),
            )
        )
        return [counts.get(choice, 0) for choice in range(row["choices"])]

    # --- for the books --------------------------------------------------------------------------------------

    def census(self) -> Census:
        """Raises sqlite3.Error when the table does not answer."""
        [row] = self._table.all("SELECT (SELECT count(*) FROM rooms), (SELECT count(*) FROM members)")
        since = self._clock() - PRESENT_SECONDS
        present = sum(at > since and not person.leads for person, at in self._seen.copy().items())
        return Census(row[0], row[1], present)

    def close(self) -> None:
        self._table.close()

    # --- inside ---------------------------------------------------------------------------------------------

    def _add(self, table: sqlite3.Connection, code: str, name: str, token: str) -> int:
        """A new member; returns how many there are now. Raises NoSuchRoom, RoomFull; BadName for one that is taken."""
        room = table.execute("SELECT * FROM rooms WHERE code = ?", (code,)).fetchone()
        if room is None:
            raise NoSuchRoom()
        (members,) = table.execute("SELECT count(*) FROM members WHERE code = ?", (code,)).fetchone()
        if members >= room["places"]:
            raise RoomFull(room["places"])
        try:
            table.execute(
                "INSERT INTO members (code, name, folded, token, joined_at) VALUES (?, ?, ?, ?, ?)",
                (code, name, name.casefold(), hashed(token), self._clock()),
            )
        except sqlite3.IntegrityError as error:
            raise BadName("Somebody in this room has this name already: add a letter to yours.") from error
        return members + 1

    def _person(self, token: str) -> Person:
        person = self.whois(token)
        if person is None:
            raise NotYourRoom()
        return person

    def _leader(self, token: str) -> Person:
        person = self._person(token)
        if not person.leads:
            raise NotInstructor()
        return person

    def _question(self, code: str) -> Question | None:
        row = self._table.one(
            "SELECT id, subject, choices, revealed FROM questions WHERE code = ? AND put_away = 0 "
            "ORDER BY id DESC LIMIT 1",
            code,
        )  # fmt: skip
        return Question(row["id"], row["subject"], row["choices"], bool(row["revealed"])) if row else None

    def _remove(self, code: str, member: int) -> None:
        with self._table.change() as table:
            table.execute("DELETE FROM members WHERE code = ? AND id = ?", (code, member))

    def _change(self, code: str, what: str, *values: object) -> None:
        with self._table.change() as table:
            table.execute(f"UPDATE rooms SET version = version + 1, {what} WHERE code = ?", (*values, code))

    def _change_question(self, token: str, what: str) -> None:
        code = self._leader(token).code
        with self._table.change() as table:
            table.execute(f"UPDATE questions SET {what} WHERE code = ? AND put_away = 0", (code,))
            table.execute("UPDATE rooms SET version = version + 1 WHERE code = ?", (code,))


def _free(table: sqlite3.Connection, token: str) -> None:
    """Whoever goes into another room leaves the one before; an instructor has to close it. Raises LeadsAlready."""
    if table.execute("SELECT 1 FROM rooms WHERE token = ?", (hashed(token),)).fetchone():
        raise LeadsAlready()
    table.execute("DELETE FROM members WHERE token = ?", (hashed(token),))


def _note(event: str, **about: object) -> None:
    """For the operator's log: no names, and no answers."""
    log.info(event, extra={"about": about})
