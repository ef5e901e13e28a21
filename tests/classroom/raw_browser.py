"""A browser without a screen: cookies, redirects, and Streamlit's WebSocket, on which it reads pages and presses buttons."""

from __future__ import annotations

import urllib.error
import urllib.request
from http.cookiejar import Cookie, CookieJar

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

PATIENCE = 120  # seconds for one message: machines that run tests are slow


class RawBrowser:
    """One person's browser at the app whose address is `origin` + `base`."""

    def __init__(self, origin: str, base: str) -> None:
        self.origin, self.base = origin, base
        self.jar = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.text = ""  # of the page that is open
        self.address: str | None = None  # to which the page has sent this browser
        self._buttons: dict[str, str] = {}
        self.get("/_stcore/health")  # gives the cookie without which no login is read

    def get(self, path: str, *, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        """Status and text at the end of all redirects; `path` may be a whole address. With a body, it is a POST."""
        url = path if path.startswith("http") else f"{self.origin}{self.base}{path}"
        try:
            with self._opener.open(urllib.request.Request(url, body, headers), timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode(errors="replace")

    def cookie(self, name: str) -> Cookie | None:
        return next((cookie for cookie in self.jar if cookie.name == name), None)

    def put(self, name: str, value: str) -> None:
        """Writes a cookie, as whoever owns the browser can."""
        cookie = self.cookie(name)
        if cookie is not None:
            cookie.value = value
            return
        self.jar.set_cookie(Cookie(
            0, name, value, None, False, "127.0.0.1", False, False, self.base or "/", True, False, None, False,
            None, None, {},
        ))  # fmt: skip

    def visit(self, page: str, press: str | None = None, query: str = "", **headers: str) -> str:
        """Opens a page in a new session, presses one of its buttons, and returns the text that is then shown."""
        request = urllib.request.Request(f"{self.origin}{self.base}/_stcore/stream")
        self.jar.add_cookie_header(request)
        xsrf = self.cookie("_streamlit_xsrf").value
        with connect(
            f"{self.origin.replace('http', 'ws', 1)}{self.base}/_stcore/stream", origin=self.origin,
            subprotocols=["streamlit", xsrf], max_size=2**26, open_timeout=PATIENCE,
            additional_headers={"Cookie": request.get_header("Cookie", ""), **headers},
        ) as socket:  # fmt: skip
            self._run(socket, page, query)
            if press is not None:
                assert press in self._buttons, f"no button {press!r} among {list(self._buttons)}: {self.text}"
                self._run(socket, page, query, self._buttons[press])
        return self.text

    def log_in(self) -> str:
        """Presses the button, and goes where the page and the provider send it."""
        self.visit("class", "Log in")
        self.get(f"{self.origin}{self.address}")
        return self.visit("class")

    def log_out(self) -> None:
        self.visit("class", "Log out")
        self.get(f"{self.origin}{self.address}")

    def _run(self, socket, page: str, query: str, pressed: str | None = None) -> None:
        message = BackMsg()
        message.rerun_script.page_name = page
        message.rerun_script.query_string = query
        if pressed is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = pressed, True
        socket.send(message.SerializeToString())
        self.text, self.address, self._buttons = "", None, {}
        while True:
            answer = ForwardMsg.FromString(socket.recv(timeout=PATIENCE))
            kind = answer.WhichOneof("type")
            if kind == "new_session":  # what was shown before goes away
                self.text, self._buttons = "", {}
            elif kind == "delta":
                self._read(answer.delta.new_element)
            elif kind == "auth_redirect":
                self.address = answer.auth_redirect.url
            elif kind == "script_finished" and answer.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY:
                return

    def _read(self, element) -> None:
        kind = element.WhichOneof("type")
        if kind == "button":
            self._buttons[element.button.label] = element.button.id
            self.text += f"[{element.button.label}]\n"
        elif kind in ("heading", "markdown", "alert", "text", "html", "exception"):
            part = getattr(element, kind)
            self.text += (getattr(part, "body", "") or getattr(part, "message", "")) + "\n"
