"""The rows that a student sees: the start, the first picture, and scrubbing, in Chromium beside bare Streamlit pages."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from core.model_folder import find_model_folder, fingerprint
from core.settings import ROOT, Settings
from lessons import classifier_free_guidance, iterative_denoising
from scripts.measure.benchmarks.jobs import BareCalls, ask, executor_in
from scripts.measure.benchmarks.measure import Row, alternate, empty_folder, row, run_python, seconds

# Not the headless shell that the tests prefer: what a student waits for is painted by the whole browser.
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
START_SECONDS = 120
HEAVY = ("torch", "diffusers", "transformers", "scipy", "torch._dynamo", "plotly", "pandas")
LESSON = f"/{iterative_denoising.LESSON.url_path}"
GUIDED = f"/{classifier_free_guidance.LESSON.url_path}"

ONE_PICTURE = """
import numpy as np, streamlit as st
st.image(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8), width=256)
"""
SLIDER = """
import numpy as np, streamlit as st
frames = np.random.default_rng(0).integers(0, 255, (34, 64, 64, 3), dtype=np.uint8)
@st.fragment
def scrub():
    st.image(frames[st.slider("frame", 0, 33, 5)], width=256)
scrub()
"""
ONLY_TORCH = "import streamlit as st\nimport torch\nst.title(f'torch {torch.__version__}')\n"

# Milliseconds from each input event until the canvases hold the new frame. The player draws when the display asks for
# its next frame; here it is asked at once, as the wait (16 ms at 60 Hz) is the display's and not the player's.
SCRUB = """(range, steps) => {
  const canvas = range.getRootNode().querySelector('.stage canvas[data-row="x_t"]');
  const look = () => canvas.toDataURL();
  const times = [], whenAsked = window.requestAnimationFrame;
  let draw = null;
  window.requestAnimationFrame = (callback) => { draw = callback; return 1; };
  const go = (frame) => {
    range.value = String(frame);
    const began = performance.now();
    range.dispatchEvent(new Event("input", { bubbles: true }));
    draw?.(began);
    draw = null;
    return performance.now() - began;
  };
  go(Number(range.max));  // where the loop below never ends
  const before = look();
  for (let k = 0; k < steps; k++) times.push(go(k % Number(range.max)));
  window.requestAnimationFrame = whenAsked;
  return { times, drawn: look() !== before };
}"""
# Milliseconds from the key to the moment when the page is given the address of the next picture.
WATCH = """() => {
  const source = () => document.querySelector('[data-testid="stImage"] img')?.src;
  const before = source();
  window.took = null;
  addEventListener("keydown", () => {
    const began = performance.now();
    const observer = new MutationObserver(() => {
      if (source() && source() !== before) { window.took = performance.now() - began; observer.disconnect(); }
    });
    observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  }, { capture: true, once: true });
}"""


class NoBrowser(Exception):
    """There is no Chromium, or a page did not do what is to be measured."""


@contextmanager
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        raise NoBrowser("Chromium is not installed; on Debian: apt-get install chromium.")
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@contextmanager
def server(script: str | Path, data: Path, device: str) -> Iterator[str]:
    """A Streamlit server on a free port, as soon as it says that it is well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
         "--server.headless", "true", "--server.address", "127.0.0.1"],
        cwd=ROOT, stdout=subprocess.DEVNULL,
        env={**os.environ, "DIFFUSION_DATA_DIR": str(data), "DIFFUSION_DEVICE": device},
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_stcore/health", process)
        yield address
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise NoBrowser(f"The server at {url} did not start within {START_SECONDS} s.")


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A page with an empty cache."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.set_default_timeout(1000 * START_SECONDS)
    yield page
    context.close()


@contextmanager
def both_servers(script: str, device: str) -> Iterator[tuple[str, str]]:
    """The app, whose lesson A4 finds its result in the store, and a bare page with `script`."""
    with empty_folder() as data, empty_folder() as elsewhere:
        model = fingerprint(find_model_folder(Settings.from_environment().model))
        with executor_in(data, device) as executor:
            ask(executor, iterative_denoising.spec(iterative_denoising.LESSON.defaults(), model))
        bare = elsewhere / "page.py"
        bare.write_text(script, encoding="utf-8")
        with server("streamlit_app.py", data, device) as app, server(bare, elsewhere, device) as peer:
            yield app, peer


