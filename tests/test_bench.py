"""The benchmark's arithmetic and its bookkeeping; how long anything takes is not tested."""

from __future__ import annotations

import argparse
import json
import math
import sys

import pytest
import torch

from scripts.measure import bench
from scripts.measure.benchmarks import measure, training


def test_the_ratio_is_the_median_of_the_ratios_of_the_repeats():
    """By hand: 1/2, 3/4 and 9/10; the ratio of the medians would be 3/4 too, so the order is mixed."""
    found = measure.row("a", [(9.0, 10.0), (1.0, 2.0), (3.0, 4.0)], "<=", 0.8)
    assert (found.ours, found.peer) == (3.0, 4.0)
    assert (found.low, found.ratio, found.high) == (0.5, 0.75, 0.9)
    assert found.met
    turned = measure.row("a", [(2.0, 10.0), (1.0, 2.0), (4.0, 4.0)], ">=", 3.0, faster=True)
    assert (turned.low, turned.ratio, turned.high) == (1.0, 2.0, 5.0)
    assert not turned.met


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power):
    sizes = [10, 100, 1000, 10_000]
    assert math.isclose(measure.exponent(sizes, [7 * n**power for n in sizes]), power, abs_tol=1e-12)


def test_both_sides_take_turns_and_take_turns_in_going_first():
    order = []
    pairs = measure.alternate(lambda: order.append("ours"), lambda: order.append("peer"), 3)
    assert order == ["ours", "peer", "peer", "ours", "ours", "peer"]
    assert len(pairs) == 3


def test_a_part_that_fails_says_so_and_the_others_still_run(monkeypatch, tmp_path, capsys):
    """The first part fails in its own process; the second's rows are in the table and in the file."""
    good = measure.row("fine", [(1.0, 2.0)], "<=", 0.85)
    monkeypatch.setattr(bench, "PARTS", {"broken": "sampling:no_such_function", "good": "jobs:overhead"})
    apart = bench.measure_apart

    def answered(name: str, arguments: argparse.Namespace) -> list[measure.Row] | str:
        return [good] if name == "good" else apart(name, arguments)

    monkeypatch.setattr(bench, "measure_apart", answered)
    file = tmp_path / "rows.json"
    monkeypatch.setattr(sys, "argv", ["bench", "--quick", "--json", str(file)])
    with pytest.raises(SystemExit) as end:
        bench.main()
    assert end.value.code == 1
    table = json.loads(file.read_text(encoding="utf-8"))
    assert list(table["failed"]) == ["broken"]
    assert [measure.Row(**cells) for cells in table["rows"]] == [good]
    assert "| fine | 1 s | 2 s | 0.5 | 0.5 – 0.5 | ≤ 0.85 | yes |" in capsys.readouterr().out


def test_the_notebook_s_pictures_are_those_of_our_loop():
    """Otherwise the two trainings that are compared would not do the same work."""
    from core.datasets import load_mnist

    digits = load_mnist("test").first(3)
    clean, labels = digits.batch(torch.arange(3))
    for k, (picture, label) in enumerate(training.NotebookDigits(digits)[k] for k in range(3)):
        assert torch.equal(picture, clean[k])
        assert label == labels[k]
