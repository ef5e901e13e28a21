"""A second reader of digits, so that no figure hangs on what one classifier took for a digit.

Another architecture than core/judge.py's, another seed and another recipe: the five layers of LeCun, Bottou, Bengio and
Haffner, "Gradient-based learning applied to document recognition" (1998), with tanh, average pooling and fully connected
layers, no normalisation and no shifted digits. It is trained when it is first asked for, in about two minutes, and kept
beside the sweep's unfinished points; it doesn't ship.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from core.datasets import Digits
from core.training import train
from core.training_settings import LoopSettings

SETTINGS = LoopSettings(learning_rate=2e-3, batch_size=128, epochs=6, decay=True, seed=77)


def second_judge() -> nn.Sequential:
    """LeNet-5 with full connections between its feature maps: float (B, 1, 28, 28) in [0, 1] -> logits (B, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),  # (B, 6, 14, 14)
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),  # (B, 16, 5, 5)
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(),  # (B, 120)
        nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def class_loss(network: nn.Module, clean: Tensor, labels: Tensor, _generator: torch.Generator) -> Tensor:
    """Cross entropy on the digits as they are."""
    return functional.cross_entropy(network(clean), labels.long())


def load_second_judge(folder: Path, digits: Digits) -> nn.Module:
    """The second judge in evaluation mode, trained now if it doesn't lie in the folder yet."""
    path = folder / "second-judge.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(SETTINGS.seed)
        judge = second_judge()
    if path.exists():
        judge.load_state_dict(load_file(path))
    else:
        for _event in train(judge, digits, class_loss, SETTINGS):
            pass
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: weights.contiguous() for name, weights in judge.state_dict().items()}, path)
    return judge.eval()


@torch.no_grad()
def labels_of(judge: nn.Module, pictures: Tensor) -> Tensor:
    """What it reads, clipped to [0, 1] as the eye sees it: float (B, 1, 28, 28) -> int64 (B,)."""
    return judge(pictures.clamp(0, 1)).argmax(dim=1)