def scrub(repeats: int, device: str) -> list[Row]:
    """A frame change: the player in the browser, against st.slider in a fragment that shows st.image."""
    pairs, sent = [], []
    with both_servers(SLIDER, device) as (app, peer), chromium() as browser:
        with fresh_page(browser) as ours, fresh_page(browser) as theirs:
            ours.on("websocket", lambda socket_: socket_.on("framesent", lambda data: sent.append(len(data))))
            ours.goto(app + LESSON)
            ours.locator('.stage canvas[data-row="x_t"]').first.wait_for()
            ours.wait_for_timeout(2000)
            theirs.goto(peer)
            theirs.locator('[data-testid="stImage"] img').wait_for()
            slider = theirs.locator('[data-testid="stSlider"] input[type=range], [role=slider]').first
            slider.focus()
            for _ in range(max(repeats, 5)):
                sent.clear()
                answer = ours.locator(".timeline input[type=range]").evaluate(SCRUB, 100)
                ours.wait_for_timeout(300)  # what it sends on letting go comes later than this
                if not answer["drawn"] or sent:
                    raise NoBrowser(f"Scrubbing drew {answer['drawn']} and sent {sum(sent)} bytes.")
                theirs.evaluate(WATCH)
                slider.press("ArrowRight")
                theirs.wait_for_function("window.took !== null")
                mine = sum(answer["times"]) / len(answer["times"])
                pairs.append((mine, theirs.evaluate("window.took")))
    note = "0 bytes sent; a frame of ours is the mean of 100"
    figure = "a frame change: st.slider in a fragment / player"
    return [row(figure, pairs, ">=", 100, faster=True, unit="ms", note=note)]


def first_sight(repeats: int, device: str) -> list[Row]:
    """From an empty browser to the first picture: lesson A4 with a stored result, a bare page with one st.image."""
    with both_servers(ONE_PICTURE, device) as (app, peer), chromium() as browser:

        def see(address: str, picture: str) -> None:
            with fresh_page(browser) as page:
                page.goto(address)
                page.locator(picture).first.wait_for()

        def ours() -> None:
            see(app + LESSON, ".player canvas")

        def theirs() -> None:
            see(peer, '[data-testid="stImage"] img')

        ours(), theirs()  # the servers import and cache what they need once
        pairs = alternate(ours, theirs, repeats)
    return [row("first sight: lesson A4 / a bare page with one picture", pairs, "<=", 1.5)]


def press(repeats: int, device: str) -> list[Row]:
    """From pressing Run until the page shows all 34 guided steps, against the bare network calls."""
    bare, pairs, first = BareCalls(device), [], []
    with empty_folder() as data, server("streamlit_app.py", data, device) as app, chromium() as browser:
        with fresh_page(browser) as page:
            run = page.get_by_role("button", name="Run", exact=True)
            working = page.locator(".player.watching")
            picture = page.locator(".player canvas").first
            page.goto(f"{app}{GUIDED}?gammas=7")  # a link runs unasked: the worker starts and loads the model
            working.wait_for()
            working.wait_for(state="detached")
            for seed in range(1, repeats + 1):
                page.get_by_label("Seed", exact=True).fill(str(seed))
                page.get_by_label("Seed", exact=True).press("Enter")
                run.wait_for()
                page.wait_for_timeout(1000)  # what the page still has to draw is not what is measured
                alone = bare.seconds() if seed % 2 else None
                began = time.perf_counter()
                run.click()
                picture.wait_for()
                first.append(time.perf_counter() - began)
                working.wait_for(state="detached")
                picture.wait_for()
                took = time.perf_counter() - began
                pairs.append((took, alone or bare.seconds()))
    bare.close()
    note = f"the first picture after {statistics.median(first):.2f} s"
    return [row("from pressing Run to the last step / bare network calls", pairs, "<=", 1.1, note=note)]


def start(repeats: int, device: str) -> list[Row]:
    """From the command to a page that has answered: the app, against a page that only imports torch."""
    with empty_folder() as data, empty_folder() as elsewhere, chromium() as browser:
        bare = elsewhere / "page.py"
        bare.write_text(ONLY_TORCH, encoding="utf-8")

        def answer(script: str | Path) -> None:
            with server(script, data, device) as address, fresh_page(browser) as page:
                page.goto(address)
                page.locator("h1").first.wait_for()

        answer(bare), answer("streamlit_app.py")  # compiles what Python has not compiled yet
        pairs = alternate(lambda: answer("streamlit_app.py"), lambda: answer(bare), repeats)
    return [row("start to a page that answers: the app / only torch", pairs, "<=", 1.5)]


def imports(repeats: int, device: str) -> list[Row]:
    """What the server imports before the first visitor comes, against Streamlit and torch alone."""
    loaded = run_python(f"import sys, streamlit_app; print(*[m for m in {HEAVY!r} if m in sys.modules])")

    def ours() -> float:
        return seconds(lambda: run_python("import streamlit_app"))

    pairs = alternate(ours, lambda: run_python("import streamlit, torch"), max(repeats, 3))
    note = f"of the heavy ones it imports {', '.join(loaded.split())}"
    return [row("import of the app / of Streamlit and torch", pairs, "<=", 1.5, note=note)]
