"""A collection of pictures as a PDF to hand in: the tasks, then the pictures with what made them.

The text is text, so it can be searched and read aloud; its letter is DejaVu Sans, which has Latin, Greek, Cyrillic and the
signs of mathematics. A character that it lacks is drawn as a box and named on the last page: none goes missing in silence.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from PIL import Image as Pillow
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Image, KeepTogether, Paragraph, SimpleDocTemplate, Spacer

from core.provenance import APP
from core.settings import ROOT
from core.upload.gate import decode
from core.upload.limits import BadPicture

FONT = ROOT / "assets" / "fonts" / "DejaVuSans.ttf"
MARGIN = 18 * mm
TALLEST, WIDEST = 92 * mm, A4[0] - 2 * MARGIN  # of a picture; two with a few lines below them fill a page
LACKING = "▯"
MOST_NAMED = 40  # characters that the last page names


@dataclass(frozen=True)
class Entry:
    """One picture: the bytes of a PNG, what stands above and below it, and where it leads."""

    png: bytes
    heading: str
    caption: str = ""
    facts: Sequence[tuple[str, str]] = ()
    link: str = ""


@dataclass(frozen=True)
class Line:
    """One task: whether it is done, which it is, and how far it has come ("1 of 3")."""

    done: bool
    text: str
    count: str


@dataclass(frozen=True)
class Handout:
    """What goes into the file."""

    title: str
    author: str = ""
    tasks_title: str = ""
    tasks: Sequence[Line] = ()
    entries: Sequence[Entry] = ()


def pdf(handout: Handout) -> bytes:
    """The PDF, A4 upright. Raises BadPicture, with the number of the picture, for one that cannot be read."""
    letters = _Letters()
    story: list[Flowable] = [letters.paragraph(handout.title, "title")]
    if handout.author:
        story.append(letters.paragraph(handout.author, "author"))
    if handout.tasks:
        story.append(letters.paragraph(handout.tasks_title, "heading"))
        for task in handout.tasks:
            story.append(
                letters.paragraph(f"{'☑' if task.done else '☐'}  {task.text}  ({task.count})", "task")
            )
    for number, entry in enumerate(handout.entries, start=1):
        story.append(KeepTogether(_entry(letters, entry, number)))
    if letters.lacking:
        named = " ".join(sorted(map(_name, letters.lacking))[:MOST_NAMED])
        said = f"Drawn as {LACKING}, because the letter of this file has them not: {named}"
        story.append(letters.paragraph(said, "fact"))
    file = io.BytesIO()
    document = SimpleDocTemplate(
        file, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN,
        title=handout.title, author=handout.author, creator=APP, initialFontName=_letter(),
    )  # fmt: skip
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return file.getvalue()


def _entry(letters: _Letters, entry: Entry, number: int) -> list[Flowable]:
    heading = letters.paragraph(entry.heading, "heading")
    parts: list[Flowable] = [Spacer(1, 5 * mm), heading, _picture(entry.png, number)]
    if entry.caption.strip():
        parts.append(letters.paragraph(entry.caption, "caption"))
    parts += [letters.paragraph(f"{name}: {value}", "fact") for name, value in entry.facts]
    if entry.link:
        link = letters.known(entry.link)
        text = f"<link href={quoteattr(link)} color='#0a5ca8'>{escape(link)}</link>"
        parts.append(Paragraph(text, _styles()["fact"]))
    return parts


def _picture(data: bytes, number: int) -> Image:
    try:
        picture: Pillow.Image = decode(data, "white")
    except BadPicture as error:
        raise BadPicture(f"Picture {number} cannot be put into the PDF. {error}") from error
    pixels = io.BytesIO()
    picture.save(pixels, "PNG")
    pixels.seek(0)
    scale = min(WIDEST / picture.width, TALLEST / picture.height)
    drawn = Image(pixels, picture.width * scale, picture.height * scale)
    drawn.hAlign = "LEFT"
    return drawn


# ---- letters ---------------------------------------------------------------------------------------------------


@cache
def _letter() -> str:
    """The name under which reportlab has the font."""
    pdfmetrics.registerFont(TTFont("DejaVuSans", str(FONT)))
    return "DejaVuSans"


class _Letters:
    """Writes what the font has: other characters are noted and drawn as a box, those that draw nothing are left out."""

    def __init__(self) -> None:
        self.lacking: set[str] = set()
        self._has = pdfmetrics.getFont(_letter()).face.charToGlyph

    def known(self, text: str) -> str:
        kept = []
        for char in text:
            if char == "\n" or ord(char) in self._has:
                kept.append(char)
            elif unicodedata.category(char)[0] == "Z":
                kept.append(" ")
            elif unicodedata.category(char) not in ("Cc", "Cf", "Cs"):
                self.lacking.add(char)
                kept.append(LACKING)
        return "".join(kept)

    def paragraph(self, text: str, style: str) -> Paragraph:
        return Paragraph(escape(self.known(text)).replace("\n", "<br/>"), _styles()[style])


def _name(char: str) -> str:
    return f"U+{ord(char):04X} ({unicodedata.name(char, 'unnamed').lower()})"


@cache
def _styles() -> dict[str, ParagraphStyle]:
    def style(name: str, size: float, **more: Any) -> ParagraphStyle:
        return ParagraphStyle(
            name, fontName=_letter(), fontSize=size, leading=1.35 * size, splitLongWords=1, **more
        )

    return {
        "title": style("title", 20, spaceAfter=3 * mm),
        "author": style("author", 11, spaceAfter=4 * mm),
        "heading": style("heading", 12, spaceBefore=2 * mm, spaceAfter=2 * mm),
        "task": style("task", 9, leftIndent=5 * mm, firstLineIndent=-5 * mm, spaceAfter=1 * mm),
        "caption": style("caption", 10.5, spaceBefore=2 * mm, spaceAfter=1.5 * mm),
        "fact": style("fact", 8, textColor=colors.HexColor("#444444"), spaceBefore=0.8 * mm),
    }


def _foot(canvas: Canvas, document: SimpleDocTemplate) -> None:
    canvas.setFont(_letter(), 7.5)
    canvas.setFillColor(colors.HexColor("#666666"))
    canvas.drawString(MARGIN, 9 * mm, APP)
    canvas.drawRightString(A4[0] - MARGIN, 9 * mm, str(document.page))
