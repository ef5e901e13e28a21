"""Colour profiles in the upload gate, against the arithmetic of their definitions (IEC 61966-2-1, ICC.1, PNG)."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from core.media import BadPicture, read_picture
from tests.upload_files import (
    chunk,
    encode,
    gamma_curve,
    icc,
    raw_png,
    sampled_curve,
    scene,
    shown,
    with_chunks,
    with_segments,
    xyz,
)

D65 = (0.3127, 0.3290)
P3 = (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)  # Display P3: white, red, green, blue
SRGB = (*D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
SRGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def light(numbers: np.ndarray) -> np.ndarray:
    """sRGB's 0..1 to light."""
    return np.where(numbers <= 0.04045, numbers / 12.92, ((numbers + 0.055) / 1.055) ** 2.4)


def numbers_of(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def to_xyz(points: tuple[float, ...]) -> np.ndarray:
    """The matrix from light to XYZ of chromaticities whose white has a luminance of 1."""
    white, *lamps = [np.array([x / y, 1, (1 - x - y) / y]) for x, y in np.reshape(points, (4, 2))]
    lamps = np.stack(lamps, axis=1)
    return lamps * np.linalg.solve(lamps, white)


BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D50 = np.array([0.9642, 1.0, 0.8249])


def between_whites(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ target) / (BRADFORD @ source)) @ BRADFORD


WHITE_D65 = to_xyz(SRGB) @ np.ones(3)
# The same 64 × 64 colours everywhere: inside sRGB whatever the profile, so that nothing is clipped.
COLOURS = np.random.default_rng(3).integers(70, 186, (64, 64, 3)).astype(np.uint8)
P3_AS_SRGB = 255 * numbers_of(light(COLOURS / 255) @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(P3)).T)


def p3_profile(padding: int = 0) -> bytes:
    adapted = between_whites(WHITE_D65, D50) @ to_xyz(P3)
    curve = sampled_curve(light(np.linspace(0, 1, 4096)))
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), (xyz(*column) for column in adapted.T), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve) | {b"wtpt": xyz(*D50)}
    tags |= {b"priv": b"data" + bytes(4 + padding)} if padding else {}
    return icc(b"RGB ", tags)


def off_by(data: bytes, expected: np.ndarray) -> float:
    """The largest difference of a channel, of 255."""
    return float(np.abs(read_picture(data).astype(float) - expected).max())


def test_the_expectation_is_not_the_picture_itself():
    assert np.abs(P3_AS_SRGB - COLOURS).max() > 20


@pytest.mark.parametrize("file_format", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_wide_gamut_profile_is_converted(file_format, mode):
    picture = Image.fromarray(COLOURS).convert(mode)
    data = encode(
        picture,
        file_format,
        icc_profile=p3_profile(),
        **({"lossless": True} if file_format == "WEBP" else {}),
    )
    assert off_by(data, P3_AS_SRGB) <= 2


def test_a_wide_gamut_photograph_is_converted():
    data = encode(Image.fromarray(COLOURS), "JPEG", quality=100, subsampling=0, icc_profile=p3_profile())
    assert np.abs(read_picture(data) - P3_AS_SRGB).mean() < 1


def test_a_profile_in_pieces_out_of_order_is_put_together():
    profile = p3_profile(padding=150_000)
    whole = encode(Image.fromarray(COLOURS), "JPEG", quality=100, subsampling=0)
    cuts = [profile[k : k + 60_000] for k in range(0, len(profile), 60_000)]
    pieces = [
        struct.pack(">BBH", 0xFF, 0xE2, len(cut) + 16)
        + b"ICC_PROFILE\0"
        + bytes([number + 1, len(cuts)])
        + cut
        for number, cut in enumerate(cuts)
    ]
    assert np.abs(read_picture(with_segments(whole, *reversed(pieces))) - P3_AS_SRGB).mean() < 1
    assert (
        np.abs(read_picture(with_segments(whole, *pieces[1:])) - COLOURS.astype(float)).mean() < 1
    )  # one is lost


def test_a_palette_is_converted():
    few = Image.fromarray(COLOURS).quantize(200)
    expected = 255 * numbers_of(
        light(np.asarray(few.convert("RGB")) / 255) @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(P3)).T
    )
    assert off_by(encode(few, icc_profile=p3_profile()), expected) <= 2


