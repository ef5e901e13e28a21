"""The training set's builder, on packages made here: what goes in, what is left out, and what is refused."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest
from PIL import Image

from scripts.emoji.build_data import build, on_white, slug

RED = (255, 0, 0, 255)


def encoded(size: int, form: str) -> bytes:
    """A red square without transparency."""
    file = io.BytesIO()
    Image.new("RGBA", (size, size), RED).save(file, form, lossless=True)
    return file.getvalue()


def tarball(path, files: dict[str, bytes]):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def tarballs(tmp_path):
    listed = [
        {"unified": "1F436", "category": "Animals & Nature", "subcategory": "animal-mammal"},
        {"unified": "1F1E9-1F1EA", "category": "Flags", "subcategory": "country-flag"},
        {"unified": "0023-FE0F-20E3", "category": "Symbols", "subcategory": "keycap"},
        {"unified": "2764-FE0F", "category": "Smileys & Emotion", "subcategory": "heart"},
    ]
    keywords = {
        "🐶": ["dog_face", "animal", "friend", "nature", "woof", "puppy", "pet_food"],
        "\u2764\ufe0f": ["red_heart", "love_letter"],
    }
    noto = {f"img/google/64/{code}.png": encoded(64, "PNG") for code in ("1f436", "2764-fe0f")}
    return {
        "3d": tarball(tmp_path / "3d.tgz", {"assets/1f436.webp": encoded(256, "WEBP"), "package.json": b"{}"}),
        "noto": tarball(tmp_path / "noto.tgz", noto),
        "svg": tarball(tmp_path / "svg.tgz", {}),
        "names": tarball(tmp_path / "names.tgz", {"dist/emoji-en-US.json": json.dumps(keywords).encode()}),
        "groups": tarball(tmp_path / "groups.tgz", {"emoji.json": json.dumps(listed).encode()}),
    }  # fmt: skip


def test_rows_and_pictures_stand_in_the_same_order(tarballs):
    pictures, captions = build(tarballs)
    assert [(row["name"], row["style"]) for row in captions] == [
        ("dog face", "fluent-3d"),
        ("dog face", "noto"),
        ("red heart", "noto"),
    ]
    assert captions[0] == {
        "code": "1f436",
        "style": "fluent-3d",
        "name": "dog face",
        "tags": ["animal", "friend", "nature", "woof", "puppy"],
        "group": "Animals & Nature",
        "subgroup": "animal-mammal",
    }
    assert captions[2]["tags"] == ["love letter"]
    assert pictures.shape == (3, 64, 64, 3)


def test_two_pixels_of_white_are_left_around():
    found = on_white(Image.new("RGBA", (128, 128), RED))
    expected = np.full((64, 64, 3), 255, np.uint8)
    expected[2:62, 2:62] = RED[:3]
    assert (found == expected).all()
    assert (on_white(Image.new("RGBA", (64, 64), (0, 0, 0, 0))) == 255).all()


def test_names_of_files():
    assert slug("1st place medal") == "1st-place-medal"
    assert slug("woman’s hat") == "woman-s-hat"
