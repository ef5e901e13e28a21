"""What a class has drawn: kept in the room's own file, so that it goes when the room goes, and with whoever leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.classroom.table import Table
from core.classroom.words import ClassroomError

if TYPE_CHECKING:
    from core.classroom.rooms import Person

BYTES = 28 * 28  # of a drawing: one for each pixel
MOST_EACH = 30
MOST_IN_A_ROOM = 600


class CollectionClosed(ClassroomError):
    def __init__(self) -> None:
        super().__init__(
            "The collection is closed: your drawing came too late. Ask your instructor to open it again."
        )


class NoSuchDrawing(ClassroomError):
    def __init__(self) -> None:
        super().__init__("This drawing is not yours, or it is not here any more.")


@dataclass(frozen=True)
class ClassDrawing:
    """One drawing. `pixels` are BYTES, row by row; `name` is whose it is, if they want that shown; `mine`: the asker's."""

    id: int
    pixels: bytes
    name: str | None
    mine: bool


@dataclass(frozen=True)
class Collection:
    """How a room's collection stands. `training` is the canonical JSON of the job that is trained on it, once closed."""

    closed: bool
    training: str | None
    drawings: int
    people: int


@dataclass(frozen=True)
class LeftBehind:
    """A result and the drawings that it was trained on, whose room is gone."""

    job: str
    blob: str


class Drawings:
    """Thread-safe. Methods with a `token` raise NotYourRoom when it is nobody's, those for the instructor NotInstructor."""

    def __init__(
        self, table: Table, person: Callable[[str], Person], leader: Callable[[str], Person]
    ) -> None:
        self._table, self._person, self._leader = table, person, leader

    def add(self, token: str, pixels: bytes, named: bool) -> None:
        """Somebody gives a drawing to the class; `named`: their name may stand with it.

        Raises CollectionClosed; ClassroomError for what is no drawing, and for one too many.
        """
        person = self._person(token)
        if len(pixels) != BYTES:
            raise ClassroomError(f"A drawing has 28 × 28 pixels; this has {len(pixels)}. Draw it anew.")
        member = None if person.leads else person.member
        with self._table.change() as table:
            row = table.execute("SELECT closed FROM collections WHERE code = ?", (person.code,)).fetchone()
            if row is not None and row["closed"]:
                raise CollectionClosed()
            [all_of_them] = table.execute(
                "SELECT count(*) FROM drawings WHERE code = ?", (person.code,)
            ).fetchone()
            [own] = table.execute(
                "SELECT count(*) FROM drawings WHERE code = ? AND member IS ?", (person.code, member)
            ).fetchone()
            if all_of_them >= MOST_IN_A_ROOM:
                raise ClassroomError(f"The class has {MOST_IN_A_ROOM} drawings, as many as there may be.")
            if not person.leads and own >= MOST_EACH:
                raise ClassroomError(
                    f"You have given {MOST_EACH} drawings, as many as one may: take one back first."
                )
            table.execute(
                "INSERT INTO drawings (code, member, pixels, named) VALUES (?, ?, ?, ?)",
                (person.code, member, pixels, int(named)),
            )

    def take_back(self, token: str, drawing: int) -> None:
        """One's own drawing; the instructor takes out anybody's. Raises NoSuchDrawing, CollectionClosed."""
        person = self._person(token)
        with self._table.change() as table:
            row = table.execute("SELECT closed FROM collections WHERE code = ?", (person.code,)).fetchone()
            if row is not None and row["closed"]:
                raise CollectionClosed()
            gone = table.execute(
                "DELETE FROM drawings WHERE id = ? AND code = ? AND (? OR member = ?)",
                (drawing, person.code, person.leads, person.member),
            )
            if gone.rowcount == 0:
                raise NoSuchDrawing()

    def all(self, token: str) -> list[ClassDrawing]:
        """The drawings of the asker's room, in the order in which they came."""
        person = self._person(token)
        rows = self._table.all(
            "SELECT d.id, d.pixels, d.named, d.member, coalesce(m.name, r.instructor) AS name FROM drawings d "
            "JOIN rooms r ON r.code = d.code LEFT JOIN members m ON m.id = d.member WHERE d.code = ? ORDER BY d.id",
            person.code,
        )  # fmt: skip
        return [
            ClassDrawing(
                row["id"], row["pixels"], row["name"] if row["named"] else None,
                mine=(row["member"] or 0) == person.member,
            )
            for row in rows
        ]  # fmt: skip

    def stands(self, token: str) -> Collection:
        """How the collection of the asker's room stands, without the drawings."""
        code = self._person(token).code
        row = self._table.one("SELECT closed, training FROM collections WHERE code = ?", code)
        counts = self._table.one(
            "SELECT count(*) AS drawings, count(DISTINCT coalesce(member, 0)) AS people FROM drawings WHERE code = ?", code
        )  # fmt: skip
        assert counts is not None  # a count always has a row
        return Collection(
            bool(row and row["closed"]),
            row["training"] if row else None,
            counts["drawings"],
            counts["people"],
        )

    def close(self, token: str, training: str, job: str, blob: str) -> None:
        """Nothing more is taken; this is trained on what there is. Raises NotInstructor.

        `training`: the parameters of the job, as JSON; `job`: its id; `blob`: the name of the drawings in the store. The
        last two are among `left_behind` once the room is gone.
        """
        code = self._leader(token).code
        with self._table.change() as table:
            table.execute(
                "INSERT INTO collections (code, closed, training) VALUES (?, 1, ?) "
                "ON CONFLICT (code) DO UPDATE SET closed = 1, training = excluded.training",
                (code, training),
            )
            table.execute(
                "INSERT OR REPLACE INTO trained (code, job, blob) VALUES (?, ?, ?)", (code, job, blob)
            )

    def open_again(self, token: str) -> None:
        """More drawings are taken; what was trained stays until the next closing. Raises NotInstructor."""
        code = self._leader(token).code
        with self._table.change() as table:
            table.execute("UPDATE collections SET closed = 0 WHERE code = ?", (code,))

    # --- what goes with the room ----------------------------------------------------------------------------

    def left_behind(self) -> list[LeftBehind]:
        """What was trained in rooms that are gone, and is still to be erased."""
        return [LeftBehind(row["job"], row["blob"]) for row in self._table.all("SELECT * FROM to_erase")]

    def erased(self, left: LeftBehind) -> None:
        """It is not on the disk any more."""
        with self._table.change() as table:
            table.execute("DELETE FROM to_erase WHERE job = ? AND blob = ?", (left.job, left.blob))
