"""The collection as a PDF, read by a library that did not write it (pypdf)."""

from __future__ import annotations

import io

import numpy as np
import pypdf
import pytest
from PIL import Image

from core.handout import Entry, Handout, Line, pdf
from core.upload.limits import BadPicture

RNG = np.random.default_rng(0)


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def noise(height: int = 64, width: int = 64) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def opened(handout: Handout) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf(handout)), strict=True)


def text_of(reader: pypdf.PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def test_text_is_text_and_pictures_are_exact():
    pixels = noise()
    entry = Entry(
        png(pixels), "A6 · Classifier-free guidance", "x̂₀ at γ = 7, ᾱ, ε, Ελλάδα, город", [("Prompt", "“a cat”")],
        "https://example.org/classifier-free-guidance?gammas=7&count=5",
    )  # fmt: skip
    reader = opened(Handout("Sheet 3", "Ada", "Tasks", [Line(True, "A6 A grin", "1 of 1")], [entry]))
    text = text_of(reader)
    for part in (
        "Sheet 3",
        "Ada",
        "A6 A grin",
        "(1 of 1)",
        "γ = 7",
        "ᾱ, ε, Ελλάδα, город",
        "Prompt: “a cat”",
    ):
        assert part in text
    assert reader.metadata.title == "Sheet 3" and reader.metadata.author == "Ada"
    pictures = [picture for page in reader.pages for picture in page.images]
    assert len(pictures) == 1
    np.testing.assert_array_equal(np.asarray(pictures[0].image.convert("RGB")), pixels)
    links = [note.get_object()["/A"]["/URI"] for page in reader.pages for note in page.get("/Annots", [])]
    assert set(links) == {"https://example.org/classifier-free-guidance?gammas=7&count=5"}
    box = reader.pages[0].mediabox  # A4: 210 mm × 297 mm in points of 1/72 inch
    assert float(box.width) == pytest.approx(210 / 25.4 * 72, abs=0.1)
    assert float(box.height) == pytest.approx(297 / 25.4 * 72, abs=0.1)


def test_what_a_student_types_is_no_markup():
    typed = '<b>bold</b> & <img src="https://elsewhere.org/x.png"/> </para> %s {x}\nsecond line'
    reader = opened(Handout(typed, typed, entries=[Entry(png(noise()), typed, typed, [(typed, typed)], "")]))
    flat = "".join(text_of(reader).split())
    assert flat.count("".join(typed.split())) == 6
    assert len([picture for page in reader.pages for picture in page.images]) == 1


def test_a_character_that_the_font_lacks_is_drawn_as_a_box_and_named():
    reader = opened(Handout("日x🙂", entries=[Entry(png(noise()), "h")]))
    text = text_of(reader)
    assert "▯x▯" in text
    assert "U+65E5" in text and "U+1F642 (slightly smiling face)" in text
    assert "Drawn as" not in text_of(opened(Handout("γ", entries=[Entry(png(noise()), "h")])))


def test_pictures_of_any_shape_and_many_of_them_fill_pages():
    shapes = [(60, 900), (900, 60)] * 4
    entries = [Entry(png(noise(*shape)), f"{shape}") for shape in shapes]
    entries.append(Entry(png(noise()), "wordy", "word " * 2000))
    reader = opened(Handout("many", entries=entries))
    assert len(reader.pages) > 3
    assert len([picture for page in reader.pages for picture in page.images]) == 9


@pytest.mark.parametrize("data", [b"", b"no picture", png(noise())[:200]], ids=["empty", "text", "cut"])
def test_a_picture_that_cannot_be_read_is_named_by_its_number(data):
    with pytest.raises(BadPicture, match="Picture 2 cannot be put into the PDF"):
        pdf(Handout("x", entries=[Entry(png(noise()), "h"), Entry(data, "h")]))
