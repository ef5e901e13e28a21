"""Colours of any profile to sRGB, by LittleCMS (PIL.ImageCms).

Relative colorimetric with black point compensation: what image editors show by default. For profiles of a matrix and
curves (screens, cameras, PNG's gAMA and cHRM) all intents are the same; for those of presses it decides that paper is
white and full ink black. A profile that is damaged, of another kind than the pixels, or costlier than a picture is worth
is ignored, as browsers do, so that the numbers are taken for sRGB. Profiles: ICC.1:2022; lines and code points of PNG's
cICP: ITU-T H.273.
"""

from __future__ import annotations

import io
import struct

import numpy as np
from PIL import Image, ImageCms

from core.upload.limits import MAX_PROFILE

PQ, HLG = 16, 18  # transfer functions of HDR pictures, by their code points
_SPACES = {"L": b"GRAY", "RGB": b"RGB ", "CMYK": b"CMYK"}
_DEVICES = (b"scnr", b"mntr", b"prtr", b"spac")  # not links, abstract or named colours
_HEADER, _ENTRY = 128, 12  # bytes of a profile's header and of an entry in its table of tags
_MAX_TAGS = 100
_COMPUTED = b"mpet"  # tags that are small programs, whose parts may be shared: cost without relation to the file's size

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])  # XYZ of the white of all profiles
_D65 = (0.3127, 0.3290)
_SRGB = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # white, red, green, blue: x and y each, as in cHRM
_PRIMARIES = {
    1: _SRGB,
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),  # BT.2020
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # DCI P3
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),  # Display P3
}
# Curves as an ICC parametric curve: its type and parameters. 1: x^g; 4: x^g, and linear near black.
_SRGB_CURVE = (3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
_TRANSFER = {4: (0, (2.2,)), 5: (0, (2.8,)), 8: (0, (1.0,)), 13: _SRGB_CURVE}


def to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB by its profile, or as it is if that is None or no use. May change `picture` in place.

    picture: mode L, LA, RGB, RGBA or CMYK. Returns: RGB or RGBA where something was converted.
    """
    if profile is not None and profile[16:20] == b"RGB " and picture.mode in ("L", "LA"):
        picture = picture.convert(
            "RGBA" if picture.mode == "LA" else "RGB"
        )  # PNG's gAMA goes for grey as well
    colours, alpha = picture, None
    if picture.mode == "LA":
        colours, alpha = picture.split()
    space = _SPACES.get(colours.mode.replace("A", ""))
    if profile is None or space is None or not _acceptable(profile, space):
        return picture
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    target = "RGBA" if colours.mode == "RGBA" else "RGB"
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"),
            colours.mode, target, ImageCms.Intent.RELATIVE_COLORIMETRIC, flags,
        )  # fmt: skip
        if _changes_nothing(transform, colours.mode):
            return picture
        if colours.mode == target:
            transform.apply_in_place(colours)
        else:
            colours = transform.apply(colours)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture  # damaged: browsers show the numbers as they are, too
    if alpha is not None:
        colours.putalpha(alpha)
    return colours


def power_profile(gamma: float, colours: list[float] | tuple[float, ...] = _SRGB) -> bytes | None:
    """The profile of PNG's gAMA and cHRM: stored number = light^gamma. None where that makes no sense.

    gamma: 1/2.2 for most files, 1 for light itself. colours: x and y of white, red, green and blue.
    """
    if not 0.05 <= gamma <= 20:
        return None
    return _matrix_profile(colours, (0, (1 / gamma,)))


def coded_profile(primaries: int, transfer: int) -> bytes | None:
    """The profile of two code points of cICP; None for those not known here, among them the curves of HDR."""
    if primaries not in _PRIMARIES or transfer not in _TRANSFER:
        return None
    return _matrix_profile(_PRIMARIES[primaries], _TRANSFER[transfer])


def _acceptable(profile: bytes, space: bytes) -> bool:
    """Whether the header and the table of tags are those of a profile for pixels of this kind."""
    if not _HEADER + 4 <= len(profile) <= MAX_PROFILE or profile[36:40] != b"acsp":
        return False
    if profile[12:16] not in _DEVICES or profile[16:20] != space:
        return False
    tags = int.from_bytes(profile[_HEADER : _HEADER + 4], "big")
    if tags > _MAX_TAGS or _HEADER + 4 + _ENTRY * tags > len(profile):
        return False
    starts = (struct.unpack_from(">I", profile, _HEADER + 8 + _ENTRY * k)[0] for k in range(tags))
    return all(profile[start : start + 4] != _COMPUTED for start in starts)


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the profile is sRGB itself: to within one of 255 on 9 × 9 × 9 colours. Then rounding would only add noise."""
    if mode not in ("RGB", "RGBA"):
        return False
    steps = np.linspace(0, 255, 9).astype(np.uint8)
    grid = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(27, 27, 3)
    before = Image.fromarray(grid).convert(mode)
    after = transform.apply(before)
    return int(np.abs(np.asarray(after, np.int16) - np.asarray(before, np.int16)).max()) <= 1


def _matrix_profile(
    colours: list[float] | tuple[float, ...], curve: tuple[int, tuple[float, ...]]
) -> bytes | None:
    """An ICC profile of three primaries and one curve; None if the chromaticities span no colours."""
    points = np.asarray(colours, dtype=np.float64).reshape(4, 2)
    if (points[:, 1] < 1e-3).any():
        return None
    white, *primaries = np.stack([points[:, 0], points[:, 1], 1 - points.sum(axis=1)], axis=1) / points[:, 1:]
    lamps = np.stack(primaries, axis=1)  # columns: XYZ of red, green, blue at a luminance of 1
    if abs(np.linalg.det(lamps)) < 1e-6:
        return None
    lamps = lamps * np.linalg.solve(lamps, white)  # so that all three together are white
    cones = _BRADFORD @ np.stack([white, _D50], axis=1)
    if (cones <= 0).any():
        return None
    adapted = np.linalg.solve(_BRADFORD, np.diag(cones[:, 1] / cones[:, 0]) @ _BRADFORD @ lamps)
    if np.abs(adapted).max() > 100:
        return None
    kind, parameters = curve
    tags = {
        name: b"XYZ \0\0\0\0" + _fixed(column)
        for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), adapted.T, strict=True)
    }
    tags |= {b"wtpt": b"XYZ \0\0\0\0" + _fixed(_D50)}
    body = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(parameters)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), body)
    return _profile(tags)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    table, bodies = struct.pack(">I", len(tags)), b""
    start = _HEADER + 4 + _ENTRY * len(tags)
    for name, body in tags.items():
        table += struct.pack(">4sII", name, start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    header = struct.pack(
        ">I4sI4s4s4s12x4s28x12s48x",
        start + len(bodies), bytes(4), 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp", _fixed(_D50),
    )  # fmt: skip
    return header + table + bodies


def _fixed(numbers: np.ndarray | tuple[float, ...]) -> bytes:
    """Numbers as ICC's s15Fixed16."""
    return struct.pack(f">{len(numbers)}i", *(round(float(number) * 65536) for number in numbers))
