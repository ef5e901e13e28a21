"""Textures: grounds that show no thing, with the statistics of photographs or with stripes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from scripts.storybook.ground import CANVAS, Ground, Rng, image_of, ramp, whole


def spectrum(rng: Rng, slope: float, channels: int = 3) -> np.ndarray:
    """Noise whose amplitude falls as 1/f^slope, as that of photographs does (about 1): (CANVAS, CANVAS, channels), std 1."""
    fy, fx = np.fft.fftfreq(CANVAS)[:, None], np.fft.rfftfreq(CANVAS)[None]
    falls = 1 / np.maximum(np.hypot(fx, fy), 1 / CANVAS) ** slope
    falls[0, 0] = 0
    waves = rng.normal(size=(channels, *falls.shape)) + 1j * rng.normal(size=(channels, *falls.shape))
    values = np.fft.irfft2(waves * falls, s=(CANVAS, CANVAS)).transpose(1, 2, 0)
    return (values / values.std()).astype(np.float32)


def natural_colours(rng: Rng, count: int) -> np.ndarray:
    """Colours that go together, (count, 3) in 0..255: around a mean, brightness differing most, as in photographs."""
    mean, bright = rng.uniform(50, 200, 3), rng.normal(0, 55, (count, 1))
    return np.clip(
        mean * 0.4 + 0.6 * mean.mean() + bright + rng.normal(0, rng.uniform(4, 45), (count, 3)), 0, 255
    )


def dead_leaves(rng: Rng) -> Ground:
    """Discs, boxes and blades that hide each other, their radii by a power law; shaded, grained, a little blurred.

    Source: Lee, Mumford and Huang 2001, "Occlusion models for natural images"; Baradad et al. 2021 (arXiv:2106.05963).
    """
    count = int(rng.integers(30, 260))
    least, most = rng.uniform(1.5, 6), rng.uniform(24, 70)
    share = rng.random(count)
    radii = np.sort(1 / np.sqrt(share / least**2 + (1 - share) / most**2))[::-1]  # density ∝ r⁻³
    if rng.random() < 0.7:
        radii = rng.permutation(radii)  # the large ones may hide the small ones
    colours = natural_colours(rng, count)
    image = Image.new("RGB", (CANVAS, CANVAS), whole(colours[0]))
    draw = ImageDraw.Draw(image)
    form = rng.random(3)
    places = rng.uniform(-10, CANVAS + 10, (count, 2))
    angles, flats = rng.uniform(0, np.pi, count), rng.uniform(0.25, 1, count)
    circle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    for (x, y), r, colour, angle, flat, kind in zip(
        places, radii, colours, angles, flats, rng.random(count) * form.sum(), strict=True
    ):
        if kind < form[0]:
            draw.ellipse((x - r, y - r * flat, x + r, y + r * flat), fill=whole(colour))
            continue
        if kind < form[0] + form[1]:
            px, py = r * np.array([-1, 1, 1, -1]), r * flat * np.array([-1, -1, 1, 1])
        else:
            px, py = r * np.cos(circle), r * flat * np.sin(circle) * np.abs(np.cos(circle / 2))
        turned = zip(
            x + np.cos(angle) * px - np.sin(angle) * py,
            y + np.sin(angle) * px + np.cos(angle) * py,
            strict=True,
        )
        draw.polygon(list(turned), fill=whole(colour))
    values = np.asarray(image, dtype=np.float32)
    if rng.random() < 0.7:  # light from one side
        values = values * (1 + rng.uniform(0, 0.5) * (ramp((0, 0, 0), (1, 1, 1), rng.uniform(0, 360)) - 0.5))
    if rng.random() < 0.7:  # unevenness of what the leaves are made of
        values = values + rng.uniform(0, 16) * spectrum(rng, rng.uniform(0.5, 1.4), 1)
    image = image_of(values)
    if rng.random() < 0.6:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 3)))
    return Ground(image, dark=bool(values.mean() < 90))


def grain(rng: Rng) -> Ground:
    """Noise with the spectrum of photographs, seldom whiter or smoother."""
    values = spectrum(rng, rng.uniform(0.8, 2.2))
    mixed = values @ (np.eye(3) * rng.uniform(0.1, 1) + rng.uniform(0.2, 1)).astype(np.float32)
    mixed = mixed / mixed.std()
    values = np.float32(natural_colours(rng, 1)[0]) + rng.uniform(15, 60) * mixed
    return Ground(image_of(values), dark=bool(values.mean() < 90))


def waves(rng: Rng) -> Ground:
    """Stripes, checks and ripples: sines of one or two directions, sharp or soft."""
    y, x = np.mgrid[:CANVAS, :CANVAS].astype(np.float32) / CANVAS - 0.5
    total = np.zeros_like(x)
    for _ in range(int(rng.integers(1, 3))):
        angle, periods = rng.uniform(0, np.pi), rng.uniform(1.5, 14)
        along = np.cos(angle) * x + np.sin(angle) * y
        if rng.random() < 0.3:
            along = np.hypot(x - rng.uniform(-0.4, 0.4), y - rng.uniform(-0.4, 0.4))
        total += np.sin(2 * np.pi * periods * along + rng.uniform(0, 6))
    share = (np.tanh(rng.uniform(0.5, 6) * total) / 2 + 0.5)[..., None]
    one, two = natural_colours(rng, 2) if rng.random() < 0.5 else rng.uniform(0, 255, (2, 3))
    values = np.float32(one) * share + np.float32(two) * (1 - share)
    return Ground(image_of(values), dark=bool(values.mean() < 90))


TEXTURES: dict[Callable[[Rng], Ground], float] = {dead_leaves: 10, grain: 3, waves: 2}
"""Pictures without any object: how often each."""
