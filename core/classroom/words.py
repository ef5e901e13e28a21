"""The words of a classroom: codes that can be read out, names that can be shown, and what can be wrong with either."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
import unicodedata
from collections import defaultdict, deque
from collections.abc import Callable

# Letters that no other one on the list is mistaken for on a projector. No vowels, so that no code spells a word.
LETTERS = "BCDFGHJKMNPQRSTVWXZ"
CODE_LENGTH = 6
NAME_LENGTH = 40


class ClassroomError(ValueError):
    """What somebody asked of a room and cannot have; the message is one sentence for them."""


class NoSuchRoom(ClassroomError):
    def __init__(self) -> None:
        super().__init__("There is no open room with this code: compare it with the one on the screen.")


class BadName(ClassroomError):
    pass


class RoomFull(ClassroomError):
    def __init__(self, places: int) -> None:
        super().__init__(f"This room is full: it has {places} places. Ask the instructor for a larger one.")


class NotYourRoom(ClassroomError):
    def __init__(self) -> None:
        super().__init__("This is not your room: join it with its code.")


class NotInstructor(ClassroomError):
    def __init__(self) -> None:
        super().__init__("Only the instructor of this room can do that.")


class LeadsAlready(ClassroomError):
    def __init__(self) -> None:
        super().__init__("You lead a room already: close it first.")


class BadSecret(ClassroomError):
    def __init__(self) -> None:
        super().__init__("This is not the instructor's secret: it stands in the settings of the server.")


class BadAnswer(ClassroomError):
    pass


class NotKept(ClassroomError):
    def __init__(self) -> None:
        super().__init__(
            "The server cannot keep this at the moment: tell whoever runs it that its disk may be full."
        )


class TooManyTries(ClassroomError):
    def __init__(self) -> None:
        super().__init__("There were too many wrong tries from this address: wait a minute, then try again.")


def new_code() -> str:
    """A code of `CODE_LENGTH` letters, one of 47 million."""
    return "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """The code that was meant: case, blanks and hyphens do not count. Raises NoSuchRoom."""
    code = re.sub(r"[\s-]", "", text[:100]).upper()
    if len(code) != CODE_LENGTH or set(code) - set(LETTERS):
        raise NoSuchRoom()
    return code


def spaced(code: str) -> str:
    """The code as it is shown, in two halves."""
    return f"{code[: CODE_LENGTH // 2]} {code[CODE_LENGTH // 2 :]}"


def read_name(text: str) -> str:
    """A name fit for a list on a projector: 1 to `NAME_LENGTH` visible characters. Raises BadName."""
    if len(text) > 10 * NAME_LENGTH:  # before anything is done with it
        raise BadName(f"This name is too long: give one of at most {NAME_LENGTH} characters.")
    # Controls, and marks that turn or hide the text around them, are left out.
    visible = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFKC", text))
    visible = "".join(c for c in visible if unicodedata.category(c)[0] != "C")
    name = " ".join(visible.split())
    if not any(c.isalnum() for c in name):
        raise BadName("Give a name: the instructor sees who has joined.")
    if len(name) > NAME_LENGTH:
        raise BadName(f"This name is too long: give one of at most {NAME_LENGTH} characters.")
    return name


def new_token() -> str:
    """What a browser keeps to show who it is: 256 random bits."""
    return secrets.token_urlsafe(32)


def hashed(token: str) -> str:
    """What the table keeps of a token: whoever reads the file cannot use it."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def require_secret(given: str, wanted: str) -> None:
    """Raises BadSecret; takes as long for a nearly right text as for a wrong one."""
    if not wanted or not secrets.compare_digest(hashed(given), hashed(wanted)):
        raise BadSecret()


class Tries:
    """Counts wrong tries by address, so that codes and secrets cannot be guessed one after the other. Thread-safe."""

    def __init__(self, most: int, seconds: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, seconds, clock
        self._wrong: dict[str, deque[float]] = defaultdict(deque)
        self._lock = threading.Lock()

    def check(self, address: str) -> None:
        """Raises TooManyTries after `most` wrong ones within `seconds`."""
        with self._lock:
            if len(self._recent(address)) >= self._most:
                raise TooManyTries()

    def wrong(self, address: str) -> None:
        with self._lock:
            self._recent(address).append(self._clock())
            if len(self._wrong) > 10_000:  # an attacker with many addresses must not fill the memory
                del self._wrong[next(iter(self._wrong))]

    def _recent(self, address: str) -> deque[float]:
        times = self._wrong[address]
        while times and times[0] < self._clock() - self._seconds:
            times.popleft()
        return times
