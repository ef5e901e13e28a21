"""Numbers as people write them, in the habits of six locales: what is meant, or a refusal that says what to write."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lessons.fields import BadValue, Number, Numbers
from lessons.numbers import NotANumber, TwoReadings, is_plain, read_number, read_numbers, written

# How numbers look there is Babel's knowledge, which is CLDR's: 1,234.5  1.234,5  1’234.5  1 234,5  12,34,567.5  ١٬٢٣٤٫٥
LOCALES = ("en_US", "de_DE", "de_CH", "fr_FR", "en_IN", "ar_EG")
DIGITS = {"ar_EG": "٠١٢٣٤٥٦٧٨٩", "fullwidth": "０１２３４５６７８９", "ascii": "0123456789"}
MINUS = "-−–‐‑－"
SPACES = " \u00a0\u202f\u2009"
AROUND = ("", " ", "\u00a0", "\u200e", "\ufeff", "\u2068")

values = st.decimals(Decimal(-10) ** 7, Decimal(10) ** 7, allow_nan=False, places=4).map(Decimal.normalize)
small = st.decimals(0, 15, allow_nan=False, places=2).map(Decimal.normalize)
wholes = st.integers(-(10**9), 10**9).map(Decimal)


@st.composite
def habits(draw: st.DrawFn, value: Decimal, locale: str) -> str:
    """The number as somebody there types it: with or without marks, and with the signs of one's own keyboard."""
    swiss = locale == "de_CH"  # Babel's own parts only the last three digits there: 1000000’000
    text = format_decimal(
        value,
        locale="en_US" if swiss else locale,
        decimal_quantization=False,
        numbering_system="default",
        group_separator=draw(st.booleans()),
    )
    text = text.replace(",", "’") if swiss else text
    digits = draw(st.sampled_from(["ascii", "ascii", "fullwidth", *([locale] if locale in DIGITS else [])]))
    text = text.translate(str.maketrans(DIGITS["ascii"], DIGITS[digits]))
    text = text.replace("’", draw(st.sampled_from("’'"))).replace("'", draw(st.sampled_from("’'")))
    for space in SPACES:
        text = text.replace(space, draw(st.sampled_from(SPACES)))
    for sign in "-−\u200e\u200f\u061c":
        text = text.replace(sign, draw(st.sampled_from(MINUS)) if sign in "-−" else sign)
    if draw(st.integers(0, 3)) == 0:
        text = text.translate(str.maketrans(".,", "．，")) if digits == "fullwidth" else text
    return draw(st.sampled_from(AROUND)) + text + draw(st.sampled_from(AROUND))


def lone_point(text: str) -> bool:
    """Such as 1.234, which in Germany is a thousand and more; where a decimal number is wanted here, it is 1.234."""
    return re.fullmatch(r"\d{1,3}[.．]\d{3}", re.sub(r"[^\d.．]", "", text)) is not None


# ---- one number --------------------------------------------------------------------------------------------


of_six_locales = given(st.data(), st.one_of(values, wholes), st.sampled_from(LOCALES))


@settings(max_examples=500, deadline=None)
@of_six_locales
def test_a_number_in_the_habits_of_six_locales_is_read_as_meant_or_offered(data, value, locale):
    meant_or_offered(data.draw(habits(value, locale)), value)


@pytest.mark.journey
@settings(max_examples=10_000, deadline=None)
@of_six_locales
def test_ten_thousand_numbers_in_the_habits_of_six_locales(data, value, locale):
    meant_or_offered(data.draw(habits(value, locale)), value)


def meant_or_offered(text: str, value: Decimal) -> None:
    """What is read of the text is the value; or else it is refused, and the value is among those offered."""
    for whole in {False, value == value.to_integral_value()}:
        try:
            read = read_number(text, whole=whole)
        except TwoReadings as error:
            assert value in [Decimal(way) for way in error.ways]
            assert "," in text or "，" in text  # nothing else is refused
        else:
            assert read == value or (lone_point(text) and not whole and not is_plain(text)), text


