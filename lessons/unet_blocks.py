"""The jobs of lessons B1 and B10: a digit through every block of the UNet, and through each kind of block alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.compute.context import JobContext, JobEvents
from core.flow import interpolate
from core.jobs import Frame
from core.networks.first_weights import first_weights
from core.networks.mnist_unet import (
    ClassConditionedUNet,
    Conv,
    ConvBlock,
    DownBlock,
    DownConv,
    FCBlock,
    Flatten,
    MnistUNet,
    TimeConditionedUNet,
    UnconditionalUNet,
    Unflatten,
    UpBlock,
    UpConv,
    check_width,
    count_parameters,
    one_hot,
)
from core.trajectory import Trajectory
from lessons.denoising_digits import DRAWING, pictures_of
from lessons.networks import load
from lessons.training import fixed_noise, load_digits

UNTRAINED = "untrained"
MAPS = 16  # channels that are shown of a block: those that vary most over the picture
KINDS: dict[str, type[MnistUNet]] = {
    "none": UnconditionalUNet,
    "time": TimeConditionedUNet,
    "class": ClassConditionedUNet,
}


@dataclass(frozen=True)
class Block:
    """One block of the UNet, as lesson B1 shows it.

    Attributes:
        name: as `UNetBody.walk` yields it.
        label: as the course writes it.
        source: "module:class" of its kind; None for the last convolution, which is PyTorch's own.
        does: what it does, in a sentence.
    """

    name: str
    label: str
    source: str | None
    does: str


_HOME = "core.networks.mnist_unet"
PATH = (
    Block("conv_in", "ConvBlock(1 → D)", f"{_HOME}:ConvBlock", "Looks for small strokes and edges in the picture itself."),
    Block("down1", "DownBlock(D → D)", f"{_HOME}:DownBlock", "Halves the picture; each value now sees a wider patch."),
    Block("down2", "DownBlock(D → 2D)", f"{_HOME}:DownBlock", "Halves again, and doubles the channels: parts of digits."),
    Block("flatten", "Flatten", f"{_HOME}:Flatten", "Averages each channel to a single number: what is there, not where."),
    Block("unflatten", "Unflatten(2D)", f"{_HOME}:Unflatten",
          "Lays the numbers out as 7 × 7 again. Here the time and the class come in."),
    Block("up1", "UpBlock(4D → D)", f"{_HOME}:UpBlock",
          "Takes the unflattened tensor and down2’s output, 2D + 2D channels, and doubles the size. Conditioned as well."),
    Block("up2", "UpBlock(2D → D)", f"{_HOME}:UpBlock", "Takes up1’s and down1’s outputs, back to 28 × 28."),
    Block("conv_out", "ConvBlock(2D → D)", f"{_HOME}:ConvBlock", "Puts together what was found and where it was found."),
    Block("last", "Conv2d(D → 1)", None, "One 3 × 3 convolution without activation: the answer may be negative."),
)  # fmt: skip


def walk(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """One digit through every block.

    {"network": {...} or {"source": "untrained", "kind": "time", "width": 64}, "digit": "0", "t": 0.5, "seed": 0}

    The input is x_t = (1 - t) noise + t digit. Arrays: x_t, clean_hat (1, 1, 1, 28, 28), what goes in and what comes
    out; maps/<block> uint8 (up to 16, H, W) and channels/<block> int64, the channels that vary most and which they are.
    meta["blocks"]: name, shape, parameters, largest value; meta["conditioning"]: parameters of the FC blocks;
    meta["parameters"]: of the whole network.
    """
    if not 0 <= params["t"] <= 1:
        raise ValueError(f"Choose a time t from 0 to 1; {params['t']} lies outside.")
    network = network_of(params["network"], context)
    clean = pictures_of([params["digit"]], context)  # (1, 1, 28, 28)
    x_t = interpolate(fixed_noise(1, params["seed"], context.device), clean, params["t"])
    arrays: dict[str, np.ndarray] = {"x_t": x_t[None].cpu().numpy()}
    blocks = []
    with torch.no_grad():
        for index, (name, output) in enumerate(
            network.walk(x_t, *conditions(network, params, clean, context))
        ):
            arrays[f"maps/{name}"], arrays[f"channels/{name}"] = feature_maps(output[0])
            blocks.append({
                "name": name, "shape": list(output.shape[1:]), "largest": output.abs().max().item(),
                "parameters": count_parameters(getattr(network.body, name)),
            })  # fmt: skip
            yield Frame(index, len(PATH), {})
    arrays["clean_hat"] = output[None].cpu().numpy()
    conditioning = {
        name: count_parameters(block) for name, block in network.named_children() if name != "body"
    }
    return Trajectory(arrays, {
        "params": dict(params), "blocks": blocks, "conditioning": conditioning, "parameters": count_parameters(network),
        "width": network.body.width,
    })  # fmt: skip


def network_of(ref: Mapping[str, Any], context: JobContext) -> MnistUNet:
    """A trained network, or a fresh one whose weights depend on its width and kind alone."""
    if ref["source"] != UNTRAINED:
        return load(ref, context)
    with first_weights(seed=0):
        network = KINDS[ref["kind"]](check_width(ref["width"]))
    return network.to(context.device).eval()


def conditions(
    network: MnistUNet, params: Mapping[str, Any], clean: Tensor, context: JobContext
) -> tuple[Tensor, ...]:
    """What the network is told besides the picture: nothing, the time, or the time and the digit's own class."""
    if isinstance(network, UnconditionalUNet):
        return ()
    t = clean.new_full((1,), params["t"])
    if isinstance(network, TimeConditionedUNet):
        return (t,)
    if params["digit"].startswith(DRAWING):  # nobody has said which digit it is
        return t, clean.new_zeros(1, 10)
    return t, one_hot(load_digits("test", context).labels[[int(params["digit"])]])


