"""Pictures in browsers that change what a canvas gives back, and in browsers that lack what newer ones have."""

from __future__ import annotations

import base64
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pages.components.player import Film, Row
from pages.components.player.packing import pack, read_header
from tests.browser.hostile_browser import NOISY_READ_BACK, OLDER_SAFARI, RANDOM_READ_BACK

pytestmark = pytest.mark.browser
HERE = Path(__file__).parent
PLAYER = HERE.parents[1] / "pages" / "components" / "player" / "js"
COMMON = PLAYER.parents[1] / "common"
HOSTILE = pytest.mark.parametrize(
    "hostile",
    [
        RANDOM_READ_BACK,
        pytest.param(NOISY_READ_BACK, marks=pytest.mark.journey),
        pytest.param(OLDER_SAFARI, marks=pytest.mark.journey),
    ],
    ids=["random", "noisy", "old"],
)
DECODE = """async (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const [film] = await decodeFilm(bytes, new Map());
  const joined = (row) => row.chunks.flatMap((chunk) => [...chunk.pixels]);
  return film.rows.map((row) => btoa(joined(row).map((value) => String.fromCharCode(value)).join("")));
}"""


@pytest.fixture
def decoder(new_page: Callable[..., Page]) -> Callable[[str], Page]:
    """`decoder(hostile)` is a blank page in such a browser, with the player's own functions."""

    def make(hostile: str) -> Page:
        page = new_page()
        page.goto("about:blank")
        page.evaluate(f"() => {{ {hostile} }}")
        for script in (COMMON / "parts.js", PLAYER / "inflate.js", PLAYER / "decode.js"):
            page.add_script_tag(path=script)
        return page

    return make


