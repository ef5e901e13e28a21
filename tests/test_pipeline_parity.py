"""Whole runs against diffusers' DeepFloyd-IF pipelines: same weights, timesteps, guidance, noise.

Thresholding is off in both folders (x_0_hat is clipped to [-1, 1], as the course does), and
`output_type="pt"` returns the pipelines' result as it left the loop, in [-1, 1].

The pipelines compute a step's coefficients in float32, we in float64; guidance and the division by
sqrt(abar_990) = 1/64 turn that into some 1e-5 of a picture, in unlucky runs some 1e-4. With diffusers' table
widened to float64 nothing of it is left. Editing runs are compared with all of the model in float64.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import DiffusionPipeline, IFImg2ImgPipeline, IFInpaintingPipeline, IFPipeline
from torch import Tensor

from core.diffusion import DynamicThreshold, draw_noise, iterative_denoise, keep
from core.edits import keep_outside, sdedit_start
from core.guidance import ClassifierFree, Conditional, NoiseEstimate
from core.pretrained import TextToImageModel, load_pretrained

TOLERANCE = 1e-4  # diffusers as it comes, coefficients in float32
TOLERANCE_WIDE = 1e-6  # diffusers with a float64 table
TOLERANCE_DOUBLE = 1e-9  # everything in float64
PROMPTS = ["a red apple", "a cat"]
SEEDS = [3, 4]


def seeded(seeds: list[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def pipeline(
    kind: type[DiffusionPipeline],
    folder: Path,
    *,
    dtype: torch.dtype = torch.float32,
    wide: bool = True,
    **components: object,
) -> DiffusionPipeline:
    """diffusers' pipeline over the folder; `wide` turns the scheduler's float32 table into float64."""
    # The stored text encoder may be float16; without dtype it would stay so, and the network would not.
    loaded = kind.from_pretrained(folder, dtype=dtype, local_files_only=True, **components)
    loaded.set_progress_bar_config(disable=True)
    assert loaded.scheduler.config.thresholding is False
    if wide:
        loaded.scheduler.alphas_cumprod = loaded.scheduler.alphas_cumprod.double()
    return loaded


def embeddings(model: TextToImageModel) -> dict[str, Tensor]:
    return {
        "prompt_embeds": model.embed(PROMPTS),
        "negative_prompt_embeds": model.embed([""] * len(PROMPTS)),
    }


def estimator(model: TextToImageModel, scale: float) -> ClassifierFree | Conditional:
    """The pipelines make one evaluation, without guidance, for a scale of 1."""
    conditional, unconditional = embeddings(model).values()
    return (
        ClassifierFree(model, conditional, unconditional, scale)
        if scale > 1
        else Conditional(model, conditional)
    )


def like(model: TextToImageModel) -> Tensor:
    return torch.empty(len(PROMPTS), *model.picture_shape, dtype=model.dtype)


def sample(model: TextToImageModel, timesteps: list[int], scale: float) -> Tensor:
    generators = seeded(SEEDS)
    x_t = draw_noise(like(model), generators)
    *_, last = iterative_denoise(x_t, timesteps, estimator(model, scale), model.schedule, generators)
    return last.update.x_next


def largest_difference(one: Tensor, two: Tensor) -> float:
    return (one - two).abs().max().item()


# ---- sampling ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("wide", "tolerance"), [(False, TOLERANCE), (True, TOLERANCE_WIDE)])
@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_a_whole_run_of_the_tiny_model_agrees_with_the_if_pipeline(
    tiny_if, tiny_if_folder, scale, wide, tolerance
):
    timesteps = tiny_if.schedule.strided_timesteps(34 if wide else 20)
    theirs = pipeline(IFPipeline, tiny_if_folder, wide=wide)(
        timesteps=timesteps,
        guidance_scale=scale,
        generator=seeded(SEEDS),
        output_type="pt",
        **embeddings(tiny_if),
    ).images
    ours = sample(tiny_if, timesteps, scale)
    assert largest_difference(ours, theirs) <= tolerance


@pytest.mark.parametrize("scale", [1.0, 7.0, 20.0])
def test_dynamic_thresholding_agrees_with_the_if_pipelines(tiny_double, tiny_if_folder, scale):
    """DeepFloyd IF's scheduler asks for it: x_0_hat is scaled where the course clips it."""
    theirs = pipeline(IFPipeline, tiny_if_folder, dtype=torch.float64)
    theirs.scheduler.register_to_config(
        thresholding=True, dynamic_thresholding_ratio=0.95, sample_max_value=1.5
    )
    timesteps, generators = tiny_double.schedule.strided_timesteps(20), seeded(SEEDS)
    pictures = theirs(
        timesteps=timesteps, guidance_scale=scale, generator=seeded(SEEDS), output_type="pt", **embeddings(tiny_double),
    ).images  # fmt: skip
    x_t = draw_noise(like(tiny_double), generators)
    *_, last = iterative_denoise(
        x_t, timesteps, estimator(tiny_double, scale), tiny_double.schedule, generators, limit=DynamicThreshold(),
    )  # fmt: skip
    assert largest_difference(last.update.x_next, pictures) <= TOLERANCE_DOUBLE
    clipped = sample(tiny_double, timesteps, scale)
    assert scale == 1.0 or largest_difference(clipped, pictures) > 0.01


