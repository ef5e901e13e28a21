"""The rows about canvases and storage in Debian's Firefox, with its own protections switched on: make firefox-test."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lessons.course import COURSE
from tests.browser.bidi import FIREFOX, Firefox
from tests.browser.exact_numbers import SAMPLES, SIDE, film_pixels

pytestmark = [
    pytest.mark.firefox,
    pytest.mark.skipif(
        FIREFOX is None, reason="Firefox is not installed; on Debian: apt-get install firefox-esr."
    ),
]
HERE = Path(__file__).parent
A1 = next(lesson for lesson in COURSE if lesson.code == "A1")
RESISTS = {"privacy.resistFingerprinting": True}
NO_STORAGE = {"network.cookie.cookieBehavior": 2}  # no cookies of anybody: localStorage then throws
# An element inside the components' shadow roots, which a selector of the document does not reach.
FIND = """const find = (selector, root = document) => [...root.querySelectorAll(selector),
  ...[...root.querySelectorAll("*")].filter((e) => e.shadowRoot).flatMap((e) => find(selector, e.shadowRoot))];"""


@pytest.fixture(scope="module")
def harness(shared) -> str:
    return shared("tests/browser/exact_app.py")


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Callable[..., Firefox]]:
    """`firefox({preference: value})` is a window of 1400 × 900."""
    opened: list[Firefox] = []

    def start(preferences: dict[str, bool | int | str]) -> Firefox:
        window = Firefox(tmp_path / f"profile-{len(opened)}", preferences)
        opened.append(window)
        window.size(1400, 900)
        return window

    yield start
    for window in opened:
        window.close()


def box(window: Firefox, selector: str, number: int = 0) -> list[float]:
    """Left, top, width, height in the window of an element, once it is there, scrolled into view."""
    window.wait(
        f"(s, k) => {{ {FIND} return find(s)[k]?.getBoundingClientRect().width > 0; }}", selector, number
    )
    window.run(f"(s, k) => {{ {FIND} find(s)[k].scrollIntoView({{ block: 'center' }}); }}", selector, number)
    return window.run(
        f"""async (s, k) => {{ {FIND} await new Promise((r) => setTimeout(r, 400));
        const b = find(s)[k].getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; }}""",
        selector,
        number,
    )


def said(window: Firefox, selector: str) -> str:
    return window.run(f"(s) => {{ {FIND} return find(s)[0]?.textContent ?? ''; }}", selector)


def click(window: Firefox, selector: str, number: int = 0) -> None:
    window.wait(
        f"(s, k) => {{ {FIND} const e = find(s)[k]; e?.click(); return Boolean(e); }}", selector, number
    )


def shown(window: Firefox, selector: str, number: int = 0) -> np.ndarray:
    """The picture of SIDE × SIDE pixels that a canvas shows, off the screen: uint8 (SIDE − 2, SIDE − 2, 3).

    Without its edge: a canvas need not begin where a pixel of the screen does.
    """
    left, top, width, height = box(window, selector, number)
    screen = np.asarray(Image.open(io.BytesIO(window.screenshot(left, top, width, height))).convert("RGB"))
    assert min(width, height) > 1.5 * SIDE, "too small to tell its pixels apart"
    at = [((np.arange(SIDE) + 0.5) / SIDE * size).astype(int) for size in screen.shape[:2]]
    return screen[np.ix_(*at)][1:-1, 1:-1]


def lies(window: Firefox) -> bool:
    """Whether this Firefox gives back something else than was painted: the test would show nothing if it did not."""
    return window.run(
        """() => { const canvas = document.createElement("canvas"); canvas.width = canvas.height = 16;
        const context = canvas.getContext("2d"); context.fillStyle = "#102030"; context.fillRect(0, 0, 16, 16);
        const data = context.getImageData(0, 0, 16, 16).data;
        return data.some((value, i) => value !== [16, 32, 48, 255][i % 4]); }"""
    )


@pytest.mark.parametrize("preferences", [{}, RESISTS], ids=["plain", "resists"])
def test_a_film_is_shown_exactly(firefox, harness, preferences):
    window = firefox(preferences)
    window.open(f"{harness}/?frame=17")
    assert lies(window) == bool(preferences)
    window.wait(f"() => {{ {FIND} return find('.player[data-frame=\"17\"]').length; }}")
    for sample in range(SAMPLES):
        found = shown(window, "canvas[data-row=x_t]", sample)
        assert np.array_equal(found, film_pixels()[17, sample, 1:-1, 1:-1]), f"sample {sample}"
    assert not said(window, ".player .problem")


def test_a_picture_seen_from_near_is_the_picture(firefox, harness):
    """At half a metre the eye blurs nothing that a canvas of this size shows."""
    window = firefox(RESISTS)
    window.open(f"{harness}/?show=distance")
    box(window, ".distance .range")
    window.run(f"""() => {{ {FIND} const range = find(".distance .range")[0];
      range.value = 0; range.dispatchEvent(new Event("input")); }}""")
    for number in range(2):
        click(window, ".distance .samples button", number)
        found = shown(window, ".distance .sized canvas").astype(int)
        assert np.array_equal(found, film_pixels()[3, number, 1:-1, 1:-1].astype(int)), number


def test_what_cannot_be_saved_exactly_is_not_saved(firefox, harness):
    window = firefox(RESISTS)
    window.open(harness)
    box(window, "canvas[data-row=x_t]")
    window.run("""() => { window.made = 0; const click = HTMLAnchorElement.prototype.click;
      HTMLAnchorElement.prototype.click = function () { if (this.download) window.made++; else click.call(this); }; }""")
    for name in ("save-frame", "save-sheet"):
        click(window, f".player .{name}")
    assert "resistFingerprinting" in said(window, ".player .problem")
    assert (
        window.run("async () => { await new Promise((r) => setTimeout(r, 1500)); return window.made; }") == 0
    )


@pytest.mark.parametrize(
    "preferences", [RESISTS, NO_STORAGE, RESISTS | NO_STORAGE], ids=["resists", "no storage", "both"]
)
def test_a_lesson_opens(firefox, app, preferences):
    """Its film is there, its control works, and no part of it says that something is wrong."""
    window = firefox(preferences)
    window.open(f"{app}/{A1.url_path}")
    box(window, "canvas[data-row=x_t]")
    before = window.run("() => location.search")
    window.wait(
        """() => { const b = [...document.querySelectorAll("button")].find((e) => e.innerText.trim() === "t = 250");
        b?.click(); return Boolean(b); }"""
    )
    window.wait("(before) => location.search !== before && location.search.includes('t=250')", before)
    for trouble in (".problem:not([hidden])", "[data-testid=stException]"):
        assert not said(window, trouble), trouble


def test_a_drawing_is_used_and_said_not_to_be_kept_without_storage(firefox, harness):
    window = firefox(NO_STORAGE)
    window.open(f"{harness}/?show=canvas")
    assert window.run(
        "() => { try { localStorage.length; return 'there'; } catch (error) { return error.name; } }"
    ) == ("SecurityError")
    box(window, ".canvas .surface")
    click(window, ".canvas .invert")
    window.wait(f"() => {{ {FIND} return find('.canvas .problem')[0].textContent.includes('cannot keep'); }}")
    click(window, ".canvas .use")
    window.wait("(all) => document.body.innerText.includes(`painted: ${all}`)", SIDE**2)
