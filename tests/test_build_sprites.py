"""The sprites' builder on small inputs made here: what is left out, what it is called, and how it is reduced."""

from __future__ import annotations

import io
import json
import re
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from scripts.storybook import build_sprites, clip_art
from scripts.storybook.emoji_designs import UNSEEN, IconSet, objects
from scripts.storybook.pixels import drawn_part, sprite

SQUARE = '<path fill="#f00" d="M0 0h32v32H0z"/>'


def lanczos(source: int, target: int) -> np.ndarray:
    """The weights (target, source) of reducing a row of pixels, written out from the kernel sinc(x) sinc(x / 3)."""
    scale = source / target
    centres, pixels = (np.arange(target) + 0.5) * scale, np.arange(source) + 0.5
    x = (pixels - centres[:, None]) / scale
    weights = np.where(abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)
    return weights / weights.sum(axis=1, keepdims=True)


def test_colours_are_reduced_with_their_opacity():
    rng = np.random.default_rng(3)
    values = rng.integers(0, 256, (120, 90, 4), np.uint8)
    values[..., 3] = np.where(
        rng.random((120, 90)) < 0.5, 0, values[..., 3] | 16
    )  # unseen pixels have a colour, too
    values[[0, 0, -1, -1], [0, -1, 0, -1], 3] = 255  # so that nothing is cropped
    opacity = values[..., 3:].astype(float) / 255
    down, across = lanczos(120, 60), lanczos(90, 45)
    premultiplied = np.einsum("yh,hwc,xw->yxc", down, values[..., :3] / 255 * opacity, across)
    alpha = np.einsum("yh,hwc,xw->yxc", down, opacity, across).clip(0, 1)
    expected = np.concatenate([premultiplied / np.maximum(alpha, 1e-3), alpha], axis=-1).clip(0, 1) * 255
    expected[alpha[..., 0] < 2e-3, :3] = np.nan  # hardly there: its colour is anybody's guess
    found = sprite(drawn_part(Image.fromarray(values)))
    assert found.shape == (64, 64, 4) and found.dtype == np.uint8
    inside = found[2:62, 9:54].astype(float)
    assert (found.sum(axis=(0, 1)) == inside.sum(axis=(0, 1))).all()  # 45 wide and 60 high, centred
    assert np.nanmax(abs(inside - expected)) <= 1


def test_a_transparent_surrounding_does_not_darken_an_outline():
    picture = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    picture.paste((255, 255, 0, 255), (33, 33, 177, 177))
    picture.putpixel((32, 60), (255, 255, 0, 100))  # a soft edge
    found = sprite(drawn_part(picture))
    seen = found[found[..., 3] > 0]
    assert len(seen) > 3000 and (seen[:, :3] == (255, 255, 0)).all()


def test_soft_shadows_and_empty_margins_are_cropped():
    picture = Image.new("RGBA", (200, 100), (0, 0, 0, 8))
    picture.paste((10, 20, 30, 255), (50, 20, 90, 40))
    found = sprite(drawn_part(picture))
    assert found[17:47, 2:62].tolist() == np.full((30, 60, 4), (10, 20, 30, 255)).tolist()
    assert not found[:17].any() and not found[47:].any()
    assert drawn_part(Image.new("RGBA", (9, 9), (255, 0, 0, 8))) is None


LISTED = [
    {"unified": "1F436", "category": "Animals & Nature", "subcategory": "animal-mammal", "short_name": "dog"},
    {
        "unified": "1F994",
        "category": "Animals & Nature",
        "subcategory": "animal-mammal",
        "short_name": "hedgehog",
    },
    {"unified": "1F1E9-1F1EA", "category": "Flags", "subcategory": "country-flag", "short_name": "flag-de"},
    {"unified": "1F46A", "category": "People & Body", "subcategory": "family", "short_name": "family"},
    {"unified": "2195-FE0F", "category": "Symbols", "subcategory": "arrow", "short_name": "arrow_up_down"},
    {
        "unified": "1F31A",
        "category": "Travel & Places",
        "subcategory": "sky & weather",
        "short_name": "new_moon_with_face",
    },
]
KEYWORDS = {
    "🐶": ["dog_face", "animal", "friend", "nature", "woof", "puppy", "pet_food"],
    "🌚": ["new_moon_face", "nature"],
}


