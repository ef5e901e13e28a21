"""What several tests share: a tiny random model in the DeepFloyd-IF format, and the model that ships.

torch and diffusers are imported by the fixtures, not here: tests that need neither should not wait for them.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from core.compute.context import JobContext
    from core.pretrained import TextToImageModel
    from tests.part_b import Bench

# Small networks lose more by sharing cores than they gain. torch reads this when it is imported, here and in
# the worker processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "2" if (os.cpu_count() or 1) > 2 else "1")
os.environ.setdefault(
    "OMP_WAIT_POLICY", "passive"
)  # as in the worker: spinning threads starve the browser tests


# What lessons open with ships. Tests have it computed, but for those of what ships, which say so.
os.environ.setdefault("DIFFUSION_OPENINGS", str(Path(__file__).parent / "no-openings"))


@pytest.hookimpl(optionalhook=True)  # where xdist is not loaded, there is no such hook
def pytest_xdist_auto_num_workers() -> int:
    """One for each core, for four at most, which is what the memory is enough for: servers and browsers come on top.

    Three on two cores gained a tenth of the time, and made browsers lag behind their servers.
    """
    return min(4, os.cpu_count() or 1)


@pytest.fixture(scope="session")
def tiny_if_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `IFPipeline.save_pretrained` writes it: random weights, 16x16 pictures. Copy it to change it."""
    from tests.tiny_if import save_tiny_if

    folder = tmp_path_factory.mktemp("models") / "tiny-if"
    save_tiny_if(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_if(tiny_if_folder: Path) -> TextToImageModel:
    """The tiny model, through our loader."""
    from core.pretrained import load_pretrained

    return load_pretrained(tiny_if_folder)


@pytest.fixture(scope="session")
def course_if_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with pictures of 64x64 pixels, which the lessons need, and DeepFloyd IF's own thresholding."""
    from tests.tiny_if import save_tiny_if

    folder = tmp_path_factory.mktemp("models") / "IF-I-tiny"
    save_tiny_if(folder, thresholding=True, sample_size=64, block_out_channels=(8, 16), norm_num_groups=4)
    return folder


@pytest.fixture(scope="session")
def emoji64_folder() -> Path:
    """The folder of the model that ships."""
    from core.settings import ASSETS

    return ASSETS / "models" / "emoji64"


@pytest.fixture(scope="session")
def emoji64(emoji64_folder: Path) -> TextToImageModel:
    """The model that ships, in float32 on the CPU."""
    from core.pretrained import load_pretrained

    return load_pretrained(emoji64_folder)


@pytest.fixture(scope="session")
def emoji64_fingerprint(emoji64_folder: Path) -> str:
    """The fingerprint of the model that ships: how a lesson's job names it."""
    from core.model_folder import fingerprint

    return fingerprint(emoji64_folder)


@pytest.fixture(scope="session")
def untrained(emoji64: TextToImageModel) -> TextToImageModel:
    """The model that ships with a small network of random weights in place of its own: fifteen times as fast.

    For what must hold of any network: that a branch is the rest of its run, that a notebook computes what the app does.
    """
    import torch

    from core.networks.patch_unet import PatchUNet

    inner = dict(emoji64.unet.config.unet)
    inner |= {
        "block_out_channels": [16, 16],
        "norm_num_groups": 4,
        "attention_head_dim": 8,
        "cross_attention_dim": 16,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = PatchUNet(inner | {"addition_embed_type_num_heads": 2}, patch_size=8)
        for weights in network.parameters():  # wide, and none at zero: the prompt and the time must show
            torch.nn.init.normal_(weights, std=1.6 / weights[0].numel() ** 0.5 if weights.ndim > 1 else 1)
        for weights in network.inner.conv_out.parameters():  # and the variance it answers is one
            weights.data *= 0.2
    return replace(emoji64, unet=network.eval().requires_grad_(False))


@pytest.fixture(scope="session")
def job_context(
    tmp_path_factory: pytest.TempPathFactory, untrained: TextToImageModel, emoji64_fingerprint: str
) -> JobContext:
    """What a worker hands to a job that asks for the model that ships; here it finds `untrained` under that name."""
    from core.compute.context import JobContext
    from core.compute.store import Store

    cache = {("model", emoji64_fingerprint, "cpu"): untrained}
    return JobContext("cpu", Store(tmp_path_factory.mktemp("store")), cache)


@pytest.fixture(scope="session")
def shipped_context(
    job_context: JobContext, emoji64: TextToImageModel, emoji64_fingerprint: str
) -> JobContext:
    """The same with the model that ships itself: for what must hold of a network that has learnt."""
    return replace(job_context, cache={("model", emoji64_fingerprint, "cpu"): emoji64})


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Part B's jobs on few digits and small networks."""
    from tests.part_b import Bench

    return Bench(tmp_path_factory.mktemp("store"))
