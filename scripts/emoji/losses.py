"""What the two parts of emoji64 are trained on."""

import math

from torch import Tensor

from core.networks.patch_unet import PatchUNet
from scripts.emoji.dataset import Batch

SKETCH_CAP, REFINE_CAP = 5.0, 25.0
"""Largest weight of an error of x̂₀: min(SNR + 1, cap). Small noise would otherwise take all the attention; but
what the eye sees as grain is decided there, and the refiner, which finds the object drawn already, can afford it.
"""


def noisy(network: PatchUNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """x_t (B, 3, H, W), and ᾱ as (B, 1, 1, 1)."""
    abar = network.alphas_cumprod[batch.t].view(-1, 1, 1, 1)
    return abar.sqrt() * batch.clean + (1 - abar).sqrt() * batch.noise, abar


def sketch_loss(network: PatchUNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Weighted squared error of the first guess ŝ of the clean picture; and the error of every picture."""
    x_t, abar = noisy(network, batch)
    guess = network.sketch(x_t, batch.t, batch.text)
    errors = (guess - batch.clean).square().mean(dim=(1, 2, 3))
    weight = (1 / (1 - abar)).clamp(max=SKETCH_CAP).flatten()  # SNR + 1 = 1/(1 − ᾱ)
    return (weight * errors).mean(), errors.detach()


def velocity_loss(network: PatchUNet, batch: Batch) -> tuple[Tensor, Tensor]:
    """Weighted squared error of v, plus the variational bound for the variance; the sketcher stays as it is.

    ‖v − v̂‖² is (SNR + 1) ‖x₀ − x̂₀‖²; its weight min(SNR + 1, cap)/(SNR + 1) limits that.
    Source: Hang et al. 2023 (arXiv:2303.09556); Nichol and Dhariwal 2021 (arXiv:2102.09672), section 3.1.
    """
    x_t, abar = noisy(network, batch)
    network.sketch.requires_grad_(False)
    v_hat, variance = network.velocity(x_t, batch.t, batch.text)
    v = abar.sqrt() * batch.noise - (1 - abar).sqrt() * batch.clean
    errors = (v_hat - v).square().mean(dim=(1, 2, 3))
    weight = (REFINE_CAP * (1 - abar)).clamp(max=1).flatten()
    clean_hat = (abar.sqrt() * x_t - (1 - abar).sqrt() * v_hat.detach()).clamp(-1, 1)
    bound = variance_bound(network.alphas_cumprod, batch, clean_hat, variance)
    return (weight * errors).mean() + bound, errors.detach()


def variance_bound(alphas_cumprod: Tensor, batch: Batch, clean_hat: Tensor, variance: Tensor) -> Tensor:
    """KL between the true and the estimated step t → t−1, in bits per channel; trains the variance only.

    The mean's estimate is detached. t = 0, where the true step has no spread, is left out.
    """
    t = batch.t.clamp(min=1)
    abar, before = (alphas_cumprod[i].view(-1, 1, 1, 1) for i in (t, t - 1))
    beta = 1 - abar / before
    smallest, largest = (beta * (1 - before) / (1 - abar)).log(), beta.log()
    mix = (variance + 1) / 2
    log_variance = mix * largest + (1 - mix) * smallest
    gap = before.sqrt() * beta / (1 - abar) * (batch.clean - clean_hat)  # of the two means
    kl = 0.5 * (
        log_variance - smallest - 1 + (smallest - log_variance).exp() + gap.square() * (-log_variance).exp()
    )
    return ((batch.t > 0).view(-1, 1, 1, 1) * kl).mean() / math.log(2)
