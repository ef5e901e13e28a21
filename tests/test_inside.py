"""What is inside a network: every parameter belongs to one part, and the last part's output is the answer."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle

from core.inside import look_inside, parts_of
from core.jobs import JobSpec
from core.networks.mnist_unet import UnconditionalUNet
from core.networks.patch_unet import PatchUNet
from core.networks.storybook_unet import StorybookUNet
from lessons.inside import strongest
from lessons.meet_the_model import LESSON, inside_spec
from tests.lesson_runs import result_of
from tests.tiny_if import TEXT_WIDTH, UNET

STORYBOOK = {
    "widths": (16, 32, 32),
    "blocks": (2, 1),
    "depth": 2,
    "heads": 2,
    "condition": 32,
    "encoder_hid_dim": TEXT_WIDTH,
}
PATCHES = {
    "unet": {name: value for name, value in UNET.items() if name not in ("sample_size", "in_channels", "out_channels")},
    "sketcher": {"text_width": TEXT_WIDTH, "hidden": 16, "layers": 1},
    "finisher": {"width": 8, "layers": 2},
}  # fmt: skip
T = 400


@pytest.fixture(params=["StorybookUNet", "PatchUNet", "UNet2DConditionModel"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    """Fresh, but for the zeros that some parts begin with: each says something."""
    torch.manual_seed(0)
    build = {
        "StorybookUNet": lambda: StorybookUNet(**STORYBOOK),
        "PatchUNet": lambda: PatchUNet(**PATCHES),
        "UNet2DConditionModel": lambda: UNet2DConditionModel(**UNET),
    }
    network = build[request.param]()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network.eval()


def given(network: nn.Module) -> tuple[Tensor, int, Tensor]:
    size, generator = network.config.sample_size, torch.Generator().manual_seed(2)
    return (
        torch.randn(1, 3, size, size, generator=generator),
        T,
        torch.randn(1, 5, TEXT_WIDTH, generator=generator),
    )


def test_every_parameter_is_of_one_part(network: nn.Module) -> None:
    seen = look_inside(network, lambda: network(*given(network)))
    assert sum(one.parameters for one in seen) == sum(p.numel() for p in network.parameters())
    assert all(one.parameters > 0 and one.part.does for one in seen)
    assert [one.part for one in seen] == list(parts_of(network))
    assert [one.part.name for one in seen if one.output is None] == ["condition"]


@torch.no_grad()
def test_the_last_parts_output_is_the_answer(network: nn.Module) -> None:
    x_t, t, text = given(network)
    seen = {one.part.name: one.output for one in look_inside(network, lambda: network(x_t, t, text))}
    if isinstance(network, StorybookUNet):
        v, variance = network.velocity(x_t, t, text)
        answer = pixel_shuffle(seen["write"][None], network.config.patch_size)
        assert torch.equal(answer, torch.cat([v, variance], dim=1))
    elif isinstance(network, PatchUNet):
        assert torch.equal(seen["sketcher"][None], network.sketch(x_t, torch.tensor([t]), text))
        assert seen["finisher"].shape == (3, 64, 64)
    else:
        assert torch.equal(seen["conv out"][None], network(x_t, t, text).sample)


def test_sizes_are_those_of_the_architecture() -> None:
    network = StorybookUNet(**STORYBOOK).eval()
    seen = look_inside(network, lambda: network(*given(network)))
    assert {one.part.name: tuple(one.output.shape) for one in seen if one.output is not None} == {
        "read": (16, 32, 32), "down 1": (16, 32, 32), "down 2": (32, 16, 16), "transformer": (32, 8, 8),
        "up 2": (32, 16, 16), "up 1": (16, 32, 32), "write": (24, 32, 32),
    }  # fmt: skip


def test_the_hooks_are_gone_and_hear_no_other_jobs_call(network: nn.Module) -> None:
    other = tuple(part if isinstance(part, int) else 10 + part for part in given(network))

    def with_another() -> None:
        network(*given(network))
        thread = threading.Thread(target=lambda: network(*other))
        thread.start()
        thread.join()

    alone = look_inside(network, lambda: network(*given(network)))
    beside = look_inside(network, with_another)
    for one, two in zip(alone, beside, strict=True):
        assert one.output is two.output is None or torch.equal(one.output, two.output)
    assert not any(module._forward_hooks for module in network.modules())


def test_a_network_that_is_not_called_or_not_known_is_named() -> None:
    network = StorybookUNet(**STORYBOOK)
    with pytest.raises(RuntimeError, match="did not call read, down 1"):
        look_inside(network, lambda: None)
    with pytest.raises(TypeError, match="UnconditionalUNet"):
        parts_of(UnconditionalUNet(8))


def test_channels_go_from_their_own_black_to_their_own_white() -> None:
    ramp = torch.linspace(-1, 1, 100).reshape(1, 10, 10)
    four = strongest(torch.cat([0 * ramp, 3 * ramp, 2 * ramp, 5 - ramp, ramp / 2, ramp / 9]))
    assert four.shape == (4, 10, 10) and four.dtype == np.uint8
    assert [int(one[0, 0]) for one in four] == [0, 0, 255, 0]  # 3, 2, then 5 - ramp, which falls
    assert strongest(torch.cat([ramp] * 3)).shape == (1, 10, 10, 3)


@torch.no_grad()
def test_the_job_looks_into_the_lessons_own_run(shipped_context, emoji64_fingerprint) -> None:
    values = {**LESSON.defaults(), "steps": 6}
    found, _ = result_of(LESSON, inside_spec(values, emoji64_fingerprint), shipped_context)
    params = LESSON.job(values, emoji64_fingerprint).params
    own, _ = result_of(
        LESSON, JobSpec("denoise", {**params, "columns": params["columns"][:1]}), shipped_context
    )
    assert found.meta["t"] == own.meta["steps"][3]["t"]
    shown = np.rint((np.clip(own["x_t"][3, 0], -1, 1) + 1) * 127.5).transpose(1, 2, 0)
    assert np.abs(found["x_t"].astype(float) - shown).max() <= 1  # a grey level: half to even, or up
    assert found.meta["network"] == "PatchUNet" and found.meta["parts"][0]["shape"] == []
    assert found["maps/1"].shape == (1, 64, 64, 3)  # the sketcher's guess
