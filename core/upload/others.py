"""Formats that are not read, recognised by their first bytes, so that the refusal can say what to do."""

from __future__ import annotations

import re

_SAVE = "save it as PNG, JPEG or WebP"
HEIC = (
    "This is a HEIC photo, which this app does not read: share it as JPEG (on an iPhone, Settings > Camera > Formats > "
    "Most Compatible; on a Mac, Preview > Export)."
)
AVIF = "This is an AVIF picture, which this app does not read: open it in a browser and save a screenshot of it as PNG."
_VIDEO = (
    "This is a video, not a picture: take a screenshot of one moment of it and upload that as PNG or JPEG."
)
_TIFF = f"This is a TIFF or a camera’s raw file: {_SAVE}."
_JPEG2000 = f"This is a JPEG 2000 picture: {_SAVE}."
_JXL = f"This is a JPEG XL picture: {_SAVE}."
_EPS = f"This is a PostScript drawing: {_SAVE}."

# The first bytes of a file, and what to say of it.
_BEGINNINGS = {
    b"GIF8": f"This is a GIF: {_SAVE}.",
    b"BM": f"This is a BMP bitmap: {_SAVE}.",
    b"II*\0": _TIFF, b"MM\0*": _TIFF, b"II+\0": _TIFF, b"MM\0+": _TIFF, b"IIU\0": _TIFF, b"IIRO": _TIFF, b"FUJIFILM": _TIFF,
    b"%PDF": "This is a PDF document: take a screenshot of the picture in it and upload that as PNG, JPEG or WebP.",
    b"8BPS": f"This is a Photoshop document: {_SAVE}.",
    b"gimp xcf": f"This is a GIMP document: {_SAVE}.",
    b"\0\0\1\0": f"This is an icon file: {_SAVE}.",
    b"\0\0\0\x0cjP  \r\n\x87\n": _JPEG2000, b"\xff\x4f\xff\x51": _JPEG2000,
    b"\0\0\0\x0cJXL \r\n\x87\n": _JXL, b"\xff\x0a": _JXL,
    b"II\xbc": f"This is a JPEG XR picture: {_SAVE}.",
    b"%!PS": _EPS, b"\xc5\xd0\xd3\xc6": _EPS,
    b"\x76\x2f\x31\x01": f"This is an OpenEXR picture: {_SAVE}.",
    b"#?RADIANCE": f"This is a Radiance HDR picture: {_SAVE}.",
    b"SIMPLE  =": f"This is a FITS file: {_SAVE}.",
    b"\x93NUMPY": f"This is a NumPy array: {_SAVE}.",
    b"PK\x03\x04": "This is an archive or an office document: take the picture out and upload that as PNG, JPEG or WebP.",
    b"\x1a\x45\xdf\xa3": _VIDEO,
}  # fmt: skip
_PNM = re.compile(rb"P[1-7]\s")
_SVG = re.compile(rb"<svg[\s>]")
_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
# ISO base media files: the brands of their first box. iPhones write heic, newer ones mif1 with heic among the others.
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_AVIF_BRANDS = {b"avif", b"avis"}

UNKNOWN = "The file is not a picture this app can read: use PNG, JPEG or WebP."


def refusal(data: bytes) -> str:
    """One sentence about a file that is not a PNG, JPEG or WebP: what it is, if its beginning tells, and what to do."""
    if data[4:8] == b"ftyp":
        return _media(data)
    for beginning, sentence in _BEGINNINGS.items():
        if data.startswith(beginning):
            return sentence
    head = data[:4096].replace(b"\0", b"")  # text in UTF-16 as well
    if _PAGE.search(head):
        return "This is a web page, not the picture on it: save the picture itself, as PNG, JPEG or WebP."
    if _SVG.search(head):
        return f"This is an SVG drawing: {_SAVE}."
    if data[128:132] == b"DICM":
        return f"This is a DICOM file of a medical device: {_SAVE}."
    if _PNM.match(data):
        return f"This is a PNM picture: {_SAVE}."
    return UNKNOWN


def _media(data: bytes) -> str:
    length = int.from_bytes(data[:4], "big")
    brands = {data[8:12], *(data[k : k + 4] for k in range(16, min(length, 256), 4))}
    if brands & _AVIF_BRANDS:
        return AVIF
    if brands & _HEIC_BRANDS or data[8:12] in (b"mif1", b"msf1"):
        return HEIC
    if data[8:12] == b"crx ":
        return _TIFF
    return _VIDEO
