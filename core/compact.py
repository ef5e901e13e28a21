"""Arrays of a run in little room: a step's pictures are foretold from others, and only what is left is kept.

The pictures of a run depend on each other: x_t' is a weighted sum of x_t, x̂₀ and fresh noise, a guided estimate is one of
two estimates, and x̂₀ changes little from step to step. So each picture is foretold by the weighted sum of other pictures
that comes nearest (least squares, for each step and sample); the difference is rounded to whole multiples of q and deflated.
Nothing here knows a formula of diffusion: any arrays of the shape (steps, batch, C, H, W) can be folded.

    folded, how = fold(arrays, FOR_THE_EYE)
    arrays = unfold(folded, how)

What is rounded: floating-point arrays of five axes and more than one step. What is kept to the bit: every other array, such
as the result of a run, its clean picture, and all that was measured. Each difference is taken from what will be unfolded,
not from the original, so errors do not add up from step to step: a picture is within q / 2 of what it was.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Foretold in this order, then the rest by name: the state, the estimate of the clean picture, what follows from both.
_FIRST = ("x_t", "z", "clean_hat", "noise_added", "eps", "velocity", "eps_u")
# What guidance adds is the small difference of two estimates: it is this difference that is kept within q / 2.
_BESIDE = dict.fromkeys(("eps_u", "eps_c", "eps_1", "eps_2", "low", "high"), "eps")
_WITH_STILLS = 2  # so many arrays of a step are foretold from what belongs to the whole run as well
_RIDGE = 1e-6  # of the mean square of what is weighted: two pictures that are nearly one get no huge weights
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
_MEAN_APART = 2 / np.sqrt(np.pi)  # of two standard normal variables, in the mean


class BadFold(ValueError):
    """Folded arrays that do not fit their description."""


@dataclass(frozen=True)
class Rounding:
    """How coarse the pictures of steps are kept.

    Attributes:
        least: q of a picture without noise, in the array's own unit.
        of_noise: q as a share of the standard deviation of the noise in a picture, where that is more.
    """

    least: float
    of_noise: float


# A screen shows [-1, 1] in 255 levels: at most one level off, and in noise an eighth of its standard deviation.
FOR_THE_EYE = Rounding(least=1 / 64, of_noise=1 / 4)


def fold(
    arrays: Mapping[str, np.ndarray], rounding: Rounding
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """(arrays to keep, JSON that says how to unfold them)."""
    kept, groups = dict(arrays), []
    for names in _groups(arrays):
        first = arrays[names[0]]
        pictures = {name: arrays[name].astype(np.float32) for name in names}
        blobs, how = _fold_group(pictures, _stills(arrays, first), rounding)
        for name in names:
            kept[name] = np.frombuffer(blobs[name], dtype=np.uint8)
        how |= {"shape": list(first.shape), "types": [str(arrays[name].dtype) for name in names]}
        groups.append(how)
    return kept, groups


def unfold(kept: Mapping[str, np.ndarray], groups: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """The inverse of `fold`, but for what was rounded. Raises BadFold."""
    arrays = dict(kept)
    try:
        folded = {name for how in groups for name in how["names"]}
        exact = {name: array for name, array in kept.items() if name not in folded}
        for how in groups:
            arrays |= _unfold_group(kept, how, _stills(exact, np.empty(how["shape"], np.bool_)))
    except (KeyError, ValueError, TypeError, zlib.error, struct.error) as error:
        raise BadFold(f"What was folded does not fit its description ({error}).") from error
    return arrays


def off_by(
    arrays: Mapping[str, np.ndarray], others: Mapping[str, np.ndarray], rounding: Rounding
) -> dict[str, float]:
    """How far the pictures of two runs lie apart, in units of what `rounding` may change: for each folded array the most.

    Raises BadFold: the runs do not hold the same arrays.
    """
    found = {}
    if (shapes := {n: a.shape for n, a in arrays.items()}) != {n: a.shape for n, a in others.items()}:
        raise BadFold(
            f"Two runs of one job have the same arrays; one of these has {shapes}, the other has not."
        )
    for names in _groups(arrays):
        pictures = {name: arrays[name].astype(np.float32) for name in names}
        q = {name: _step(name, pictures, rounding) for name in names}
        for name in names:
            beside = _BESIDE.get(name, "")
            allowed = (q[name] + q.get(beside, 0.0)) / 2  # it goes with the other, which is rounded too
            apart = np.abs(pictures[name] - others[name].astype(np.float32)).max(axis=(2, 3, 4))
            found[name] = float((apart / allowed).max())
    return found


def _groups(arrays: Mapping[str, np.ndarray]) -> list[list[str]]:
    """Names of what is folded together: pictures of steps that have one shape; the order in which they are foretold."""
    shapes: dict[tuple[int, ...], list[str]] = {}
    for name in sorted(
        arrays, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)
    ):
        array = arrays[name]
        if (
            array.ndim == 5
            and len(array) > 1
            and np.issubdtype(array.dtype, np.floating)
            and np.isfinite(array).all()
        ):
            shapes.setdefault(array.shape, []).append(name)
    return list(shapes.values())


def _stills(arrays: Mapping[str, np.ndarray], like: np.ndarray) -> list[np.ndarray]:
    """Float32 (batch, P): pictures of the whole run, one for each sample or one for all."""
    _, batch, *picture = like.shape
    return [
        np.broadcast_to(array.astype(np.float32).reshape(len(array), -1), (batch, int(np.prod(picture))))
        for _, array in sorted(arrays.items())
        if array.ndim == 4
        and list(array.shape[1:]) == picture
        and len(array) in (1, batch)
        and np.issubdtype(array.dtype, np.floating)
    ]


# (step, place in the order, what it may be foretold from (batch, R, P)) -> the picture as it will be unfolded (batch, P)
Settle = Callable[[int, int, np.ndarray], np.ndarray]


def _walk(
    shape: Sequence[int], names: Sequence[str], stills: list[np.ndarray], settle: Settle
) -> dict[str, np.ndarray]:
    """Every picture of a group after those that it is foretold from; returns them as float32 (steps, batch, P)."""
    steps, batch, *picture = shape
    size = int(np.prod(picture))
    done = {name: np.zeros((steps, batch, size), np.float32) for name in names}
    even = np.ones((batch, size), np.float32)
    for k in range(steps):
        for place, name in enumerate(names):
            before = names if place == 0 else [name]  # the state follows from all of the step before
            known = [done[other][k - 1] for other in before] if k else []
            known += [done[other][k] for other in names[:place]]
            known += stills if place < _WITH_STILLS else []
            done[name][k] = settle(k, place, np.stack([*known, even], axis=1))
    return done


def _fold_group(
    pictures: dict[str, np.ndarray], stills: list[np.ndarray], rounding: Rounding
) -> tuple[dict[str, bytes], dict[str, Any]]:
    names, shape = list(pictures), next(iter(pictures.values())).shape
    batch, picture = shape[1], shape[2:]
    bounded = [bool(np.abs(array).max() <= 1) for array in pictures.values()]
    weights: dict[str, list[np.ndarray]] = {name: [] for name in names}
    codes = {name: np.zeros(shape, np.int32) for name in names}
    flat: dict[str, list[bool]] = {name: [] for name in names}
    q = {name: _step(name, pictures, rounding) for name in names}
    settled: dict[str, np.ndarray] = {}

    def settle(k: int, place: int, known: np.ndarray) -> np.ndarray:
        name = names[place]
        target = pictures[name][k].reshape(batch, -1)
        if (beside := _BESIDE.get(name, "")) in pictures:
            target = target + settled[beside] - pictures[beside][k].reshape(batch, -1)
        weight = _weights(known, target)
        foretold = _weighted(known, weight, bounded[place])
        whole = np.rint((target - foretold) / q[name][k][:, None]).astype(np.int32)
        code, is_flat = _spread(whole.reshape(batch, *picture))
        codes[name][k] = code
        weights[name].append(weight)
        flat[name].append(is_flat)
        settled[name] = foretold + whole * q[name][k][:, None]
        return settled[name]

    _walk(shape, names, stills, settle)
    blobs = {
        name: _blob(codes[name], weights[name], q[name], "".join("01"[is_flat] for is_flat in flat[name]))
        for name in names
    }
    return blobs, {"names": names, "bounded": bounded}


def _unfold_group(
    kept: Mapping[str, np.ndarray], how: Mapping[str, Any], stills: list[np.ndarray]
) -> dict[str, np.ndarray]:
    shape, names = tuple(how["shape"]), how["names"]
    batch = shape[1]
    read = {name: _read_blob(kept[name].tobytes(), shape) for name in names}

    def settle(k: int, place: int, known: np.ndarray) -> np.ndarray:
        codes, first, later, q, flat = read[names[place]]
        weight = later[k - 1] if k else first
        whole = _gathered(codes[k], flat[k] == "1").reshape(batch, -1)
        return _weighted(known, weight, how["bounded"][place]) + whole * q[k][:, None]

    done = _walk(shape, names, stills, settle)
    return {
        name: done[name].reshape(shape).astype(kind) for name, kind in zip(names, how["types"], strict=True)
    }


# ---- foretelling --------------------------------------------------------------------------------------------


def _weights(known: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least squares for each sample: known (batch, R, P), target (batch, P) -> float32 (batch, R)."""
    gram = (known @ known.transpose(0, 2, 1)).astype(np.float64)
    right = (known @ target[:, :, None]).astype(np.float64)
    size = gram.shape[1]
    ridge = _RIDGE * np.trace(gram, axis1=1, axis2=2)[:, None, None] / size * np.eye(size)
    return np.linalg.solve(gram + ridge, right)[:, :, 0].astype(np.float32)


