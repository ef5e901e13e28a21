"""StorybookUNet: the contract, the folder, the algebra of v and ε, and what the architecture promises."""

import pytest
import torch
from diffusers import IFPipeline
from torch import Tensor

from core.diffusion import draw_noise, iterative_denoise
from core.guidance import ClassifierFree
from core.networks.storybook_unet import StorybookUNet, StorybookUNetError, places
from core.pretrained import load_pretrained
from tests.velocity_networks import keeps_its_schedule_in_float32, names_one_clean_picture

TINY = {
    "widths": (16, 32, 32),
    "blocks": (1, 1),
    "depth": 2,
    "heads": 2,
    "condition": 32,
    "encoder_hid_dim": 24,
}


def awake(network: StorybookUNet) -> StorybookUNet:
    """Every zero that a fresh network begins with becomes a number: so each part says something."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


@pytest.fixture
def network() -> StorybookUNet:
    torch.manual_seed(0)
    return awake(StorybookUNet(**TINY))


def picture(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def prompt(count: int = 2, words: int = 5) -> Tensor:
    return torch.randn(count, words, 24, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_contract_and_folder(network, tmp_path):
    answer = network(picture(), 690, encoder_hidden_states=prompt(), return_dict=False)[0]
    assert answer.shape == (2, 6, 64, 64)
    network.save_pretrained(tmp_path)
    again = StorybookUNet.from_pretrained(tmp_path).eval()
    assert torch.equal(again(picture(), torch.tensor([690, 690]), prompt()).sample, answer)


@torch.no_grad()
def test_noise_and_velocity_name_the_same_clean_picture(network):
    names_one_clean_picture(network, picture(1), 400, prompt(1))


def test_the_schedule_stays_float32(network):
    keeps_its_schedule_in_float32(network)


@torch.no_grad()
def test_padding_says_nothing(network):
    """A prompt in 5 places or in 77, as diffusers' pipeline pads it: the same answer but for rounding."""
    padded = torch.cat([prompt(), torch.zeros(2, 72, 24)], dim=1)
    short, long = network(picture(), 300, prompt()).sample, network(picture(), 300, padded).sample
    torch.testing.assert_close(short, long, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_words_count_and_so_does_their_company(network):
    """Another word changes the picture; and words are seen one by one, not only as their sum."""
    answer = network(picture(1), 500, prompt(1)).sample
    some = torch.randn(24, generator=torch.Generator().manual_seed(4))
    other, same_sum = prompt(1), prompt(1)
    other[:, 0] += some
    assert (network(picture(1), 500, other).sample - answer).abs().max() > 0.1
    same_sum[:, 0] += some
    same_sum[:, 1] -= some
    assert (network(picture(1), 500, same_sum).sample - answer).abs().max() > 1e-3


@torch.no_grad()
def test_a_moved_picture_gets_a_moved_answer_where_no_border_is_near():
    """Without the transformer and its places there are convolutions alone: they answer alike everywhere.

    A move by 8 pixels is a move by one place at the lowest resolution. The picture is flat but for its middle, so that
    the group normalisation, which sees all of it, sees the same.
    """
    torch.manual_seed(0)
    network = awake(StorybookUNet(**{**TINY, "depth": 0, "sample_size": 128}))
    network.places.zero_()
    x_t = torch.zeros(1, 3, 128, 128)
    x_t[..., 56:64, 56:64] = picture(1)[..., :8, :8]
    answer = network(x_t, 500, prompt(1)).sample
    moved = network(x_t.roll((8, 8), dims=(2, 3)), 500, prompt(1)).sample
    inner = slice(36, 92)
    torch.testing.assert_close(
        moved.roll((-8, -8), dims=(2, 3))[..., inner, inner], answer[..., inner, inner], rtol=0, atol=2e-3
    )
    assert (
        answer[..., 56:64, 56:64] - answer[..., 36:37, 36:37]
    ).abs().max() > 0.02  # and there is something to move


def test_every_place_has_a_name_of_its_own():
    names = places(8, 32)
    assert names.shape == (64, 32)
    assert torch.pdist(names).min() > 0.1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"out_channels": 3}, "6 output channels"),
        ({"blocks": (1,)}, "one width more than blocks"),
        ({"sample_size": 60}, "8 divides"),
        ({"widths": (16, 32, 36)}, "8 divides"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(change, sentence):
    with pytest.raises(StorybookUNetError, match=sentence):
        StorybookUNet(**{**TINY, **change})


def test_what_the_network_does_not_take_is_refused(network):
    with pytest.raises(StorybookUNetError, match="Leave out encoder_attention_mask"):
        network(picture(), 3, prompt(), encoder_attention_mask=torch.ones(2, 5))


@torch.no_grad()
def test_our_loop_and_diffusers_pipeline_draw_the_same_picture(tmp_path, emoji64_folder):
    """A folder with this network, through the same loader and through IFPipeline: same embeddings, noise and steps."""
    torch.manual_seed(0)
    awake(StorybookUNet(**{**TINY, "encoder_hid_dim": 384})).save_pretrained(tmp_path / "unet")
    for part in ("scheduler", "tokenizer", "text_encoder", "model_index.json"):
        (tmp_path / part).symlink_to(emoji64_folder / part)
    model = load_pretrained(tmp_path)
    prompts, empty, seeds = ["a red apple", "a cat"], ["", ""], [3, 4]
    x_t = draw_noise(torch.empty(2, *model.picture_shape), [torch.Generator().manual_seed(s) for s in seeds])
    generators = [torch.Generator().manual_seed(s) for s in seeds]
    ours = draw_noise(torch.empty(2, *model.picture_shape), generators)
    assert torch.equal(ours, x_t)
    estimator = ClassifierFree(model, model.embed(prompts), model.embed(empty), 4.0)
    for step in iterative_denoise(
        ours, model.schedule.strided_timesteps(8), estimator, model.schedule, generators
    ):
        ours = step.update.x_next
    pipeline = IFPipeline.from_pretrained(tmp_path, unet=model.unet, text_encoder=None, watermarker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler.alphas_cumprod = pipeline.scheduler.alphas_cumprod.double()
    theirs = pipeline(
        prompt_embeds=model.embed(prompts), negative_prompt_embeds=model.embed(empty), guidance_scale=4.0,
        timesteps=model.schedule.strided_timesteps(8), generator=[torch.Generator().manual_seed(s) for s in seeds],
        output_type="pt",
    ).images  # fmt: skip
    torch.testing.assert_close(ours, theirs.float(), rtol=0, atol=1e-4)
