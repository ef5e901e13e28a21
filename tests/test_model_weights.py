"""Weight files: which of them are read, and that reading makes no second copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import T5EncoderModel

from core.model_folder import find_model_folder
from core.model_weights import map_weights, weight_files
from core.pretrained import BadModelFolder, load_pretrained
from core.settings import ROOT

FULL = "diffusion_pytorch_model.safetensors"
HALF = "diffusion_pytorch_model.fp16.safetensors"


@pytest.fixture
def copy(tiny_if_folder: Path, tmp_path: Path) -> Path:
    """A tiny model that a test may change."""
    return shutil.copytree(tiny_if_folder, tmp_path / "model")


def save_variant(folder: Path, pieces: str | None = None) -> None:
    """Both networks as diffusers and transformers save them with variant="fp16", beside the full files."""
    size = {} if pieces is None else {"max_shard_size": pieces}
    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    unet.half().save_pretrained(folder / "unet", variant="fp16", **size)
    encoder = T5EncoderModel.from_pretrained(folder / "text_encoder")
    encoder.half().save_pretrained(folder / "text_encoder", variant="fp16", **size)


def remove_full(folder: Path) -> None:
    for part in ("unet", "text_encoder"):
        for path in (folder / part).glob("*.safetensors"):
            if "fp16" not in path.name:
                path.unlink()


# ---- which files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "dtype", "read", "variant"),
    [
        ([FULL], torch.float32, [FULL], None),
        ([FULL], torch.float16, [FULL], None),
        ([HALF], torch.float32, [HALF], "fp16"),
        ([FULL, HALF], torch.float32, [FULL], None),
        ([FULL, HALF], torch.float16, [HALF], "fp16"),
        ([FULL, HALF], torch.bfloat16, [FULL], None),  # rounded once, not twice
        (["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.fp16.safetensors"],
         torch.float64, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"], None),
        (["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"],
         torch.float16, ["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"], "fp16"),
        (["lora.safetensors", "model.non_ema.safetensors"], torch.float32, [], None),
        ([], torch.float16, [], None),
    ],
)  # fmt: skip
def test_the_files_that_fit_the_precision_are_read(tmp_path, there, dtype, read, variant):
    for name in there:
        (tmp_path / name).touch()
    files, found = weight_files(tmp_path, dtype)
    assert ([path.name for path in files], found) == (read, variant)


@pytest.mark.parametrize("pieces", [None, "20KB"], ids=["whole", "in pieces"])
def test_a_folder_of_half_precision_files_alone_is_loaded(copy, pieces):
    """As `hf download DeepFloyd/IF-I-M-v1.0 --include "*.fp16*"` leaves it."""
    save_variant(copy, pieces)
    remove_full(copy)
    assert (len(list((copy / "unet").glob("*.safetensors"))) > 1) == (pieces is not None)
    assert find_model_folder(copy) == copy
    model = load_pretrained(copy, dtype=torch.float16)
    stored = {}
    for path in (copy / "unet").glob("*.safetensors"):
        stored |= load_file(path)
    assert {weight.dtype for weight in stored.values()} == {torch.float16}
    assert all(torch.equal(weight, stored[name]) for name, weight in model.unet.state_dict().items())
    widened = load_pretrained(copy)  # float32, as far as half precision says it
    x_t, embedding = torch.zeros(1, 3, 16, 16), widened.embed(["a red apple"])
    assert torch.equal(widened.unet.conv_in.weight, stored["conv_in.weight"].float())
    torch.testing.assert_close(
        model(x_t, 500, embedding.half()), widened(x_t, 500, embedding), rtol=0, atol=0.01
    )


def test_of_both_the_one_that_fits_the_precision_is_loaded(copy):
    save_variant(copy)
    changed = load_file(copy / "unet" / HALF)
    changed["conv_in.bias"] = torch.full_like(changed["conv_in.bias"], 0.25)
    save_file(changed, copy / "unet" / HALF, metadata={"format": "pt"})
    assert load_pretrained(copy, dtype=torch.float16).unet.conv_in.bias.eq(0.25).all()
    assert not load_pretrained(copy).unet.conv_in.bias.eq(0.25).any()


def test_a_piece_that_is_missing_is_noticed(copy):
    save_variant(copy, "20KB")
    remove_full(copy)
    sorted((copy / "unet").glob("*.safetensors"))[0].unlink()
    with pytest.raises(BadModelFolder, match=r"not complete: \d+ are missing"):
        load_pretrained(copy)


def test_a_weight_of_another_network_is_refused(copy):
    weights = load_file(copy / "unet" / FULL)
    weights["extra.weight"] = torch.zeros(1)
    save_file(weights, copy / "unet" / FULL, metadata={"format": "pt"})
    with pytest.raises(
        BadModelFolder, match=r"1 weights belong to no part of the network, extra\.weight first"
    ):
        load_pretrained(copy)


# ---- memory -------------------------------------------------------------------------------------------------

CHILD = """
import resource, sys, torch
from core.pretrained import _load_unet
from diffusers import UNet2DConditionModel
from pathlib import Path

def own():  # memory that is not a file's, in bytes
    rows = Path("/proc/self/status").read_text().splitlines()
    return next(int(row.split()[1]) * 1024 for row in rows if row.startswith("RssAnon"))

before = own()
unet, missing = _load_unet(UNet2DConditionModel, Path(sys.argv[1]), getattr(torch, sys.argv[2]))
assert not missing
total = sum(float(weight.double().sum()) for weight in unet.parameters() if weight.numel() > 4e6)  # all are read
print(own() - before, sum(weight.nbytes for weight in unet.parameters()), total)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.journey
def test_weights_in_their_own_precision_take_no_memory_of_the_process(tmp_path):
    """They are pages of the file: in a process of its own, reading a network of 70 MB takes a fraction of that."""
    from tests.tiny_if import UNET

    torch.manual_seed(0)
    wide = UNET | {"block_out_channels": (64, 512), "norm_num_groups": 32, "cross_attention_dim": 256}
    UNet2DConditionModel(**wide).half().save_pretrained(tmp_path)

    def load(dtype: str) -> tuple[float, float]:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(tmp_path), dtype], cwd=ROOT, env=os.environ, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        own, weights, total = map(float, done.stdout.split())
        assert total != 0
        return own, weights

    own, weights = load("float16")
    assert weights > 30e6
    assert own < 0.5 * weights
    own, weights = load("float32")  # another type is a copy, and no more than one
    assert 0.9 * weights < own < 1.6 * weights


def test_a_shared_weight_is_stored_once_and_reaches_both_names(tmp_path):
    """T5 stores its table of words under one name, and looks it up under another."""

    class Two(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = torch.nn.Linear(2, 3, bias=False)
            self.other = torch.nn.Linear(2, 3, bias=False)
            self.other.weight = self.one.weight

    weight = torch.arange(6.0).view(3, 2)
    save_file({"one.weight": weight}, tmp_path / "model.safetensors")
    with torch.device("meta"):
        module = Two()
    assert map_weights(module, [tmp_path / "model.safetensors"], None) == []
    assert torch.equal(module.one.weight, weight) and torch.equal(module.other.weight, weight)


def test_the_index_of_pieces_is_the_one_that_the_libraries_write(copy):
    """Both libraries read what they wrote; we read the pieces themselves, so the names have to be theirs."""
    save_variant(copy, "4KB")
    for part in ("unet", "text_encoder"):
        (index,) = (copy / part).glob("*.index*.json")
        named = set(json.loads(index.read_text())["weight_map"].values())
        assert named == {path.name for path in weight_files(copy / part, torch.float16)[0]}