def test_flags_symbols_families_and_the_unseen_are_left_out():
    found = list(objects(LISTED, KEYWORDS))
    assert found == [
        {
            "name": "dog face", "tags": ["animal", "friend", "nature", "woof", "puppy"],
            "group": "Animals & Nature", "subgroup": "animal-mammal", "code": "1f436",
        },
        {
            "name": "new moon face", "tags": ["nature"],
            "group": "Travel & Places", "subgroup": "sky & weather", "code": "1f31a",
        },
    ]  # fmt: skip
    assert len(UNSEEN) == 60


@pytest.mark.parametrize(
    ("style", "name", "taken"),
    [
        ("noto", "dog face", "dog-face"),
        ("noto", "hound", "dog-face"),  # an alias
        ("noto", "hand to the right", None),  # an alias that mirrors
        ("noto", "new moon face", None),
        ("fxemoji", "new moon face", "new-moon"),  # faces without the word
        ("fxemoji", "night with stars", "nightwithstars"),
        ("noto", "night with stars", None),
    ],
)
def test_names_of_icons(style, name, taken):
    bodies = ("dog-face", "hand-to-the-left", "new-moon", "nightwithstars")
    icons = IconSet(style, {
        "icons": {body: {"body": body} for body in bodies}, "width": 32, "height": 32,
        "aliases": {"hound": {"parent": "dog-face"}, "hand-to-the-right": {"parent": "hand-to-the-left", "hFlip": True}},
    })  # fmt: skip
    found = icons.svg(name)
    assert (taken is None and found is None) or found.endswith(f'viewBox="0 0 32 32">{taken}</svg>')


def test_an_icon_has_its_own_view_box():
    icons = IconSet(
        "noto", {"icons": {"a": {"body": "x", "height": 33, "left": -1}}, "width": 32, "height": 32}
    )
    assert 'viewBox="-1 0 32 33"' in icons.svg("a")


RDF = """<svg><rdf:RDF><dc:title>{title}</dc:title><dc:subject><rdf:Bag><rdf:li></rdf:li><rdf:li>Felini</rdf:li>
<rdf:li> mammal </rdf:li></rdf:Bag></dc:subject><dc:title>Open Clip Art Library</dc:title></rdf:RDF></svg>"""


@pytest.mark.parametrize(
    ("title", "name"),
    [(" Gatto Cat ", "gatto cat"), ("", "open clip art library"), ("x" * 101, "open clip art library")],
)
def test_words_of_clip_art(title, name):
    assert clip_art.row("animals/mammals/cat_01.svg", RDF.format(title=title)) == {
        "name": name, "tags": ["felini", "mammal"], "group": "animals", "subgroup": "animals/mammals",
        "code": "animals/mammals/cat_01.svg",
    }  # fmt: skip
    assert clip_art.row("animals/Cat-md.svg", "<svg/>")["name"] == "cat-md"
    assert len(clip_art.row("a/b.svg", "<rdf:li>w</rdf:li>" * 9)["tags"]) == 8


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("usr/share/openclipart/svg/animals/bat.svg", "animals/bat.svg"),
        ("usr/share/openclipart/png/animals/bat.png", "animals/bat.svg"),
        ("usr/share/openclipart/svg/animals/bat.txt", None),
        ("usr/share/doc/openclipart-svg/copyright", None),
        ("usr/share/openclipart/svg/signs_and_symbols/flags/africa/mali.svg", None),
        ("usr/share/openclipart/svg/people/stickmen/run.svg", None),
        ("usr/share/openclipart/svg/geography/world_map_01.svg", None),
        ("usr/share/openclipart/svg/recreation/music/harp1.svg", None),  # one of the unseen
    ],
)
def test_folders_of_clip_art(file, path):
    assert clip_art.taken(file) == path


