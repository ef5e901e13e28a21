"""Takes pictures of the pages in headless Chromium, to be looked at before they are shown to anybody.

    python -m scripts.screenshots                   # every page, light and dark, at three sizes, into screenshots/
    python -m scripts.screenshots --only A4 B5      # these alone
    python -m scripts.screenshots --readme          # those of the README, into docs/img/

Starts a server of its own, with the store that the settings name: what lessons open with is computed once and kept.
Needs requirements-dev.txt and Chromium (scripts/ensure_chromium.sh).
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from core.settings import ROOT
from lessons.course import COURSE

FOLDER = ROOT / "screenshots"
README = ROOT / "docs" / "img"
SIZES = ((1366, 768), (1920, 1080), (390, 844))
SCHEMES = ("light", "dark")
PATIENCE = 600_000  # milliseconds for what a lesson opens with
LOOKS = 40  # at a page, until two are alike
WIDE = 1000  # pixels of a picture in the README
# name -> address below the app's
STILLS = {
    "visual-anagrams": "visual-anagrams",
    "vector-field": "vector-field",
    "guided-digits": "guided-digits",
}
MOVING = ("iterative-denoising", 24)  # the page that plays, and its frames


class NoServer(RuntimeError):
    """The app did not start."""


class NotAtRest(RuntimeError):
    """A page went on changing where nothing computes."""


@contextmanager
def served() -> Iterator[str]:
    """The app on a free port. Raises NoServer where it does not answer within a minute."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    process = subprocess.Popen([*command, "--server.headless", "true"], cwd=ROOT, env=dict(os.environ))
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                    break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.5)
        else:
            raise NoServer(
                "The app has not answered for a minute; start it with make run and read what it says."
            )
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def chromium() -> str:
    """Where it is installed. Raises SystemExit with what to do."""
    for name in ("chromium-headless-shell", "chromium", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise SystemExit("Chromium is not installed: run scripts/ensure_chromium.sh.")


def opened(browser: Browser, address: str, size: tuple[int, int], scheme: str) -> Page:
    """A page that has come to rest: nothing computes any more, and nothing moves. Raises NotAtRest where it does not."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    page.goto(address, timeout=PATIENCE)
    page.get_by_test_id("stMain").locator("h1, h2").first.wait_for(timeout=PATIENCE)
    page.wait_for_timeout(1500)
    page.wait_for_function(
        "() => !document.querySelector('[class*=st-key-running], [data-testid=stStatusWidget]')",
        timeout=PATIENCE,
    )
    page.mouse.move(size[0] // 2, size[1] - 2)
    last = b""
    for _ in range(LOOKS):
        page.wait_for_timeout(1500)
        if (shot := page.screenshot()) == last:
            return page
        last = shot
    raise NotAtRest(f"{address} goes on changing; look at it in a browser.")


def every_page(browser: Browser, app: str, only: list[str]) -> None:
    """Into FOLDER, as "A4_1366_light.png"."""
    FOLDER.mkdir(exist_ok=True)
    pages = {"Start": "", **{lesson.code: lesson.url_path for lesson in COURSE}}
    for code, path in pages.items():
        if only and code not in only:
            continue
        for size in SIZES:
            for scheme in SCHEMES:
                page = opened(browser, f"{app}/{path}", size, scheme)
                target = FOLDER / f"{code}_{size[0]}_{scheme}.png"
                page.screenshot(path=target)
                page.close()
                print(target.relative_to(ROOT))


def for_the_readme(browser: Browser, app: str) -> None:
    """One page that moves, and three that stand."""
    size = SIZES[0]
    path, frames = MOVING
    page = opened(browser, f"{app}/{path}", size, "light")
    shots = []
    scrubber, player = page.locator(".timeline .range"), page.locator(".player[data-frame]")
    for frame in range(frames):
        scrubber.press("ArrowRight" if frame else "Home")
        player.and_(page.locator(f"[data-frame='{frame}']")).wait_for(timeout=PATIENCE)
        shots.append(_reduced(page.screenshot()))
    times = [120] * (frames - 1) + [2500]
    shots[0].save(
        README / f"{path}.webp",
        save_all=True,
        append_images=shots[1:],
        duration=times,
        loop=0,
        quality=60,
        method=6,
    )
    page.close()
    for name, address in STILLS.items():
        page = opened(browser, f"{app}/{address}", size, "light")
        _reduced(page.screenshot()).save(README / f"{name}.webp", quality=82, method=6)
        page.close()
    for name in (path, *STILLS):
        target = README / f"{name}.webp"
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size / 1e3:.0f} kB")


def _reduced(shot: bytes) -> Image.Image:
    with Image.open(io.BytesIO(shot)) as picture:
        height = round(WIDE * picture.height / picture.width)
        return picture.convert("RGB").resize((WIDE, height), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="*", default=[], metavar="CODE", help="these pages alone, e.g. A4 B5 Start"
    )
    parser.add_argument("--readme", action="store_true", help="the pictures of the README, into docs/img/")
    args = parser.parse_args()
    with sync_playwright() as playwright, served() as app:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        if args.readme:
            for_the_readme(browser, app)
        else:
            every_page(browser, app, args.only)
        browser.close()


if __name__ == "__main__":
    main()
