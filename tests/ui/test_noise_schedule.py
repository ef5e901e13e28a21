"""The schedule that the pages read of a model's folder is diffusers' own, whichever kind it is."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDPMScheduler

from core.schedule import NoiseSchedule
from pages.server import runtime


@pytest.mark.parametrize(
    ("settings", "closed_form"),
    [
        ({"beta_schedule": "squaredcos_cap_v2"}, True),
        ({"beta_schedule": "squaredcos_cap_v2", "num_train_timesteps": 400}, True),
        ({"beta_schedule": "linear"}, False),
        ({"trained_betas": [0.01, 0.02, 0.3]}, False),
    ],
    ids=str,
)
def test_the_pages_schedule_is_diffusers_own(tmp_path, monkeypatch, settings, closed_form):
    scheduler = DDPMScheduler(**settings)
    scheduler.save_pretrained(tmp_path / "scheduler")
    computed = []
    cosine = NoiseSchedule.cosine
    monkeypatch.setattr(NoiseSchedule, "cosine", lambda steps: computed.append(steps) or cosine(steps))
    found = runtime._schedule(str(tmp_path), "")
    assert torch.equal(found.alphas_cumprod, scheduler.alphas_cumprod.double())
    assert bool(computed) == closed_form


def test_a_schedule_that_ends_in_noise_alone_is_not_taken_for_the_cosine(tmp_path):
    DDPMScheduler(beta_schedule="squaredcos_cap_v2", rescale_betas_zero_snr=True).save_pretrained(
        tmp_path / "scheduler"
    )
    with pytest.raises(ValueError, match="within"):
        runtime._schedule(str(tmp_path), "")
