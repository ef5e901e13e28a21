"""What every part of a text-to-image network puts out, found by forward hooks: the network itself is not touched.

Works for the networks of this project and for diffusers' UNet2DConditionModel, in which DeepFloyd IF comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn

from core.networks.patch_unet import PatchUNet
from core.networks.storybook_unet import StorybookUNet


@dataclass(frozen=True)
class Part:
    """A part of a network as it is taught.

    Attributes:
        name: for the page, "down 1".
        modules: dotted names; their parameters are the part's, and the last one's output is what it puts out.
        does: one sentence.
        side: of the square of places with which a sequence begins, where the last module puts out one; else 0.
    """

    name: str
    modules: tuple[str, ...]
    does: str
    side: int = 0


@dataclass(frozen=True, eq=False)
class Seen:
    """What a part put out, of the first picture of the batch: float (C, H, W); None for what only conditions others."""

    part: Part
    output: Tensor | None
    parameters: int


def parts_of(network: nn.Module) -> tuple[Part, ...]:
    """The parts in the order of the computation, the condition first; together they have all parameters.

    Raises:
        TypeError: nothing is known of this kind of network.
    """
    if isinstance(network, StorybookUNet):
        found = _of_storybook(network)
    elif isinstance(network, PatchUNet):
        found = _of_patches(network)
    elif hasattr(network, "mid_block"):
        found = _of_diffusers(network)
    else:
        raise TypeError(f"There are no parts named for {type(network).__name__}.")
    named = [name for part in found for name in part.modules]
    rest = tuple(
        name for name, child in _children(network, named) if any(True for _ in child.parameters()) and name
    )
    told = "Turns t and the prompt into vectors, which scale and shift the features of the others."
    return (Part("condition", rest, told), *found) if rest else tuple(found)


def look_inside(network: nn.Module, evaluate: Callable[[], object]) -> tuple[Seen, ...]:
    """Runs `evaluate`, in which the network is called once, and returns what its parts put out, in their order.

    Raises:
        RuntimeError: a part was not called.
    """
    parts, own = parts_of(network), threading.get_ident()
    outputs: dict[str, Tensor] = {}
    with ExitStack() as hooks:
        for part in parts[1:] if parts[0].name == "condition" else parts:
            last = network.get_submodule(part.modules[-1])

            def keep(_module: nn.Module, _given: object, output: object, part: Part = part) -> None:
                if threading.get_ident() == own:  # another job may ask the same network meanwhile
                    outputs[part.name] = _picture(output, part.side)

            hooks.callback(last.register_forward_hook(keep).remove)
        with torch.no_grad():
            evaluate()
    if missing := [part.name for part in parts if part.name not in outputs and part.name != "condition"]:
        raise RuntimeError(f"The network did not call {', '.join(missing)}.")
    return tuple(Seen(part, outputs.get(part.name), _count(network, part)) for part in parts)


def _picture(output: object, side: int) -> Tensor:
    """A part's output as (C, H, W): of blocks that return several things the first, of a sequence its places."""
    first = output[0] if isinstance(output, tuple) else output
    if not isinstance(first, Tensor):
        raise TypeError(f"A part put out {type(first).__name__}, and no picture.")
    if side:  # (B, places and words, C)
        return first[0, : side * side].T.unflatten(1, (side, side)).float()
    return first[0].float()


def _count(network: nn.Module, part: Part) -> int:
    modules = [network.get_submodule(name) for name in part.modules]
    return sum(p.numel() for p in chain.from_iterable(module.parameters() for module in modules))


def _children(network: nn.Module, named: Sequence[str], at: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The largest modules that neither are named nor hold what is."""
    for name, child in network.named_children():
        path = f"{at}.{name}" if at else name
        if path in named:
            continue
        if any(other.startswith(f"{path}.") for other in named):
            yield from _children(child, named, path)
        else:
            yield path, child


# ---------------------------------------------------------------- the kinds


def _of_storybook(network: StorybookUNet) -> list[Part]:
    levels = len(network.down)
    side = network.config.sample_size // network.config.patch_size // 2**levels
    draws = "Convolutions: what is learnt about an edge is known everywhere. Kept for the way up."
    square = f"{network.config.patch_size} × {network.config.patch_size}"
    found = [
        Part("read", ("read",), f"Squares of {square} pixels become channels, and a convolution reads them.")
    ]
    for k in range(levels):
        smaller = (f"smaller.{k - 1}",) if k else ()
        blocks = (f"down.{k}.{i}" for i in range(network.config.blocks[k]))
        found.append(Part(f"down {k + 1}", (*smaller, *blocks), draws))
    found.append(
        Part(
            "transformer",
            (f"smaller.{levels - 1}", "words", *(f"middle.{k}" for k in range(network.config.depth))),
            "Every place looks at every other place and at the words: here is decided what stands where.",
            side,
        )
    )
    for k in reversed(range(levels)):
        blocks = (f"up.{k}.{i}" for i in range(network.config.blocks[k]))
        found.append(
            Part(f"up {k + 1}", (f"larger.{k}", *blocks), f"Twice the size, beside what down {k + 1} kept.")
        )
    return [*found, Part("write", ("norm", "write"), "Back to pixels: the velocity v, and the variance.")]


def _of_patches(network: PatchUNet) -> list[Part]:
    found = []
    if network.sketch is not None:
        found.append(
            Part(
                "sketcher",
                ("sketch",),
                "Fully connected layers guess the whole clean picture at once: this is the memory.",
            )
        )
    inner = [
        Part(part.name, tuple(f"inner.{name}" for name in part.modules), part.does)
        for part in _of_diffusers(network.inner)
    ]
    found += inner
    if network.finish is not None:
        found.append(Part("finisher", ("finish",), "A few convolutions over all pixels take the grain away."))
    return found


def _of_diffusers(network: nn.Module) -> list[Part]:
    down, up = len(network.down_blocks), len(network.up_blocks)  # type: ignore[arg-type]
    return [
        Part("conv in", ("conv_in",), "A convolution reads the picture."),
        *(
            Part(f"down {k + 1}", (f"down_blocks.{k}",), "What is seen, at half the size or the same.")
            for k in range(down)
        ),
        Part(
            "middle", ("mid_block",), "The smallest size, where every place can see far and read the words."
        ),
        *(
            Part(f"up {k + 1}", (f"up_blocks.{k}",), "Put together again, beside what the way down kept.")
            for k in range(up)
        ),
        Part("conv out", ("conv_norm_out", "conv_out"), "The answer: noise or velocity, and the variance."),
    ]
