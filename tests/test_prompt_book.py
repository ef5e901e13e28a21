"""Prompts whose encoder is not in memory: a file of embeddings, the store, and the process that embeds and ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from core.compute.store import Store
from core.model_folder import ModelNotFound, encoder_fingerprint, find_model_folder, fingerprint
from core.pretrained import load_pretrained
from core.prompt_book import EncoderFailed, NoEncoder, PromptBook
from core.prompt_file import BadEmbeddings, NoSuchPrompt, prompts_of, read_prompt_file, write_prompt_file
from core.settings import ROOT
from core.streamed_encoder import StreamedT5

TOKENS, WIDTH = 77, 24


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def bare(tiny_if_folder: Path, tmp_path: Path) -> Path:
    """A model folder with neither a text encoder nor a tokenizer."""
    folder = shutil.copytree(tiny_if_folder, tmp_path / "bare")
    shutil.rmtree(folder / "text_encoder")
    shutil.rmtree(folder / "tokenizer")
    return folder


def book(folder: Path, store: Store, **changed: object) -> PromptBook:
    return PromptBook(folder, **{"tokens": TOKENS, "width": WIDTH, "device": "cpu", "shelf": store} | changed)


def embedding(value: float, tokens: int = TOKENS, dtype: torch.dtype = torch.float16) -> Tensor:
    return torch.full((tokens, WIDTH), value, dtype=dtype)


# ---- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["given.pth", "given.pt", "given.safetensors"])
@pytest.mark.parametrize("leading", [(), (1,)], ids=["(tokens, width)", "(1, tokens, width)"])
def test_both_forms_of_the_file_are_read(tmp_path, name, leading):
    """The course's own: {prompt: (1, 77, 4096) in float16}, by torch.save; ours: the same as safetensors."""
    path = tmp_path / name
    table = {
        prompt: embedding(k).reshape(*leading, TOKENS, WIDTH)
        for k, prompt in enumerate(["a dog", "", "Ein Löwe"])
    }
    if name.endswith("safetensors"):
        save_file(table, path)
    else:
        torch.save(table, path)
    read = read_prompt_file(path)
    assert set(read) == set(prompts_of(path)) == {"a dog", "", "Ein Löwe"}
    assert torch.equal(read["Ein Löwe"], embedding(2))


def test_what_is_written_is_read_back(tmp_path):
    table = {"": embedding(0, dtype=torch.float32), "a dog": torch.rand(TOKENS, WIDTH)}
    write_prompt_file(tmp_path / "own.safetensors", table)
    read = read_prompt_file(tmp_path / "own.safetensors")
    assert set(read) == set(table) and torch.equal(read["a dog"], table["a dog"])


class Opened:
    """What pickle would call when it reads this."""

    def __reduce__(self) -> tuple:
        return print, ("this must not run",)


