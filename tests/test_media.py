"""Arrays to pixels, to files and back, read with Pillow's own decoders."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import media

ROOT = Path(__file__).resolve().parent.parent


def test_values_to_pixels_by_hand():
    values = np.array([-1.5, -1.0, 0.0, 0.5, 1.0, np.inf], np.float32).reshape(1, 1, 6)  # (C, H, W)
    assert media.to_pixels(values).reshape(-1).tolist() == [0, 0, 128, 191, 255, 255]
    assert media.to_pixels(values, low=0.0).reshape(-1).tolist() == [0, 0, 0, 128, 255, 255]


def test_pixels_survive_the_way_there_and_back():
    pixels = np.random.default_rng(2).integers(0, 256, (3, 5, 7, 3), dtype=np.uint8)
    values = media.from_pixels(pixels)
    assert values.shape == (3, 3, 5, 7) and values.dtype == np.float32
    assert values.min() >= -1 and values.max() <= 1
    np.testing.assert_array_equal(media.to_pixels(values), pixels)


def test_a_long_film_in_float16_is_drawn_like_its_single_pictures():
    """Of more pixels than float16 has values: rounding to it moves no pixel of 256 levels."""
    pixels = np.random.default_rng(3).integers(0, 256, (9, 3, 64, 64, 3), dtype=np.uint8)
    film = media.from_pixels(pixels).astype(np.float16)
    np.testing.assert_array_equal(media.to_pixels(film), pixels)
    film[4, 1, 2, 3, 5] = np.nan
    pixels[4, 1, 3, 5] = 255, 0, 255
    np.testing.assert_array_equal(media.to_pixels(film), pixels)


def test_a_long_signed_film_in_float16_has_the_colours_of_its_ends():
    named = {
        -3.0: (38, 102, 190),
        -2.0: (38, 102, 190),
        0.0: (128, 128, 128),
        2.0: (226, 96, 32),
        np.nan: (255, 0, 255),
    }
    picks = np.random.default_rng(4).integers(0, len(named), (20, 70, 64))
    values = np.array(list(named), np.float16)[picks][:, None]  # (frames, 1, H, W)
    expected = np.array(list(named.values()), np.uint8)[picks]
    np.testing.assert_array_equal(media.difference_pixels(values, 2.0), expected)


def test_what_is_not_a_number_is_drawn_as_no_picture_is():
    picture = np.zeros((3, 2, 2))
    picture[1, 0, 1] = np.nan  # one channel of one pixel is enough
    expected = np.full((2, 2, 3), 128)
    expected[0, 1] = 255, 0, 255
    assert media.to_pixels(picture).tolist() == expected.tolist()
    assert media.to_pixels(np.full((1, 2, 2), np.nan)).tolist() == np.zeros((2, 2, 1)).tolist()


def test_signed_quantities_lie_around_a_neutral_grey():
    three = np.array([-9.0, -3.0, 0.0, 3.0, 9.0]).reshape(1, 1, 5).repeat(3, axis=0)
    assert media.difference_pixels(three, 3.0)[0, :, 1].tolist() == [0, 0, 128, 255, 255]
    np.testing.assert_array_equal(
        media.difference_pixels(three, 3.0), media.to_pixels(three, low=-3.0, high=3.0)
    )
    one = three[:1]  # blue below, orange above, and as far from the grey at both ends' own distance
    assert media.difference_pixels(one, 3.0)[0].tolist() == [
        [38, 102, 190], [38, 102, 190], [128, 128, 128], [226, 96, 32], [226, 96, 32],
    ]  # fmt: skip
    assert media.difference_pixels(one / 2, 3.0)[0, 3].tolist() == [177, 112, 80]  # half way
    for limit in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="positive value"):
            media.difference_pixels(one, limit)


FRAMES = np.random.default_rng(3).integers(0, 256, (6, 16, 12, 3), dtype=np.uint8)


def test_png_is_exact_and_scaled_sharply():
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(media.png(FRAMES[0])))), FRAMES[0])
    grey = np.asarray(Image.open(io.BytesIO(media.png(FRAMES[0, ..., :1], scale=3))))
    np.testing.assert_array_equal(grey, np.kron(FRAMES[0, ..., 0], np.ones((3, 3), np.uint8)))


def test_contact_sheet_is_read_like_a_page():
    sheet = media.contact_sheet(FRAMES, columns=4, gap=1, background=9)
    assert sheet.shape == (2 * 17 + 1, 4 * 13 + 1, 3)
    np.testing.assert_array_equal(sheet[18:34, 14:26], FRAMES[5])
    assert (sheet[18:34, 27:] == 9).all() and (sheet[0] == 9).all()


def test_no_torch_is_loaded():
    check = "import sys, core.media, core.pictures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT, check=False).returncode == 0
