"""What a canvas takes from a browser: strict about every byte, and clear about what it refuses."""

from __future__ import annotations

import base64
import hashlib
import json
import struct

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.components.canvas import BadDrawing, Drawing, canvas
from pages.components.canvas.drawing import Sheet, check_colours, pack, read_message, read_tag


def message(sheet: Sheet, raw: bytes, **changed: object) -> dict:
    return {
        "tag": "abc123",
        "why": "use",
        "identity": sheet.name,
        "height": sheet.height,
        "width": sheet.width,
        "channels": sheet.channels,
        "data": base64.b64encode(raw).decode(),
    } | changed


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


# ---- what is taken -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "channels"), [("colour", 3), ("grey", 1)])
def test_pixels_arrive_as_they_are(mode, channels):
    pixels = noise(5, 7, channels)
    sheet = Sheet(mode=mode, size=(5, 7))
    arrived = read_message(message(sheet, pixels.tobytes()), sheet)
    assert arrived.drawing.pixels.dtype == np.uint8
    assert np.array_equal(arrived.drawing.pixels, pixels)
    assert (arrived.tag, arrived.why, arrived.drawing.blank) == ("abc123", "use", False)


def test_a_mask_is_read_bit_by_bit():
    """Nine pixels by hand: 101 010 011 -> 10101001 1·······."""
    sheet = Sheet(mode="mask", size=3)
    drawing = read_message(message(sheet, bytes([0b10101001, 0b10000000])), sheet).drawing
    assert drawing.mask.tolist() == [[True, False, True], [False, True, False], [False, True, True]]
    assert drawing.mask.dtype == bool
    assert drawing.pixels[..., 0].tolist() == [[255, 0, 255], [0, 255, 0], [0, 255, 255]]
    assert not drawing.blank and not drawing.full


def test_an_empty_and_a_full_mask_say_so():
    sheet = Sheet(mode="mask", size=4)
    empty = read_message(message(sheet, bytes(2)), sheet).drawing
    full = read_message(message(sheet, b"\xff\xff"), sheet).drawing
    assert empty.blank and not empty.full
    assert full.full and not full.blank


def test_blank_means_as_the_paper_or_as_the_picture_below():
    below = noise(6, 6, 3)
    for sheet in (Sheet(size=6), Sheet(size=6, paper="black"), Sheet(under=below)):
        assert read_message(message(sheet, sheet.base().tobytes()), sheet).drawing.blank
        touched = sheet.base().copy()
        touched[3, 3, 1] ^= 1
        assert not read_message(message(sheet, touched.tobytes()), sheet).drawing.blank


def test_ink_is_the_distance_from_the_paper():
    sheet = Sheet(mode="grey", size=2, paper="black")
    drawing = read_message(message(sheet, bytes([0, 51, 102, 255])), sheet).drawing
    assert drawing.ink.dtype == np.float32
    assert drawing.ink.ravel().tolist() == pytest.approx([0, 0.2, 0.4, 1])
    white = Sheet(size=1)
    assert read_message(message(white, bytes([255, 204, 255])), white).drawing.ink[0, 0] == pytest.approx(0.2)


def test_the_digest_tells_shapes_apart_too():
    digests = {Drawing(np.zeros(shape, np.uint8), "grey", True).digest for shape in [(2, 8, 1), (4, 4, 1)]}
    assert len(digests) == 2
    pixels = np.zeros((2, 8, 1), np.uint8)
    expected = hashlib.sha256(b"(2, 8, 1)" + bytes(16)).hexdigest()
    assert Drawing(pixels, "grey", True).digest == expected


def test_a_picture_is_no_mask():
    with pytest.raises(ValueError, match="mask"):
        _ = Drawing(np.zeros((2, 2, 3), np.uint8), "colour", True).mask


# ---- what is refused ---------------------------------------------------------------------------------

