"""Messages over a byte stream: a JSON header, then raw array bytes. No pickle, so nothing to trust.

    uint32 header length | uint64 body length | header (JSON) | body (the arrays, one after the other)

The header's "arrays" entry lists name, dtype and shape of each array in the order of the body.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import fields
from typing import IO, Any

import numpy as np

from core.jobs import Cancelled, Checkpoint, Done, Event, Failed, Frame, Metric

_LENGTHS = struct.Struct("<IQ")
_MAX_HEADER = 16 << 20
_MAX_BODY = 4 << 30
_EVENTS = {cls.__name__: cls for cls in (Frame, Metric, Checkpoint, Done, Failed, Cancelled)}


class Garbled(Exception):
    """The stream holds something that is not a message; the peer must be given up."""


def write_message(
    stream: IO[bytes], header: Mapping[str, Any], arrays: Mapping[str, np.ndarray] | None = None
) -> None:
    """Write one message and flush. Raises OSError (BrokenPipeError) when the peer is gone."""
    arrays = arrays or {}
    solid = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    table = [[name, array.dtype.str, list(arrays[name].shape)] for name, array in solid.items()]
    head = json.dumps({**header, "arrays": table}).encode()
    stream.write(_LENGTHS.pack(len(head), sum(array.nbytes for array in solid.values())))
    stream.write(head)
    for array in solid.values():
        stream.write(array.reshape(-1).view(np.uint8).data)
    stream.flush()


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Read one message; None when the stream has ended, also in the middle of a message (the peer died).

    The arrays are read-only views of the received bytes: nothing is copied. Raises Garbled.
    """
    prefix = stream.read(_LENGTHS.size)
    if len(prefix) < _LENGTHS.size:
        return None
    head_size, body_size = _LENGTHS.unpack(prefix)
    if head_size > _MAX_HEADER or body_size > _MAX_BODY:
        raise Garbled(f"lengths {head_size} and {body_size} are out of range")
    head, body = stream.read(head_size), stream.read(body_size)
    if len(head) < head_size or len(body) < body_size:
        return None
    try:
        header = json.loads(head)
        return header, _cut(body, header.pop("arrays"))
    except (ValueError, TypeError, KeyError) as error:
        raise Garbled(str(error)) from error


def _cut(body: bytes, table: list[list[Any]]) -> dict[str, np.ndarray]:
    arrays, offset = {}, 0
    for name, dtype, shape in table:
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body, np.dtype(dtype), count, offset).reshape(shape)
        offset += arrays[name].nbytes
    return arrays


def pack_event(event: Event) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Event -> (header, arrays) for `write_message`."""
    values = {item.name: getattr(event, item.name) for item in fields(event)}
    arrays = values.pop("arrays", {})
    return {"event": type(event).__name__, "fields": values}, arrays


def unpack_event(header: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> Event:
    """The inverse of `pack_event`. Raises Garbled for an unknown event."""
    try:
        cls = _EVENTS[header["event"]]
        values = dict(header["fields"])
        return cls(**values, arrays=arrays) if cls in (Frame, Checkpoint) else cls(**values)
    except (KeyError, TypeError) as error:
        raise Garbled(str(error)) from error
