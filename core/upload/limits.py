"""What an upload may cost, and the refusal. `core.media.read_picture` tells the person.

The limits are on what a file *claims*, because that is what a decoder reserves memory for: PNG and WebP are unpacked
whole, so they are held to 4 megapixels (16 MB in four channels). A JPEG can be decoded at 1/2, 1/4 or 1/8 of its
size, row by row, whatever it claims, so a camera's picture passes. One stored in several passes cannot: all of its
coefficients are held at once.
"""

from __future__ import annotations

MAX_BYTES = (
    16 * 1024 * 1024
)  # as server.maxUploadSize in .streamlit/config.toml; 50 megapixels of JPEG have 6 to 15 MB
MAX_PIXELS = 4_000_000  # unpacked: PNG and WebP as they are, JPEG after its reduction
MAX_JPEG_PIXELS = 65_000_000  # cameras of "64 megapixels" have 64.1 million; Pillow warns from 89 million on
MAX_COEFFICIENTS = 64_000_000  # bytes: 21 megapixels of a progressive JPEG with colour at half the resolution
MAX_JPEG_SCANS = 64  # an ordinary progressive JPEG has about 10; each scan costs one pass over the picture
MAX_SCANNED = MAX_JPEG_SCANS * MAX_PIXELS  # passes times pixels, so that larger pictures get fewer
MIN_SIDE = 8  # pixels: below this there is no structure to noise and to recover
MAX_ASPECT = 20  # longer side over shorter side: beyond this, less than 4 of 64 rows would show
MAX_PARTS = 100_000  # chunks of a PNG, segments of a JPEG; a file of 20 MB has a few thousand
MAX_PROFILE = 4 * 1024 * 1024  # bytes of an ICC profile, unpacked: those of presses have 0.5 to 3 MB

DAMAGED = "The picture is damaged or incomplete: export it again and retry."


class BadPicture(ValueError):
    """The file or array can't be used as a picture. The message is a sentence to show to the person."""
