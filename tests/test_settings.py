"""Settings come from the environment, and a wrong one is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from core.settings import ASSETS, PREFIX, BadSetting, Settings


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch):
    """`read(variables)`: the settings with these variables and no other."""

    def with_variables(variables: dict[str, str]) -> Settings:
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings.from_environment()

    return with_variables


def test_defaults(read):
    settings = read({})
    assert Path(settings.model) == ASSETS / "models" / "emoji64"
    assert settings.data_dir == Path.home() / ".cache" / "diffusion-lessons"
    assert settings.device == "auto"


def test_an_empty_variable_is_an_unset_one(read):
    empty = {"DIFFUSION_MODEL": "", "DIFFUSION_DATA_DIR": "", "DIFFUSION_DEVICE": ""}
    assert read(empty) == read({})


def test_every_variable_is_read(read):
    environment = {"DIFFUSION_MODEL": "owner/name", "DIFFUSION_DATA_DIR": "~/runs", "DIFFUSION_DEVICE": "cpu"}
    settings = read(environment)
    assert settings == Settings(model="owner/name", data_dir=Path.home() / "runs", device="cpu")


def test_a_folder_in_nobodys_home_is_refused(read):
    with pytest.raises(
        BadSetting, match=r"DIFFUSION_DATA_DIR is '~nobody-of-this-name/runs'; it must be a folder"
    ):
        read({"DIFFUSION_DATA_DIR": "~nobody-of-this-name/runs"})


def test_the_variables_of_a_class_are_left_to_the_class(read):
    assert read({"DIFFUSION_CLASS_PLACES": "many"}) == read({})


CLUSTER = {
    "DIFFUSION_EXECUTOR": "ray",
    "DIFFUSION_RAY_ADDRESS": "head.example.org:6379",
    "DIFFUSION_DEVICE": "cuda",
}


def test_a_cluster_is_an_address_and_a_number_of_actors_and_has_the_device_that_is_named(read):
    settings = read(CLUSTER | {"DIFFUSION_RAY_ACTORS": "4"})
    assert (settings.executor, settings.ray_address, settings.ray_actors) == (
        "ray",
        "head.example.org:6379",
        4,
    )
    assert settings.resolved_device() == "cuda"  # whether this machine has one or not
    assert read(CLUSTER).ray_actors == 1


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"DIFFUSION_EXECUTOR": "Ray"}, "DIFFUSION_EXECUTOR is 'Ray'; it must be one of local, ray"),
        ({"DIFFUSION_RAY_ADDRESS": ""}, "DIFFUSION_RAY_ADDRESS is ''; it must be host:port"),
        ({"DIFFUSION_RAY_ADDRESS": "auto"}, "DIFFUSION_RAY_ADDRESS"),
        ({"DIFFUSION_RAY_ADDRESS": "ray://head.example.org:10001"}, "DIFFUSION_RAY_ADDRESS"),
        ({"DIFFUSION_RAY_ACTORS": "0"}, "DIFFUSION_RAY_ACTORS is '0'; it must be a number from 1 to 64"),
        ({"DIFFUSION_RAY_ACTORS": "two"}, "DIFFUSION_RAY_ACTORS"),
        ({"DIFFUSION_DEVICE": "auto"}, "set DIFFUSION_DEVICE to what the actors have: cpu or cuda"),
        ({"DIFFUSION_DEVICE": "mps"}, "DIFFUSION_DEVICE"),
    ],
)
def test_a_cluster_that_cannot_be_used_as_it_is_described_is_refused(read, changed, named):
    with pytest.raises(BadSetting, match=named):
        read(CLUSTER | changed)


@pytest.mark.parametrize("device", ["gpu", "CPU", "cuda:0", "cpu "])
def test_an_unknown_device_is_refused(read, device):
    with pytest.raises(
        BadSetting, match=rf"DIFFUSION_DEVICE is '{device}'; it must be one of auto, cpu, cuda, mps"
    ):
        read({"DIFFUSION_DEVICE": device})


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_device_that_is_there(read, monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert read({}).resolved_device() == expected
    assert read({"DIFFUSION_DEVICE": "cpu"}).resolved_device() == "cpu"


def test_a_device_that_is_not_there_is_refused(read, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BadSetting, match="'cuda', but this machine has no such device"):
        read({"DIFFUSION_DEVICE": "cuda"}).resolved_device()


def test_a_gpu_has_seats_for_several_jobs_and_a_cpu_for_one(read, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert read({"DIFFUSION_DEVICE": "cuda"}).resolved_seats() == 4
    assert read({"DIFFUSION_DEVICE": "cpu"}).resolved_seats() == 1
    assert read({"DIFFUSION_DEVICE": "cpu", "DIFFUSION_SEATS": "3"}).resolved_seats() == 3


def test_results_of_shared_calls_are_others_than_those_of_a_jobs_own(read, monkeypatch):
    """The size of a call decides how sums are rounded, so it is a part of what a result depends on."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    found = [
        read({"DIFFUSION_DEVICE": "cuda", "DIFFUSION_SEATS": seats}).environment()
        for seats in ("1", "2", "4", "")
    ]
    assert found[0] == {"device": "cuda", "dtype": "float16"}
    assert found[1] != found[2] == found[3]


@pytest.mark.parametrize("seconds", ["-1", "3601", "nan", "inf", "soon"])
def test_seconds_that_cannot_be_are_refused(read, seconds):
    with pytest.raises(
        BadSetting, match=rf"DIFFUSION_AT_ONCE is '{seconds}'; it must be a number of seconds from 0"
    ):
        read({"DIFFUSION_AT_ONCE": seconds})


@pytest.mark.parametrize("seats", ["0", "33", "-1", "four", "1.5"])
def test_a_number_of_seats_that_cannot_be_is_refused(read, seats):
    with pytest.raises(BadSetting, match=rf"DIFFUSION_SEATS is '{seats}'; it must be a number from 1 to 32"):
        read({"DIFFUSION_SEATS": seats})


@pytest.mark.parametrize(
    ("device", "dtype", "expected"),
    [
        ("cuda", "", "float16"),
        ("cpu", "", "float32"),
        ("mps", "auto", "float32"),
        ("cuda", "float32", "float32"),
        ("cpu", "bfloat16", "bfloat16"),
    ],
)
def test_a_gpu_computes_in_float16_and_everything_else_in_float32(read, monkeypatch, device, dtype, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    settings = read({"DIFFUSION_DEVICE": device, "DIFFUSION_DTYPE": dtype})
    assert settings.resolved_dtype() == settings.environment()["dtype"] == expected


@pytest.mark.parametrize("dtype", ["half", "fp16", "Float16", "float64"])
def test_an_unknown_precision_is_refused(read, dtype):
    with pytest.raises(
        BadSetting, match=rf"DIFFUSION_DTYPE is '{dtype}'; it must be one of auto, float32, float16, bfloat16"
    ):
        read({"DIFFUSION_DTYPE": dtype})
