"""PatchUNet: the contract, the folder, and the algebra of v and ε."""

import pytest
import torch

from core.networks.finisher import Finisher
from core.networks.patch_unet import PatchUNet, PatchUNetError
from core.networks.sketcher import FEW_ROWS, few_rows
from tests.velocity_networks import keeps_its_schedule_in_float32, names_one_clean_picture

TINY = {
    "block_out_channels": [16, 16],
    "layers_per_block": 1,
    "down_block_types": ["DownBlock2D", "DownBlock2D"],
    "up_block_types": ["UpBlock2D", "UpBlock2D"],
    "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
    "cross_attention_dim": 16,
    "encoder_hid_dim": 24,
    "encoder_hid_dim_type": "text_proj",
    "attention_head_dim": 8,
    "norm_num_groups": 8,
}
SKETCHER = {"text_width": 24, "hidden": 16, "layers": 1}


PARTS = {
    "unet": {},
    "sketcher": {"sketcher": SKETCHER},
    "finisher": {"sketcher": SKETCHER, "finisher": {"width": 8, "layers": 2}},
}


@pytest.fixture(params=PARTS.values(), ids=PARTS)
def network(request) -> PatchUNet:
    """Every part says something: a fresh sketcher or finisher would be silent."""
    torch.manual_seed(0)
    network = PatchUNet(TINY, **request.param).eval()
    for part in (network.sketch, network.finish):
        if part is not None:
            torch.nn.init.normal_(part.draw.weight, std=0.1)
    return network


@torch.no_grad()
def test_contract_and_folder(network, tmp_path):
    x_t, text = torch.randn(2, 3, 64, 64), torch.randn(2, 5, 24)
    answer = network(x_t, 690, encoder_hidden_states=text, return_dict=False)[0]
    assert answer.shape == (2, 6, 64, 64)
    network.save_pretrained(tmp_path)
    again = PatchUNet.from_pretrained(tmp_path).eval()
    assert again.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in network.state_dict().items())
    # A processor's matrix products may differ in their last bits with where in memory the weights lie.
    torch.testing.assert_close(
        again(x_t, torch.tensor([690, 690]), text).sample, answer, rtol=1e-5, atol=2e-6
    )


@torch.no_grad()
def test_noise_and_velocity_name_the_same_clean_picture(network):
    names_one_clean_picture(network, torch.randn(1, 3, 64, 64), 400, torch.randn(1, 5, 24))


def test_the_schedule_stays_float32(network):
    keeps_its_schedule_in_float32(network)


@torch.no_grad()
def test_a_right_sketch_makes_the_clean_end_of_the_noise(network):
    """If the UNet is silent and ŝ = x₀, x̂₀ tends to x₀ as ᾱ tends to 0."""
    if network.sketch is None:
        pytest.skip("this network has no sketcher")
    silent = [network.inner.conv_out, network.sketch.draw, *([network.finish.draw] if network.finish else [])]
    for parameter in (p for layer in silent for p in layer.parameters()):
        parameter.zero_()
    network.sketch.draw.bias.fill_(0.7)
    x_t, t = torch.randn(1, 3, 64, 64), 998
    v, _ = network.velocity(x_t, t, torch.randn(1, 5, 24))
    abar = network.alphas_cumprod[t]
    clean = abar.sqrt() * x_t - (1 - abar).sqrt() * v
    torch.testing.assert_close(clean, torch.full_like(clean, 0.7), rtol=0, atol=0.02)


@torch.no_grad()
def test_the_finisher_sees_four_pixels_far_and_no_further():
    """One convolution before, two between and one after: a dot changes 9 × 9 pixels. And t counts."""
    torch.manual_seed(0)
    finisher = Finisher(width=8, layers=2)
    torch.nn.init.normal_(finisher.draw.weight)
    x_t, v, clean = torch.randn(3, 1, 3, 32, 32)
    dotted = x_t.clone()
    dotted[..., 16, 16] += 1
    t = torch.tensor([500])
    answer = finisher(x_t, v, clean, t)
    assert answer.shape == (1, 3, 32, 32)
    changed = (finisher(dotted, v, clean, t) != answer).any(dim=1)[0]
    assert changed[12:21, 12:21].all() and changed.sum() == 81
    assert not torch.equal(finisher(x_t, v, clean, t - 400), answer)


def test_a_patch_size_that_does_not_fit_is_refused():
    with pytest.raises(PatchUNetError, match="divides"):
        PatchUNet(TINY, patch_size=5)


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, FEW_ROWS])
def test_a_few_rows_are_multiplied_to_the_same_numbers(rows):
    """The fast way of the sketcher's last layer against PyTorch's own, in double: to the order of the sums."""
    torch.manual_seed(0)
    layer, x = torch.nn.Linear(32, 48).double(), torch.randn(rows, 32, dtype=torch.float64)
    torch.testing.assert_close(few_rows(layer, x), layer(x), rtol=0, atol=1e-14)
