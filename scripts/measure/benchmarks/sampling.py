"""The rows about sampling: pictures of Part A against diffusers' pipeline, digits of Part B, and their floors."""

from __future__ import annotations

import copy
from statistics import median

import torch
from diffusers import IFPipeline
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from core.diffusion import draw_noise, iterative_denoise
from core.flow import ClassGuided, Velocity, integrate
from core.guidance import ClassifierFree
from core.mnist_models import MODEL_FOLDER, load_network
from core.model_folder import find_model_folder
from core.networks.folded import folded
from core.networks.mnist_unet import one_hot
from core.pretrained import TextToImageModel, load_pretrained
from core.settings import Settings
from lessons.networks import shipped
from scripts.measure.benchmarks.measure import Row, alternate, matrix_peak, row, seconds

NUM_STEPS, SCALE, PROMPT = 34, 7.0, "a red apple"
EQUAL = 1e-4


class Unequal(Exception):
    """Two ways to the same numbers gave others; their times cannot be compared."""


def generators(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in range(count)]


def ours(model: TextToImageModel, conditional: Tensor, unconditional: Tensor) -> Tensor:
    """34 guided steps as the lessons take them."""
    seeds = generators(len(conditional))
    like = torch.empty(len(conditional), *model.picture_shape, device=model.device)
    estimate = ClassifierFree(model, conditional, unconditional, SCALE)
    timesteps = model.schedule.strided_timesteps(NUM_STEPS)
    *_, last = iterative_denoise(draw_noise(like, seeds), timesteps, estimate, model.schedule, seeds)
    return last.update.x_next


