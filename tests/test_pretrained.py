"""The loader: what it accepts, and what it says of the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub.errors import IncompleteSnapshotError
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceTrainer
from transformers import T5Config, T5EncoderModel

from core.model_folder import ModelNotFound, find_model_folder, fingerprint, token_width
from core.pretrained import BadModelFolder, TextToImageModel, load_pretrained
from tests.tiny_if import save_tiny_if

UNET_WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
TEXT_WEIGHTS = "text_encoder/model.safetensors"


@pytest.fixture
def copy(tiny_if_folder: Path, tmp_path: Path) -> Path:
    """A tiny model that a test may damage."""
    return shutil.copytree(tiny_if_folder, tmp_path / "model")


# ---- a whole folder ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny_if", "emoji64"])
def test_a_loaded_model_keeps_the_contract(name, request):
    """(x_t, t, embeddings) -> 6 channels, without gradients, in evaluation mode."""
    model: TextToImageModel = request.getfixturevalue(name)
    x_t = torch.zeros(2, *model.picture_shape)
    answer = model(x_t, 500, model.embed(["a red apple", ""]))
    assert answer.shape == (2, 6, *model.picture_shape[1:])
    assert answer.isfinite().all()
    assert not answer.requires_grad
    assert not model.unet.training and not model.text_encoder.training
    assert model.schedule.num_train_timesteps == 1000
    assert (model.device.type, model.dtype) == ("cpu", torch.float32)


def test_emoji64_has_the_shape_of_the_course(emoji64):
    assert emoji64.picture_shape == (3, 64, 64)
    assert emoji64.embed(["a red apple"]).shape == (1, 16, 384)


def test_emoji64_sees_no_padding(emoji64):
    """It was trained with padded positions set to zero: [CLS] a red apple [SEP] and eleven zeros."""
    (embedding,) = emoji64.embed(["A Red Apple"])
    assert emoji64.tokens("A Red Apple") == ["[CLS]", "a", "red", "apple", "[SEP]"]
    assert (embedding.abs().sum(dim=1) > 0).tolist() == [True] * 5 + [False] * 11


def test_an_embedding_does_not_depend_on_the_other_prompts(emoji64):
    together = emoji64.embed(["a cat", "a very much longer prompt about a dog"])
    torch.testing.assert_close(together[:1], emoji64.embed(["a cat"]), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "prompt", ["", "word " * 5000, "ein Löwe", "一只红苹果", "🍎🍎🍎", "\x00\n\t", "<pad> [SEP]"]
)
@pytest.mark.parametrize("name", ["tiny_if", "emoji64"])
def test_every_prompt_has_an_embedding(name, prompt, request):
    model: TextToImageModel = request.getfixturevalue(name)
    embedding = model.embed([prompt])
    assert embedding.shape[1] == model.text_tokens
    assert embedding.isfinite().all() and embedding.abs().max() > 0
    assert 0 < len(model.tokens(prompt)) <= model.text_tokens


def test_the_tokenizer_of_a_deepfloyd_folder_is_a_sentencepiece_file(copy, tmp_path):
    """DeepFloyd IF ships spiece.model and no tokenizer.json; transformers reads it with the package sentencepiece."""
    text = tmp_path / "text.txt"
    text.write_text("a red apple\nthe quick brown fox jumps over a lazy dog\n")
    SentencePieceTrainer.train(
        input=str(text), model_prefix=str(copy / "tokenizer" / "spiece"), vocab_size=60, pad_id=0, eos_id=1, unk_id=2,
        bos_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (copy / "tokenizer" / "tokenizer.json").unlink()
    model = load_pretrained(copy)
    assert "".join(model.tokens("a red apple")).replace("▁", " ").split() == ["a", "red", "apple</s>"]


# ---- what is wrong with a folder ---------------------------------------------------------------------------


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def drop_a_weight(path: Path) -> None:
    weights = load_file(path)
    del weights[sorted(weights)[len(weights) // 2]]
    save_file(weights, path, metadata={"format": "pt"})


DAMAGES: dict[str, tuple[Callable[[Path], object], type[ValueError], str]] = {
    "no unet": (lambda d: shutil.rmtree(d / "unet"), ModelNotFound, r"unet/config\.json, unet/\*\.safetensors missing"),
    "no weights": (lambda d: (d / TEXT_WEIGHTS).unlink(), ModelNotFound, r"text_encoder/\*\.safetensors missing"),
    "no vocabulary": (lambda d: (d / "tokenizer/tokenizer.json").unlink(), ModelNotFound, r"tokenizer\.json or spiece"),
    "unknown class": (lambda d: rewrite(d / "unet/config.json", _class_name="FluxTransformer2DModel"), BadModelFolder,
                      "'FluxTransformer2DModel'; this app runs StorybookUNet, PatchUNet or UNet2DConditionModel"),
    "unknown encoder": (lambda d: rewrite(d / "text_encoder/config.json", architectures=["CLIPTextModel"]),
                        BadModelFolder, "'CLIPTextModel'; this app runs BertModel or T5EncoderModel"),
    "class of a strange type": (lambda d: rewrite(d / "unet/config.json", _class_name={"a": 1}),
                                BadModelFolder, "this app runs"),
    "no class": (lambda d: (d / "unet/config.json").write_text("{}"), BadModelFolder, "unet/config.json cannot be used"),
    "broken JSON": (lambda d: (d / "unet/config.json").write_text("{"), BadModelFolder, "unet/config.json cannot be used"),
    "JSON, but a list": (lambda d: (d / "unet/config.json").write_text("[1]"), BadModelFolder, "cannot be used"),
    "no text": (lambda d: (d / "unet/config.json").write_bytes(b"\xff\xfe"), BadModelFolder, "cannot be used"),
    "class without its arguments": (lambda d: rewrite(d / "unet/config.json", _class_name="PatchUNet"),
                                    BadModelFolder, "cannot be loaded"),
    "other shapes": (lambda d: rewrite(d / "unet/config.json", encoder_hid_dim=32), BadModelFolder, "size mismatch"),
    "half of the unet": (lambda d: truncate(d / UNET_WEIGHTS), BadModelFolder, "cannot be loaded"),
    "half of the encoder": (lambda d: truncate(d / TEXT_WEIGHTS), BadModelFolder, "cannot be loaded"),
    "a weight too few": (lambda d: drop_a_weight(d / UNET_WEIGHTS), BadModelFolder, "not complete: 1 "),
    "a weight too few in the encoder": (lambda d: drop_a_weight(d / TEXT_WEIGHTS), BadModelFolder, "not complete: 1 "),
    "broken scheduler": (lambda d: (d / "scheduler/scheduler_config.json").write_text("{"),
                         BadModelFolder, "scheduler_config.json"),
    "another prediction": (lambda d: rewrite(d / "scheduler/scheduler_config.json", prediction_type="v_prediction"),
                           BadModelFolder, "says v_prediction and learned_range; .* has epsilon and learned_range"),
    "broken tokenizer": (lambda d: (d / "tokenizer/tokenizer.json").write_text("{"), BadModelFolder, "cannot be loaded"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_refused_with_its_path_and_the_reason(copy, damage):
    do, error, message = DAMAGES[damage]
    do(copy)
    with pytest.raises(error, match=message) as caught:
        load_pretrained(copy)
    assert str(copy) in str(caught.value)


def test_an_encoder_of_another_width_is_refused(copy):
    """Both parts are sound; only together they would fail, in the middle of a first run."""
    config = T5Config.from_pretrained(copy / "text_encoder", d_model=32)
    T5EncoderModel(config).save_pretrained(copy / "text_encoder")
    with pytest.raises(
        BadModelFolder, match=r"vectors of 32 numbers, .* expects 24: they do not belong together"
    ):
        load_pretrained(copy)


def test_a_schedule_that_the_network_was_not_trained_with_is_refused(emoji64_folder, tmp_path):
    """PatchUNet computes with its own table: a scheduler with another one would undo a different process."""
    folder = tmp_path / "model"
    shutil.copytree(emoji64_folder, folder)
    rewrite(folder / "scheduler" / "scheduler_config.json", beta_schedule="linear")
    with pytest.raises(BadModelFolder, match=r"The schedule in .*scheduler is not the one"):
        load_pretrained(folder)


def test_a_network_with_other_channels_is_refused(tmp_path):
    save_tiny_if(tmp_path, out_channels=3)
    with pytest.raises(BadModelFolder, match=r"3 input and 3 output channels; .* has 3 and 6"):
        load_pretrained(tmp_path)


@pytest.mark.parametrize("source", ["/no/such/folder", "./no-such", "no-such", "~/no-such", "a/b/c"])
def test_a_missing_folder_is_named_with_what_it_should_hold(source):
    with pytest.raises(ModelNotFound) as caught:
        load_pretrained(source)
    message = str(caught.value)
    assert str(Path(source).expanduser()) in message
    for part in ("unet/", "scheduler/", "tokenizer/", "text_encoder/", "model_index.json", "DIFFUSION_MODEL"):
        assert part in message


def test_a_file_is_no_folder(tiny_if_folder):
    with pytest.raises(ModelNotFound, match=r"No usable model at .*model_index\.json"):
        find_model_folder(tiny_if_folder / "model_index.json")


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and a wall where the network would be."""

    def no_network(*args: object, **kwargs: object) -> None:
        raise AssertionError("The app must not go to the network.")

    monkeypatch.setattr("socket.socket.connect", no_network)
    monkeypatch.setattr("socket.getaddrinfo", no_network)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.mark.parametrize("source", ["owner/name", "no such/hub id!"])