SHEET = Sheet(mode="grey", size=(4, 5))
GOOD = message(SHEET, bytes(20))


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "text",
        [],
        {},
        {key: value for key, value in GOOD.items() if key != "data"},
        GOOD | {"data": None},
        GOOD | {"data": b"AAAA"},
        GOOD | {"data": ""},
        GOOD | {"data": "A" * 28},  # 28 characters are expected; without padding they are 21 bytes
        GOOD | {"data": GOOD["data"][:-4]},
        GOOD | {"data": GOOD["data"] + "AAAA"},
        GOOD | {"data": "!" * 28},
        GOOD | {"data": "\u00e9" * 28},
        GOOD | {"data": " " + GOOD["data"][1:]},
        GOOD | {"data": "A" * 50_000_000},
        GOOD | {"width": 4, "height": 5},
        GOOD | {"width": 5.5},
        GOOD | {"width": "5"},
        GOOD | {"height": None},
        GOOD | {"channels": 3},
        GOOD | {"channels": True},
        GOOD | {"identity": "another"},
        GOOD | {"identity": None},
        GOOD | {"why": "because"},
        GOOD | {"why": ["use"]},
        GOOD | {"tag": ""},
        GOOD | {"tag": "UPPER"},
        GOOD | {"tag": "a" * 17},
        GOOD | {"tag": "abc\n"},
        GOOD | {"tag": 5},
        GOOD | {"tag": "<b>"},
    ],
)
def test_anything_else_is_refused_with_a_sentence(bad):
    assert read_message(GOOD, SHEET).drawing.pixels.shape == (4, 5, 1)
    with pytest.raises(BadDrawing) as caught:
        read_message(bad, SHEET)
    sentence = str(caught.value)
    assert sentence.endswith(".") and ":" in sentence and len(sentence) < 150


def test_bits_beyond_the_mask_are_refused():
    sheet = Sheet(mode="mask", size=3)
    assert read_message(message(sheet, bytes([255, 128])), sheet).drawing.full
    with pytest.raises(BadDrawing, match="damaged"):
        read_message(message(sheet, bytes([255, 129])), sheet)


def test_random_bytes_in_random_places_never_raise_anything_else():
    rng = np.random.default_rng(1)
    values = [
        None,
        True,
        0,
        -1,
        5,
        4,
        2**70,
        float("nan"),
        "",
        "use",
        "AAAA",
        [],
        {},
        b"",
        GOOD["data"],
        SHEET.name,
    ]
    for _ in range(2000):
        bad = dict(GOOD)
        for name in rng.choice(list(GOOD), size=rng.integers(1, 4)):
            bad[str(name)] = values[rng.integers(len(values))]
        try:
            assert read_message(bad, SHEET).drawing.pixels.shape == (4, 5, 1)
        except BadDrawing:
            continue


@pytest.mark.parametrize("odd", [None, {}, {"tag": 3}, {"tag": "ä"}, {"tag": "x" * 40}, "tag"])
def test_a_name_that_is_none_is_read_as_empty(odd):
    assert read_tag(odd) == ""


# ---- the sheet ---------------------------------------------------------------------------------------


def test_the_size_comes_from_the_picture_below():
    assert (Sheet(under=noise(20, 30, 3)).height, Sheet(under=noise(20, 30, 3)).width) == (20, 30)
    assert (Sheet().height, Sheet().width) == (64, 64)


@pytest.mark.parametrize(("size", "fine"), [(64, 8), (28, 16), (256, 2), (512, 1), ((10, 300), 1)])
def test_a_smooth_canvas_is_drawn_in_at_most_512_pixels(size, fine):
    sheet = Sheet(size=size)
    assert sheet.fine == fine
    assert max(sheet.height, sheet.width) * sheet.fine <= 512
    assert Sheet(size=size, grain="pixels").fine == Sheet(size=size, mode="mask").fine == 1


def test_names_differ_where_drawings_must_not_mix():
    below = noise(8, 8, 3)
    sheets = [
        Sheet(size=8), Sheet(size=(8, 9)), Sheet(size=8, mode="grey"), Sheet(size=8, mode="mask"),
        Sheet(size=8, paper="black"), Sheet(size=8, grain="pixels"), Sheet(under=below), Sheet(under=255 - below),
        Sheet(under=below, identity="a"), Sheet(under=255 - below, identity="a"), Sheet(under=below, identity="b"),
    ]  # fmt: skip
    assert len({sheet.name for sheet in sheets}) == len(sheets)
    assert Sheet(under=below.copy()).name == Sheet(under=below).name


