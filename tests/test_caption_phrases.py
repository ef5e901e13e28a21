"""What the shipped models were shown: the list that ships is the vocabulary's, and a prompt is held against it."""

from __future__ import annotations

import json

import pytest

from core.caption_phrases import FILE, PhrasesMissing, load_phrases
from core.emoji_pictures import EMOJI_FOLDER
from lessons.course import COURSE
from lessons.fields import Text
from scripts.emoji.phrases import listed
from scripts.emoji.vocabulary import NULL_LIKE, captions_of, entries


@pytest.fixture(scope="module")
def shown():
    return load_phrases(EMOJI_FOLDER)


def test_the_list_that_ships_is_what_the_vocabulary_says():
    assert json.loads((EMOJI_FOLDER / FILE).read_text(encoding="utf-8")) == listed()


def test_no_word_of_a_training_caption_is_said_to_be_unknown(shown):
    captions = {
        caption
        for entry in entries()
        for _, phrases in entry.pictures()
        for style in ("fluent-3d", "fluent-high-contrast", "noto", "fluent-flat")
        for caption, _ in captions_of(style, phrases)
    } | {NULL_LIKE}
    assert {caption for caption in captions if shown.never_shown(caption)} == set()


def test_no_lesson_opens_with_or_offers_a_word_that_the_model_was_never_shown(shown):
    offered = {
        prompt
        for lesson in COURSE
        for field in lesson.fields
        if isinstance(field, Text)
        for prompt in (
            field.default,
            *field.suggestions,
            *(p.values.get(field.name, "") for p in lesson.presets),
        )
    }
    assert {prompt for prompt in offered if shown.never_shown(prompt)} == set()


@pytest.mark.parametrize(
    ("prompt", "never", "near"),
    [
        ("an astronuat", ("astronuat",), "an astronaut"),
        ("a photo of a BICYLE", ("bicyle",), "a bicycle"),
        ("two kittens", ("two", "kittens"), "a kitten"),
        ("a lighthouse, a lighthouse", ("lighthouse",), "a house"),
        ("a dog", (), None),
        ("", (), None),
        ("🐱 3 a-b", (), None),
        ("ein Fuchs", ("ein", "fuchs"), None),
    ],
)
def test_a_word_that_was_never_shown_is_found_and_what_is_spelt_nearly_so(shown, prompt, never, near):
    assert shown.never_shown(prompt) == never
    found = [phrase for word in never for phrase in shown.near(word)]
    assert near in found if near else not found
    assert set(found) <= set(shown.phrases)


def test_a_phrase_is_put_in_the_style_of_the_prompt(shown):
    assert shown.in_the_style_of("An oil painting of a cat", "a dog") == "an oil painting of a dog"
    assert shown.in_the_style_of("a high quality photo of a cat", "a dog") == "a high quality photo of a dog"
    assert shown.in_the_style_of(NULL_LIKE, "a dog") == "a dog"
    assert shown.in_the_style_of("", "a dog") == "a dog"


def test_a_list_that_cannot_be_read_says_what_to_do(tmp_path):
    (tmp_path / FILE).write_text('{"phrases": 3}', encoding="utf-8")
    with pytest.raises(PhrasesMissing, match=r"Restore .* from the repository"):
        load_phrases(tmp_path)
