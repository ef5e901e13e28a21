"""What the pages say of an upload: of one that is refused, and of one that shows nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from lessons.loading import reference_pixels
from pages.server import runtime
from tests.ui.fake_model import sentences
from tests.upload_files import encode, scene


def upload(at, name: str, data: bytes) -> None:
    at.get("file_uploader")[0].upload(name, data, "image/png").run()
    assert not at.exception, at.exception


def plane(colour: tuple[int, ...]) -> bytes:
    return encode(Image.new("RGBA" if len(colour) == 4 else "RGB", (64, 64), colour))


def asked_pixels(executor) -> np.ndarray:
    return reference_pixels(executor.asked[-1].params["picture"], runtime.store().blobs)


def test_a_white_logo_is_laid_on_black_and_the_page_says_so(visit):
    at, executor = visit("image_to_image")
    logo = np.zeros((64, 64, 4), np.uint8)
    logo[20:44, 20:44] = 255
    upload(at, "logo.png", encode(Image.fromarray(logo)))
    pixels = asked_pixels(executor)
    assert (pixels[5, 5] == 0).all() and (pixels[30, 30] == 255).all()
    captions = " ".join(caption.value for caption in at.caption)
    assert "its transparent parts lie on black" in captions and sentences(at) == ""
    upload(at, "scene.png", encode(scene()))
    assert "transparent parts" not in " ".join(caption.value for caption in at.caption)


@pytest.mark.parametrize(
    ("colour", "says"),
    [
        ((90, 90, 90), "one even colour"),
        ((200, 0, 0, 0), "one even colour"),
        ((255, 255, 255), "one even colour"),
    ],
)
def test_a_picture_that_shows_nothing_is_used_with_a_warning(visit, colour, says):
    at, executor = visit("image_to_image")
    upload(at, "plane.png", plane(colour))
    assert says in sentences(at)
    assert (asked_pixels(executor) == (colour[:3] if len(colour) == 3 else (255, 255, 255))).all()


def test_a_nearly_black_picture_is_used_with_a_warning(visit):
    at, _ = visit("image_to_image")
    upload(at, "night.jpg", encode(scene().point(lambda number: number // 8), "JPEG", quality=95))
    assert "nearly black" in sentences(at)


def test_a_refused_file_leaves_the_picture_and_the_results_as_they_are(visit):
    at, executor = visit("image_to_image", picture="castle")
    before = len(executor.asked)
    upload(at, "IMG_0001.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500))
    assert "HEIC photo" in sentences(at) and "Most Compatible" in sentences(at)
    assert len(executor.asked) == before and at.query_params["picture"] == "castle"


@pytest.mark.parametrize(
    "name", ["Ünïcödé 画像 (1).png", "n" * 200 + ".png", "<b>**x**</b>.png", ".png", "no ending"]
)
def test_a_files_name_does_not_matter(visit, name):
    at, executor = visit("image_to_image")
    upload(at, name, encode(scene()))
    assert executor.asked[-1].params["picture"].startswith("upload-") and sentences(at) == ""