def test_the_comparison_above_is_of_something(tiny_if):
    """It would be worth little if all pixels were clipped, or if guidance did nothing to a random network."""
    timesteps = tiny_if.schedule.strided_timesteps(20)
    weak, strong = sample(tiny_if, timesteps, 3.0), sample(tiny_if, timesteps, 7.0)
    assert (strong.abs() < 1).float().mean() > 0.5
    assert largest_difference(weak, strong) > 0.1


def test_a_whole_run_of_emoji64_agrees_with_the_if_pipeline(emoji64, emoji64_folder):
    """Six evaluations from pure noise to the clean end, not 34: each exercises the same code, and 64x64 takes time."""
    timesteps = emoji64.schedule.strided_timesteps(6)
    theirs = pipeline(IFPipeline, emoji64_folder, wide=False, unet=emoji64.unet)(
        timesteps=timesteps,
        guidance_scale=7.0,
        generator=seeded(SEEDS),
        output_type="pt",
        **embeddings(emoji64),
    ).images
    assert theirs.shape == (2, 3, 64, 64)
    assert largest_difference(sample(emoji64, timesteps, 7.0), theirs) <= TOLERANCE


def test_the_if_pipeline_runs_our_folder_from_a_plain_prompt(emoji64, emoji64_folder):
    """Given our network class, diffusers needs nothing else of us.

    Its picture is not ours, because it pads a prompt to 77 tokens and shows the network the padding.
    """
    theirs = pipeline(IFPipeline, emoji64_folder, unet=emoji64.unet)
    apple, cat = (
        theirs(
            prompt, num_inference_steps=4, generator=seeded([0]), output_type="pt", clean_caption=False
        ).images
        for prompt in ("a red apple", "a cat")
    )
    assert apple.shape == (1, 3, 64, 64)
    assert apple.isfinite().all() and apple.abs().max() <= 1
    assert largest_difference(apple, cat) > 0.1


def test_prompts_become_the_embeddings_that_the_if_pipeline_makes(tiny_if, tiny_if_folder):
    theirs, unconditional = pipeline(IFPipeline, tiny_if_folder).encode_prompt(
        "A Red Apple", clean_caption=False
    )
    ours = tiny_if.embed(["A Red Apple", ""])
    assert theirs.shape == (1, 77, 24)
    torch.testing.assert_close(ours[:1], theirs, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours[1:], unconditional, rtol=0, atol=1e-5)


# ---- editing -----------------------------------------------------------------------------------------------


def original(model: TextToImageModel) -> Tensor:
    return torch.rand(like(model).shape, generator=seeded([9])[0], dtype=model.dtype) * 2 - 1


@pytest.fixture(scope="module")
def tiny_double(tiny_if_folder: Path) -> TextToImageModel:
    return load_pretrained(tiny_if_folder, dtype=torch.float64)


