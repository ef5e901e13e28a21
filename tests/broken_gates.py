"""Upload gates that do what they must not do, for tests/test_fuzz_uploads.py: each on every hundredth file or so."""

from __future__ import annotations

import os
import time

import numpy as np

from core.media import BadPicture

_KEPT: list[np.ndarray] = []  # where `greedy` leaves its memory
PIXELS = np.zeros((64, 64, 3), np.uint8)


def sound(data: bytes, fit: str = "crop") -> np.ndarray:
    return PIXELS


def raising(data: bytes, fit: str = "crop") -> np.ndarray:
    if len(data) % 50 == 7:
        raise AssertionError("a palette without colours")
    return PIXELS


def crashing(data: bytes, fit: str = "crop") -> np.ndarray:
    if len(data) % 50 == 7:
        os.abort()
    return PIXELS


def greedy(data: bytes, fit: str = "crop") -> np.ndarray:
    if len(data) % 50 == 7 and not _KEPT:
        _KEPT.append(np.ones(20_000_000))  # 160 MB
    time.sleep(0.002)
    return PIXELS


def wordless(data: bytes, fit: str = "crop") -> np.ndarray:
    if len(data) % 50 == 7:
        raise BadPicture("nope")
    return PIXELS


def shapeless(data: bytes, fit: str = "crop") -> np.ndarray:
    return PIXELS[:3]


def slow(data: bytes, fit: str = "crop") -> np.ndarray:
    if len(data) % 50 == 7:
        time.sleep(600)
    return PIXELS
