"""One network and several jobs: their evaluations go through the device together, in calls of one size.

A GPU evaluates a few small pictures in hardly more time than one. So while several students sample, each of their
steps waits for the others' next steps, for a moment at most, and all are evaluated in one call (step-level
batching). Every call has the same number of rows, filled up where there are too few: its shape, and with it the
device's choice of kernels, does not tell how many students there are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import torch
from torch import Tensor

_LINGER_SECONDS = 0.002  # what an evaluation waits for others; one of emoji64 on a GPU takes about as long


class _Ask:
    """An evaluation that a job waits for."""

    def __init__(self, x_t: Tensor, t: int, embedding: Tensor) -> None:
        rows = len(x_t)
        self.inputs = x_t, torch.full((rows,), t, device=x_t.device), embedding
        self.taken = 0  # rows that are in a call already
        self.outputs: list[Tensor] = []
        self.error: Exception | None = None

    @property
    def form(self) -> tuple[tuple[torch.Size, torch.dtype], ...]:
        """Asks of one form can share a call."""
        return tuple((tensor.shape[1:], tensor.dtype) for tensor in self.inputs)

    @property
    def left(self) -> int:
        return len(self.inputs[0]) - self.taken

    @property
    def done(self) -> bool:
        return self.error is not None or sum(map(len, self.outputs)) == len(self.inputs[0])


class SharedBatch:
    """A `Network` that many threads may call at once; it calls `network` with exactly `rows` rows, one call at a time.

    An evaluation with more rows than that takes several calls. Each row is computed from its own inputs. An error is
    raised for the evaluation that caused it: the others of its call are then computed without it.

    Args:
        network: (x_t (rows, 3, H, W), t (rows,), embeddings (rows, tokens, width)) -> (rows, 6, H, W).
        rows: of every call; guidance takes two for each picture.
        jobs: how many threads may be about to call; a lone one does not wait for others.
    """

    def __init__(
        self, network: Callable[[Tensor, Tensor, Tensor], Tensor], rows: int, jobs: Callable[[], int]
    ) -> None:
        if rows < 1:
            raise ValueError(f"A call needs at least one row, not {rows}.")
        self._network, self._rows, self._jobs = network, rows, jobs
        self._asks: deque[_Ask] = deque()
        self._changed = threading.Condition()  # guards the line of asks, and who computes
        self._calling = False  # one of the threads computes, for all that wait

    def __call__(self, x_t: Tensor, t: int, embedding: Tensor) -> Tensor:
        """(B, 3, H, W), t, (B, tokens, width) -> (B, 6, H, W), as `Network`."""
        ask = _Ask(x_t, t, embedding)
        with self._changed:
            self._asks.append(ask)
            self._changed.notify_all()
        while parts := self._my_call(ask):
            try:
                self._compute(parts)
            finally:
                with self._changed:
                    self._calling = False
                    self._changed.notify_all()
        if ask.error is not None:
            raise ask.error
        return torch.cat(ask.outputs)

    def _my_call(self, ask: _Ask) -> list[tuple[_Ask, slice]]:
        """Wait until `ask` is computed: nothing. Or until nobody computes: the rows of the next call, oldest first."""
        with self._changed:
            self._changed.wait_for(lambda: ask.done or not self._calling)
            if ask.done:
                return []
            self._calling = True
            self._changed.wait_for(self._is_full, _LINGER_SECONDS)
            parts, room, form = [], self._rows, self._asks[0].form
            for other in [other for other in self._asks if other.form == form]:
                rows = slice(other.taken, other.taken + min(room, other.left))
                if rows.start == rows.stop:
                    break
                other.taken, room = rows.stop, room - (rows.stop - rows.start)
                parts.append((other, rows))
                if not other.left:
                    self._asks.remove(other)
            return parts

    def _is_full(self) -> bool:
        return len(self._asks) >= self._jobs() or sum(ask.left for ask in self._asks) >= self._rows

    def _compute(self, parts: list[tuple[_Ask, slice]]) -> None:
        try:
            outputs = self._call([tuple(tensor[rows] for tensor in ask.inputs) for ask, rows in parts])
        except Exception as error:  # noqa: BLE001 - it is raised again, in the thread that it belongs to
            if len(parts) > 1:
                for part in parts:
                    self._compute([part])
            else:
                self._give_up(parts[0][0], error)
            return
        for (ask, _), output in zip(parts, outputs, strict=True):
            ask.outputs.append(output)

    def _give_up(self, ask: _Ask, error: Exception) -> None:
        with self._changed:
            ask.error = error
            if ask in self._asks:
                self._asks.remove(ask)

    def _call(self, inputs: list[tuple[Tensor, ...]]) -> list[Tensor]:
        counts = [len(x_t) for x_t, _, _ in inputs]
        empty = self._rows - sum(counts)
        filled = []
        for tensors in zip(*inputs, strict=True):  # x_t, t, embedding
            last = tensors[-1][-1:]
            filled.append(torch.cat([*tensors, last.expand(empty, *last.shape[1:])]))  # (rows, ...)
        return list(self._network(*filled)[: sum(counts)].split(counts))