@pytest.mark.parametrize(("i_start", "strength"), [(0, 1.0), (3, 0.7), (9, 0.1)])
def test_image_to_image_agrees_with_the_if_pipeline(tiny_double, tiny_if_folder, i_start, strength):
    """`strength` is diffusers' word for the share of the timesteps that is run: i_start = (1 - strength) n."""
    timesteps, clean = tiny_double.schedule.strided_timesteps(10), original(tiny_double)
    theirs = pipeline(IFImg2ImgPipeline, tiny_if_folder, dtype=torch.float64)(
        image=clean,
        strength=strength,
        timesteps=timesteps,
        guidance_scale=7.0,
        generator=seeded(SEEDS),
        output_type="pt",
        **embeddings(tiny_double),
    ).images
    generators = seeded(SEEDS)
    x_t, left = sdedit_start(clean, draw_noise(clean, generators), timesteps, i_start, tiny_double.schedule)
    *_, last = iterative_denoise(x_t, left, estimator(tiny_double, 7.0), tiny_double.schedule, generators)
    assert largest_difference(last.update.x_next, theirs) <= TOLERANCE_DOUBLE


def inpaint(
    model: TextToImageModel, start: Tensor, timesteps: list[int], generators: list, constrain=keep
) -> Tensor:
    *_, last = iterative_denoise(
        start, timesteps, estimator(model, 7.0), model.schedule, generators, constrain
    )
    return last.update.x_next


def test_inpainting_agrees_with_the_if_pipeline_where_the_formulas_coincide(tiny_double, tiny_if_folder):
    """They coincide inside an all-ones mask, and outside any mask at the end. Between, they differ.

    The course (and RePaint) puts forward(x_0, t_next) outside the mask after every step, so that the network
    sees one noise level everywhere. IFInpaintingPipeline starts with the noise inside the mask alone and then
    keeps what was outside, (1 - m) x_t + m x_next: the network always sees the original without noise there,
    and noise inside. That rule, as a constraint of our loop, reproduces the pipeline; so the noise outside the
    mask is the only difference. (The pipeline takes one number of noise per pixel and step, as we do.)
    """
    model, clean = tiny_double, original(tiny_double)
    timesteps = model.schedule.strided_timesteps(10)
    half = torch.zeros(2, 1, 16, 16, dtype=torch.float64)
    half[..., :8, :] = 1
    inside, outside = half.expand_as(clean) == 1, half.expand_as(clean) == 0
    painter = pipeline(IFInpaintingPipeline, tiny_if_folder, dtype=torch.float64)

    def theirs(mask: Tensor) -> Tensor:
        return painter(
            image=clean,
            mask_image=mask.clone(),  # the pipeline rounds the mask in place
            timesteps=timesteps,
            strength=0.7,
            guidance_scale=7.0,
            generator=seeded(SEEDS),
            output_type="pt",
            **embeddings(model),
        ).images

    def ours(mask: Tensor) -> Tensor:
        generators = seeded(SEEDS)
        start, left = sdedit_start(clean, draw_noise(clean, generators), timesteps, 3, model.schedule)
        constrain = keep_outside(mask, clean, model.schedule, seeded([11, 12]))
        return inpaint(model, start, left, generators, constrain)

    def ours_with_their_rule(mask: Tensor) -> Tensor:
        generators = seeded(SEEDS)
        start, left = sdedit_start(clean, draw_noise(clean, generators), timesteps, 3, model.schedule)

        def never_noised(x_next: Tensor, t_next: int | None) -> Tensor:
            return torch.where(mask > 0.5, x_next, clean)

        return inpaint(model, never_noised(start, left[0]), left, generators, never_noised)

    everything = torch.ones_like(half)
    assert largest_difference(ours(everything), theirs(everything)) <= TOLERANCE_DOUBLE
    painted, painted_theirs = ours(half), theirs(half)
    assert torch.equal(painted[outside], clean[outside])
    assert torch.equal(painted_theirs[outside], clean[outside])
    assert largest_difference(ours_with_their_rule(half), painted_theirs) <= TOLERANCE_DOUBLE
    assert largest_difference(painted[inside], painted_theirs[inside]) > 0.01


def test_the_estimate_is_a_pure_function_of_its_arguments(tiny_if):
    """No dropout, no state: asked twice, it answers twice the same, and nothing keeps a gradient."""
    x_t = draw_noise(like(tiny_if), seeded(SEEDS))
    answers: list[NoiseEstimate] = [estimator(tiny_if, 7.0)(x_t, 500) for _ in range(2)]
    assert torch.equal(answers[0].eps, answers[1].eps)
    assert not answers[0].eps.requires_grad
