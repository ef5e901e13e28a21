"""The networks of Part B as they sample fastest: normalisation folded into its convolution, memory laid out for oneDNN.

In evaluation mode, batch normalisation is a fixed scale and shift of each channel, γ (x − μ) / √(v + ε) + β, and a
convolution before it can have both in its kernel and bias (Ioffe and Szegedy, "Batch Normalization", 2015, section 3.1).
`core/networks/mnist_unet.py` stays the network that is taught and trained; this is the same function with fewer passes.
"""

from __future__ import annotations

import copy
import itertools
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

NetworkT = TypeVar("NetworkT", bound=nn.Module)


def folded(network: NetworkT) -> NetworkT:
    """A copy whose blocks (convolution, normalisation, GELU) compute (convolution, GELU); the one given stays as it is.

    Args:
        network: of core/networks/mnist_unet.py, in evaluation mode. Outputs agree to rounding, about 1e-6.

    Raises:
        ValueError: the network is in training mode, in which normalisation depends on the batch.
    """
    if network.training:
        raise ValueError(
            "Call eval() first: in training mode, normalisation depends on the batch and can't be folded."
        )
    fast = copy.deepcopy(network)
    for block in list(fast.modules()):
        if not isinstance(block, nn.Sequential):
            continue
        for index, (convolution, normalisation) in enumerate(itertools.pairwise(block)):
            if isinstance(normalisation, nn.BatchNorm2d) and isinstance(
                convolution, (nn.Conv2d, nn.ConvTranspose2d)
            ):
                transposed = isinstance(convolution, nn.ConvTranspose2d)
                block[index] = fuse_conv_bn_eval(convolution, normalisation, transpose=transposed)
                block[index + 1] = nn.Identity()
    return fast.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch names it so
