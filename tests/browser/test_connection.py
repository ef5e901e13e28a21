"""A network that goes away under an open page, a server that is killed there: the page says so, and goes on by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.cancelling import cancel_everything
from tests.browser.conftest import free_port
from tests.browser.gone import Server, Wire

pytestmark = pytest.mark.browser
COMPUTED = 300_000  # milliseconds
# What browsers and Streamlit write to the console while there is no server.
CUT = (
    "Failed to load resource",
    "Client Error in reaching server",
    "not responding",
    "when disconnected",
    "WebSocket",
)
RUN = "/sampling-from-noise?count=3&seed={seed}"  # 34 steps, long enough to be in the middle of
UNDER_WAY = re.compile(r"Step \d+ of 34")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The app, to be killed and started again; it forgets a session two seconds after its connection is lost."""
    running = Server(free_port(), tmp_path / "data", STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL="2")
    yield running
    running.close()


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[Server]:
    """The app as it is delivered: a session is kept for two minutes."""
    running = Server(free_port(), tmp_path / "lasting")
    yield running
    running.close()


def under_way(page: Page, address: str) -> Locator:
    """Opens a run, and waits until it is in the middle."""
    page.goto(address)
    told = page.locator(".player .told")
    expect(told).to_have_text(UNDER_WAY, timeout=COMPUTED)
    return told


def whole(page: Page) -> None:
    """The run has come to its end and the page shows all of it, with what hangs on the result."""
    expect(page.get_by_role("button", name="Pin to compare")).to_be_enabled(timeout=COMPUTED)
    expect(page.locator(".player .timeline .range")).to_have_attribute("max", "33", timeout=COMPUTED)
    expect(page.locator(".player .progress")).to_be_hidden()


def notice(page: Page) -> Locator:
    return page.locator(".st-key-window .notice")


@pytest.mark.journey
def test_pages_go_on_by_themselves_when_the_server_was_killed_and_started_again(new_page, server):
    """One in the middle of its run, one that waits for it, and one whose run has ended and which nobody touches."""
    still = new_page(errors_allowed=CUT)
    still.goto(f"{server.address}/forward-process")
    expect(still.locator(".player[data-frame]")).to_be_visible(timeout=COMPUTED)
    first, second = (new_page(errors_allowed=CUT) for _ in range(2))
    under_way(first, server.address + RUN.format(seed=1))
    second.goto(server.address + RUN.format(seed=2))
    expect(second.locator(".player .told")).to_contain_text("Waiting", timeout=COMPUTED)

    server.kill()
    expect(notice(first)).to_contain_text("The connection to the server is gone.")
    expect(
        first.get_by_test_id("stDialog")
    ).to_be_hidden()  # Streamlit's own, which tells a programmer what to type
    first.wait_for_timeout(4000)
    server.start()

    for page in (first, second):
        whole(page)
        expect(notice(page)).to_be_hidden()
    # parts of a page that the new server had never drawn answer all the same
    expect(notice(still)).to_be_hidden()
    still.get_by_text("The derivation", exact=True).click()
    expect(still.locator(".katex").first).to_be_visible(timeout=COMPUTED)


@pytest.mark.journey
def test_cancel_works_after_the_server_has_forgotten_the_session(new_page, server):
    """As after a lid that was shut for longer than the server keeps a session."""
    wire = Wire(int(server.address.rsplit(":", 1)[1]))
    page = new_page(errors_allowed=CUT)
    page.goto(f"http://127.0.0.1:{wire.port}/meet-the-model?steps=100&seed=3")
    told = page.locator(".player .told")
    expect(told).to_have_text(re.compile(r"Step \d+ of 100"), timeout=COMPUTED)
    wire.cut()
    expect(notice(page)).to_be_visible()
    page.wait_for_timeout(6000)
    wire.mend()
    expect(notice(page)).to_be_hidden(timeout=COMPUTED)
    cancel_everything(page)  # in vain for a minute where the server does not know the button
    run = page.get_by_role("button", name="Run", exact=True)
    expect(run).to_be_visible()
    expect(page.get_by_role("slider", name="Steps")).to_have_value("100")
    expect(page.get_by_label("Seed", exact=True)).to_have_value("3")
    run.click()
    expect(told).to_have_text(re.compile(r"Step \d+ of 100"), timeout=COMPUTED)
    cancel_everything(page)
    wire.cut()


@pytest.mark.journey
def test_a_short_cut_loses_nothing(new_page, lasting):
    """The same job goes on, and what the address does not hold is still there."""
    wire = Wire(int(lasting.address.rsplit(":", 1)[1]))
    page = new_page(errors_allowed=CUT)
    told = under_way(page, f"http://127.0.0.1:{wire.port}{RUN.format(seed=4)}&count=5")
    page.locator(".st-key-side [role=radiogroup] label").first.click()  # a guess
    guessed = page.locator(".st-key-side input[type=radio]").first
    expect(guessed).to_be_checked()
    expect(page.locator(".st-key-side").get_by_test_id("stAlert")).to_be_visible()  # the answer
    page.wait_for_timeout(1500)
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    before = int(re.search(r"\d+", told.inner_text())[0])
    wire.cut()
    expect(notice(page)).to_contain_text("What is being computed goes on there")
    wire.mend()
    expect(notice(page)).to_be_hidden(timeout=COMPUTED)
    after = re.search(r"\d+", told.inner_text() if told.is_visible() else "34")
    assert after is None or int(after[0]) >= before
    whole(page)
    expect(guessed).to_be_checked()
    wire.cut()


@pytest.mark.parametrize("seed", [51, 52, 53])
@pytest.mark.journey
def test_a_cut_in_the_middle_of_the_script_leaves_no_empty_page(new_page, lasting, seed):
    """In about a third of all tries Streamlit takes everything off such a page: it is loaded anew, and its run goes on."""
    wire = Wire(int(lasting.address.rsplit(":", 1)[1]))
    page = new_page(errors_allowed=CUT)
    under_way(page, f"http://127.0.0.1:{wire.port}{RUN.format(seed=seed)}")
    page.locator(".st-key-side [role=radiogroup] label").first.click()  # the script runs
    wire.cut()
    expect(notice(page)).to_be_visible()
    wire.mend()
    whole(page)
    wire.cut()


def test_no_notice_while_all_is_well(page: Page, app: str):
    page.goto(app)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=COMPUTED)
    page.wait_for_timeout(4000)
    expect(notice(page)).to_be_hidden()
    cancel_everything(page)