def test_a_mask_with_an_identity_stays_when_the_picture_changes():
    below = noise(8, 8, 3)
    names = {Sheet(mode="mask", under=picture, identity="a").name for picture in (below, 255 - below)}
    assert len(names) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "color"},
        {"paper": "grey"},
        {"grain": "fine"},
        {"mode": "mask", "grain": "smooth"},
        {"size": 0},
        {"size": 513},
        {"size": (64, 1000)},
        {"under": np.zeros((8, 8, 3))},
        {"under": np.zeros((8, 8, 4), np.uint8)},
        {"under": np.zeros((0, 8, 3), np.uint8)},
        {"under": np.zeros((8, 8, 3), np.uint8), "size": 9},
        {"under": np.zeros((8, 8, 3), np.uint8), "mode": "grey"},
        {"under": np.zeros((8, 8, 1), np.uint8), "mode": "colour"},
    ],
)
def test_parts_that_do_not_fit_are_refused(wrong):
    with pytest.raises(ValueError):
        Sheet(**wrong)


def test_a_start_has_to_fit_and_a_mask_is_cut_to_two_levels():
    sheet = Sheet(mode="mask", size=2)
    assert sheet.held(np.array([[True, False], [False, True]])).pixels[..., 0].tolist() == [
        [255, 0],
        [0, 255],
    ]
    assert sheet.held(np.array([[200, 100], [127, 128]], np.uint8)).pixels[..., 0].tolist() == [
        [255, 0],
        [0, 255],
    ]
    for wrong in (np.zeros((3, 2), bool), np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2))):
        with pytest.raises(ValueError):
            sheet.held(wrong)
    with pytest.raises(ValueError):
        Sheet(mode="grey", size=2).held(np.zeros((2, 2), bool))


@pytest.mark.parametrize(
    "wrong", [[], [("red", "red")], [("", "#ff0000")], [("red", "#ff00")], [("x", "#ff0000;")]]
)
def test_colours_are_checked(wrong):
    with pytest.raises(ValueError):
        check_colours(wrong)


def test_the_bytes_for_the_browser():
    below, mask = noise(2, 3, 3), np.array([[1, 0, 1], [0, 0, 1]], bool)
    sheet = Sheet(mode="mask", under=below)
    data = pack({"key": "ü"}, sheet, sheet.held(mask))
    (length,) = struct.unpack("<I", data[:4])
    header = json.loads(data[4 : 4 + length])
    assert header["key"] == "ü" and header["mode"] == "mask" and header["under"] and header["start"]
    assert (header["width"], header["height"], header["channels"], header["fine"]) == (3, 2, 1, 1)
    assert data[4 + length :] == below.tobytes() + bytes([255, 0, 255, 0, 0, 255])
    grey = Sheet(mode="grey", under=below[..., :1])
    tail = pack({}, grey, None)[-18:]
    assert tail == below[..., :1].repeat(3, axis=-1).tobytes()  # the browser always gets RGB


# ---- on a page ---------------------------------------------------------------------------------------


def page() -> None:
    import numpy as np
    import streamlit as st

    from pages.components.canvas import canvas

    rows = st.session_state.get("rows")
    start = None if rows is None else np.arange(4)[:, None].repeat(4, axis=1) < rows
    drawing = canvas(key="c", mode="mask", size=4, start=start)
    st.write("none" if drawing is None else str(int(drawing.mask.sum())))


def test_a_page_gets_what_it_laid_down_itself():
    at = AppTest.from_function(page).run()
    assert at.markdown[0].value == "none"
    for rows, painted in ((1, "4"), (3, "12"), (3, "12"), (0, "0")):
        at.session_state["rows"] = rows
        assert at.run().markdown[0].value == painted
    assert not at.exception


@pytest.mark.parametrize(
    "wrong", [{"brush": 0}, {"brush": 1000}, {"send": "always"}, {"max_side": 40}, {"mode": "pen"}]
)
def test_arguments_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        canvas(key="c", **wrong)