def films() -> dict[str, Film]:
    """Of every kind of pixels that a row may hold: noise, smooth colours, flat grey, extremes; over several chunks."""
    rng = np.random.default_rng(5)
    frames, batch = 37, 3
    y, x = np.mgrid[:40, :24]
    smooth = np.stack([(3 * x + 2 * y + 5 * k) % 256 for k in range(frames)])[:, None, :, :, None]
    shape = (frames, batch, 40, 24, 3)
    pixels = {
        "noise": rng.integers(0, 256, shape, np.uint8),
        "smooth": np.broadcast_to(smooth, shape).astype(np.uint8),
        "clipped": np.where(rng.random(shape) < 0.5, 0, 255).astype(np.uint8),
        "grey": np.broadcast_to(smooth[..., :1] // 64 * 60, (frames, batch, 40, 24, 1)).astype(np.uint8),
    }
    steps = [f"t = {k}" for k in range(frames)]
    columns = [f"sample {k}" for k in range(batch)]
    return {
        name: Film(rows=[Row("x", "x", each)], steps=steps, columns=columns, total=frames, name=name)
        for name, each in pixels.items()
    }


@pytest.mark.parametrize(
    "hostile",
    ["", RANDOM_READ_BACK, pytest.param(OLDER_SAFARI, marks=pytest.mark.journey)],
    ids=["plain", "random", "old"],
)
def test_every_pixel_that_is_packed_is_unpacked(decoder, hostile):
    page = decoder(hostile)
    for name, film in films().items():
        data = pack(film, raw_limit=1000)
        codecs = {chunk["codec"] for chunk in read_header(data)["rows"][0]["chunks"]}
        assert codecs == ({"raw"} if name == "noise" else codecs - {"raw"}), name
        (found,) = page.evaluate(DECODE, base64.b64encode(data).decode())
        assert base64.b64decode(found) == film.rows[0].pixels.tobytes(), name


def test_deflated_pictures_are_smaller_than_the_lossless_webp_that_they_took_the_place_of():
    """Clean pictures that come out of noise, as most films hold: what a class fetches must not have grown."""
    from io import BytesIO

    from PIL import Image

    rng = np.random.default_rng(1)
    y, x = np.mgrid[:64, :64] / 64
    clean = np.stack([0.5 + 0.4 * np.sin(6 * x + k) * np.cos(5 * y) for k in range(3)], -1)
    noise = rng.standard_normal((34, 1, 64, 64, 3)) * np.linspace(0.08, 0.005, 34)[:, None, None, None, None]
    pixels = np.clip(255 * (clean + noise), 0, 255).astype(np.uint8)
    film = Film(rows=[Row("x", "x", pixels)], steps=[str(k) for k in range(34)], total=34, name="x")
    file = BytesIO()
    Image.fromarray(pixels.reshape(34 * 64, 64, 3)).save(file, "WEBP", lossless=True, quality=0, method=0)
    packed = sum(chunk["bytes"] for chunk in read_header(pack(film, raw_limit=1000))["rows"][0]["chunks"])
    assert packed < len(file.getvalue())


def test_what_inflates_without_the_browsers_help_is_zlibs_inverse(decoder):
    """Over every kind of block: stored, fixed codes, codes of their own; long matches, far ones, and none."""
    page = decoder(OLDER_SAFARI)
    assert not page.evaluate("'DecompressionStream' in globalThis")
    rng = random.Random(3)
    texts = [b"", b"a", b"abc" * 5000, bytes(70_000), rng.randbytes(40_000), b"x" * 258 + b"y" * 259]
    texts += [rng.randbytes(300) + bytes(32_000) + rng.randbytes(300)]
    texts += [bytes(rng.choices(range(k), weights=range(1, k + 1), k=20_000)) for k in (2, 7, 100, 256)]
    texts += [(block := rng.randbytes(500)) + rng.randbytes(32_000) + block]  # as far back as a match may lie
    for text in texts:
        for level, strategy in (
            (0, 0),
            (1, 0),
            (9, 0),
            (6, zlib.Z_FIXED),
            (1, zlib.Z_RLE),
            (1, zlib.Z_HUFFMAN_ONLY),
        ):
            packer = zlib.compressobj(level, strategy=strategy)
            data = packer.compress(text) + packer.flush()
            found = page.evaluate(
                """async ([text, size]) => {
                  const bytes = await inflate(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), size);
                  let out = "";
                  for (const byte of bytes) out += String.fromCharCode(byte);
                  return btoa(out);
                }""",
                [base64.b64encode(data).decode(), len(text)],
            )
            assert base64.b64decode(found) == text, (len(text), level, strategy)


def test_cut_or_damaged_pictures_get_a_sentence_and_no_picture(decoder):
    page = decoder(OLDER_SAFARI)
    data = zlib.compress(random.Random(4).randbytes(2000) + bytes(2000))
    for broken in (data[:-900], data[:2], b"\x78\x9c\x07\x00"):
        said = page.evaluate(
            "async (text) => { try { await inflate(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)), 4000); }"
            " catch (error) { return error.message; } return 'none'; }",
            base64.b64encode(broken).decode(),
        )
        assert re.search("cut short|damaged", said), said


# ---- on pages ----------------------------------------------------------------------------------------------

# What a canvas shows, not what it says: a picture of the page.
SHOWN = """(canvas) => { canvas.style.imageRendering = "pixelated"; canvas.scrollIntoView({ block: "center" }); }"""


def shown(page: Page, selector: str) -> bytes:
    canvas = page.locator(selector).first
    expect(canvas).to_be_visible(timeout=120_000)
    canvas.evaluate(SHOWN)
    page.wait_for_timeout(300)
    return canvas.screenshot(animations="disabled")


@pytest.fixture(scope="module")
def player_app(shared) -> str:
    return shared("tests/browser/player_app.py")


@pytest.mark.journey
@HOSTILE
def test_a_large_film_is_shown_exactly_in_any_browser(new_page, player_app, hostile):
    """Large enough that it does not travel raw: 5 samples of 40 steps, 3 rows, 64 pixels a side."""
    pictures = []
    for script in ("", hostile):
        page = new_page()
        page.add_init_script(script)
        page.goto(f"{player_app}/?samples=5&steps=40&frame=20")
        expect(page.locator(".player[data-frame='20']")).to_be_visible(timeout=60_000)
        pictures.append([shown(page, f"canvas[data-row={row}]") for row in ("x_t", "clean_hat", "eps")])
    assert pictures[0] == pictures[1]


@HOSTILE
def test_a_film_is_saved_as_it_is_or_with_a_sentence_not_at_all(new_page, player_app, hostile):
    page = new_page()
    page.add_init_script(hostile)
    page.goto(f"{player_app}/?samples=2&steps=4")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=60_000)
    problem = page.locator(".player .problem")
    saved = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    for name in ("save-frame", "save-sheet"):
        page.locator(".player .save summary").click()
        page.locator(f".player .{name}").click()
        page.wait_for_timeout(1500)
    if hostile == OLDER_SAFARI:
        expect(problem).to_be_hidden()
        assert len(saved) == 2
    else:
        expect(problem).to_contain_text("Nothing was saved")
        expect(problem).to_contain_text("resistFingerprinting")
        assert saved == []


@pytest.fixture(scope="module")
def field_app(shared) -> str:
    return shared("tests/browser/field_app.py")


@pytest.mark.journey
@HOSTILE
def test_the_vector_field_has_its_colours_in_any_browser(new_page, field_app, hostile):
    pictures = []
    for script in ("", hostile):
        page = new_page(reduced_motion="reduce")
        page.add_init_script(script)
        page.goto(field_app)
        expect(page.locator(".field canvas").first).to_be_visible(timeout=60_000)
        page.wait_for_timeout(2500)
        pictures.append(shown(page, ".field .plane"))
        expect(page.locator(".field .problem")).to_be_hidden()
    assert pictures[0] == pictures[1]


@pytest.fixture(scope="module")
def distance_app(shared) -> str:
    return shared("tests/browser/illusions_app.py")


@pytest.mark.journey
@HOSTILE
def test_a_picture_seen_from_a_distance_is_the_picture(new_page, distance_app, hostile):
    pictures = []
    for script in ("", hostile):
        page = new_page()
        page.add_init_script(script)
        page.goto(distance_app)
        expect(page.locator(".distance .magnified canvas").first).to_be_visible(timeout=60_000)
        for at in ("0", "600"):
            page.locator(".distance .range").evaluate(
                "(range, at) => { range.value = at; range.dispatchEvent(new Event('input')); }", at
            )
            pictures.append(
                (at, shown(page, ".distance .magnified canvas"), shown(page, ".distance .sized canvas"))
            )
    assert pictures[:2] == pictures[2:]