def pipeline_of(model: TextToImageModel) -> IFPipeline:
    """diffusers' pipeline with a copy of the same weights, as diffusers lays them out, and a float64 table."""
    folder = find_model_folder(Settings.from_environment().model)
    pipeline = IFPipeline.from_pretrained(
        folder,
        local_files_only=True,
        unet=copy.deepcopy(model.unet).to(memory_format=torch.contiguous_format),
        tokenizer=None,
        text_encoder=None,
        watermarker=None,
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler.alphas_cumprod = pipeline.scheduler.alphas_cumprod.double()
    return pipeline


def sampler(repeats: int, device: str) -> list[Row]:
    """34 guided steps, one picture and eight, against IFPipeline given the same embeddings, steps and noise."""
    model = load_pretrained(Settings.from_environment().model, device)
    pipeline, rows = pipeline_of(model), []
    for count in (1, 8):
        conditional, unconditional = model.embed([PROMPT] * count), model.embed([""] * count)

        def theirs(conditional: Tensor = conditional, unconditional: Tensor = unconditional) -> Tensor:
            return pipeline(
                timesteps=model.schedule.strided_timesteps(NUM_STEPS),
                guidance_scale=SCALE,
                generator=generators(len(conditional)),
                output_type="pt",
                prompt_embeds=conditional,
                negative_prompt_embeds=unconditional,
            ).images

        def mine(conditional: Tensor = conditional, unconditional: Tensor = unconditional) -> Tensor:
            return ours(model, conditional, unconditional)

        difference = (mine() - theirs()).abs().max().item()  # and the first call of each, which allocates
        if difference > EQUAL:
            raise Unequal(f"The pictures of {count} differ from IFPipeline's by {difference:.1e}.")
        pairs = alternate(mine, theirs, repeats)
        figure = f"sampler, {count} picture{'s' * (count > 1)}: ours / IFPipeline"
        rows.append(row(figure, pairs, "<=", 0.85, note=f"largest difference {difference:.0e}"))
    return rows


def sampler_floor(repeats: int, device: str) -> list[Row]:
    """The network's formulas at the speed of this machine's matrix products, beside what the steps take."""
    model = load_pretrained(Settings.from_environment().model, device)
    rows = []
    for count in (1, 8):
        conditional, unconditional = model.embed([PROMPT] * count), model.embed([""] * count)
        with FlopCounterMode(display=False) as counter:
            both = torch.cat([unconditional, conditional])
            model(torch.zeros(2 * count, *model.picture_shape, device=device), 500, both)
        flops = NUM_STEPS * counter.get_total_flops()
        ours(model, conditional, unconditional)
        pairs = [
            (flops / matrix_peak(device), seconds(lambda: ours(model, conditional, unconditional)))  # noqa: B023
            for _ in range(repeats)
        ]
        figure = f"sampler floor, {count} picture{'s' * (count > 1)}: FLOPs at GEMM speed / ours"
        rows.append(row(figure, pairs, ">=", 0.6, note=f"{flops / NUM_STEPS / 1e9:.1f} GFLOP an evaluation"))
    return rows


def digits(repeats: int, device: str) -> list[Row]:
    """40 digits, γ = 5: both branches in one call of the network, against two calls.

    Not all T = 300 steps of the lesson: every step costs the same, and the table is to be had in a quarter of an hour.
    """
    network, steps = digit_network(device), 40 if repeats >= 5 else 20
    classes = one_hot(torch.arange(40) % 10).to(device)
    noise = torch.randn(40, 1, 28, 28, generator=generators(1)[0]).to(device)
    guided = ClassGuided(network, classes, 5.0)

    def separately(x_t: Tensor, t: float) -> Velocity:
        times = x_t.new_full((len(x_t),), t)
        u_u, u_c = network(x_t, times, torch.zeros_like(classes)), network(x_t, times, classes)
        return Velocity(u_u + 5.0 * (u_c - u_u), u_u, u_c)

    def sample(estimate: object) -> Tensor:
        *_, last = integrate(estimate, noise, steps)
        return last.x_next

    difference = (sample(guided) - sample(separately)).abs().max().item()
    pairs = alternate(lambda: sample(guided), lambda: sample(separately), repeats)
    note = f"{steps} steps, largest difference {difference:.0e}"
    return [row("sampling 40 digits: one call / two calls", pairs, "<=", 0.75, note=note)]


def digits_floor(repeats: int, device: str) -> list[Row]:
    """The products of one evaluation for 40 guided digits at the speed of this machine's matrix products, beside what it
    takes: of the network that the lessons sample with, and of the one that is taught.
    """
    epoch = int(shipped("b8").names[-1].partition("-")[2])
    taught = load_network("b8", epoch, folder=MODEL_FOLDER).to(device).eval()
    fast = folded(taught)
    classes = one_hot(torch.arange(80) % 10).to(device)
    noise = torch.randn(80, 1, 28, 28, generator=generators(1)[0]).to(device)
    times = noise.new_full((80,), 0.5)
    with torch.no_grad():
        with FlopCounterMode(display=False) as counter:
            expected = taught(noise, times, classes)
        flops = counter.get_total_flops()
        difference = (fast(noise, times, classes) - expected).abs().max().item()
        pairs, as_taught = [], []
        for _ in range(repeats):
            floor = flops / matrix_peak(device)
            pairs.append((floor, seconds(lambda: fast(noise, times, classes))))
            as_taught.append(floor / seconds(lambda: taught(noise, times, classes)))
    note = (
        f"D = {taught.body.width}, {flops / 1e9:.1f} GFLOP an evaluation; the taught network {median(as_taught):.2f}, "
        f"largest difference {difference:.0e}"
    )
    return [row("40 guided digits, one evaluation: FLOPs at GEMM speed / ours", pairs, ">=", 0.8, note=note)]


def digit_network(device: str) -> torch.nn.Module:
    """The class-conditioned network that ships, at its last epoch, as the lessons sample with it."""
    epoch = int(shipped("b8").names[-1].partition("-")[2])
    return folded(load_network("b8", epoch, folder=MODEL_FOLDER).eval()).to(device)
