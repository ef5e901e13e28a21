"""Measures a network of Part B with the judge and the oracle.

`train_mnist` calls `measure` at every shipped epoch, with few samples; `sweep_mnist` measures over γ, T and epochs.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn

from core.datasets import Digits, load_mnist, to_unit
from core.flow import ClassGuided, Conditional, EstimateVelocity, integrate
from core.judge import Judge, accuracy, confusion, diversity, frechet_distance, load_judge, read_digits
from core.networks.mnist_unet import one_hot
from core.oracle import denoise_exactly
from core.training_settings import REFERENCE, STUDIED

BATCH = 100  # pictures at a time


def measure(
    preset: str, network: nn.Module, *, digits: int = 200, num_steps: int = 50, guidance_scale: float = 5.0
) -> dict:
    """The figures of one network in evaluation mode; which ones depends on its objective."""
    settings = (REFERENCE | STUDIED)[preset]
    began = time.monotonic()
    with torch.no_grad():
        if settings.objective == "denoise":
            figures = measure_denoiser(network, settings.sigma, digits)
        elif settings.objective == "pure_noise":
            figures = measure_pure_noise(network, digits)
        else:
            guided = settings.objective == "class_flow"
            figures = measure_flow(network, digits, num_steps, guidance_scale if guided else None)
    return {**figures, "seconds": round(time.monotonic() - began, 1)}


def measure_denoiser(network: nn.Module, sigma: float, digits: int) -> dict:
    """B2: the error on test digits, beside that of the best answer that the training set knows."""
    clean = to_unit(load_mnist("test").pictures[:digits])
    z = clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    error = (batches(network, z) - clean).square().mean().item()
    oracle = denoise_exactly(z, sigma, load_mnist("train").pictures).mean
    return {
        "test_digits": digits,
        "test_mse": error,
        "test_psnr_db": -10 * math.log10(error),
        "oracle_mse": (oracle - clean).square().mean().item(),
    }


def measure_pure_noise(network: nn.Module, digits: int) -> dict:
    """B4: how far the outputs lie from the mean of the training set."""
    z = torch.randn(digits, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    mean = load_mnist("train").pictures.double().mean(dim=0).float() / 255
    return {
        "noises": digits,
        "rms_from_training_mean": (batches(network, z) - mean).square().mean().sqrt().item(),
    }


def measure_flow(network: nn.Module, digits: int, num_steps: int, guidance_scale: float | None) -> dict:
    """B6, B8: what the judge says about samples."""
    judge, test = load_judge(), load_mnist("test")
    asked = torch.arange(digits) % 10
    samples = sample(network, asked, num_steps, guidance_scale)
    read = read_digits(judge, samples)
    figures = {
        "samples": digits,
        "num_steps": num_steps,
        "mean_confidence": read.confidence.mean().item(),
        "frechet_distance": frechet_distance(read.features, features_of(judge, test)),
    }
    if guidance_scale is not None:
        figures |= {
            "guidance_scale": guidance_scale,
            "accuracy": accuracy(read.labels, asked),
            "diversity_of_test_digits": diversity(features_of(judge, test), test.labels),
            "diversity": diversity(read.features, asked),
            "confusion": confusion(read.labels, asked).tolist(),
        }
    return figures


def features_of(judge: Judge, digits: Digits) -> Tensor:
    """The judge's features of real digits: (N, 64)."""
    return read_digits(judge, to_unit(digits.pictures)).features


def sample(network: nn.Module, asked: Tensor, num_steps: int, guidance_scale: float | None) -> Tensor:
    """Euler from noise of seed 1; `asked` (N,) are the classes under guidance: float (N, 1, 28, 28)."""
    noise = torch.randn(len(asked), 1, 28, 28, generator=torch.Generator().manual_seed(1))
    finished = []
    for x, classes in zip(noise.split(BATCH), one_hot(asked).split(BATCH), strict=True):
        estimate: EstimateVelocity = Conditional(network)
        if guidance_scale is not None:
            estimate = ClassGuided(network, classes, guidance_scale)
        for step in integrate(estimate, x, num_steps):
            x = step.x_next
        finished.append(x)
    return torch.cat(finished)


def batches(network: nn.Module, z: Tensor) -> Tensor:
    """The network over many pictures, some at a time."""
    return torch.cat([network(part) for part in z.split(BATCH)])
