"""The training script: it learns, an interruption changes nothing, and pieces make a whole."""

import json
from pathlib import Path

import pytest
import torch

from core.networks.storybook_unet import StorybookUNet
from scripts.emoji.dataset import Batch
from scripts.storybook import train as train_storybook
from scripts.storybook.train import Config, Run, join, loss_of, train, write_pieces

TINY = {"widths": (16, 16, 16), "blocks": (1, 1), "depth": 1, "heads": 2, "condition": 16}
CONFIG = Config(batch_size=4, learning_rate=2e-3, warmup=1, log_every=2, checkpoint_seconds=1e9)


def batch(number: int) -> Batch:
    """Batch `number`, a function of its number as the world's are; eight flat pictures to learn."""
    g = torch.Generator().manual_seed(number)
    level = torch.linspace(-0.9, 0.9, 8)[torch.randint(0, 8, (4,), generator=g)]
    clean = level.view(4, 1, 1, 1).expand(4, 3, 64, 64)
    text = level.view(4, 1, 1).expand(4, 3, 384) * torch.randn(
        384, generator=torch.Generator().manual_seed(99)
    )
    return Batch(
        clean, torch.randn(clean.shape, generator=g), torch.randint(0, 1000, (4,), generator=g), text
    )


class Numbered:
    size = 4

    def from_number(self, first: int, workers: int):
        while True:
            yield batch(first)
            first += 1


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(train_storybook, "fresh", lambda seed, settings=None: seeded(seed))


def seeded(seed: int) -> StorybookUNet:
    torch.manual_seed(seed)
    return StorybookUNet(**TINY)


def test_the_loss_falls_on_one_batch():
    run = Run(seeded(0), CONFIG)
    losses = [run.step(batch(0))[0] for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]


@torch.no_grad()
def test_the_loss_of_a_silent_network_is_that_of_the_velocity():
    """v̂ = 0: the error is the mean of v² = ᾱε² + (1−ᾱ)x₀² − 2√(ᾱ(1−ᾱ)) x₀ε, from the schedule of diffusers."""
    from diffusers import DDPMScheduler

    network, some = seeded(0), batch(1)
    _, errors = loss_of(network, some, 5.0)
    abar = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2").alphas_cumprod[some.t].view(-1, 1, 1, 1)
    v = abar.sqrt() * some.noise - (1 - abar).sqrt() * some.clean
    torch.testing.assert_close(errors, v.square().mean(dim=(1, 2, 3)), rtol=1e-5, atol=1e-6)


def test_an_interrupted_training_ends_with_the_same_weights(tmp_path):
    whole = train(Run(seeded(0), CONFIG), Numbered(), tmp_path / "whole", minutes=5, steps=4)
    train(Run(seeded(0), CONFIG), Numbered(), tmp_path / "cut", minutes=5, steps=2)
    again = Run(seeded(7), CONFIG)
    assert again.resume(tmp_path / "cut")
    train(again, Numbered(), tmp_path / "cut", minutes=5, steps=4)
    assert again.step_count == whole.step_count == 4
    for name, one, two in zip(whole.names, whole.weights, again.weights, strict=True):
        assert torch.equal(one, two), name
    for name, one, two in zip(whole.names, whole.averaged, again.averaged, strict=True):
        assert torch.equal(one, two), name
    hours = json.loads((tmp_path / "cut" / "hours.json").read_text())
    assert (hours["steps"], hours["pictures"]) == (4, 16) and hours["two_core_hours"] >= 0
    assert [
        json.loads(line)["step"] for line in (tmp_path / "cut" / "log.jsonl").read_text().splitlines()
    ] == [2, 4]


def test_what_asks_to_stop_is_obeyed_after_the_step_with_a_checkpoint(tmp_path):
    class After:
        def __init__(self, steps):
            self.left = steps

        @property
        def asked(self):
            self.left -= 1
            return self.left < 0

    run = train(Run(seeded(0), CONFIG), Numbered(), tmp_path, minutes=5, stop=After(3))
    assert run.step_count == 3
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 3


def test_pieces_are_small_and_make_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(train_storybook, "PIECE", 40_000)
    run = train(Run(seeded(0), CONFIG), Numbered(), tmp_path / "gpu", minutes=5, steps=3)
    write_pieces(tmp_path / "gpu", tmp_path / "out")
    parts = sorted((tmp_path / "out").glob("weights.*"))
    assert len(parts) > 1 and all(part.stat().st_size <= 40_000 for part in parts)
    assert not list(Path(tmp_path / "out").rglob("*.safetensors"))
    join(tmp_path / "out", tmp_path / "home")
    state = torch.load(tmp_path / "home" / "state.pt", weights_only=True)
    for name, averaged in zip(run.names, run.averaged, strict=True):
        assert torch.equal(state["weights"][name], averaged.half().float()), name
    assert state["step"] == 3  # behind the pictures that were shown
    with pytest.raises(FileNotFoundError, match=r"weights\.000"):
        join(tmp_path / "empty", tmp_path / "home")


def test_a_run_begins_from_weights_that_shipped_and_goes_on_counting(tmp_path, monkeypatch):
    """A lost folder costs the optimiser, not the count: no picture is shown twice, and the rate warms up anew."""
    train(Run(seeded(0), CONFIG), Numbered(), tmp_path / "lost", minutes=5, steps=3)
    spent = json.loads((tmp_path / "lost" / "hours.json").read_text())
    train_storybook.export(tmp_path / "lost", tmp_path / "unet")
    shown = []

    class Told(Numbered):
        def from_number(self, first, workers=0):
            shown.append(first)
            return super().from_number(first, workers)

    monkeypatch.setattr(train_storybook, "Batches", lambda *_: Told())
    monkeypatch.setattr(
        "sys.argv",
        [
            "train",
            "train",
            "--run",
            f"{tmp_path / 'new'}",
            "--begin",
            f"{tmp_path / 'unet'}",
            "--steps",
            "5",
            "--sprites",
            "-",
        ],
    )
    train_storybook.main()
    state = torch.load(tmp_path / "new" / "state.pt", weights_only=True)
    assert shown == [3] and (state["step"], state["begun"]) == (5, 3)
    assert state["optimiser"]["param_groups"][0]["lr"] == pytest.approx(1e-3 * 2 / 200)
    total = json.loads((tmp_path / "new" / "hours.json").read_text())
    assert total["steps"] == 5 and total["pictures"] == spent["pictures"] + 2 * Numbered.size