def _weighted(known: np.ndarray, weight: np.ndarray, bounded: bool) -> np.ndarray:
    """(batch, P): the weighted sum; within [-1, 1] where the pictures are."""
    foretold = (weight[:, None, :] @ known)[:, 0]
    return np.clip(foretold, -1, 1) if bounded else foretold


def _step(name: str, pictures: Mapping[str, np.ndarray], rounding: Rounding) -> np.ndarray:
    """q, float32 (steps, batch), of pictures (steps, batch, C, H, W). The noise in one: what neighbours differ in."""
    kept, least = pictures[name], rounding.least
    if (
        beside := _BESIDE.get(name, "")
    ) in pictures:  # estimates of noise, which are shown in three times the range
        kept, least = kept - pictures[beside], 4 * least
    noise = np.abs(np.diff(kept, axis=-1)).mean(axis=(2, 3, 4)) / _MEAN_APART if kept.shape[-1] > 1 else 0.0
    q: np.ndarray = np.broadcast_to(np.maximum(least, rounding.of_noise * noise), kept.shape[:2]).astype(
        np.float32
    )
    return q


# ---- whole numbers as bytes ---------------------------------------------------------------------------------


def _spread(whole: np.ndarray) -> tuple[np.ndarray, bool]:
    """The numbers (batch, C, H, W), or what each differs in from its neighbours as in PNG, whichever is nearer to 0."""
    apart = np.diff(np.diff(whole, axis=-1, prepend=0), axis=-2, prepend=0)
    is_flat = bool(np.abs(whole).sum() <= np.abs(apart).sum())
    return (whole if is_flat else apart), is_flat


