"""The end of what a test has set off, so that the next computation need not wait for it."""

from __future__ import annotations

from playwright.sync_api import Page


def cancel_everything(page: Page) -> None:
    """Clicks on Cancel until there is nothing to cancel: a click on a button that is being drawn anew is lost."""
    cancel = page.get_by_role("button", name="Cancel", exact=True)
    app = page.get_by_test_id("stApp")
    rested = 0
    for _ in range(300):
        idle = app.get_attribute("data-test-script-state") == "notRunning" and cancel.count() == 0
        rested = rested + 1 if idle else 0
        if rested == 3:  # looks in a row: between two runs of the script it may look idle for a moment
            return
        page.evaluate(
            """() => [...document.querySelectorAll("button")].filter((b) => b.innerText.trim().endsWith("Cancel"))
            .forEach((b) => b.click())"""
        )
        page.wait_for_timeout(200)
    raise AssertionError("There is still something to cancel after a minute.")
