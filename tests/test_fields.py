"""The gate through which values of a link, a phrase or a text box come in."""

from __future__ import annotations

import pytest

from lessons.fields import BadValue, Choice, Field, Number, Numbers, PictureRef, Text, seed_field

WHOLE = Number("t", "Timestep t", 500, maximum=999)
DECIMAL = Number("gamma", "Guidance γ", 4.0, maximum=30, integer=False)
LIST = Numbers("gammas", "Scales γ", (0.0, 1.0), maximum=30)
CHOICE = Choice("scale", "Blurred is", "xt", options=("xt", "unscaled"), labels=("x_t", "x_t / √ᾱ"))
PROMPT = Text("prompt", "Prompt", "", max_length=300)
PICTURE = PictureRef("picture", "Picture", "volcano")
ALL = (WHOLE, DECIMAL, LIST, CHOICE, PROMPT, PICTURE, seed_field())

NO_NUMBERS = (
    "nan",
    "NaN",
    "inf",
    "-inf",
    "infinity",
    "1e99",
    "1e400",
    "9" * 5000,
    "-1",
    "",
    " ",
    "seven",
    "0x10",
    "1,5,5",
    "½",
    "\u202e12",
)
NO_PICTURES = (
    "",
    "../secret",
    "/etc/passwd",
    "a b",
    "Volcano",
    "a" * 61,
    "upload-",
    "upload-0123",
    "upload-" + "g" * 64,
    "x.png",
    "volcano\n",
)


def sentence(error: pytest.ExceptionInfo[BadValue], field: Field) -> None:
    """What a student reads: it names the control, ends as a sentence, and does not repeat a whole novel."""
    text = str(error.value)
    assert field.label in text
    assert text.endswith((".", "!"))
    assert len(text) < 200


@pytest.mark.parametrize("field", [WHOLE, DECIMAL, seed_field()], ids=lambda f: f.name)
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_number_refuses_what_is_none_or_lies_outside(field, text):
    with pytest.raises(BadValue) as error:
        field.parse(text)
    sentence(error, field)


@pytest.mark.parametrize(
    "text", [t for t in NO_NUMBERS if t != "1,5,5"] + ["0,nan", "1,31", "1; 31", "1;2;3;4;5;6;7", ",,"]
)
def test_a_list_refuses_a_bad_number_and_a_bad_length(text):
    with pytest.raises(BadValue) as error:
        LIST.parse(text)
    sentence(error, LIST)


@pytest.mark.parametrize("text", ["1.5", "0.999999"])
def test_a_whole_number_refuses_fractions(text):
    with pytest.raises(BadValue, match="whole") as error:
        WHOLE.parse(text)
    sentence(error, WHOLE)


@pytest.mark.parametrize("text", ["", "XT", "xt ", "x" * 1000])
def test_a_choice_refuses_what_is_not_offered(text):
    with pytest.raises(BadValue) as error:
        CHOICE.parse(text)
    sentence(error, CHOICE)


@pytest.mark.parametrize("text", NO_PICTURES)
def test_a_picture_is_a_name_and_never_a_path(text):
    with pytest.raises(BadValue) as error:
        PICTURE.parse(text)
    sentence(error, PICTURE)


def test_a_long_prompt_is_refused_and_not_cut():
    assert PROMPT.parse("x" * 300) == "x" * 300
    with pytest.raises(BadValue, match="5000") as error:
        PROMPT.parse("x" * 5000)
    sentence(error, PROMPT)


@pytest.mark.parametrize("field", ALL, ids=lambda f: f.name)
@pytest.mark.parametrize("value", [None, 3, 2.5, True, ["1"], {"t": 1}, b"1"], ids=repr)
def test_what_is_not_text_is_refused_with_a_sentence_too(field, value):
    with pytest.raises(BadValue) as error:
        field.parse(value)
    sentence(error, field)


def test_what_is_read():
    assert WHOLE.parse("750") == 750 and isinstance(WHOLE.parse("750"), int)
    assert WHOLE.parse("0") == 0 and WHOLE.parse("999") == 999
    assert WHOLE.parse("7e2") == 700  # written oddly, and still a whole number
    assert DECIMAL.parse("7.5") == 7.5
    assert LIST.parse("0, 1;7.5  12") == (0.0, 1.0, 7.5, 12.0)
    assert LIST.parse("3,3,3") == (3.0,)
    assert DECIMAL.parse("7,5") == 7.5 and DECIMAL.parse("γ = 7,5") == 7.5
    assert CHOICE.parse("unscaled") == "unscaled" and CHOICE.label_of("unscaled") == "x_t / √ᾱ"
    assert PROMPT.parse("  a\tred \n apple ") == "a red apple"
    assert PROMPT.parse("") == ""
    assert PROMPT.parse("日本の城 <b>'\"") == "日本の城 <b>'\""
    assert PICTURE.parse("upload-" + "0" * 64) == "upload-" + "0" * 64
    assert seed_field().parse("2147483647") == 2**31 - 1


def test_the_bounds_are_said_in_full():
    with pytest.raises(BadValue, match="between 0 and 2147483647"):
        seed_field().parse("1e99")


@pytest.mark.parametrize("value", [0.0, 7.0, 0.1, 1 / 3, 1.23456789, 29.999999999])
def test_a_link_gives_back_the_very_number(value):
    assert DECIMAL.parse(DECIMAL.encode(value)) == value
    assert LIST.parse(LIST.encode((value, 30.0))) == (value, 30.0)


def test_numbers_are_written_without_needless_digits():
    assert DECIMAL.encode(7.0) == "7" and DECIMAL.encode(0.5) == "0.5"
    assert LIST.encode((0.0, 1.0, 7.5)) == "0;1;7.5"  # with commas, "0,1" could be one tenth
    assert WHOLE.encode(750) == "750"


def test_minus_zero_is_zero():
    """-0.0 == 0.0, but their JSON differs, and with it the name of the job."""
    assert DECIMAL.encode(DECIMAL.parse("-0")) == "0"
    assert LIST.encode(LIST.parse("-0; 0")) == "0"


def test_a_field_must_say_how_it_is_read():
    with pytest.raises(NotImplementedError, match="Field"):
        Field("x", "X", None).parse("1")
