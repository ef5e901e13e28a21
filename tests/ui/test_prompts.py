"""What a page says of a prompt: what the model does not see, does not know, or a person cannot see; and its markup."""

from __future__ import annotations

import re

import pytest

from core.prompt_reading import PromptReader
from lessons.characters import invisible_in, name_of, quoted, visible
from lessons.course import COURSE
from lessons.fields import Text
from pages.ui.prompts import remarks_of
from tests.ui.fake_model import boxes, open_page, sentences

WITH_PROMPTS = [lesson for lesson in COURSE if any(isinstance(field, Text) for field in lesson.fields)]
HOSTILE = "a\u200b **fox** <b>🐱</b> :red[$x^2$] [here](https://example.org) " + "and so on " * 10


@pytest.fixture(scope="module")
def reader(emoji64_folder):
    return PromptReader(emoji64_folder)


def test_there_are_pages_with_prompts():
    assert {lesson.code for lesson in WITH_PROMPTS} >= {
        "A0",
        "A4",
        "A5",
        "A6",
        "A8",
        "A9",
        "A10",
        "A11",
        "A12",
        "A13",
        "A14",
        "B0",
    }


@pytest.mark.parametrize("lesson", WITH_PROMPTS, ids=lambda lesson: lesson.code)
def test_every_page_says_what_becomes_of_a_prompt_and_leaves_its_markup_text(lesson, tmp_path, monkeypatch):
    name = next(field.name for field in lesson.fields if isinstance(field, Text))
    with open_page(lesson.slug, tmp_path, monkeypatch, **{name: HOSTILE}) as (at, executor):
        monkeypatch.setattr(
            executor, "submit", lambda spec, owner, here=False: "0" * 64
        )  # nothing needs to be computed
        at.run()
        assert not at.exception, at.exception
        shown = sentences(at)
        assert "The model reads 16 tokens of a prompt" in shown and "It does not see: “" in shown
        assert "The model does not know “🐱”" in shown
        assert "cannot be seen: U+200B ZERO WIDTH SPACE. It passes over them" in shown
        for markup in ("**fox", "<b>", ":red[", "$x", "[here](", "https://"):
            assert not re.search(r"(?<!\\)" + re.escape(markup), boxes(at))


@pytest.mark.parametrize(
    ("prompt", "sentences_"),
    [
        ("a photo of a dog", 0), ("", 0), ("a dog, a cat and 3 foxes!", 0), ("🐱", 1), ("dog " * 14, 0), ("dog " * 15, 1),
        ("猫" * 300, 2), ("a\u202ecat", 1), ("\x00", 1), ("👨‍👩‍👧", 2),
    ],
)  # fmt: skip
def test_a_prompt_gets_a_sentence_for_each_thing_that_is_not_read_as_it_stands(reader, prompt, sentences_):
    remarks = remarks_of(prompt, reader)
    assert len(remarks) == sentences_
    assert all(len(remark) < 420 and remark.endswith(".") for remark in remarks)


def test_what_is_cut_is_quoted_and_counted(reader):
    (remark,) = remarks_of(" ".join(["dog"] * 14) + " Castle by the Sea", reader)
    assert remark == (
        "The model reads 16 tokens of a prompt, and this one has 20. It does not see: “Castle by the Sea”."
    )


def test_three_hundred_emoji_are_one_word_that_is_not_known(reader):
    (remark,) = remarks_of("🐱" * 300, reader)
    assert "The model does not know “🐱" in remark and "“[UNK]”" in remark


@pytest.mark.parametrize(
    ("sign", "name"),
    [
        ("\u200b", "U+200B ZERO WIDTH SPACE"), ("\u200d", "U+200D ZERO WIDTH JOINER"),
        ("\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u202e", "U+202E RIGHT-TO-LEFT OVERRIDE"), ("\u2066", "U+2066 LEFT-TO-RIGHT ISOLATE"),
        ("\u00ad", "U+00AD SOFT HYPHEN"),
        ("\x00", "U+0000 NULL"), ("\ufe0f", "U+FE0F VARIATION SELECTOR-16"),
        ("\U000e0041", "U+E0041 TAG LATIN CAPITAL LETTER A"),
        ("\u3164", "U+3164 HANGUL FILLER"), ("\u2800", "U+2800 BRAILLE PATTERN BLANK"),
        ("\ue000", "U+E000 an unnamed character"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_is_named(sign, name):
    assert invisible_in(f"a{sign}b{sign}") == {sign: 2}
    assert name_of(sign) == name
    assert visible(f"a{sign}b") == f"a‹U+{ord(sign):04X}›b"


def test_what_can_be_seen_is_not_named():
    assert invisible_in("a b, Ünïcödé 画像 🐱 e\u0301 \u00a0−½ａ") == {}
    assert quoted("x" * 50) == f"“{'x' * 40}…”" and len(quoted("\u200b" * 50)) <= 43


def test_a_word_that_the_model_was_never_shown_leads_to_those_that_it_was(visit):
    at, executor = visit("sampling_from_noise", prompt="an oil painting of an astronuat")
    (said,) = [caption.value for caption in at.caption if "was shown no caption" in caption.value]
    assert "astronuat" in said
    at.button(key="sampling_from_noise:prompt/near/an astronaut").click().run()
    assert not at.exception
    assert at.query_params["prompt"] == "an oil painting of an astronaut"
    assert executor.asked[-1].params["columns"][0]["prompt"] == "an oil painting of an astronaut"
    assert not [caption for caption in at.caption if "was shown no caption" in caption.value]


def test_each_model_is_held_to_its_own_captions(visit):
    """storybook64 was shown things in twos and threes, by the sea and at night; emoji64 was not."""
    at, _ = visit("iterative_denoising", prompt="two sad astronuats at night", model="storybook64")
    (said,) = [caption.value for caption in at.caption if "was shown no caption" in caption.value]
    assert "astronuats" in said and "two" not in said and "night" not in said
    at, _ = visit("iterative_denoising", prompt="two sad astronuats at night")
    (said,) = [caption.value for caption in at.caption if "was shown no caption" in caption.value]
    assert "two" in said
