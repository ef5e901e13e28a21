"""Evaluations of several threads in calls of one size: the answers are those that each would get alone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from core.batching import SharedBatch

ROWS = 8


class Line:
    """A network in closed form, row by row: noise 2 x + t, variance the sum of the embedding. Notes its calls."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, x_t, t, embedding):
        if bool((t < 0).any()):
            raise ArithmeticError("no such time")
        self.calls.append(len(x_t))
        variance = embedding.sum(dim=(1, 2)).view(-1, 1, 1, 1).expand_as(x_t)
        return torch.cat([2 * x_t + t.view(-1, 1, 1, 1), variance], dim=1)


def expected(x_t, t, embedding):
    return torch.cat([2 * x_t + t, embedding.sum(dim=(1, 2)).view(-1, 1, 1, 1).expand_as(x_t)], dim=1)


def inputs(seed, rows=2):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 3, 4, 4, generator=generator), torch.randn(rows, 5, 6, generator=generator)


def test_a_lone_evaluation_is_filled_up_and_does_not_wait(monkeypatch):
    monkeypatch.setattr("core.batching._LINGER_SECONDS", 60.0)
    network = Line()
    x_t, embedding = inputs(0)
    assert torch.equal(SharedBatch(network, ROWS, lambda: 1)(x_t, 7, embedding), expected(x_t, 7, embedding))
    assert network.calls == [ROWS]


def test_more_rows_than_a_call_has_take_several_calls():
    network = Line()
    x_t, embedding = inputs(1, rows=19)
    assert torch.equal(SharedBatch(network, ROWS, lambda: 1)(x_t, 7, embedding), expected(x_t, 7, embedding))
    assert network.calls == [ROWS] * 3


def test_four_jobs_in_step_share_every_call(monkeypatch):
    monkeypatch.setattr("core.batching._LINGER_SECONDS", 60.0)  # nobody is left behind
    network, steps = Line(), 20
    batch = SharedBatch(network, ROWS, lambda: 4)

    def job(number):
        for step in range(steps):  # every job at a time of its own
            x_t, embedding = inputs(100 * number + step)
            t = 1000 * number + step
            assert torch.equal(batch(x_t, t, embedding), expected(x_t, t, embedding))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(job, range(4)))
    assert network.calls == [ROWS] * steps


def test_who_does_not_come_is_waited_for_a_moment_only():
    network = Line()
    batch = SharedBatch(network, ROWS, lambda: 4)  # three of the four are busy with other things
    x_t, embedding = inputs(2)
    assert torch.equal(batch(x_t, 7, embedding), expected(x_t, 7, embedding))


def test_an_error_is_raised_where_it_was_caused_and_nowhere_else(monkeypatch):
    monkeypatch.setattr("core.batching._LINGER_SECONDS", 60.0)
    batch, together = SharedBatch(Line(), ROWS, lambda: 3), threading.Barrier(3)
    errors = {}

    def job(number):
        x_t, embedding = inputs(number)
        t = -1 if number == 1 else number
        together.wait()
        try:
            assert torch.equal(batch(x_t, t, embedding), expected(x_t, t, embedding))
        except ArithmeticError as error:
            errors[number] = str(error)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(job, range(3)))
    assert errors == {1: "no such time"}


def test_pictures_of_another_size_do_not_share_a_call():
    network = Line()
    batch = SharedBatch(network, ROWS, lambda: 2)

    def job(size):
        x_t, embedding = torch.full((2, 3, size, size), float(size)), torch.ones(2, 5, 6)
        assert torch.equal(batch(x_t, size, embedding), expected(x_t, size, embedding))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(job, [4, 8]))
    assert network.calls == [ROWS, ROWS]


def test_a_call_has_rows():
    with pytest.raises(ValueError, match="at least one row"):
        SharedBatch(Line(), 0, lambda: 1)


def test_the_model_that_ships_gives_the_same_in_a_shared_call(emoji64):
    """As alone, within float32's rounding; and to the last bit whoever the neighbours are."""
    generator = torch.Generator().manual_seed(3)
    x_t = torch.randn(6, 3, 64, 64, generator=generator)
    embedding = emoji64.embed(["a cat", "a house", "", "a tree", "a boat", "the sun"])
    times = [900, 10, 500]
    alone = [
        emoji64.evaluate(x_t[2 * k : 2 * k + 2], t, embedding[2 * k : 2 * k + 2]) for k, t in enumerate(times)
    ]
    lone = SharedBatch(emoji64.evaluate, 6, lambda: 1)
    first = lone(x_t[:2], times[0], embedding[:2])
    assert torch.allclose(first, alone[0], atol=1e-4)
    batch = SharedBatch(emoji64.evaluate, 6, lambda: 3)
    with ThreadPoolExecutor(3) as pool:
        shared = list(
            pool.map(
                lambda k: batch(x_t[2 * k : 2 * k + 2], times[k], embedding[2 * k : 2 * k + 2]), range(3)
            )
        )
    for one, other in zip(shared, alone, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert torch.equal(shared[0], first)
