"""What a file says about where it comes from, read back with Pillow and NumPy alone, as the documentation says."""

from __future__ import annotations

import io
import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core import provenance
from core.animation import animated_gif, animated_webp
from core.media import png, read_picture
from core.npz import npz
from core.provenance import NoProvenance, Provenance
from core.trajectory import Trajectory

ROOT = Path(__file__).resolve().parent.parent
ABOUT = Provenance(
    lesson="A6 · Classifier-free guidance",
    link="https://example.org/dl/classifier-free-guidance?prompt=%E7%8C%AB&gammas=0%2C7.5",
    model=("emoji64",),
    fingerprint=("0123456789abcdef",),
    prompts=('a “cat” \\ 猫 🐱 <b>&amp;</b> "quoted"\nsecond line', "naïve"),
    seeds=(0, 2**31 - 1),
    gammas=(None, 7.5),
    t=(990, 960, 0),
    job={"kind": "denoise", "params": {"columns": [], "num_steps": 34}},
)
FRAMES = np.random.default_rng(3).integers(0, 256, (3, 16, 12, 3), dtype=np.uint8)

FILES = {
    "png": png(FRAMES[0], scale=2, about=ABOUT),
    "webp": animated_webp(FRAMES, about=ABOUT),
    "webp, one frame": animated_webp(FRAMES[:1], about=ABOUT),
    "gif": animated_gif(FRAMES, about=ABOUT),
    "gif, one frame": animated_gif(FRAMES[:1], about=ABOUT),
    "npz": npz(Trajectory({"result": np.zeros((1, 3, 8, 8), np.float32)}), ABOUT),
}
# The lines that docs/taking_home.md gives for reading it without the app.
LINES = {
    "png": lambda file: json.loads(Image.open(file).info["provenance"]),
    "webp": lambda file: json.loads(Image.open(file).getexif().get_ifd(0x8769)[0x9286][8:]),
    "gif": lambda file: json.loads(Image.open(file).info["comment"]),
    "npz": lambda file: json.loads(str(np.load(file)["provenance"])),
}


@pytest.mark.parametrize("name", FILES)
def test_every_file_says_where_it_comes_from(name):
    assert provenance.read(FILES[name]) == ABOUT
    found = LINES[name.split(",")[0]](io.BytesIO(FILES[name]))
    assert found["prompts"] == list(ABOUT.prompts) and found["link"] == ABOUT.link
    assert found["gammas"] == [None, 7.5] and found["t"] == [990, 960, 0] and found["seeds"] == [0, 2**31 - 1]
    assert found["job"]["kind"] == "denoise" and found["app"].startswith("diffusion-lessons ")


def test_the_documentation_gives_these_lines():
    text = (ROOT / "docs" / "taking_home.md").read_text(encoding="utf-8")
    for line in (
        'json.loads(Image.open("a6.png").info["provenance"])',
        'json.loads(Image.open("a6.webp").getexif().get_ifd(0x8769)[0x9286][8:])',
        'json.loads(Image.open("a6.gif").info["comment"])',
        'json.loads(str(np.load("a6.npz")["provenance"]))',
    ):
        assert line in text


def test_the_pixels_are_what_they_were_without_it():
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(FILES["png"])))[::2, ::2], FRAMES[0])
    film = Image.open(io.BytesIO(FILES["webp"]))
    film.seek(2)
    np.testing.assert_array_equal(np.asarray(film.convert("RGB")), FRAMES[2])


def test_a_long_text_is_kept_whole_and_the_gate_takes_the_picture_back():
    """A GIF's comment has blocks of 255 bytes; a PNG that the app made can be uploaded to it again."""
    long = replace(ABOUT, prompts=tuple(f"prompt {k} {'猫' * 300}" for k in range(8)), t=tuple(range(1000)))
    assert provenance.read(animated_gif(FRAMES, about=long)) == long
    assert provenance.read(animated_webp(FRAMES, about=long)) == long
    assert read_picture(png(FRAMES[0], about=long), size=16).shape == (16, 16, 3)


def test_a_picture_for_the_page_has_no_metadata():
    assert not Image.open(io.BytesIO(png(FRAMES[0]))).info


@pytest.mark.parametrize(
    "data",
    [
        b"", b"PK\x03\x04", png(FRAMES[0]), animated_webp(FRAMES), animated_gif(FRAMES), FILES["png"][:60],
        animated_gif(FRAMES, about=ABOUT).replace(b'{"lesson"', b'["lesson"'),
    ],
)  # fmt: skip
def test_a_file_that_says_nothing(data):
    with pytest.raises(NoProvenance, match="does not say where"):
        provenance.read(data)


def test_what_a_later_version_adds_is_passed_over():
    later = json.dumps({**json.loads(ABOUT.to_json()), "weather": "rain"})
    assert Provenance.from_json(later) == ABOUT


def test_the_version_is_the_project_s():
    with (ROOT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["project"]["version"] == provenance.VERSION