def test_a_hub_id_that_was_not_downloaded_is_refused(hub_cache, source):
    with pytest.raises(
        ModelNotFound, match=f"'{source}' is neither a folder nor a model in this machine's hub cache"
    ):
        load_pretrained(source)


def test_a_hub_id_that_was_downloaded_in_part_is_found(tiny_if_folder, monkeypatch):
    """`hf download --include` leaves a list of what else the hub has, and the hub's library then speaks of an error."""

    def asked(*_, **__):
        raise IncompleteSnapshotError("some files are missing", str(tiny_if_folder))

    monkeypatch.setattr("huggingface_hub.snapshot_download", asked)
    assert find_model_folder("owner/name") == tiny_if_folder


def test_the_width_of_a_token_is_read_from_the_configuration(tiny_if_folder, tiny_if, tmp_path):
    assert token_width(tiny_if_folder) == tiny_if.text_width
    with pytest.raises(ModelNotFound, match="does not say how wide"):
        token_width(tmp_path)


def test_a_hub_id_that_was_downloaded_is_found(hub_cache, tiny_if_folder):
    """The layout of the cache is huggingface_hub's: a reference to a commit, and the files under it."""
    repository = hub_cache / "models--owner--name"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("0" * 40)
    shutil.copytree(tiny_if_folder, repository / "snapshots" / ("0" * 40))
    assert load_pretrained("owner/name").picture_shape == (3, 16, 16)


