"""emoji64's network computes what the description of its weights says, and is the trained one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler
from PIL import Image
from safetensors import safe_open
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from core.networks.patch_unet import PatchUNet, PatchUNetError
from core.settings import ASSETS

INNER = {
    "layers_per_block": 1,
    "block_out_channels": (16, 32),
    "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
    "norm_num_groups": 8,
    "attention_head_dim": 8,
    "cross_attention_dim": 12,
}


def patch_unet(**options: object) -> PatchUNet:
    """A small random network of emoji64's class, over 32x32 pictures."""
    torch.manual_seed(0)
    return PatchUNet(INNER, sample_size=32, **options).eval()


@torch.no_grad()
def test_the_network_computes_what_the_description_of_its_weights_says():
    """Line by line as written beside emoji64's first weights, around the UNet inside."""
    network, t = patch_unet(), 690
    x_t, h = torch.randn(2, 3, 32, 32), torch.randn(2, 5, 12)
    abar_t = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2").alphas_cumprod[t]
    z = pixel_unshuffle(x_t, 4)  # (B, 48, 8, 8)
    o = network.inner(z, t, encoder_hidden_states=h).sample  # (B, 96, 8, 8)
    v, variance = o[:, :48], o[:, 48:]
    eps = (1 - abar_t).sqrt() * z + abar_t.sqrt() * v
    expected = torch.cat([pixel_shuffle(eps, 4), pixel_shuffle(variance, 4)], dim=1)  # (B, 6, 32, 32)
    torch.testing.assert_close(network(x_t, t, h).sample, expected, rtol=0, atol=1e-6)


@torch.no_grad()
def test_emoji64_finds_most_of_the_noise_in_a_shipped_picture(emoji64):
    """The weights are the trained ones: a network that answers 0 would be wrong by 1."""
    picture = Image.open(ASSETS / "pictures" / "red-apple.png").convert("RGB").resize((64, 64))
    clean = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 127.5 - 1
    noise = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    abar = emoji64.schedule.alphas_cumprod[500].item()
    answer = emoji64(
        abar**0.5 * clean + (1 - abar) ** 0.5 * noise, 500, emoji64.embed(["a high quality photo"])
    )
    assert (answer[:, :3] - noise).square().mean() < 0.1


@torch.no_grad()
def test_one_timestep_or_one_for_each_picture():
    network = patch_unet()
    x_t, h = torch.randn(2, 3, 32, 32), torch.randn(2, 5, 12)
    each = network(x_t, torch.tensor([990, 30]), h).sample
    for row, t in enumerate((990, 30)):
        for same in (t, float(t), torch.tensor(t)):
            alone = network(x_t, same, h, return_dict=False)[0][row]
            torch.testing.assert_close(each[row], alone, rtol=0, atol=1e-5)


def test_the_table_is_no_part_of_the_weights(tmp_path):
    """It follows from the configuration; a copy among float16 weights would be a worse one."""
    network = patch_unet()
    network.save_pretrained(tmp_path)
    with safe_open(tmp_path / "diffusion_pytorch_model.safetensors", "pt") as file:
        assert "alphas_cumprod" not in file.keys()


@pytest.mark.parametrize("options", [{"out_channels": 3}, {"in_channels": 1}])
def test_a_network_outside_the_contract_is_refused(options):
    with pytest.raises(PatchUNetError):
        patch_unet(**options)
