"""A visitor without a browser: speaks Streamlit's WebSocket protocol, as the load test needs dozens of them.

It opens pages, by a new connection or inside its session, and does what a browser does with the server in between:
it asks for the fragments again that a page wants refreshed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

MOST_BYTES = 2**26  # of one message; trajectories are long


class PageFailed(Exception):
    """A page did not come to its end: what was seen instead."""


class Visitor:
    """One tab. `origin` is "http://host:port"; one `Visitor` is used by one task."""

    def __init__(self, origin: str):
        self.origin = origin
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task | None = None
        self._refreshers: dict[str, asyncio.Task] = {}
        self._ended: asyncio.Event = asyncio.Event()
        self._wrong: str | None = None
        self._pages: dict[str, str] = {}  # the path of a page -> its hash, as the server's navigation says

    async def open(self, path: str, *, anew: bool, patience: float) -> float:
        """Opens a page, with a new connection if `anew`, and returns the seconds until its script has ended.

        Raises PageFailed if the server refuses, the page shows an exception, or `patience` seconds are over.
        """
        began = time.perf_counter()
        try:
            async with asyncio.timeout(patience):
                if anew or self._socket is None:
                    await self._connect()
                self._stop_refreshing()
                self._ended.clear()
                await self._run(path)
                await self._ended.wait()
        except TimeoutError:
            raise PageFailed(f"{path}: not finished after {patience:.0f} s") from None
        except OSError as error:
            raise PageFailed(f"{path}: {type(error).__name__}") from error
        if self._wrong:
            raise PageFailed(f"{path}: {self._wrong}")
        return time.perf_counter() - began

    async def close(self) -> None:
        """Leaves, as a closed tab does."""
        self._stop_refreshing()
        if self._reader:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket:
            await self._socket.close()
        self._socket = self._reader = None

    async def _connect(self) -> None:
        await self.close()
        self._pages = {}
        self._socket = await connect(
            self.origin.replace("http", "ws", 1) + "/_stcore/stream",
            origin=self.origin, subprotocols=["streamlit"], max_size=MOST_BYTES, open_timeout=None,
        )  # fmt: skip
        self._reader = asyncio.create_task(self._read(self._socket))

    async def _run(self, path: str) -> None:
        """Asks for the page's script: by its name in a new session, later by the hash that the navigation gave."""
        self._wrong = None
        message = BackMsg()
        message.rerun_script.query_string = ""
        message.rerun_script.context_info.url = f"{self.origin}/{path}"
        if path in self._pages:
            message.rerun_script.page_script_hash = self._pages[path]
        else:
            message.rerun_script.page_name = path
        await self._socket.send(message.SerializeToString())

    async def _read(self, socket: ClientConnection) -> None:
        async for data in socket:
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "navigation":
                self._pages = {
                    page.url_pathname: page.page_script_hash for page in message.navigation.app_pages
                }
            elif kind == "page_not_found":
                self._wrong = "page not found"
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                self._wrong = (
                    message.delta.new_element.exception.type or "an exception"
                )  # a class is not told which
            elif kind == "auto_rerun":
                self._refresh(message.auto_rerun.fragment_id, message.auto_rerun.interval)
            elif kind == "script_finished" and message.script_finished in (
                ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
            ):  # fmt: skip
                if message.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                    self._wrong = "the script could not be run"
                self._ended.set()

    # ---- fragments that refresh themselves ---------------------------------------------------------------

    def _refresh(self, fragment: str, interval: float) -> None:
        if fragment not in self._refreshers:
            self._refreshers[fragment] = asyncio.create_task(self._ask_again(fragment, interval))

    async def _ask_again(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            message = BackMsg()
            message.rerun_script.fragment_id = fragment
            message.rerun_script.is_auto_rerun = True
            await self._socket.send(message.SerializeToString())

    def _stop_refreshing(self) -> None:
        for task in self._refreshers.values():
            task.cancel()
        self._refreshers = {}
