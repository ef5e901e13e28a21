"""What every network of ours must hold whose parts answer with a velocity, whatever it is made of."""

from __future__ import annotations

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn


def names_one_clean_picture(network: nn.Module, x_t: Tensor, t: int, text: Tensor) -> None:
    """diffusers' scheduler reads x̂₀ from ε̂ and from v: the two must agree."""
    v, _ = network.velocity(x_t, t, text)
    eps = network(x_t, t, text).sample[:, :3]
    clean = {}
    for kind, answer in (("v_prediction", v), ("epsilon", eps)):
        scheduler = DDPMScheduler(
            1000, beta_schedule="squaredcos_cap_v2", prediction_type=kind, clip_sample=False
        )
        clean[kind] = scheduler.step(answer, t, x_t).pred_original_sample
    torch.testing.assert_close(clean["epsilon"], clean["v_prediction"], rtol=1e-4, atol=1e-4)


def keeps_its_schedule_in_float32(network: nn.Module) -> None:
    table = network.alphas_cumprod.clone()
    assert torch.equal(network.half().alphas_cumprod, table)
