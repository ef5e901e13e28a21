"""One step of the network, measured against t: the error of x̂₀, and whether the predicted variance fits it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from core.diffusion import add_noise, draw_noise, estimate_clean
from core.edits import GaussianLowpass
from core.oracle import posterior
from core.schedule import NoiseSchedule

SIGMAS = (0.6, 1.0, 1.5, 2.2, 3.2, 4.5, 6.5)  # pixels: the blurs that are tried
KERNEL = 33


def measure(
    network: Callable[[Tensor, int, int], Tensor],
    clean: Tensor,
    training: Tensor,
    schedule: NoiseSchedule,
    timesteps: Sequence[int],
    seed: int,
    batch: int = 16,
) -> dict[str, np.ndarray]:
    """Errors and variance ratios at every t of `timesteps`, each (timesteps,).

    Args:
        network: (x_t (B, 3, H, W), t, k) → (B, 6, H, W), noise and variance channels, where x_t are the pictures
            from the k-th on.
        clean: (N, 3, H, W) in [−1, 1].
        training: uint8 (M, 3, H, W), for the posterior mean that a perfect memory would answer.

    Returns:
        network, identity, blur, memory: mean squared error of x̂₀ by the network, by x_t/√ᾱ alone, by the best
        blur of x_t with the best gain and offset (both chosen with the answer known), and by the posterior
        mean over the training set. ratio: `variance_ratio` of the step to the following timestep; NaN at the last.
    """
    rows: dict[str, list[float]] = {k: [] for k in ("network", "identity", "blur", "memory", "ratio")}
    for index, t in enumerate(timesteps):
        generators = [torch.Generator().manual_seed(seed + 1000 * index + i) for i in range(len(clean))]
        x_t = add_noise(clean, draw_noise(clean, generators), t, schedule)
        answer = torch.cat([network(x_t[k : k + batch], t, k) for k in range(0, len(clean), batch)])
        eps, variance = answer.chunk(2, dim=1)
        clean_hat = estimate_clean(x_t, eps, t, schedule)
        rows["network"].append(mse(clean_hat, clean))
        rows["identity"].append(mse((x_t / schedule.signal(t)).clamp(-1, 1), clean))
        rows["blur"].append(best_blur_error(x_t, clean))
        rows["memory"].append(mse(memory_answer(x_t, t, training, schedule), clean))
        last = index + 1 == len(timesteps)
        rows["ratio"].append(
            float("nan")
            if last
            else variance_ratio(clean, clean_hat, variance, t, timesteps[index + 1], schedule)
        )
    return {name: np.array(values) for name, values in rows.items()}


def mse(estimate: Tensor, clean: Tensor) -> float:
    return (estimate - clean).square().mean().item()


def best_blur_error(x_t: Tensor, clean: Tensor) -> float:
    """The smallest mean squared error that gain · blur(x_t, σ) + offset reaches, one σ, gain and offset for all.

    For every σ the least squares fit leaves the variance of `clean` that x does not explain.
    """
    errors = []
    for sigma in SIGMAS:
        x = GaussianLowpass(KERNEL, sigma)(x_t)
        x, y = x - x.mean(), clean - clean.mean()
        errors.append((y.square().mean() - (x * y).mean() ** 2 / x.square().mean()).item())
    return min(errors)


def memory_answer(x_t: Tensor, t: int, training: Tensor, schedule: NoiseSchedule) -> Tensor:
    """E[x₀ | x_t] if the training pictures were all that there is, in [−1, 1].

    The oracle counts pictures from 0 to 1: with x₀ = 2u − 1, (x_t + √ᾱ)/2 = √ᾱ u + √(1−ᾱ)/2 ε.
    """
    a, s = schedule.signal(t), schedule.sigma(t)
    return 2 * posterior((x_t + a) / 2, a, s / 2, training).mean - 1


def variance_ratio(
    clean: Tensor, clean_hat: Tensor, variance: Tensor, t: int, t_next: int, schedule: NoiseSchedule
) -> float:
    """How large the squared error of the step's mean is, in units of the variance that the network predicts.

    The true x_t' given x_0 and x_t is Gaussian with mean c₀ x₀ + c_t x_t and variance β̃, the estimated one has the
    mean c₀ x̂₀ + c_t x_t and the variance σ². So E(x_t' − mean)² = c₀² (x₀ − x̂₀)² + β̃, and its mean ratio to
    σ² over all pixels is 1 for a calibrated network, above 1 for one that is too sure of itself.
    """
    c = schedule.coefficients(t, t_next)
    mix = (variance + 1) / 2
    predicted = torch.exp(mix * c.log_variance_max + (1 - mix) * c.log_variance_min)
    actual = c.clean**2 * (clean - clean_hat).square() + np.exp(c.log_variance_min)
    return (actual / predicted).mean().item()


def in_bins(timesteps: Sequence[int], values: np.ndarray, width: int = 100) -> dict[str, float]:
    """Means over bins of t: '0-99', '100-199', …; NaNs do not count, and an empty bin is left out."""
    t = np.array(timesteps)
    found = {}
    for start in range(0, int(t.max()) + 1, width):
        chosen = values[(t >= start) & (t < start + width) & ~np.isnan(values)]
        if len(chosen):
            found[f"{start}-{start + width - 1}"] = round(float(chosen.mean()), 5)
    return found
