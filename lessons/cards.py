"""The small film on a lesson's card: some steps of what the lesson opens with, one picture wide."""

from __future__ import annotations

import numpy as np

from core.media import to_pixels
from core.trajectory import Trajectory

FRAMES = 12


def card_frames(trajectory: Trajectory, black: float, sample: int = 0) -> np.ndarray | None:
    """uint8 (frames, H, W, C): how one sample came about, evenly over the steps, with the cleanest picture last.

    Of a run without steps, what its blocks made: of each the map with most to see. None where there is nothing to see.
    `black` is the value that is drawn black; `sample` counts from 0.
    """
    arrays = trajectory.arrays
    for name in ("x_t", "z", "clean_hat", "blurred", "x"):
        if name in arrays and arrays[name].ndim == 5 and len(arrays[name]) > 1:
            pictures = arrays[name][:, min(sample, arrays[name].shape[1] - 1)].astype(np.float32)
            if name == "blurred":
                pictures = pictures[: len(pictures) // 3]  # wider blurs than that leave one grey
            pictures = pictures[
                (np.ptp(pictures, axis=(1, 2, 3)) > 0).argmax() :
            ]  # some samples begin later than others
            result = arrays.get("result")
            if name == "x_t" and result is not None and result.shape[1:] == pictures.shape[1:]:
                pictures = np.concatenate([pictures, result[min(sample, len(result) - 1)][None]])
            chosen = np.linspace(0, len(pictures) - 1, min(FRAMES, len(pictures))).round().astype(int)
            frames = to_pixels(pictures[chosen], low=black)
            return frames if _rough(frames[-1]) <= _rough(frames[0]) else frames[::-1]
    maps = [array for name, array in arrays.items() if name.startswith("maps/") and array.shape[-1] > 1]
    if not maps:
        return None
    side = max(array.shape[-1] for array in maps)
    telling = sorted(
        (max(array, key=_structure) for array in maps),
        key=lambda picture: (len(picture), _structure(picture)),
    )
    return np.stack([_grown(picture, side)[..., None] for picture in telling])


def _rough(picture: np.ndarray) -> float:
    """How much neighbours differ: a card ends on the picture without noise, also where a lesson adds it."""
    return float(np.abs(np.diff(picture.astype(float), axis=1)).mean())


def _structure(picture: np.ndarray) -> float:
    """How much there is to see in a map (H, W): its contrast against what is only rough."""
    values = picture.astype(float)
    return float(values.std() / (1 + np.abs(np.diff(values, axis=-1)).mean()))


def _grown(picture: np.ndarray, side: int) -> np.ndarray:
    """(H, W) -> (side, side), each pixel a square of them."""
    rows = np.arange(side) * picture.shape[0] // side
    columns = np.arange(side) * picture.shape[1] // side
    return picture[rows][:, columns]
