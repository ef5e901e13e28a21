"""The test pictures: complete, readable, of the right size, and clear errors where they are not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from core.pictures import (
    PHOTOGRAPHS,
    PICTURES,
    PicturesMissing,
    UnknownPicture,
    list_pictures,
    load_picture,
    picture_path,
)
from scripts.make_pictures import draw, icon


def test_the_list_and_the_folder_agree():
    slugs = [picture.slug for picture in list_pictures()]
    assert 7 <= len(slugs) == len(set(slugs))
    drawn = [slug for slug in slugs if not slug.startswith("photo-")]
    assert sorted(drawn) == sorted(path.stem for path in PICTURES.glob("*.png"))
    offered = [
        row["file"] for row in json.loads((PHOTOGRAPHS / "photographs.json").read_text()) if row["lesson"]
    ]
    assert sorted(f"photo-{name}" for name in offered) == sorted(f"{s}.png" for s in slugs if s not in drawn)


@pytest.mark.parametrize("picture", list_pictures(), ids=lambda picture: picture.slug)
def test_each_picture_is_64_pixels_square_and_says_where_it_comes_from(picture):
    stored = Image.open(picture_path(picture.slug))
    assert stored.size == (64, 64) and stored.mode == "RGB"
    assert set(stored.info) <= ({"icc_profile"} if picture.slug.startswith("photo-") else set())
    if "icc_profile" not in stored.info:  # else its colours are turned into those of sRGB
        np.testing.assert_array_equal(load_picture(picture.slug), np.asarray(stored))
    assert picture.licence in ("MIT", "Apache-2.0", "CC0-1.0", "CC-BY-2.0", "public domain")
    assert len(picture.alt) > 20 and picture.alt.endswith(".") and picture.source and picture.title
    emoji = picture.licence in ("MIT", "Apache-2.0")
    assert (picture.code is not None) == (picture.style is not None) == emoji


def test_our_own_picture_is_the_one_the_script_draws():
    drawn = np.asarray(draw()).astype(int)
    assert np.abs(drawn - load_picture("tower-at-sunset")).max() <= 2  # another Pillow may round differently
    np.testing.assert_array_equal(np.asarray(icon()), np.asarray(Image.open(PICTURES.parent / "icon.png")))


@pytest.mark.parametrize("slug", ["", "no-such", "../../LICENSE", "castle.png", "x" * 5000])
def test_an_unknown_slug_lists_the_known_ones(slug):
    with pytest.raises(UnknownPicture, match="tower-at-sunset") as caught:
        load_picture(slug)
    assert len(str(caught.value)) < 400


def test_a_damaged_folder_names_the_file(tmp_path):
    with pytest.raises(PicturesMissing, match=r"pictures\.json is missing"):
        list_pictures(tmp_path)
    index = tmp_path / "pictures.json"
    for text, says in [("{", "not valid JSON"), ('[{"slug": "a"}]', "keys"), ("3", "list objects")]:
        index.write_text(text)
        with pytest.raises(PicturesMissing, match=says):
            list_pictures(tmp_path)
    shutil.copy(PICTURES / "pictures.json", index)
    with pytest.raises(PicturesMissing, match=r"castle\.png is missing"):
        load_picture("castle", tmp_path)
    (tmp_path / "castle.png").write_bytes(b"not a picture")
    with pytest.raises(PicturesMissing, match=r"castle\.png can't be read"):
        load_picture("castle", tmp_path)
    assert json.loads(index.read_text())[0]["slug"] == "tower-at-sunset"


def test_a_picture_that_says_so_is_on_the_held_out_list():
    heldout = json.loads((PICTURES.parents[1] / "scripts" / "emoji" / "heldout.json").read_text())
    kept_out = {row["name"] for row in heldout["pictures"]}
    unseen = [p for p in list_pictures() if "not in the training set" in p.title]
    assert len(unseen) == 3
    assert {p.slug.replace("-", " ") for p in unseen} <= kept_out
