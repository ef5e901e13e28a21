"""Numbers as people write them: read as they are meant, or refused; never read as another number in silence.

The point is the decimal mark of this app. A decimal comma, marks between thousands (point, comma, apostrophe, spaces,
underscore), the minus signs of several keyboards, digits of other scripts, powers of ten, "10 %", "60k" and "γ = 7.5"
are read, too, wherever they can mean one number only. What can mean two is refused with both ways of writing it: "1,000"
as a decimal number (1 or 1000), "7,5" in a list (one number or two). Grouping as in CLDR's number formats (Unicode
Technical Standard 35, part 3), Indian lakhs included. Values are exact: a `Decimal` has every digit that was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from decimal import Decimal

LONGEST = 200  # characters: longer text is no number that a person has typed

_SIGNS = dict.fromkeys("‐‑‒–—−﹣－", "-") | dict.fromkeys("﹢＋", "+")
_APOSTROPHES = dict.fromkeys("’‘ʼ´＇", "'")
_MARKS = {"，": ",", "،": ",", "．": ".", "；": ";", "؛": ";", "、": ";", "\n": ";", "|": ";"}
_PERCENT = {"％": "%", "٪": "%"}
# Spaces that hold a number together, as word processors and locales write them; other spaces part the items of a list.
_JOINING = dict.fromkeys("\u00a0\u2007\u2008\u2009\u200a\u202f\u205f", "\u00a0")
# Zero-width characters and marks of direction, which come along when something is copied. Overrides of the direction
# are not among them: what is written under them does not look like what it is.
_INVISIBLE = dict.fromkeys(
    "\u200b\u200c\u200d\u200e\u200f\u061c\u2060\ufeff\u202a\u202b\u202c\u2066\u2067\u2068\u2069", ""
)
_FOLDED = _SIGNS | _APOSTROPHES | _MARKS | _PERCENT | _JOINING | _INVISIBLE
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")

_NUMBER = re.compile(r"([-+]?) ?([\d.,' _٬٫]*[\d.,])(?:e([-+]?\d{1,4}))?(?: ?(%|[^\W\d_]+))?")
_PLAIN = re.compile(r"[-+]?(\d+)(?:\.(\d+))?(?:[eE][-+]?\d+)?")


class NotANumber(ValueError):
    """Text that is no number, or none that can be read with certainty."""


class TwoReadings(NotANumber):
    """Text that can mean several things; `ways` are these, each written so that it means one."""

    def __init__(self, *ways: str) -> None:
        super().__init__(" or ".join(ways))
        self.ways = ways


def read_number(text: str, *, whole: bool = False, words: Collection[str] = ()) -> Decimal:
    """The number that `text` means, exactly.

    Args:
        text: what was typed, or what stands in an address.
        whole: a whole number is wanted, so that "60.000" is sixty thousand; as a decimal number it is 60.
        words: what may stand before the number ("γ =") or behind it ("5 epochs"), in lower case.

    Raises:
        NotANumber: it means none.
        TwoReadings: it can mean two.
    """
    found = _NUMBER.fullmatch(_scaled(_without_name(_folded(text).replace("\u00a0", " "), words)))
    if found is None:
        raise NotANumber(text)
    sign, body, power, unit = found.groups()
    exponent = int(power or 0) + _power_of(unit, text, whole, words)
    try:
        integer, fraction = _digits(body, whole, scaled=bool(power))
    except TwoReadings as error:
        ways = [Decimal(f"{sign}{way}e{exponent}") for way in error.ways]
        raise TwoReadings(*map(written, ways)) from None
    except NotANumber:
        raise NotANumber(text) from None
    return Decimal(f"{sign}{integer or 0}.{fraction or 0}e{exponent}")


def read_numbers(text: str, *, whole: bool = False, words: Collection[str] = ()) -> list[Decimal]:
    """The numbers of a list, in its order, repetitions included: "0; 1; 7.5", "0, 1, 7.5", "0,1,7.5" or "0 1 7.5".

    Semicolons part numbers with a decimal comma: "0,5; 1". See `read_number` for the arguments and what is raised;
    TwoReadings also for "7,5" (one number or two, unless both are whole) and "1 000".
    """
    folded = _without_name(re.sub(r"[^\S\u00a0;]+", " ", _folded(text)), words)
    parts = [part for part in (part.strip(" ") for part in folded.split(";")) if part]
    if ";" not in folded.rstrip("; "):
        return [] if not parts else _listed(parts[0].strip(", "), whole, words)
    numbers = []
    for part in parts:
        try:
            numbers.append(read_number(part, whole=whole, words=words))
        except TwoReadings:
            raise
        except NotANumber:
            if re.search(r",(?! )", part):  # "1,2,3; 4": a comma cannot be both
                raise
            numbers += _listed(part, whole, words)
    return numbers


def written(value: Decimal | float) -> str:
    """The number as this app writes it: 7.0 as "7", 0.1 as "0.1", and no digit lost."""
    if isinstance(value, Decimal):
        text = format(value.normalize() if len(value.as_tuple().digits) <= 28 else value, "f")
        return text if len(text) <= 24 else str(value)
    if abs(value) < 1e15 and value == int(value):
        return str(int(value))
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def is_plain(text: str, *, whole: bool = False) -> bool:
    """Whether the text can be taken in one way only, whatever one is used to; what is not plain is read out to be seen."""
    found = _PLAIN.fullmatch(text.strip())
    if found is None or not text.isascii():
        return False
    integer, fraction = found.groups()
    return fraction is None or (not whole and not (len(fraction) == 3 and integer.strip("0")))


# ---- one number --------------------------------------------------------------------------------------------


def _folded(text: str) -> str:
    """The text with ASCII digits, one kind of each sign and mark, and without what is invisible."""
    if len(text) > LONGEST:
        raise NotANumber(text)
    signs = []
    for sign in text.strip():
        digit = unicodedata.decimal(sign, None)
        if digit is not None:
            signs.append(str(digit))
        else:
            signs.append(_FOLDED.get(sign, " " if sign.isspace() else sign))
    return "".join(signs).strip(" \u00a0")


def _without_name(text: str, words: Collection[str]) -> str:
    """ "γ = 7.5" as "7.5", if γ is one of the words."""
    found = re.match(r"([^\W\d]\w*) ?[=:] ?", text)
    return text[found.end() :] if found and found[1].casefold() in words else text


def _scaled(text: str) -> str:
    """Powers of ten in one way: "1,5 × 10⁻³", "1,5·10^-3" and "1,5 E -3" as "1,5e-3"."""
    text = re.sub(
        r"(?<![\d.,])10 ?([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", lambda power: "10^" + power[1].translate(_RAISED), text
    )
    text = re.sub(r"(?<=[\d.,]) ?[xX×*·⋅] ?10 ?(?:\^|\*\*) ?([-+]?) ?(?=\d)", r"e\1", text)
    text = re.sub(r"^([-+]? ?)10 ?(?:\^|\*\*) ?([-+]?) ?(?=\d)", r"\g<1>1e\2", text)
    return re.sub(r"(?<=[\d.,]) ?[eE] ?([-+]?) ?(?=\d)", r"e\1", text)


def _power_of(unit: str | None, text: str, whole: bool, words: Collection[str]) -> int:
    """The power of ten that stands behind a number; 0 for a word that only says what is counted."""
    if unit is None:
        return 0
    if unit == "%" and not whole:
        return -2
    if unit in ("k", "K"):
        return 3
    word = unit.casefold()
    if {word, f"{word}s", word.removesuffix("s")} & set(words):
        return 0
    raise NotANumber(text)


def _digits(body: str, whole: bool, scaled: bool) -> tuple[str, str]:
    """The digits before and after the decimal mark.

    Raises:
        NotANumber: the marks do not stand as in a number.
        TwoReadings: as in "1,000".
    """
    parts = re.split(r"([.,' _٬٫])", body.strip())
    digits, marks = parts[::2], parts[1::2]
    decimal = _decimal_mark(digits, marks, whole, scaled)
    groups = digits if decimal is None else digits[: decimal + 1]
    fraction = "" if decimal is None else digits[decimal + 1]
    between = marks if decimal is None else marks[:decimal]
    after = [] if decimal is None else marks[decimal + 1 :]
    if after or len(set(between)) > 1 or not (groups[0] or fraction):
        raise NotANumber(body)
    if between and not (_grouped(groups) and (fraction or decimal is None)):
        raise NotANumber(body)
    return "".join(groups), fraction


def _decimal_mark(digits: list[str], marks: list[str], whole: bool, scaled: bool) -> int | None:
    """Which of the marks is the decimal one; None if none is."""
    ends = [mark for mark in marks if mark in ".,٫"]
    kinds = set(ends)
    if not ends or (len(kinds) == 1 and len(ends) > 1):
        return None  # marks that come twice stand between thousands
    last = len(marks) - 1 - marks[::-1].index(ends[-1])
    if marks.count(marks[last]) > 1:
        raise NotANumber("".join(marks))  # "1.234,567,890"
    if len(marks) > 1 or marks[last] == "٫" or not _grouped(digits):
        return last
    if marks[last] == "." and (scaled or not whole):
        return last
    if whole and not scaled:
        return None
    raise TwoReadings(".".join(digits), "".join(digits))


def _grouped(groups: list[str]) -> bool:
    """Whether these are the groups of a number's thousands: 1 234 567, or in lakhs 12 34 567."""
    first, *others = groups
    if not others or first[:1] in ("", "0") or len(others[-1]) != 3:
        return False
    western = len(first) <= 3 and all(len(group) == 3 for group in others)
    indian = len(others) > 1 and len(first) <= 2 and all(len(group) == 2 for group in others[:-1])
    return western or indian