@pytest.mark.parametrize("padding", [1_200_000, 3_900_000])
def test_a_profile_of_megabytes_is_used_all_the_same(padding):
    """Profiles of presses and scanners have some; Pillow itself gives up on such a PNG above one."""
    assert off_by(encode(Image.fromarray(COLOURS), icc_profile=p3_profile(padding)), P3_AS_SRGB) <= 2


def test_srgb_itself_changes_no_bit():
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    np.testing.assert_array_equal(
        read_picture(encode(picture, icc_profile=SRGB_PROFILE)), np.asarray(picture)
    )


def test_a_grey_profile_is_converted():
    """Grey of gamma 1.8, as Photoshop on old Macs wrote it, with and without alpha."""
    grey = np.tile(np.arange(64, dtype=np.uint8) * 3 + 40, (64, 1))
    profile = icc(b"GRAY", {b"kTRC": gamma_curve(1.8), b"wtpt": xyz(*D50)})
    expected = 255 * numbers_of((grey / 255) ** (round(1.8 * 256) / 256))[..., None]
    picture = Image.fromarray(grey)
    assert off_by(encode(picture, icc_profile=profile), expected) <= 1.5
    assert off_by(encode(picture.convert("LA"), icc_profile=profile), expected) <= 1.5


@pytest.mark.parametrize(
    "profile",
    {
        "words": b"not a profile",
        "a header alone": p3_profile()[:128],
        "cut": p3_profile()[:400],
        "grey, on colours": icc(b"GRAY", {b"kTRC": gamma_curve(1.8), b"wtpt": xyz(*D50)}),
        "a device link": icc(b"RGB ", {b"wtpt": xyz(*D50)}, device=b"link"),
        "no curves": icc(b"RGB ", {b"wtpt": xyz(*D50)}),
        "a computed tag": icc(b"RGB ", {b"D2B0": b"mpet" + bytes(40), b"wtpt": xyz(*D50)}),
        "more than 4 MB": p3_profile(padding=5_000_000),
    }.values(),
)
def test_a_profile_that_is_no_use_is_ignored(profile):
    for mode in ("RGB", "P"):
        picture = Image.fromarray(COLOURS).quantize(256) if mode == "P" else Image.fromarray(COLOURS)
        plain = np.asarray(picture.convert("RGB"))
        np.testing.assert_array_equal(read_picture(encode(picture, icc_profile=profile)), plain)


def test_a_packed_profile_that_is_a_bomb_or_damaged_is_ignored():
    whole = encode(scene())
    for body in (zlib.compress(bytes(80_000_000), 9), b"no zlib", zlib.compress(p3_profile())[:500]):
        np.testing.assert_array_equal(
            read_picture(with_chunks(whole, chunk(b"iCCP", b"name\0\0" + body))), shown(scene())
        )


# ---- PNG's own colour chunks -------------------------------------------------------------------------------


def with_gamma(gamma: int, *more: bytes) -> bytes:
    return raw_png(COLOURS, 8, 2, chunk(b"gAMA", struct.pack(">I", gamma)), *more)


def chromaticities(points: tuple[float, ...]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(point * 1e5) for point in points)))


def test_a_linear_png_is_brightened():
    assert off_by(with_gamma(100_000), 255 * numbers_of(COLOURS / 255)) <= 1.5


