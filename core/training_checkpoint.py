"""The state of a training between two steps, and its way into a checkpoint and back.

A checkpoint is arrays only: weights, Adam's two moments, the generator's state, the order of this epoch
and the losses so far. Whoever goes on from it computes what an uninterrupted run would have computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from core.jobs import Checkpoint, CheckpointCorrupt

MOMENTS = ("exp_avg", "exp_avg_sq")  # Kingma and Ba, "Adam" (2015): m and v


@dataclass(eq=False)
class TrainingState:
    """Everything that changes from step to step.

    Attributes:
        network, optimizer: changed in place.
        generator: on the CPU; the order and the noise come from it.
        permutation: int64 (N,), the order of the data in this epoch.
        step: how many steps have been taken.
        losses: one for each of them.
    """

    network: nn.Module
    optimizer: torch.optim.Adam
    generator: torch.Generator
    permutation: Tensor
    step: int = 0
    losses: list[float] = field(default_factory=list)

    @classmethod
    def start(cls, network: nn.Module, seed: int, examples: int) -> TrainingState:
        """Before the first step. The learning rate is set before every step."""
        # fused: one pass over each weight instead of ten; the same formula.
        optimizer = torch.optim.Adam(network.parameters(), lr=0.0, fused=True)
        return cls(network, optimizer, torch.Generator().manual_seed(seed), torch.arange(examples))

    def set_learning_rate(self, learning_rate: float) -> float:
        """For the steps that follow; returns it."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        return learning_rate

    def is_finite(self) -> bool:
        """No weight, and no running mean or variance, is infinite or no number."""
        return all(bool(tensor.isfinite().all()) for tensor in self.network.state_dict().values())

    def checkpoint(self, name: str) -> Checkpoint:
        """A copy of the state."""
        arrays = {f"network/{key}": to_array(tensor) for key, tensor in self.network.state_dict().items()}
        for key, parameter in self.network.named_parameters():
            moments = self.optimizer.state[parameter]
            arrays |= {f"adam/{moment}/{key}": to_array(moments[moment]) for moment in MOMENTS}
        arrays["loop/generator"] = to_array(self.generator.get_state())
        arrays["loop/permutation"] = to_array(self.permutation.int())
        arrays["loop/losses"] = np.array(self.losses, dtype=np.float64)
        return Checkpoint(self.step, name, arrays)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Goes back to a checkpoint.

        Raises:
            CheckpointCorrupt: an array is missing, or has another shape than this network and data set need.
        """
        arrays = dict(checkpoint.arrays)
        weights = {
            key: take(arrays, f"network/{key}", like) for key, like in self.network.state_dict().items()
        }
        moments = {
            parameter: {moment: take(arrays, f"adam/{moment}/{key}", parameter) for moment in MOMENTS}
            for key, parameter in self.network.named_parameters()
        }
        permutation = take(arrays, "loop/permutation", self.permutation.int())
        generator_state = take(arrays, "loop/generator", self.generator.get_state())
        losses = take(arrays, "loop/losses", torch.empty(checkpoint.step, dtype=torch.float64))
        self.network.load_state_dict(weights)
        for parameter, values in moments.items():
            step = torch.tensor(float(checkpoint.step), device=parameter.device)
            self.optimizer.state[parameter] = {"step": step, **values}
        self.permutation = permutation.long()
        self.generator.set_state(generator_state)
        self.losses = losses.tolist()
        self.step = checkpoint.step


def to_array(tensor: Tensor) -> np.ndarray:
    """A copy on the CPU: the training goes on changing the tensor."""
    return tensor.detach().cpu().numpy().copy()


def take(arrays: dict[str, np.ndarray], name: str, like: Tensor) -> Tensor:
    """One array of a checkpoint as a tensor, on the device of `like`.

    Raises:
        CheckpointCorrupt: it is missing, or differs from `like` in shape or type.
    """
    if name not in arrays:
        raise CheckpointCorrupt(f"The saved training state has no {name}. Train from the beginning.")
    tensor = torch.from_numpy(np.array(arrays[name]))
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        raise CheckpointCorrupt(
            f"The saved training state belongs to another network or data set ({name} is "
            f"{tuple(tensor.shape)}, not {tuple(like.shape)}). Train from the beginning."
        )
    return torch.empty_like(like).copy_(tensor)  # laid out in memory as `like` is: fused Adam relies on it


def network_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The network's own tensors in a checkpoint, as `load_state_dict` takes them."""
    prefix = "network/"
    return {
        key.removeprefix(prefix): torch.from_numpy(array)
        for key, array in checkpoint.arrays.items()
        if key.startswith(prefix)
    }