REFUSED = {
    "a list": ([embedding(0)], "holds no table of prompts"),
    "an empty table": ({}, "holds no table of prompts"),
    "no text": ({1: embedding(0)}, "holds a Tensor under a int"),
    "no tensor": ({"": 3.0}, "holds a float under a str"),
    "whole numbers": ({"": torch.zeros(77, WIDTH, dtype=torch.int64)}, r"is of torch\.int64; it must be float16, bfloat16"),
    "double": ({"": torch.zeros(77, WIDTH, dtype=torch.float64)}, r"is of torch\.float64"),
    "a vector": ({"": torch.zeros(WIDTH)}, r"has the shape \(24,\); it must be \(tokens, width\)"),
    "two prompts in one": ({"": torch.zeros(2, 77, WIDTH)}, r"has the shape \(2, 77, 24\)"),
    "nothing in it": ({"": torch.zeros(0, WIDTH)}, r"has the shape \(0, 24\)"),
    "not finite": ({"": torch.full((77, WIDTH), float("nan"))}, "not finite"),
    "two encoders": ({"": torch.zeros(77, 24), "a": torch.zeros(77, 32)}, r"several shapes, \(77, 24\) and \(77, 32\)"),
    "without the empty prompt": ({"a dog": torch.zeros(77, WIDTH)}, "lacks the embedding of the empty prompt"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_another_file_is_refused_with_its_name_and_the_reason(tmp_path, name):
    table, reason = REFUSED[name]
    path = tmp_path / "given.pth"
    torch.save(table, path)
    with pytest.raises(BadEmbeddings, match=reason) as caught:
        read_prompt_file(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["given.pth", "given.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no such file", b"\x80\x04N.", bytes(range(256))])
def test_a_file_of_another_kind_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        BadEmbeddings, match=r"it has to be a safetensors file, or a dictionary of tensors|holds no table"
    ):
        read_prompt_file(tmp_path / name)


def test_a_file_that_would_run_code_is_refused_and_runs_none(tmp_path, capsys):
    torch.save({"": embedding(0), "a": Opened()}, tmp_path / "given.pth")
    with pytest.raises(BadEmbeddings, match="is not a file of embeddings"):
        read_prompt_file(tmp_path / "given.pth")
    assert "must not run" not in capsys.readouterr().out


def test_a_missing_file_is_named_with_its_setting(tmp_path):
    with pytest.raises(
        BadEmbeddings, match=r"DIFFUSION_EMBEDDINGS names .*none\.pth, which cannot be read: No such file"
    ):
        read_prompt_file(tmp_path / "none.pth")


# ---- the encoder, a layer at a time --------------------------------------------------------------------------


def test_a_layer_at_a_time_gives_the_embeddings_of_the_whole_encoder(tiny_if, tiny_if_folder):
    """transformers' own class in one piece; the same weights, bit for bit the same numbers."""
    prompts = ["A Red Apple", "", "a cat " * 100]
    assert torch.equal(StreamedT5(tiny_if_folder, TOKENS)(prompts), tiny_if.embed(prompts))


def test_weights_are_let_go_after_their_turn(tiny_if_folder, tmp_path):
    """In the file's float16 before and after; in float32 while it computes, so nothing overflows."""
    copy = shutil.copytree(tiny_if_folder, tmp_path / "half")
    encoder = load_pretrained(copy).text_encoder
    encoder.half().save_pretrained(copy / "text_encoder", variant="fp16")
    streamed = StreamedT5(copy, TOKENS)
    once = streamed(["a cat"])
    kinds = {weight.dtype for weight in streamed._encoder.parameters()}
    assert kinds == {torch.float16} and once.dtype == torch.float32
    assert not torch.equal(once, load_pretrained(copy).embed(["a cat"]))  # the full files say more
    for path in (copy / "text_encoder").glob("model.safetensors"):
        path.unlink()
    assert torch.equal(once, load_pretrained(copy).embed(["a cat"]))


def test_more_prompts_than_pass_together_are_embedded_in_turns(tiny_if, tiny_if_folder, monkeypatch):
    monkeypatch.setattr("core.streamed_encoder.TOGETHER", 2)
    found = StreamedT5(tiny_if_folder, TOKENS)(["a", "b", "c", "d", "e"])
    torch.testing.assert_close(found, tiny_if.embed(["a", "b", "c", "d", "e"]), rtol=0, atol=1e-5)


# ---- the book ------------------------------------------------------------------------------------------------


@pytest.fixture
def runs(monkeypatch, tiny_if_folder) -> list[list[str]]:
    """Every time that a process would embed, what it is asked for; embedded here, in this process."""
    asked: list[list[str]] = []

    def embed(self: PromptBook, prompts: list[str]) -> Tensor:
        asked.append(list(prompts))
        return StreamedT5(self._folder, TOKENS)(prompts)

    monkeypatch.setattr(PromptBook, "_embed", embed)
    return asked


def test_a_prompt_is_embedded_once_whatever_its_capitals_and_spaces(tiny_if, tiny_if_folder, store, runs):
    first = book(tiny_if_folder, store)
    assert torch.equal(first(["A  red apple"]), tiny_if.embed(["a red apple"]))
    assert first(["a red apple", ""]).shape == (2, TOKENS, WIDTH)
    assert runs == [["a red apple", ""]]  # the empty prompt too, which guidance asks for next
    assert first.known is None
    again = book(tiny_if_folder, store)  # a server that has been started anew
    assert torch.equal(again(["a red apple"]), first(["a red apple"]))
    assert len(runs) == 1


def test_what_was_prepared_comes_from_one_process(tiny_if_folder, store, runs):
    opened = book(tiny_if_folder, store)
    opened.prepare(["a cat", "a dog", "a cat"])
    opened(["a dog"]), opened([""]), opened(["a cat"])
    assert runs == [["a cat", "a dog", ""]]


def test_a_known_prompt_does_not_wait_for_the_process_that_embeds_another(
    tiny_if_folder, store, runs, monkeypatch
):
    opened = book(tiny_if_folder, store)
    opened(["a cat"])
    began, goes_on, at_once = threading.Event(), threading.Event(), PromptBook._embed

    def slow(self: PromptBook, prompts: list[str]) -> Tensor:
        began.set()
        assert goes_on.wait(60)
        return at_once(self, prompts)

    monkeypatch.setattr(PromptBook, "_embed", slow)
    with ThreadPoolExecutor(3) as pool:
        new = [pool.submit(opened, ["a dog"]) for _ in range(2)]  # two who ask for it have one process
        assert began.wait(60)
        assert pool.submit(opened, ["a cat"]).result(60).shape == (1, TOKENS, WIDTH)
        assert not any(asked.done() for asked in new)
        goes_on.set()
        assert torch.equal(new[0].result(60), new[1].result(60))
    assert runs == [["a cat", ""], ["a dog"]]


def test_another_encoder_or_device_has_embeddings_of_its_own(tiny_if_folder, tmp_path, store, runs):
    other = shutil.copytree(tiny_if_folder, tmp_path / "other")
    config = json.loads((other / "text_encoder" / "config.json").read_text())
    (other / "text_encoder" / "config.json").write_text(json.dumps(config | {"layer_norm_epsilon": 1e-3}))
    found = [
        book(tiny_if_folder, store)(["a"]),
        book(other, store)(["a"]),
        book(tiny_if_folder, store, device="cuda")(["a"]),
    ]
    assert len(runs) == 3 and not torch.equal(found[0], found[1])


def test_more_prompts_than_are_remembered_are_all_there(tiny_if_folder, store, runs, monkeypatch):
    monkeypatch.setattr("core.prompt_book._REMEMBERED", 2)
    opened, many = book(tiny_if_folder, store), ["a", "b", "c", "d"]
    assert torch.equal(opened(many), StreamedT5(tiny_if_folder, TOKENS)([*many, ""])[:4])
    assert len(runs) == 1


def test_what_the_store_had_to_drop_is_embedded_again(tiny_if, tiny_if_folder, store, runs):
    """Embeddings are results like others: those used last stay the longest, and losing one costs its time once more."""
    opened = book(tiny_if_folder, store)
    opened.prepare(["a red apple", "a cat"])
    assert len(runs) == 1
    assert store.prune(0) > 0
    assert torch.equal(
        book(tiny_if_folder, store)(["a cat", "a red apple"]), tiny_if.embed(["a cat", "a red apple"])
    )
    assert len(runs) == 2


def test_a_file_goes_before_the_encoder(tiny_if_folder, store, runs):
    opened = book(tiny_if_folder, store, given={"A Dog": embedding(0.5), "": embedding(0)})
    assert torch.equal(opened(["a dog", ""]), torch.stack([embedding(0.5).float(), embedding(0).float()]))
    assert runs == [] and opened.known is None
    opened(["a cat"])
    assert runs == [["a cat"]]


def test_without_an_encoder_the_file_is_all_there_is(bare, store):
    opened = book(bare, store, given={"a dog": embedding(0.5), "": embedding(0)})
    assert opened.known == ("a dog", "")
    assert opened(["a dog"]).shape == (1, TOKENS, WIDTH)
    with pytest.raises(
        NoSuchPrompt,
        match=r"no text encoder here, so “a cat” cannot be used; the prompts there are: “a dog”\.",
    ):
        opened(["a cat"])


def test_a_refusal_does_not_list_hundreds_of_prompts(bare, store):
    opened = book(bare, store, given={"": embedding(0)} | {f"number {k}": embedding(k) for k in range(100)})
    with pytest.raises(NoSuchPrompt, match=r"“number 38” and 61 more\."):
        opened(["a cat"])


def test_without_an_encoder_and_a_file_there_are_no_prompts(bare, store):
    with pytest.raises(NoEncoder, match=r"no text_encoder/, and DIFFUSION_EMBEDDINGS names no file"):
        book(bare, store)


def test_embeddings_of_another_encoder_are_refused(bare, store):
    with pytest.raises(
        EncoderFailed, match=r"has the shape \(16, 24\), and the network in .*unet expects \(77, 24\)"
    ):
        book(bare, store, given={"": embedding(0, tokens=16)})


@pytest.mark.slow
def test_the_process_embeds_as_the_encoder_does_and_ends(tiny_if, tiny_if_folder, store):
    """The real one: a Python of its own, that reads, embeds, writes and is gone."""
    opened = book(tiny_if_folder, store)
    assert torch.equal(opened(["a red apple"]), tiny_if.embed(["a red apple"]))
    with pytest.raises(subprocess.CalledProcessError):  # this process has no child left
        subprocess.run(
            ["pgrep", "-P", str(os.getpid()), "-f", "core.streamed_encoder"], check=True, capture_output=True
        )


@pytest.mark.slow
def test_a_damaged_encoder_is_a_sentence(tiny_if_folder, tmp_path, store):
    folder = shutil.copytree(tiny_if_folder, tmp_path / "model")
    weights = folder / "text_encoder" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(EncoderFailed, match=r"The text encoder in .*model cannot be used: "):
        book(folder, store)(["a cat"])


@pytest.mark.slow
def test_a_process_ends_with_who_waits_for_it(tiny_if_folder, tmp_path):
    """A worker that is killed leaves nobody behind: the end of its pipe is the end of the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core.streamed_encoder"], cwd=ROOT, stdin=subprocess.PIPE
    )
    fifo = tmp_path / "fifo"  # a model that takes for ever to read
    os.mkfifo(fifo)
    folder = shutil.copytree(tiny_if_folder, tmp_path / "model")
    (folder / "text_encoder" / "config.json").unlink()
    (folder / "text_encoder" / "config.json").symlink_to(fifo)
    order = {
        "folder": str(folder),
        "prompts": ["a"],
        "tokens": 77,
        "device": "cpu",
        "to": str(tmp_path / "out"),
    }
    process.stdin.write(json.dumps(order).encode() + b"\n")
    process.stdin.close()
    assert process.wait(120) == 1


# ---- folders without an encoder ----------------------------------------------------------------------------


def test_a_folder_without_an_encoder_is_found_and_loaded(bare):
    assert find_model_folder(bare) == bare
    model = load_pretrained(bare)
    assert model.text_encoder is None and model.tokenizer is None
    assert len(model.tokens("a cat")) == model.count_tokens("a cat") == model.text_tokens == TOKENS
    assert model.text_width == WIDTH
    with pytest.raises(NoEncoder):
        model.embed(["a cat"])


def test_half_of_an_encoder_is_still_refused(tiny_if_folder, tmp_path):
    folder = shutil.copytree(tiny_if_folder, tmp_path / "model")
    (folder / "text_encoder" / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match=r"text_encoder/\*\.safetensors missing"):
        find_model_folder(folder)


def test_a_file_of_embeddings_is_part_of_what_results_depend_on(bare, tmp_path):
    one, two = tmp_path / "one.pth", tmp_path / "two.pth"
    torch.save({"": embedding(0)}, one)
    torch.save({"": embedding(1)}, two)
    moved = shutil.copy(one, tmp_path / "moved.pth")
    assert fingerprint(bare) != fingerprint(bare, one) != fingerprint(bare, two)
    assert fingerprint(bare, one) == fingerprint(bare, Path(moved))
    assert encoder_fingerprint(bare) is None


# ---- the command ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.journey
def test_make_embed_keeps_what_the_lessons_find_and_writes_a_file(tiny_if, tiny_if_folder, tmp_path):
    """The command's own process, then the book that a worker opens on the same store."""
    (tmp_path / "prompts.txt").write_text("A red apple\n\n  a cat \na red apple\n", encoding="utf-8")
    environment = {
        **os.environ,
        "DIFFUSION_MODEL": str(tiny_if_folder),
        "DIFFUSION_DATA_DIR": str(tmp_path / "data"),
    }
    command = [
        sys.executable,
        "-m",
        "scripts.embed",
        str(tmp_path / "prompts.txt"),
        "--to",
        str(tmp_path / "all.safetensors"),
    ]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "3 of 3 prompts embedded" in done.stdout and "DIFFUSION_EMBEDDINGS=" in done.stdout
    opened = book(tiny_if_folder, Store(tmp_path / "data"))
    found = opened(["a cat", "a red apple", ""])
    torch.testing.assert_close(found, tiny_if.embed(["a cat", "a red apple", ""]), rtol=0, atol=1e-5)
    assert opened.embedded == 0
    assert set(read_prompt_file(tmp_path / "all.safetensors")) == {"a red apple", "a cat", ""}
