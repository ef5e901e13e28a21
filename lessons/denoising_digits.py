"""The jobs of lessons B2 to B4: digits under noise, what the network makes of them, and the exact answer."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from core.compute.context import JobContext, JobEvents
from core.datasets import to_unit
from core.jobs import Frame
from core.oracle import denoise_exactly, posterior
from core.trajectory import Trajectory
from lessons.characters import quoted
from lessons.fields import BadValue, Typed
from lessons.networks import load_to_sample
from lessons.numbers import NotANumber, is_plain, read_number
from lessons.requests import BadRequest
from lessons.training import digit_pixels, fixed_noise, load_digits

DRAWING = "drawing-"
TEST_DIGITS = 10_000
MAX_DIGITS, MAX_SIGMAS, MAX_NETWORKS = 10, 60, 3
MAX_SIGMA = 3.0


class DrawingGone(ValueError):
    """A drawn digit that the store no longer holds."""


@dataclass(frozen=True)
class DigitRef(Typed):
    """A test digit by its number, 0 to 9999, or a drawn one by the SHA-256 of its picture's file."""

    def parse(self, text: str) -> str:
        if re.fullmatch(r"drawing-[0-9a-f]{64}", self.require_text(text)):
            return text
        try:
            number = read_number(text, whole=True, words=self.words)
        except NotANumber:
            number = None
        if number is None or number != number.to_integral_value() or not 0 <= number < TEST_DIGITS:
            raise BadValue(
                f"{self.label}: {quoted(text)} is no test digit. Give a number from 0 to {TEST_DIGITS - 1}."
            )
        return str(int(number))

    def read_out(self, text: str) -> str | None:
        return None if is_plain(text, whole=True) or text.startswith(DRAWING) else self.parse(text)


def pictures_of(references: Sequence[str], context: JobContext) -> Tensor:
    """float (N, 1, 28, 28) in [0, 1]. Raises DrawingGone."""
    test, found = load_digits("test", context), []
    for reference in references:
        if reference.startswith(DRAWING):
            data = context.store.blobs.get(reference.removeprefix(DRAWING))
            if data is None:
                raise DrawingGone("The drawn digit is no longer kept here; draw it again.")
            # Our own PNG, written after the canvas' gate had checked what the browser sent.
            pixels = np.asarray(Image.open(io.BytesIO(data), formats=["PNG"]).convert("L"))
            found.append(torch.from_numpy(pixels.copy())[None].to(test.pictures.device))
        else:
            found.append(test.pictures[int(reference)])
    return to_unit(torch.stack(found))


def denoise(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """Every digit at every noise level, through every network, and the exact posterior mean beside it.

    {"networks": [{...}], "digits": ["0", "drawing-..."], "sigmas": [0, 0.05, ...], "seed": 0}

    The noise is one for each digit and is only scaled by σ. Arrays: z, oracle float32 (sigmas, digits, 1, 28, 28);
    clean_hat float32 (sigmas, networks * digits, 1, 28, 28); clean (digits, 1, 28, 28); error float64 (sigmas,
    networks + 2): RMS of each network, of the oracle, of z itself; mixed float64 (sigmas,), how many training digits
    the oracle mixes.

    Raises:
        BadRequest, DrawingGone, lessons.networks' errors.
    """
    refs, sigmas = params["networks"], params["sigmas"]
    if not (
        1 <= len(params["digits"]) <= MAX_DIGITS
        and 1 <= len(sigmas) <= MAX_SIGMAS
        and len(refs) <= MAX_NETWORKS
    ):
        raise BadRequest(
            f"A run has 1 to {MAX_DIGITS} digits, 1 to {MAX_SIGMAS} noise levels and up to {MAX_NETWORKS} networks."
        )
    if not all(0 <= sigma <= MAX_SIGMA for sigma in sigmas):
        raise BadRequest(f"Choose noise levels from 0 to {MAX_SIGMA:g}.")
    networks = [load_to_sample(ref, context) for ref in refs]
    clean = pictures_of(params["digits"], context)
    noise = fixed_noise(len(clean), params["seed"], context.device)
    train = load_digits("train", context).pictures
    found: dict[str, list[Any]] = {name: [] for name in ("z", "clean_hat", "oracle", "error", "mixed")}
    for index, sigma in enumerate(sigmas):
        z = clean + sigma * noise
        with torch.no_grad():
            answers = [network(z) for network in networks]
        exact = denoise_exactly(z, sigma, train)
        found["z"].append(z)
        found["clean_hat"].append(torch.cat(answers) if answers else z[:0])
        found["oracle"].append(exact.mean)
        found["error"].append([rms(answer - clean) for answer in (*answers, exact.mean, z)])
        found["mixed"].append(exact.effective_count.mean().item())
        yield Frame(
            index, len(sigmas), {name: digit_pixels(found[name][-1]) for name in ("z", "clean_hat", "oracle")}
        )
    arrays = {name: torch.stack(found[name]).cpu().numpy() for name in ("z", "clean_hat", "oracle")}
    arrays |= {name: np.array(found[name], dtype=np.float64) for name in ("error", "mixed")}
    return Trajectory({**arrays, "clean": clean.cpu().numpy()}, {"params": dict(params)})


def pure_noise(params: Mapping[str, Any], context: JobContext) -> JobEvents:
    """What networks answer to pure noise, beside the exact answer, which is the mean digit.

    {"networks": [{...}], "seed": 0, "count": 8}

    Arrays: z float32 (1, count, 1, 28, 28); clean_hat float32 (networks, count, 1, 28, 28); mean (1, 1, 28, 28), the
    oracle's answer; away float64 (networks,), RMS from it. meta["floor"]: the loss of the exact answer, the variance
    of the training digits around their mean.
    """
    if not (1 <= params["count"] <= MAX_DIGITS and 1 <= len(params["networks"]) <= MAX_NETWORKS):
        raise BadRequest(f"A run has 1 to {MAX_DIGITS} noises and 1 to {MAX_NETWORKS} networks.")
    z = fixed_noise(params["count"], params["seed"], context.device)
    train = load_digits("train", context).pictures
    mean = posterior(z[:1], 0.0, 1.0, train).mean  # a = 0: z holds nothing of any digit
    answers, away = [], []
    for index, ref in enumerate(params["networks"]):
        with torch.no_grad():
            answers.append(load_to_sample(ref, context)(z))
        away.append(rms(answers[-1] - mean))
        pixels = {"z": digit_pixels(z), "clean_hat": digit_pixels(answers[-1]), "mean": digit_pixels(mean)}
        yield Frame(index, len(params["networks"]), pixels)
    arrays = {
        "z": z[None].cpu().numpy(),
        "clean_hat": torch.stack(answers).cpu().numpy(),
        "mean": mean.cpu().numpy(),
        "away": np.array(away),
    }
    return Trajectory(arrays, {"params": dict(params), "floor": variance_around(mean, train)})


def rms(x: Tensor) -> float:
    """The root mean square over all pixels of all pictures."""
    return x.square().mean().sqrt().item()


def variance_around(mean: Tensor, pictures: Tensor, chunk: int = 4096) -> float:
    """The mean squared difference between uint8 pictures (N, 1, 28, 28) and a mean (1, 1, 28, 28), over all pixels."""
    total = sum(
        (to_unit(part) - mean).square().sum(dtype=torch.float64).item() for part in pictures.split(chunk)
    )
    return total / pictures.numel()