def test_linear_grey_is_brightened_with_and_without_a_clear_colour():
    grey = np.tile(np.arange(64) * 4, (64, 1))
    expected = 255 * numbers_of(grey / 255)[..., None].repeat(3, axis=2)
    gamma = chunk(b"gAMA", struct.pack(">I", 100_000))
    assert off_by(raw_png(grey, 8, 0, gamma), expected) <= 1.5
    expected[:, 10] = 255
    assert off_by(raw_png(grey, 8, 0, gamma, chunk(b"tRNS", struct.pack(">H", 40))), expected) <= 1.5


def test_the_usual_gamma_changes_no_bit():
    np.testing.assert_array_equal(read_picture(with_gamma(45_455)), COLOURS)
    np.testing.assert_array_equal(
        read_picture(with_gamma(45_455, chromaticities(SRGB), chunk(b"sRGB", b"\0"))), COLOURS
    )


def test_chromaticities_count_with_a_gamma_and_not_alone():
    expected = 255 * numbers_of((COLOURS / 255) ** 2.2 @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(P3)).T)
    assert off_by(with_gamma(45_455, chromaticities(P3)), expected) <= 2
    np.testing.assert_array_equal(read_picture(raw_png(COLOURS, 8, 2, chromaticities(P3))), COLOURS)


