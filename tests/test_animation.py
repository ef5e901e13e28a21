"""Animations, read with Pillow's own decoders: what is exact, what is rounded and by how much, how long it stands."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from core.animation import animated_gif, animated_webp, moderate_scale, near_lossless

FRAMES = np.random.default_rng(3).integers(0, 256, (6, 16, 12, 3), dtype=np.uint8)


def frames_of(data: bytes) -> tuple[np.ndarray, list[int]]:
    """uint8 (N, H, W, 3) and how long each stands, in ms."""
    with Image.open(io.BytesIO(data)) as film:
        frames, times = [], []
        for k in range(film.n_frames):
            film.seek(k)
            film.load()
            frames.append(np.asarray(film.convert("RGB")))
            times.append(film.info["duration"])
        return np.stack(frames), times


def test_webp_is_exact():
    found, times = frames_of(animated_webp(FRAMES, milliseconds=50))
    np.testing.assert_array_equal(found, FRAMES)
    assert times == [50] * 6


def test_a_pixel_becomes_a_square_of_its_own_colour():
    found, _ = frames_of(animated_webp(FRAMES[..., :1], scale=3))
    large = np.kron(FRAMES[..., 0], np.ones((1, 3, 3), np.uint8))
    np.testing.assert_array_equal(found, np.stack([large] * 3, axis=-1))


def test_gif_keeps_order_times_and_colours():
    wanted = [100, 40, 40, 40, 40, 600]
    data = animated_gif(FRAMES, milliseconds=wanted)
    found, times = frames_of(data)
    assert times == wanted
    assert np.abs(found.astype(int) - FRAMES).mean() < 16  # 8 × 8 × 4 levels, evenly spread: 13
    assert Image.open(io.BytesIO(data)).info["loop"] == 0


def test_repeated_frames_keep_their_time_in_a_gif():
    """Encoders drop what repeats. The pause in the middle and the last picture's stay, and so does the whole."""
    film = FRAMES[[0, 1, 2, 2, 2, 3, 4, 5]]
    found, times = frames_of(animated_gif(film, milliseconds=[80] * 7 + [880]))
    assert sum(times) == 7 * 80 + 880
    assert times == [80, 80, 240, 80, 80, 880] and len(found) == 6


def gradient() -> np.ndarray:
    """What palettes are bad at, after a frame of noise that wants all colours: uint8 (3, 64, 64, 3)."""
    down, across = np.mgrid[0:64, 0:64] * 4
    smooth = np.stack([down, across, 255 - across], axis=-1).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, smooth.shape, dtype=np.uint8)
    return np.stack([noise, smooth, smooth[::-1]])


def test_the_colours_of_a_gif_are_shared_so_that_nothing_flickers():
    """The same pixel colour is the same palette colour in every frame."""
    film = gradient()
    found, _ = frames_of(animated_gif(film))
    np.testing.assert_array_equal(found[1], found[2][::-1])
    assert np.abs(found[1].astype(int) - film[1]).mean() < 8  # 256 evenly spread colours: 12 on average


def test_x_t_is_rounded_by_an_eighth_of_its_noise_and_not_at_all_where_it_is_clean():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 2, 32, 32, 3), dtype=np.uint8)
    pixels[:, 0, 0, 0] = 0
    pixels[:, 0, 0, 1] = 255
    sigmas = [1.0, 0.5, 0.25, 0.1, 0.0]
    rounded = near_lossless(pixels, sigmas)
    moved = np.abs(rounded.astype(int) - pixels).reshape(5, -1)
    for k, sigma in enumerate(sigmas):
        assert moved[k].max() <= np.ceil(sigma * 127.5 / 8)
    assert moved[0].max() >= 7 and moved[4].max() == 0
    assert (rounded[:, 0, 0, 0] == 0).all() and (rounded[:, 0, 0, 1] == 255).all()
    with pytest.raises(ValueError, match="give one for each"):
        near_lossless(pixels, sigmas[:2])


def test_rounded_noise_makes_a_smaller_file():
    noise = np.clip(np.random.default_rng(2).normal(128, 60, (4, 64, 64, 3)), 0, 255).astype(np.uint8)
    assert len(animated_webp(near_lossless(noise, [1.0] * 4))) < 0.75 * len(animated_webp(noise))


@pytest.mark.parametrize(
    ("shape", "scale"), [((136, 68), 4), ((136, 332), 2), ((30, 30), 6), ((2000, 100), 1)]
)
def test_a_film_is_enlarged_moderately(shape, scale):
    assert moderate_scale(*shape) == scale


@pytest.mark.parametrize("encode", [animated_webp, animated_gif])
def test_progress_is_told_once_for_each_frame_and_can_end_the_work(encode):
    told: list[int] = []
    encode(FRAMES, tick=told.append)
    assert len(told) == 6 and told == sorted(told)

    class Enough(Exception):
        pass

    def stop(done: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        encode(FRAMES, tick=stop)


@pytest.mark.parametrize(
    ("frames", "options"),
    [
        (FRAMES.astype(float), {}),
        (FRAMES[:0], {}),
        (FRAMES[..., :2], {}),
        (FRAMES, {"scale": 0}),
        (FRAMES, {"milliseconds": 5}),
        (FRAMES, {"milliseconds": [40, 40]}),
    ],
)
def test_frames_that_make_no_film(frames, options):
    with pytest.raises(ValueError, match=r"\.$"):
        animated_gif(frames, **options)
