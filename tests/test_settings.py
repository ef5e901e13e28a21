"""Settings come from the environment that is passed in, and a wrong one is named."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from core.settings import ASSETS, BadSetting, Settings


def test_defaults():
    settings = Settings.from_environment({})
    assert Path(settings.model) == ASSETS / "models" / "emoji64"
    assert settings.data_dir == Path.home() / ".cache" / "diffusion-lessons"
    assert settings.device == "auto"


def test_an_empty_variable_is_an_unset_one():
    empty = {"DIFFUSION_MODEL": "", "DIFFUSION_DATA_DIR": "", "DIFFUSION_DEVICE": ""}
    assert Settings.from_environment(empty) == Settings.from_environment({})


def test_every_variable_is_read():
    environment = {"DIFFUSION_MODEL": "owner/name", "DIFFUSION_DATA_DIR": "~/runs", "DIFFUSION_DEVICE": "cpu"}
    settings = Settings.from_environment(environment)
    assert settings == Settings(model="owner/name", data_dir=Path.home() / "runs", device="cpu")


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:0", "cpu "])
def test_an_unknown_device_is_refused(device):
    with pytest.raises(
        BadSetting, match=rf"DIFFUSION_DEVICE is '{device}'; it must be one of auto, cpu, cuda, mps"
    ):
        Settings.from_environment({"DIFFUSION_DEVICE": device})


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_device_that_is_there(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert Settings.from_environment({}).resolved_device() == expected
    assert Settings.from_environment({"DIFFUSION_DEVICE": "cpu"}).resolved_device() == "cpu"


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadSetting, match="'cuda', but this machine has no such device"):
        Settings.from_environment({"DIFFUSION_DEVICE": "cuda"}).resolved_device()
