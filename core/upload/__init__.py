"""Uploaded files: what each format holds that changes pixels, read before a decoder sees it. No torch, no page."""
