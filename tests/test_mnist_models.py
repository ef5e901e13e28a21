"""The files of the shipped networks of Part B: written, read back, and refused with a sentence."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.mnist_models import ModelMissing, load_network, save_weights, shipped_settings, weights_file
from core.training import build_network
from core.training_settings import MnistSettings

SMALL = MnistSettings(
    objective="class_flow", width=8, learning_rate=1e-2, batch_size=64, epochs=1, decay=True
)


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_weights(weights_file("b8", 1, tmp_path), build_network(SMALL).state_dict(), SMALL)
    return tmp_path


def test_a_network_of_any_width_comes_back_with_its_settings(folder):
    torch.manual_seed(0)
    expected = build_network(SMALL).eval()
    network = load_network("b8", 1, folder=folder)
    assert shipped_settings("b8", 1, folder) == SMALL
    assert not network.training
    x, t, c = torch.rand(2, 1, 28, 28), torch.tensor([0.2, 0.9]), torch.eye(10)[:2]
    with torch.no_grad():
        torch.testing.assert_close(network(x, t, c), expected(x, t, c), rtol=0, atol=1e-2)  # float16 on disk


def test_what_is_missing_or_damaged_is_named(folder):
    with pytest.raises(ModelMissing, match="Choose one of the trained networks"):
        load_network("b8", 2, folder=folder)
    with pytest.raises(
        ModelMissing, match=r"b6-epoch-1\.safetensors is missing: make it with scripts/mnist/train"
    ):
        load_network("b6", 1, folder=folder)
    path = weights_file("b8", 1, folder)
    weights = load_file(path)
    save_file(weights, path)  # without its settings
    with pytest.raises(ModelMissing, match="damaged or belongs to another network"):
        load_network("b8", 1, folder=folder)
    path.write_bytes(b"no weights")
    with pytest.raises(ModelMissing, match="damaged"):
        load_network("b8", 1, folder=folder)
