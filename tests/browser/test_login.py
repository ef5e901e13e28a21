"""Logging in and out in a real browser, which the page itself sends to the provider and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.classroom.oidc_provider import Provider, provider
from tests.classroom.serving import free_port
from tests.classroom.test_login_served import ADA, KIM, login_server

pytestmark = pytest.mark.browser
SLOW = 120_000  # milliseconds


def log_in(page: Page, origin: str) -> None:
    page.set_default_timeout(SLOW)
    page.goto(f"{origin}/course/class", wait_until="commit")
    page.get_by_role("button", name="Log in", exact=True).click(timeout=SLOW)
    page.wait_for_url(f"{origin}/course/", timeout=SLOW, wait_until="commit")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Provider, str]]:
    """The provider, and the origin of a server whose people log in there."""
    with provider() as names, login_server(names, tmp_path, free_port()) as origin:
        yield names, origin


@pytest.mark.journey
def test_an_instructor_and_a_student_log_in_meet_and_leave(served: tuple[Provider, str], new_page):
    names, origin = served
    names.is_(*KIM)
    kim = new_page()
    log_in(kim, origin)
    expect(kim.get_by_text("You are here as Dr. Kim")).to_be_visible(timeout=SLOW)
    kim.get_by_test_id("stSidebarNav").get_by_role("link", name="Class", exact=True).click()
    kim.get_by_role("button", name="Open the room").click(timeout=SLOW)
    expect(kim.get_by_role("heading", name="Your class")).to_be_visible(timeout=SLOW)
    picture = kim.get_by_test_id("stImage").locator("img")
    expect(picture).to_have_js_property("complete", True, timeout=SLOW)
    assert picture.evaluate("picture => picture.naturalWidth") > 100

    names.is_(*ADA)
    ada = new_page()
    log_in(ada, origin)
    ada.get_by_role("button", name="Join the class of Dr. Kim").click(timeout=SLOW)
    expect(ada.locator(".bar")).to_contain_text("Dr. Kim is not leading", timeout=SLOW)
    expect(kim.locator(".bar")).to_contain_text("1 student is here", timeout=SLOW)
    kim.locator(".bar").get_by_role("button", name="Lead the class").click()
    kim.get_by_test_id("stSidebarNav").get_by_role("link", name="The glossary of blocks").click()
    expect(ada.locator(".bar")).to_contain_text("You follow Dr. Kim", timeout=SLOW)
    expect(ada).to_have_url(re.compile("/block-glossary"), timeout=SLOW)
    ada.locator(".bar").get_by_role("button", name="Let go").click()

    ada.get_by_test_id("stSidebarNav").get_by_role("link", name="Class", exact=True).click()
    ada.get_by_role("button", name="Log out").click(timeout=SLOW)
    expect(ada.get_by_role("button", name="Log in", exact=True)).to_be_visible(timeout=SLOW)
