"""What was kept: pictures in this browser, with captions, tasks and ways to hand them in."""

from pages.components.collection.component import Example, collection

__all__ = ["Example", "collection"]
