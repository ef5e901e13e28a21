"""The collection in a browser: any picture is kept, nothing is lost in silence, and what is exported holds it all."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path

import nbformat
import pypdf
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from core.provenance import read
from lessons.course import COURSE

pytestmark = pytest.mark.browser
SLOW = 120_000  # milliseconds
LESSON = COURSE[1]  # computes in closed form
FULL = """IDBObjectStore.prototype.put = function () {
  this.transaction.abort();
  throw new DOMException("no room", "QuotaExceededError");
};"""
BLOCKED = """Object.defineProperty(window, "indexedDB", { get() { throw new DOMException("denied", "SecurityError"); } });"""


def opened(page: Page, app: str, query: str = "") -> None:
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/{LESSON.url_path}{query}")
    expect(page.locator(".player[data-frame]")).to_be_visible(timeout=SLOW)


def told(page: Page) -> str:
    box = page.locator("#kept-notice")
    expect(box).to_be_visible()
    return box.inner_text()


def kept_one(page: Page, app: str) -> None:
    opened(page, app)
    page.get_by_role("button", name="keep", exact=True).first.click()
    assert "Kept in your collection." in told(page)


def collection(page: Page, app: str) -> None:
    page.goto(f"{app}/collection")
    expect(page.locator(".collection .tasks li").first).to_be_visible(timeout=SLOW)


def saved(page: Page, button: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button, exact=True).click()
    return Path(waiting.value.path()).read_bytes()


def test_a_picture_is_kept_in_every_way_and_leads_back_to_its_state(new_page, app):
    page = new_page()
    opened(page, app, "?t=250")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".player")).to_have_attribute("data-frame", "1")
    page.keyboard.press("k")  # 1: the step
    assert "Kept" in told(page)
    tile = page.locator('.stage canvas[data-row="x_t"]').first
    tile.hover()
    page.locator("#keep-this").click()  # 2: the picture under the pointer
    expect(page.locator("#kept-notice img")).to_have_attribute("alt", re.compile("."))
    tile.click()
    page.locator(".lightbox .keep-picture").click()  # 3: the enlarged one
    expect(page.locator("#kept-notice")).to_be_visible()
    page.get_by_role("button", name="Open the collection").click()
    cards = page.locator(".card")
    expect(cards).to_have_count(3, timeout=SLOW)
    way = cards.nth(1).get_by_role("link", name="Open it in the lesson").get_attribute("href")
    assert way.startswith(f"{app}/{LESSON.url_path}?") and "frame=1" in way and "t=250" in way
    expect(page.locator(".tasks li.done")).to_have_count(1)  # three of A1's three
    with page.expect_download() as waiting:
        cards.nth(1).get_by_role("button", name="save PNG").click()
    data = Path(waiting.value.path()).read_bytes()
    origin = read(data)
    assert origin.lesson.startswith("A1 · ") and origin.link == way and origin.job["kind"] == "forward"
    assert Image.open(io.BytesIO(data)).size == (512, 512)
    page.goto(way)
    expect(page.locator(".player")).to_have_attribute("data-frame", "1", timeout=SLOW)


def test_captions_tasks_and_exports_outlive_a_reload(new_page, app, tmp_path):
    page = new_page(errors_allowed=("status of 400",))  # the server refuses the last list of tasks
    kept_one(page, app)
    collection(page, app)
    card = page.locator(".card")
    card.get_by_label("Caption").fill("<b>my</b> picture – γ")
    page.get_by_label("Title").fill("Sheet & 3")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Your name").press("Tab")
    tasks = {"title": "Kim’s tasks", "tasks": [
        {"id": "one", "lesson": "A1", "text": "Noise it.", "settings": {"t": "500"}},
        {"id": "two", "lesson": "A6", "text": "A grin."},
    ]}  # fmt: skip
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(tasks), encoding="utf-8")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.locator(".tasks h2")).to_have_text("Kim’s tasks")
    expect(page.locator(".tasks li.done")).to_have_count(1)
    card.get_by_label("For").select_option("two")
    expect(page.locator('[data-task="two"]')).to_have_class("done")
    page.reload()
    expect(card.get_by_label("Caption")).to_have_value("<b>my</b> picture – γ", timeout=SLOW)
    expect(page.locator('[data-task="two"]')).to_have_class("done")
    expect(page.get_by_label("Title")).to_have_value("Sheet & 3")

    html = tmp_path / "kept.html"
    html.write_bytes(saved(page, "Web page (HTML)"))
    alone = new_page()
    alone.goto(html.as_uri())
    expect(alone.get_by_role("heading", name="Sheet & 3")).to_be_visible()
    expect(alone.locator("figcaption")).to_have_text("<b>my</b> picture – γ")
    assert alone.locator("figure img").evaluate("(img) => img.naturalWidth") > 0
    assert alone.locator("figure img").get_attribute("src").startswith("data:image/png;base64,")
    assert f"/{LESSON.url_path}" in alone.locator("figure a").get_attribute("href")

    text = "".join(part.extract_text() for part in pypdf.PdfReader(io.BytesIO(saved(page, "PDF"))).pages)
    assert (
        "Sheet & 3" in text
        and "Ada" in text
        and "<b>my</b> picture – γ" in text
        and "A6 A grin. (1 of 1)" in text
    )
    with zipfile.ZipFile(io.BytesIO(saved(page, "Notebooks (ZIP)"))) as archive:
        (name,) = archive.namelist()
        assert (
            nbformat.reads(archive.read(name).decode(), 4)["metadata"]["provenance"]["job"]["kind"]
            == "forward"
        )

    file.write_text('{"title": "x", "tasks": [{"id": "?"}]}', encoding="utf-8")
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_role("alert")).to_contain_text("Task 1: “id” must be 1 to 40 small letters")
    expect(page.locator(".tasks h2")).to_have_text("Kim’s tasks")  # those that were there stay


def test_what_is_taken_out_can_be_put_back(new_page, app):
    page = new_page()
    kept_one(page, app)
    collection(page, app)
    page.get_by_role("button", name="take out").click()
    expect(page.locator(".card")).to_have_count(0)
    expect(page.locator(".empty")).to_be_visible()
    page.get_by_role("button", name="Put it back").click()
    expect(page.locator(".card")).to_have_count(1)


def test_a_full_browser_says_so_and_offers_a_way(new_page, app):
    page = new_page()
    page.add_init_script(FULL)
    opened(page, app)
    page.keyboard.press("k")
    assert "no more room" in told(page) and "save this one as a file" in told(page)
    collection(page, app)
    expect(page.locator(".card")).to_have_count(0)


def test_where_storage_is_blocked_the_tab_keeps_it_and_says_for_how_long(new_page, app):
    page = new_page()
    page.add_init_script(BLOCKED)
    opened(page, app)
    page.keyboard.press("k")
    assert "until this tab is closed or reloaded" in told(page)
    page.get_by_role("button", name="Open the collection").click()
    expect(page.locator(".card")).to_have_count(1, timeout=SLOW)
    expect(page.locator(".where")).to_contain_text("until this tab is closed or reloaded")


def test_what_cannot_be_read_is_said_and_left_until_it_is_taken_out(new_page, app):
    page = new_page()
    kept_one(page, app)
    page.evaluate(
        """() => new Promise((done) => { indexedDB.open("collection").onsuccess = ({ target }) => {
          const change = target.result.transaction(["pictures", "notes"], "readwrite");
          change.objectStore("pictures").put({ id: "broken", png: "not bytes" });
          change.objectStore("notes").put({ title: 3 }, "tasks");
          change.oncomplete = () => { target.result.close(); done(); };
        }; })"""
    )
    collection(page, app)
    expect(page.locator(".card")).to_have_count(1)
    said = page.locator(".problem")
    expect(said).to_contain_text("1 kept picture cannot be read any more")
    expect(said).to_contain_text("load the file again")
    page.get_by_role("button", name="Take out what cannot be read").click()
    expect(said).not_to_contain_text("cannot be read any more")
    expect(page.locator(".card")).to_have_count(1)


def test_a_drawn_picture_is_kept_too(new_page, app):
    lesson = next(lesson for lesson in COURSE if lesson.code == "A8")
    page = new_page()
    page.set_default_timeout(SLOW)
    page.goto(f"{app}/{lesson.url_path}")
    page.locator(".canvas .keep").click()
    assert "Kept in your collection." in told(page)