def _gathered(code: np.ndarray, is_flat: bool) -> np.ndarray:
    return code if is_flat else code.cumsum(axis=-2, dtype=np.int32).cumsum(axis=-1, dtype=np.int32)


def _blob(codes: np.ndarray, weights: Sequence[np.ndarray], q: np.ndarray, flat: str) -> bytes:
    """A folded array: length of the head, JSON head, planes of the codes' bytes, then weights and q; all deflated."""
    narrow = codes.astype("<i1") if np.abs(codes).max() < 128 else codes.astype("<i4")
    lanes = narrow.view(np.uint8).reshape(*codes.shape, narrow.itemsize)
    planes = [_deflated(np.ascontiguousarray(lanes[..., lane]).tobytes()) for lane in range(narrow.itemsize)]
    numbers = [weight.ravel() for weight in weights] + [q.ravel()]
    head = json.dumps(
        {
            "first": weights[0].shape[1],
            "later": weights[-1].shape[1],
            "flat": flat,
            "planes": [len(plane) for plane in planes],
        }
    ).encode()
    rest = _deflated(np.concatenate(numbers).astype("<f4").tobytes())
    return b"".join((struct.pack("<I", len(head)), head, *planes, rest))


def _read_blob(
    data: bytes, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    """(codes, weights of the first step (batch, R), of the later ones (steps - 1, batch, R'), q (steps, batch), flat)."""
    (length,) = struct.unpack_from("<I", data)
    head, at, planes = json.loads(data[4 : 4 + length]), 4 + length, []
    for size in head["planes"]:
        planes.append(np.frombuffer(zlib.decompress(data[at : at + size]), np.uint8).reshape(shape))
        at += size
    codes = np.stack(planes, axis=-1).view(f"<i{len(planes)}")[..., 0]
    numbers = np.frombuffer(zlib.decompress(data[at:]), "<f4")
    steps, batch = shape[:2]
    ends = np.cumsum([batch * head["first"], (steps - 1) * batch * head["later"], steps * batch])
    first, later, q, _ = np.split(numbers, ends)
    return (
        codes,
        first.reshape(batch, head["first"]),
        later.reshape(steps - 1, batch, head["later"]),
        q.reshape(steps, batch),
        head["flat"],
    )


def _deflated(data: bytes) -> bytes:
    """zlib's format (RFC 1950), by whichever strategy is the shortest."""
    found = []
    for strategy in _STRATEGIES:
        deflate = zlib.compressobj(6, strategy=strategy)
        found.append(deflate.compress(data) + deflate.flush())
    return min(found, key=len)