# ---- several -----------------------------------------------------------------------------------------------


def _listed(text: str, whole: bool, words: Collection[str]) -> list[Decimal]:
    """The numbers of a list without semicolons: parted by commas or by spaces."""
    if re.fullmatch(r"[-+]?\d+[, ]0\d+", text):
        return [read_number(text, whole=whole)]  # "0,01" and "1 000": nobody writes 1 as 01
    tight, loose = re.search(r",(?! |$)", text), re.search(r", ", text)
    if tight and not whole and (loose or " " in text):
        raise NotANumber(text)  # "0,5, 1": is the first comma a decimal one?
    if (tight and not loose) or (not tight and not loose and " " in text):
        _refuse_if_one(text, whole)
    if tight and re.search(r",0\d", text):
        raise NotANumber(text)  # "0,5,0,05" has decimal commas
    items = [item for item in re.split(r"[, ]+" if tight or not loose else r", ", text) if item]
    numbers = []
    for item in items:
        try:
            numbers.append(read_number(item, whole=whole, words=words))
        except TwoReadings:
            raise
        except NotANumber:
            if " " not in item.strip():
                raise NotANumber(item) from None
            numbers += [read_number(one, whole=whole, words=words) for one in item.split()]
    return numbers


def _refuse_if_one(text: str, whole: bool) -> None:
    """Raises TwoReadings for what may also be one number: "7,5" and "1 000"; as whole numbers, 7 and 5 are two."""
    several = "; ".join(
        item if set(item) - set("0123456789") else str(int(item)) for item in re.split("[, ]+", text)
    )
    try:
        one = read_number(text)
    except TwoReadings as error:
        raise TwoReadings(*(error.ways[1:] if whole else error.ways), several) from None
    except NotANumber:
        return
    if not (whole and re.fullmatch(r"[-+]?\d+,[-+]?\d+", text)):
        raise TwoReadings(written(one), several)
