"""Figures that people bring along: what is read, what is refused, and every shift of each as training data."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from core import handwriting
from core.handwriting import (
    MAX_FILE_BYTES,
    MOST,
    BadFigures,
    Shifted,
    all_shifts,
    example_figures,
    figure_of_picture,
    figures_of_numbers,
    packed,
)
from core.media import BadPicture


def npy(array: np.ndarray, **more) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **more)
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@pytest.fixture
def figures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


# ---- NumPy files ------------------------------------------------------------------------------------------------


def test_what_is_packed_is_a_numpy_file_and_comes_back(figures):
    assert (np.load(io.BytesIO(packed(figures)), allow_pickle=False) == figures).all()
    assert (figures_of_numbers(packed(figures)) == figures).all()


def test_the_usual_layouts_are_read_as_the_same_figures(figures):
    layouts = (
        figures.reshape(7, 784), figures[:, None], figures[..., None], figures.astype(np.int64), figures.astype(">u2"),
        figures.astype(np.float32), (figures / 255).astype(np.float64), np.asfortranarray(figures),
    )  # fmt: skip
    for layout in layouts:
        assert (figures_of_numbers(npy(layout)) == figures).all()
    assert (figures_of_numbers(npz(figures=figures)) == figures).all()
    assert (figures_of_numbers(npy(figures > 127)) == np.where(figures > 127, 255, 0)).all()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no NumPy file"),
        (b"hello, this is text" * 10, "no NumPy file"),
        (npy(np.zeros((3, 28, 28), np.uint8))[:-1], "no NumPy file"),
        (npy(np.zeros((3, 28, 28), np.uint8)) + b"\0", "no NumPy file"),
        (npy(np.zeros((3, 32, 32), np.uint8)), "28 × 28"),
        (npy(np.zeros((28, 28), np.uint8)), "28 × 28"),
        (npy(np.zeros((0, 28, 28), np.uint8)), "1 to 600"),
        (npy(np.zeros((MOST + 1, 28, 28), np.uint8)), "1 to 600"),
        (npy(np.full((1, 28, 28), -1.0)), "do not all lie"),
        (npy(np.full((1, 28, 28), np.nan)), "do not all lie"),
        (npy(np.full((1, 28, 28), 256)), "do not all lie"),
        (npy(np.full((1, 28, 28), "a")), "save numbers"),
        (npy(np.full((1, 28, 28), 1j)), "save numbers"),
        (npy(np.full((1, 28, 28), None), allow_pickle=True), "no NumPy file"),
        (npz(a=np.zeros((1, 28, 28)), b=np.zeros(3)), "holds 2 arrays"),
        (b"PK\x03\x04" + b"x" * 100, "damaged"),
        (b"\0" * (MAX_FILE_BYTES + 1), "more than 4 MB"),
    ],
)
def test_what_holds_no_figures_gets_a_sentence(data, said):
    with pytest.raises(BadFigures, match=said) as caught:
        figures_of_numbers(data)
    assert str(caught.value).endswith(".")


def test_a_header_that_claims_more_than_there_is_costs_nothing():
    """8 terabytes, by the header."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 28, 28)}
    )
    with pytest.raises(BadFigures, match="no NumPy file"):
        figures_of_numbers(header.getvalue() + b"\0" * 100)


def test_an_archive_is_unpacked_no_further_than_a_file_may_be_long():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("figures.npy", b"\0" * 40_000_000)
    assert len(file.getvalue()) < 100_000
    with pytest.raises(BadFigures, match="unpacks to more than 4 MB"):
        figures_of_numbers(file.getvalue())


# ---- pictures ---------------------------------------------------------------------------------------------------


def photograph(paper: int, ink: int) -> bytes:
    """280 × 280, a bar from top to bottom."""
    pixels = np.full((280, 280, 3), paper, np.uint8)
    pixels[60:220, 120:160] = ink
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255), (220, 60), (30, 120)])
def test_ink_is_white_on_black_whatever_the_paper(paper, ink):
    figure = figure_of_picture(photograph(paper, ink))
    assert figure.shape == (28, 28) and figure.dtype == np.uint8
    assert (figure[8:20, 13:15] >= 245).all(), "the bar, away from its edges"
    assert (figure[:4] <= 12).all() and (figure[:, :8] <= 12).all() and (figure[:, 20:] <= 12).all()


def test_a_picture_of_nothing_is_refused():
    with pytest.raises(BadPicture, match="draw darker"):
        figure_of_picture(photograph(200, 190))
    with pytest.raises(BadPicture):
        figure_of_picture(b"no picture")


# ---- shifts -----------------------------------------------------------------------------------------------------


def test_all_shifts_are_the_25_that_a_roll_on_a_wide_sheet_gives(figures):
    few = torch.from_numpy(figures[:2])[:, None]
    shifted = all_shifts(few)
    assert shifted.shape == (50, 1, 28, 28) and (shifted[:2] == few).all()
    expected = set()
    for figure in figures[:2]:
        sheet = np.zeros((40, 40), np.uint8)
        sheet[6:34, 6:34] = figure
        for down in range(-2, 3):
            for right in range(-2, 3):
                expected.add(np.roll(sheet, (down, right), (0, 1))[6:34, 6:34].tobytes())
    assert {picture.numpy().tobytes() for picture in shifted} == expected and len(expected) == 50


def test_training_data_go_round_all_shifts_evenly(figures):
    shifted = all_shifts(torch.from_numpy(figures[:2])[:, None])
    data = Shifted(shifted, 120)
    assert len(data) == 120
    batch, labels = data.batch(torch.arange(120))
    assert batch.shape == (120, 1, 28, 28) and labels.tolist() == [0] * 120
    torch.testing.assert_close(batch[:50] * 255, shifted.float())
    assert (batch[50:100] == batch[:50]).all() and (batch[100:] == batch[:20]).all()


# ---------------------------------------------------------------- the example


def test_the_example_is_twenty_five_houses_no_two_alike_large_and_in_the_middle():
    figures = example_figures()
    assert figures.shape == (25, 28, 28) and figures.dtype == np.uint8
    assert len({figure.tobytes() for figure in figures}) == 25
    for figure in figures:
        ink = np.argwhere(figure > 128)
        (top, left), (bottom, right) = ink.min(axis=0), ink.max(axis=0)
        assert bottom - top >= 12 and right - left >= 12, "large"
        assert abs((top + bottom) / 2 - 13.5) <= 4 and abs((left + right) / 2 - 13.5) <= 4, "in the middle"
        widths = [np.ptp(np.nonzero(row > 128)[0]) for row in figure if (row > 128).any()]
        assert max(widths[:3]) < 12 < max(widths[-3:]), "the peak of a roof above, the ground below"


def test_an_example_that_is_damaged_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(handwriting, "EXAMPLE_FILE", tmp_path / "houses.npy")
    with pytest.raises(BadFigures, match="restore it from the repository"):
        example_figures()
    (tmp_path / "houses.npy").write_bytes(b"no figures")
    with pytest.raises(BadFigures, match="restore it from the repository"):
        example_figures()
