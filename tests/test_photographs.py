"""The photographs that a model is measured on: those that ship, and how they are cut."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from scripts.storybook.photographs import CROPS, SKIMAGE, SKLEARN, TO, cut, entry, write


def test_what_ships_is_what_the_list_says():
    listed = json.loads((TO / "photographs.json").read_text(encoding="utf-8"))
    assert listed == [entry(crop) for crop in CROPS]
    assert {path.name for path in TO.iterdir()} == {row["file"] for row in listed} | {"photographs.json"}
    assert sum(path.stat().st_size for path in TO.iterdir()) < 200_000
    for row in listed:
        with Image.open(TO / row["file"]) as picture:
            assert (picture.size, picture.mode) == ((64, 64), "RGB")
    assert len(listed) >= 13 and sum(row["lesson"] for row in listed) == 6
    assert all(row["author"] and row["licence"] and row["shows"] for row in listed)


def test_no_crop_overlaps_another():
    for first, second in combinations(CROPS, 2):
        if first.photograph == second.photograph:
            across = min(first.box[2], second.box[2]) - max(first.box[0], second.box[0])
            down = min(first.box[3], second.box[3]) - max(first.box[1], second.box[1])
            assert across <= 0 or down <= 0, (first.name, second.name)


def checkered(width: int, height: int) -> bytes:
    """A photograph whose every pixel tells its place: red its column // 8, green its row // 8."""
    y, x = np.mgrid[:height, :width]
    file = io.BytesIO()
    Image.fromarray(np.stack([x // 8, y // 8, x * 0], -1).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_a_crop_is_the_square_that_it_names():
    crop = replace(CROPS[0], left=64, top=128, side=512)
    found = np.asarray(cut(crop, checkered(640, 640)))
    assert (
        found[..., 0].tolist() == [list(range(8, 72))] * 64
    )  # 8 pixels of the photograph are one of the crop
    assert found[:, 0, 1].tolist() == list(range(16, 80))
    with pytest.raises(ValueError, match="Move the crop cat: it leaves the photograph of 575 × 640 pixels"):
        cut(crop, checkered(575, 640))


def test_all_crops_are_cut_from_their_packages(tmp_path):
    files = {package: tmp_path / package.file for package in (SKIMAGE, SKLEARN)}
    for package, path in files.items():
        with zipfile.ZipFile(path, "w") as wheel:
            for name in {crop.photograph.file for crop in CROPS if crop.photograph.package == package}:
                wheel.writestr(name, checkered(1500, 1500))
            wheel.writestr("skimage/data/another.png", b"no picture")
    write(files, tmp_path / "to")
    names = {path.name for path in (tmp_path / "to").iterdir()}
    assert names == {f"{crop.name}.png" for crop in CROPS} | {"photographs.json"}
    with Image.open(tmp_path / "to" / "lake.png") as lake:
        red, green, _ = lake.getpixel((0, 0))
    assert abs(red - 447 / 8) <= 1 and abs(green - 150 / 8) <= 1