# ---- the fingerprint ---------------------------------------------------------------------------------------


def test_the_fingerprint_is_of_the_contents(copy, tiny_if_folder):
    assert fingerprint(copy) == fingerprint(tiny_if_folder)
    assert len(fingerprint(copy)) == 16
    assert int(fingerprint(copy), 16) >= 0


@pytest.mark.parametrize("file", [UNET_WEIGHTS, TEXT_WEIGHTS])
@pytest.mark.parametrize("place", ["first", "last"])
def test_the_fingerprint_changes_with_a_bit_of_a_weight(copy, file, place):
    before = fingerprint(copy)
    data = bytearray((copy / file).read_bytes())
    header = 8 + int.from_bytes(data[:8], "little")
    data[header if place == "first" else -1] ^= 1
    (copy / file).write_bytes(data)
    assert fingerprint(copy) != before


def test_the_fingerprint_changes_with_a_setting_or_another_file(copy):
    seen = {fingerprint(copy)}
    rewrite(copy / "scheduler/scheduler_config.json", beta_schedule="linear")
    seen.add(fingerprint(copy))
    (copy / "tokenizer" / "vocab.txt").write_text("apple")
    seen.add(fingerprint(copy))
    assert len(seen) == 3


def test_large_files_are_fingerprinted_from_samples(copy, monkeypatch):
    """As for weights of gigabytes: the first and later samples count, and the size does."""
    monkeypatch.setattr("core.model_folder._SAMPLED_ABOVE", 0)
    monkeypatch.setattr("core.model_folder._CHUNK", 1024)
    seen = {fingerprint(copy)}
    data = bytearray((copy / UNET_WEIGHTS).read_bytes())
    stride = len(data) // 64
    data[40 * stride + 5] ^= 1
    (copy / UNET_WEIGHTS).write_bytes(data)
    seen.add(fingerprint(copy))
    (copy / UNET_WEIGHTS).write_bytes(data + b"\0")
    seen.add(fingerprint(copy))
    assert len(seen) == 3
