"""Characters that cannot be seen, by name: what is typed or pasted may hold some, and looks as if it did not."""

from __future__ import annotations

import unicodedata

UNNAMED = "an unnamed character"
# Seen as nothing although they are no controls: fillers and blanks that count as letters or symbols.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0\ufffc")
_CONTROL_NAMES = {0x00: "NULL", 0x08: "BACKSPACE", 0x1B: "ESCAPE", 0x7F: "DELETE"}


def is_invisible(sign: str) -> bool:
    """Whether a character shows nothing of itself: controls, marks of direction, zero width, variation selectors."""
    code = ord(sign)
    return (
        unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
        or sign in _BLANK
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    )


def name_of(sign: str) -> str:
    """ "U+200B ZERO WIDTH SPACE"."""
    code = ord(sign)
    return f"U+{code:04X} {unicodedata.name(sign, _CONTROL_NAMES.get(code, UNNAMED))}"


def invisible_in(text: str) -> dict[str, int]:
    """How often each invisible character stands in the text, in the order of their first places."""
    found: dict[str, int] = {}
    for sign in text:
        if is_invisible(sign):
            found[sign] = found.get(sign, 0) + 1
    return found


def visible(text: str) -> str:
    """The text with a code for each character that cannot be seen, such as ‹U+200B›; the order on screen is the text's."""
    return "".join(f"‹U+{ord(sign):04X}›" if is_invisible(sign) else sign for sign in text)


def quoted(text: str, most: int = 40) -> str:
    """The beginning of the text in quotation marks, for a sentence: `most` characters, codes counted as written."""
    shown = ""
    for sign in text:
        code = visible(sign)
        if len(shown) + len(code) > most:
            return f"“{shown}…”"
        shown += code
    return f"“{shown}”"