@pytest.mark.parametrize(
    ("text", "decimal", "whole"),
    [
        ("7.5", "7.5", "7.5"), ("7,5", "7.5", "7.5"), ("0,01", "0.01", "0.01"), ("0,001", "0.001", "0.001"),
        ("1,000", None, "1000"), ("60.000", "60", "60000"), ("60,000", None, "60000"), ("60 000", "60000", "60000"),
        ("60_000", "60000", "60000"), ("1.234,56", "1234.56", "1234.56"), ("1,234.56", "1234.56", "1234.56"),
        ("1,00,000", "100000", "100000"), ("1.234.567", "1234567", "1234567"), (".5", "0.5", "0.5"), (",5", "0.5", "0.5"),
        ("5.", "5", "5"), ("+5", "5", "5"), ("– 5", "-5", "-5"), ("1e-3", "0.001", "0.001"), ("1E−3", "0.001", "0.001"),
        ("1,5e3", "1500", "1500"), ("1.234e3", "1234", "1234"), ("1,234e3", None, None), ("1×10⁻³", "0.001", "0.001"),
        ("1,5·10^-3", "0.0015", "0.0015"), ("10⁻³", "0.001", "0.001"), ("2 * 10**3", "2000", "2000"),
        ("60k", "60000", "60000"),
        ("50 %", "0.5", NotANumber), ("γ = 7.5", "7.5", "7.5"), ("5 epochs", "5", "5"), ("5 epoch", "5", "5"),
    ],
)  # fmt: skip
def test_what_is_read(text, decimal, whole):
    """None: it can be two numbers."""
    for expected, wanted in ((decimal, False), (whole, True)):
        if isinstance(expected, str):
            assert read_number(text, whole=wanted, words={"γ", "epochs"}) == Decimal(expected)
        else:
            with pytest.raises(expected or TwoReadings):
                read_number(text, whole=wanted, words={"γ", "epochs"})


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", ",", "-", "--5", "5-", "(5)", "1..0", "1,,000", "1.2.3", "0,000,1", "1.234,567,890", "12.34,5", "1 5",
     "1_5", "0 001", "1/2", "½", "7·5", "²", "Ⅷ", "五", "0x10", "1e", "e5", "1e5e5", "1e99999", "nan", "inf", "∞", "True",
     "\u202e12", "1\u00ad000", "5 cats", "κ = 5", "5 of 10", "$5", "5 %%", "9" * 300, "3.141 592", "1\x00"],
)  # fmt: skip
@pytest.mark.parametrize("whole", [False, True])
def test_what_is_refused(text, whole):
    with pytest.raises(NotANumber):
        read_number(text, whole=whole, words={"of", "γ"} - {"of"})


def test_every_digit_counts():
    assert read_number("9007199254740993", whole=True) == 2**53 + 1  # not a float
    assert read_number("0.1") == Decimal("0.1")
    assert written(Decimal("60000.0")) == "60000" and written(Decimal("1E+4")) == "10000"


@given(st.text(alphabet="0123456789.,'’ _-−+eE×10⁻³٫٬%k\u00a0\u200bγ=;x٣４", max_size=12))
@settings(max_examples=500, deadline=None)
@example("1e9999")
@example("-0")
def test_any_text_is_a_number_or_refused_and_never_another_than_python_reads(text):
    for whole in (False, True):
        try:
            read = read_number(text, whole=whole)
        except NotANumber:
            assert not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?(e-?[0-9]{1,2})?", text), "plain numbers are read"
            continue
        assert read.is_finite()
        if is_plain(text, whole=whole):
            assert float(read) == float(text)


# ---- several -----------------------------------------------------------------------------------------------


@settings(max_examples=500, deadline=None)
@given(
    st.data(), st.lists(small, min_size=1, max_size=6), st.sampled_from(LOCALES),
    st.sampled_from(["; ", ";", "\n", " ;", ", ", ",", " "]),
)  # fmt: skip
def test_a_list_in_the_habits_of_six_locales_is_read_as_meant_said_or_refused(data, numbers, locale, between):
    texts = [data.draw(habits(number, locale)) for number in numbers]
    text = between.join(texts)
    field = Numbers("gammas", "Scales γ", (0.0,), maximum=15)
    try:
        read = field.parse(text)
    except BadValue as error:
        assert len(numbers) == 1 or between.strip() in ("", ","), f"semicolons part every list: {error}"
        assert re.search("[Ww]rite|lie between|give between", str(error))
    else:
        meant = tuple(dict.fromkeys(float(number) for number in numbers))
        assert read == meant or field.read_out(text) is not None


