"""The shapes of DeepFloyd IF: as many parameters as are published, and docs/hosting.md's table as its formula gives it."""

from __future__ import annotations

import re

import pytest

from core.settings import ROOT
from scripts.measure.if_shapes import BASES, sizes

# DeepFloyd IF's own README, and Raffel et al. (2020) for half of T5-XXL's 11 billion, in billions.
PUBLISHED = {"IF-I-M": 0.4, "IF-I-L": 0.9, "IF-I-XL": 4.3, "T5": 4.7}


@pytest.fixture(scope="module")
def counted() -> dict[str, int]:
    return sizes()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_counts_are_the_published_ones(counted, name):
    assert counted[name] == pytest.approx(PUBLISHED[name] * 1e9, rel=0.08)


def rows_of_the_table() -> dict[str, list[float]]:
    text = (ROOT / "docs" / "hosting.md").read_text(encoding="utf-8").split("### What it needs")[1]
    table = [
        line.strip("| ").split("|")
        for line in text.split("Computed")[0].splitlines()
        if line.startswith("| ")
    ]
    return {
        cells[0].strip(): [float(re.sub(r"[^0-9.]", "", cell.split(",  ")[0]) or "nan") for cell in cells[1:]]
        for cells in table[1:]
    }


def test_the_table_is_what_its_formula_gives(counted):
    """bytes x parameters + 2 x bytes x 27,328 C rows + 0.7 GB; the encoder's is one layer of 24 in float32."""
    table, networks = rows_of_the_table(), [counted[name] for name in BASES]
    assert table["parameters"] == [*networks, counted["T5"]]
    for row, width in (("GPU memory, float16, 8 rows a call", 2), ("the same in float32", 4)):
        for shown, number, base in zip(table[row], networks, BASES.values(), strict=False):
            assert shown == pytest.approx(
                (width * number + 2 * width * 27_328 * base * 8) / 1e9 + 0.7, abs=0.06
            )
    disk = [2 * number / 1e9 for number in [*networks, counted["T5"]]]
    assert table["disk, `fp16` files"] == pytest.approx(disk, abs=0.006)


def test_one_layer_of_the_encoder_is_what_the_table_says(counted):
    """Four attention matrices of 4096 x 4096 and three of 4096 x 10,240, in float32: 0.77 GB."""
    assert 4 * (4 * 4096**2 + 3 * 4096 * 10_240) / 1e9 == pytest.approx(0.8, abs=0.05)
    assert 24 * (4 * 4096**2 + 3 * 4096 * 10_240) + 32_128 * 4096 == pytest.approx(counted["T5"], rel=1e-3)


def test_the_skip_connections_are_as_many_numbers_as_the_formula_says():
    """By hand from the blocks: each level keeps its input and the results of its three residual blocks."""
    levels = [(1, 64), (2, 32), (3, 16), (4, 8)]  # multiples of C, pixels a side
    kept = 1 * 64**2  # the first convolution's
    for k, (channels, side) in enumerate(levels):
        kept += 3 * channels * side**2
        if k < 3:
            kept += channels * levels[k + 1][1] ** 2  # after halving the side
    assert kept == 27_328
