"""What the pages say of a prompt is what the network's own tokenizer does with it."""

from __future__ import annotations

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceTrainer
from transformers import AutoTokenizer

from core.prompt_reading import PromptReader
from tests.tiny_if import save_tiny_if

PROMPTS = (
    "", " ", "a 3d render of a grinning face", "A Photo Of A DOG", "a 🐱 cat", "🐱" * 300, "猫 и кошка",
    "日本の城 " * 40,
    "ÄÖÜ ß é e\u0301",
    "a\u200bb", "\u202eabc", "x" * 300, "supercalifragilisticexpialidocious " * 8, "[SEP] [UNK] [MASK] </s> <unk>",
    "<b>bold</b> :red[x] $x^2$ **y** :heart:", "İstanbul", "a,b;c." * 30, "👨‍👩‍👧 family", "\x00\x07 bell", "１２３ ﬁ",
    "the quick brown fox jumps over the lazy dog and then over sixty other words " * 4,
)  # fmt: skip


@pytest.fixture(scope="module")
def emoji64_tokens(emoji64_folder):
    return PromptReader(emoji64_folder), AutoTokenizer.from_pretrained(emoji64_folder / "tokenizer")


@pytest.fixture(scope="module")
def if_tokens(tmp_path_factory):
    """A folder as IF's on the hub: T5's spiece.model, and no tokenizer.json. Its vocabulary is learned here."""
    folder = tmp_path_factory.mktemp("if") / "model"
    save_tiny_if(folder)
    texts = [
        "a photo of a dog",
        "a painting of a castle by the sea",
        "an old man with a hat",
        "the quick brown fox",
    ]
    shutil.rmtree(folder / "tokenizer")
    (folder / "tokenizer").mkdir()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts * 20), model_prefix=str(folder / "tokenizer" / "spiece"), vocab_size=60,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, minloglevel=2, normalization_rule_name="nmt_nfkc",
    )  # fmt: skip
    config = {"tokenizer_class": "T5Tokenizer", "model_max_length": 512, "extra_ids": 0, "unk_token": "<unk>"}
    (folder / "tokenizer" / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return PromptReader(folder), AutoTokenizer.from_pretrained(folder / "tokenizer")


def ids_of(tokenizer, prompt: str, limit: int) -> list[int]:
    """As `core.pretrained` asks for them."""
    return tokenizer(prompt.lower(), truncation=True, max_length=limit).input_ids


@pytest.mark.parametrize("prompt", PROMPTS)
def test_the_shipped_model_gets_these_tokens(emoji64_tokens, prompt):
    reader, tokenizer = emoji64_tokens
    read = reader.read(prompt)
    assert read.limit == tokenizer.model_max_length == 16
    assert list(read.ids) == ids_of(tokenizer, prompt, 16)
    assert read.count == len(tokenizer(prompt.lower()).input_ids)
    assert bool(read.cut) == (read.count > 16)
    assert bool(read.unknown) == (tokenizer.unk_token_id in read.ids)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=120))
def test_any_text_gets_these_tokens(emoji64_tokens, prompt):
    reader, tokenizer = emoji64_tokens
    assert list(reader.read(prompt).ids) == ids_of(tokenizer, prompt, 16)


@pytest.mark.parametrize("prompt", [p for p in PROMPTS if "</s>" not in p])
def test_an_if_folder_gets_these_tokens(if_tokens, prompt):
    reader, tokenizer = if_tokens
    read = reader.read(prompt)
    assert read.limit == 77
    assert list(read.ids) == ids_of(tokenizer, prompt, 77)
    assert bool(read.cut) == (len(tokenizer(prompt.lower()).input_ids) > 77)


def test_a_folder_that_diffusers_saved_gets_these_tokens(tiny_if_folder):
    reader, tokenizer = (
        PromptReader(tiny_if_folder),
        AutoTokenizer.from_pretrained(tiny_if_folder / "tokenizer"),
    )
    for prompt in PROMPTS:
        assert list(reader.read(prompt).ids) == ids_of(tokenizer, prompt, 77)


def test_what_is_cut_and_what_is_unknown_is_named(emoji64_tokens):
    reader, _ = emoji64_tokens
    words = " ".join(["dog"] * 14)
    assert reader.read(words).cut == "" and reader.read(words).count == 16
    assert reader.read(f"{words} Castle by the sea").cut == "Castle by the sea"
    assert reader.read("a 🐱 and a 🐶, a 🐱").unknown == ("🐱", "🐶")
    assert reader.read("a photo of a dog").unknown == ()
    assert reader.read("x" * 300).unknown == ("x" * 300,)  # one word of more letters than the tokenizer takes


def test_a_damaged_or_missing_tokenizer_is_an_error(emoji64_folder, tmp_path):
    for part in ("tokenizer", "unet"):
        (tmp_path / part).mkdir()
    shutil.copy(emoji64_folder / "tokenizer" / "tokenizer_config.json", tmp_path / "tokenizer")
    shutil.copy(emoji64_folder / "unet" / "config.json", tmp_path / "unet")
    with pytest.raises(FileNotFoundError, match="spiece"):
        PromptReader(tmp_path)
    (tmp_path / "tokenizer" / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="no tokenizer file"):
        PromptReader(tmp_path)