def feature_maps(output: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(C, H, W) -> the channels that vary most, uint8 (up to 16, H, W), and their numbers.

    One scale for the whole block: 0 is black, and the largest value of the block is white; what is negative is black.
    """
    chosen = output.flatten(1).var(dim=1, correction=0).argsort(descending=True)[:MAPS]
    scale = output.amax().clamp(min=1e-6)
    levels = (output[chosen] / scale).clamp(0, 1) * 255
    return levels.round().byte().cpu().numpy(), chosen.cpu().numpy()


# ---------------------------------------------------------------- the glossary


@dataclass(frozen=True)
class Term:
    """One kind of block, as lesson B10 lists it: shapes and parameter count as formulas in i, o, H, W."""

    name: str
    source: str
    does: str
    shape: str
    count: str


TERMS = (
    Term("Conv", f"{_HOME}:Conv", "3 × 3 convolution, batch normalisation, GELU: the size stays.",
         "(i, H, W) → (o, H, W)", "9·i·o + 3·o"),
    Term("DownConv", f"{_HOME}:DownConv", "The same with stride 2: every second place is left out.",
         "(i, H, W) → (o, H/2, W/2)", "9·i·o + 3·o"),
    Term("UpConv", f"{_HOME}:UpConv", "Transposed 4 × 4 convolution with stride 2: every value is spread over a patch.",
         "(i, H, W) → (o, 2H, 2W)", "16·i·o + 3·o"),
    Term("Flatten", f"{_HOME}:Flatten", "Average over 7 × 7, GELU. Nothing is learned.", "(i, 7, 7) → (i, 1, 1)", "0"),
    Term("Unflatten", f"{_HOME}:Unflatten", "Transposed 7 × 7 convolution, normalisation, GELU: a picture from numbers.",
         "(i, 1, 1) → (i, 7, 7)", "49·i·i + 3·i"),
    Term("ConvBlock", f"{_HOME}:ConvBlock", "Conv(i → o), Conv(o → o).", "(i, H, W) → (o, H, W)", "9·i·o + 9·o·o + 6·o"),
    Term("DownBlock", f"{_HOME}:DownBlock", "DownConv(i → o), ConvBlock(o → o).",
         "(i, H, W) → (o, H/2, W/2)", "9·i·o + 18·o·o + 9·o"),
    Term("UpBlock", f"{_HOME}:UpBlock", "UpConv(i → o), ConvBlock(o → o).",
         "(i, H, W) → (o, 2H, 2W)", "16·i·o + 18·o·o + 9·o"),
    Term("FCBlock", f"{_HOME}:FCBlock", "Linear(i → o), GELU, Linear(o → o): makes a number a channel of t or the class.",
         "(i) → (o)", "i·o + o·o + 2·o"),
)  # fmt: skip


def build(name: str, channels_in: int, channels_out: int) -> nn.Module:
    """A fresh block of one kind. Raises KeyError."""
    kinds = {
        "Conv": Conv, "DownConv": DownConv, "UpConv": UpConv, "ConvBlock": ConvBlock, "DownBlock": DownBlock,
        "UpBlock": UpBlock, "FCBlock": FCBlock,
    }  # fmt: skip
    if name == "Flatten":
        return Flatten()
    return Unflatten(channels_in) if name == "Unflatten" else kinds[name](channels_in, channels_out)


def glossary(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Every kind of block, fresh, on the same digit.

    {"channels_in": 1, "channels_out": 8, "digit": "0", "seed": 0}

    A digit is repeated over the input channels; Flatten and Unflatten get it reduced to what they take. Arrays: x_t
    (1, 1, 1, 28, 28), the digit; maps/<block> uint8 (up to 16, H, W). meta["terms"]: name, shapes in and out, parameters.

    Raises:
        ValueError: channels outside 1 to 64.
    """
    i, o = params["channels_in"], params["channels_out"]
    if not (1 <= i <= 64 and 1 <= o <= 64):
        raise ValueError(f"Choose from 1 to 64 channels; {i} and {o} were given.")
    clean = pictures_of([params["digit"]], context)
    inputs = {
        "picture": clean.expand(1, i, 28, 28),
        "small": nn.functional.avg_pool2d(clean, 4).expand(1, i, 7, 7),
        "point": clean.mean(dim=(2, 3), keepdim=True).expand(1, i, 1, 1),
        "vector": clean.mean(dim=(1, 2, 3)).expand(1, i),
    }
    takes = {"Flatten": "small", "Unflatten": "point", "FCBlock": "vector"}
    arrays: dict[str, np.ndarray] = {"x_t": clean[None].cpu().numpy()}
    found = []
    for index, term in enumerate(TERMS):
        with first_weights(params["seed"]), torch.no_grad():
            block = build(term.name, i, o).to(context.device).eval()
            x = inputs[takes.get(term.name, "picture")]
            output = block(x)
        shown = output[0] if output.ndim == 4 else output[0][:, None, None]
        arrays[f"maps/{term.name}"], _ = feature_maps(shown)
        found.append({
            "name": term.name, "shape_in": list(x.shape[1:]), "shape_out": list(output.shape[1:]),
            "parameters": count_parameters(block),
        })  # fmt: skip
        yield Frame(index, len(TERMS), {})
    return Trajectory(arrays, {"params": dict(params), "terms": found})