def test_outlines_that_vanish_are_left_out():
    canvas = np.zeros((64, 64, 4), np.uint8)
    canvas.reshape(-1, 4)[:163, 3] = 129
    assert not clip_art.shows(canvas)
    canvas.reshape(-1, 4)[163, 3] = 129  # 164 of 4096 are more than 4 %
    assert clip_art.shows(canvas)


def test_rows_and_pictures_stand_in_the_same_order(tmp_path, monkeypatch):
    """The whole builder on packages that hold one dog and two pieces of clip art."""

    def png(colour: str, form: str = "PNG") -> bytes:
        file = io.BytesIO()
        Image.new("RGBA", (64, 64), colour).save(file, form, lossless=True)
        return file.getvalue()

    icons = {"icons": {"dog-face": {"body": SQUARE}}, "width": 32, "height": 32}
    root = "usr/share/openclipart"
    content = {
        "fluent-3d": {"assets/1f436.webp": png("blue", "WEBP")},
        "fluent-high-contrast": {},
        "names": {"dist/emoji-en-US.json": json.dumps(KEYWORDS).encode()},
        "groups": {"emoji.json": json.dumps(LISTED[:1]).encode()},
        "clip art": {f"{root}/png/plants/b.png": png("green"), f"{root}/png/plants/a.png": png("lime")},
        "clip art's words": {
            f"{root}/svg/plants/b.svg": b"<dc:title>B</dc:title>",
            f"{root}/svg/plants/a.svg": b"",
        },
    }
    monkeypatch.setattr(build_sprites, "SETS", ("noto",))
    monkeypatch.setattr(build_sprites, "draw_svg", lambda source: Image.new("RGBA", (160, 160), "red"))
    content["noto"] = {"icons.json": json.dumps(icons).encode()}

    def read(key, wanted):
        fits = wanted.fullmatch if isinstance(wanted, re.Pattern) else wanted
        return {name: data for name, data in content[key].items() if fits(name)}

    monkeypatch.setattr(build_sprites, "read", read)
    files = {key: key for key in content}
    items = [*build_sprites.emoji_sprites(files), *build_sprites.clip_art_sprites(files)]
    assert [(row["name"], row["style"]) for _, row in items] == [
        ("dog face", "fluent-3d"), ("dog face", "noto"), ("a", "clipart"), ("b", "clipart"),
    ]  # fmt: skip
    assert [tuple(picture[32, 32]) for picture, _ in items] == [
        (0, 0, 255, 255), (255, 0, 0, 255), (0, 255, 0, 255), (0, 128, 0, 255),
    ]  # fmt: skip
    assert all(a[1].keys() == b[1].keys() for a, b in pairwise(items))


def test_what_is_written(tmp_path, monkeypatch, capsys):
    rows = [{"name": "ä", "style": "noto"}, {"name": "b", "style": "clipart"}]
    pictures = [np.full((64, 64, 4), value, np.uint8) for value in (3, 250)]
    monkeypatch.setattr(build_sprites, "fetch", lambda package, folder: folder / package.tarball)
    monkeypatch.setattr(build_sprites, "emoji_sprites", lambda files: [(pictures[0], rows[0])])
    monkeypatch.setattr(build_sprites, "clip_art_sprites", lambda files: [(pictures[1], rows[1])])
    monkeypatch.setattr("sys.argv", ["build_sprites", "--to", str(tmp_path / "new")])
    build_sprites.main()
    with np.load(tmp_path / "new" / "sprites.npz") as written:
        assert (written["sprites"] == np.stack(pictures)).all() and written["sprites"].dtype == np.uint8
    assert json.loads((tmp_path / "new" / "sprites.json").read_text(encoding="utf-8")) == rows
    licences = json.loads((tmp_path / "new" / "licences.json").read_text(encoding="utf-8"))
    assert {"@iconify-json/twemoji", "openclipart-png"} <= {package["name"] for package in licences}
    assert all(package["licence"] and package["integrity"] for package in licences)
    assert capsys.readouterr().out.startswith("2 sprites in ")