@pytest.mark.parametrize(
    ("text", "decimal", "whole"),
    [
        ("0; 1; 7,5", "0 1 7.5", None), ("0;1;7.5", "0 1 7.5", None), ("0, 1, 7.5", "0 1 7.5", None),
        ("0,0.5,1", "0 0.5 1", None), ("0 1 7.5", "0 1 7.5", None), ("0, 1;7.5  12", "0 1 7.5 12", None),
        ("1,3,5,7", "1 3 5 7", "1 3 5 7"), ("20,20", TwoReadings, "20 20"), ("7,5", TwoReadings, "7 5"),
        ("0,1", TwoReadings, "0 1"), ("7,5;", TwoReadings, "7 5"), ("1 000", "1000", "1000"), ("0,01", "0.01", None),
        ("1,000", TwoReadings, "1000"), ("1 200", TwoReadings, TwoReadings), ("1.234,5", TwoReadings, TwoReadings),
        ("0,5, 1", NotANumber, "0 5 1"),
        ("0,5 1,5", NotANumber, None),
        ("0,5,0,05", NotANumber, NotANumber), ("1,2,3; 4", NotANumber, NotANumber), ("0,01; 1,000", TwoReadings, None),
        ("0、1、3", "0 1 3", "0 1 3"), ("٠٫٥؛ ١", "0.5 1", None), ("γ = 0, 1", "0 1", "0 1"), ("", "", ""), (";;", "", ""),
    ],
)  # fmt: skip
def test_what_is_read_of_a_list(text, decimal, whole):
    """None: not tried."""
    for expected, wanted in ((decimal, False), (whole, True)):
        if isinstance(expected, str):
            assert read_numbers(text, whole=wanted, words={"γ"}) == [Decimal(x) for x in expected.split()]
        elif expected is not None:
            with pytest.raises(expected):
                read_numbers(text, whole=wanted, words={"γ"})


def test_the_refusal_of_a_pair_says_how_to_write_either():
    field = Numbers("gammas", "Scales γ", (0.0, 1.0), maximum=30)
    with pytest.raises(BadValue, match=re.escape("Write “7.5” or “7; 5”.")):
        field.parse("7,5")
    assert field.parse("7.5") == (7.5,) and field.parse("7; 5") == (7.0, 5.0)


# ---- fields ------------------------------------------------------------------------------------------------


@given(st.floats(0, 30))
@settings(max_examples=1000, deadline=None)
def test_a_link_gives_back_any_number(value):
    field = Number("gamma", "Guidance γ", 4.0, maximum=30, integer=False)
    several = Numbers("gammas", "Scales γ", (0.0,), maximum=30)
    assert field.parse(field.encode(value)) == value
    pair = tuple(dict.fromkeys((value + 0.0, 0.5)))
    assert several.parse(several.encode(pair)) == several.parse(several.shown(pair)) == pair


def test_an_underflow_is_not_zero():
    with pytest.raises(BadValue, match="too small to be told from 0; write 0"):
        Number("gamma", "Guidance γ", 4.0, maximum=30, integer=False).parse("1e-999")


@pytest.mark.parametrize(
    ("text", "read"), [("60.000", "60000"), ("１２", "12"), ("10²", "100"), ("12", None)]
)
def test_a_number_is_read_out_where_it_may_be_taken_otherwise(text, read):
    assert Number("seed", "Seed", 0, maximum=10**6).read_out(text) == read


def test_what_lies_outside_says_how_it_was_read():
    with pytest.raises(BadValue, match=r"between 0 and 999, not “60\.000”, which reads as 60000"):
        Number("t", "Timestep t", 500, maximum=999).parse("60.000")


def test_links_of_two_numbers_go_on_meaning_two_and_say_so():
    """As they were written before lists had semicolons; typed, the same is refused, and so is what never was a link."""
    field = Numbers("gammas", "Guidance scales γ", (0.0, 1.0), maximum=30)
    value, note = field.follow("7,5")
    assert value == (7.0, 5.0) and "read as 7 and 5" in note and "write 7.5" in note
    assert field.follow("0;1") == ((0.0, 1.0), None) and field.follow("0,1,3") == ((0.0, 1.0, 3.0), None)
    for text in ("7,5", "0,1"):
        with pytest.raises(BadValue):
            field.parse(text)
    for text in ("1,000", "1,000;"):
        with pytest.raises(BadValue):
            field.follow(text)