def test_another_white_is_adapted():
    """A picture for a screen of 5000 K: its white is white."""
    points = (0.3457, 0.3585, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
    matrix = (
        np.linalg.inv(to_xyz(SRGB)) @ between_whites(to_xyz(points) @ np.ones(3), WHITE_D65) @ to_xyz(points)
    )
    expected = 255 * numbers_of((COLOURS / 255) ** 2.2 @ matrix.T)
    assert off_by(with_gamma(45_455, chromaticities(points)), expected) <= 2


@pytest.mark.parametrize("gamma", [0, 1, 4_294_967_295])
@pytest.mark.parametrize("points", [(0.0,) * 8, (0.3,) * 8, (0.3, 1e-5, *P3[2:]), (5.0, 0.1, *P3[2:])])
def test_colour_chunks_that_mean_nothing_are_ignored(gamma, points):
    np.testing.assert_array_equal(read_picture(with_gamma(gamma, chromaticities(points))), COLOURS)
    if gamma:
        np.testing.assert_array_equal(read_picture(with_gamma(45_455, chromaticities((0.3,) * 8))), COLOURS)


def test_srgb_and_profiles_come_before_gamma():
    dark = chunk(b"gAMA", struct.pack(">I", 100_000))
    np.testing.assert_array_equal(read_picture(raw_png(COLOURS, 8, 2, dark, chunk(b"sRGB", b"\0"))), COLOURS)
    packed = chunk(b"iCCP", b"P3\0\0" + zlib.compress(p3_profile()))
    assert off_by(raw_png(COLOURS, 8, 2, dark, packed), P3_AS_SRGB) <= 2


def test_coded_colours_come_before_all_and_hdr_is_refused_by_name():
    wide = chunk(b"cICP", bytes([12, 13, 0, 1]))  # Display P3 with sRGB's curve
    assert off_by(raw_png(COLOURS, 8, 2, wide, chunk(b"sRGB", b"\0")), P3_AS_SRGB) <= 2
    np.testing.assert_array_equal(
        read_picture(raw_png(COLOURS, 8, 2, chunk(b"cICP", bytes([1, 13, 0, 1])))), COLOURS
    )
    for transfer in (16, 18):
        with pytest.raises(BadPicture, match=r"high-dynamic-range.*ordinary PNG"):
            read_picture(raw_png(COLOURS, 8, 2, chunk(b"cICP", bytes([9, transfer, 0, 1]))))


# ---- inks --------------------------------------------------------------------------------------------------

# What full ink of cyan, magenta, yellow (added up) looks like in L*, a*, b*; black ink takes L* to 0. Paper is L* = 100.
INKS = {
    (0, 0, 0): (100, 0, 0), (1, 0, 0): (62, -31, -38), (0, 1, 0): (52, 50, -4), (0, 0, 1): (89, -5, 60),
    (1, 1, 0): (35, 12, -35), (1, 0, 1): (55, -45, 25), (0, 1, 1): (52, 48, 35), (1, 1, 1): (25, 0, 0),
}  # fmt: skip


def press_profile() -> bytes:
    """A press's profile: a table from ink to Lab, two points an ink, as ICC's lut16 (ICC.1:2022, 10.10)."""
    table = []
    for node in np.ndindex(2, 2, 2, 2):
        lightness, a, b = (0, 0, 0) if node[3] else INKS[node[:3]]
        table += [
            round(lightness * 652.8),
            round((a + 128) * 256),
            round((b + 128) * 256),
        ]  # version 2's Lab in 16 bits
    identity = struct.pack(">9i", *(65536 * number for number in (1, 0, 0, 0, 1, 0, 0, 0, 1)))
    lut = b"mft2" + bytes(4) + bytes([4, 3, 2, 0]) + identity + struct.pack(">HH", 2, 2)
    lut += struct.pack(">HH", 0, 65535) * 4 + struct.pack(">48H", *table) + struct.pack(">HH", 0, 65535) * 3
    return icc(b"CMYK", {b"A2B0": lut, b"A2B1": lut, b"wtpt": xyz(*D50)}, device=b"prtr", pcs=b"Lab ")


def lab_in_srgb(lightness: float, a: float, b: float) -> np.ndarray:
    f = np.array([(lightness + 16) / 116 + a / 500, (lightness + 16) / 116, (lightness + 16) / 116 - b / 200])
    white = D50 * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    return 255 * numbers_of(np.linalg.inv(to_xyz(SRGB)) @ between_whites(D50, WHITE_D65) @ white)


def ink_patches() -> Image.Image:
    """Eight columns of eight pixels: the inks of INKS, full; the lower half under full black."""
    plane = np.zeros((64, 64, 4), np.uint8)
    for column, inks in enumerate(INKS):
        plane[:, 8 * column : 8 * column + 8, :3] = np.multiply(inks, 255)
    plane[32:, :, 3] = 255
    return Image.frombytes("CMYK", (64, 64), plane.tobytes())


def check_patches(pixels: np.ndarray, most: float) -> None:
    for column, lab in enumerate(INKS.values()):
        patch = pixels[4:28, 8 * column + 2 : 8 * column + 6].reshape(-1, 3).mean(axis=0)
        assert np.abs(patch - lab_in_srgb(*lab)).max() <= most, (column, patch, lab_in_srgb(*lab))
    assert pixels[36:].max() <= 4


def test_a_cmyk_photograph_with_a_press_profile_has_the_presses_colours():
    """Written inverted under an Adobe marker, as Photoshop does."""
    data = encode(ink_patches(), "JPEG", quality=100, icc_profile=press_profile())
    assert b"Adobe" in data
    check_patches(read_picture(data), 3)


def test_a_ycck_photograph_has_them_too():
    """Photoshop's usual kind: cyan, magenta and yellow as YCbCr, black beside them, transform 2 in the Adobe marker."""
    cyan, magenta, yellow, black = ink_patches().split()
    planes = [*Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()]
    planes = [plane.point(lambda number: 255 - number) for plane in planes] + [
        black
    ]  # Pillow inverts when it writes
    data = encode(Image.merge("CMYK", planes), "JPEG", quality=100, icc_profile=press_profile())
    place = data.index(b"Adobe") + 11
    check_patches(read_picture(data[:place] + b"\x02" + data[place + 1 :]), 6)


def test_without_a_profile_inks_are_what_pillow_makes_of_them():
    pixels = read_picture(encode(scene().convert("CMYK"), "JPEG", quality=95))
    assert np.abs(pixels.astype(int) - shown(scene())).mean() < 3
