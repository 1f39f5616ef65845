"""`python -m juicesql.app.serve --server.port=8501 ... -- PROJECT`: the server of the dashboard, in one process.

It answers this machine only: see `Guard`. It ends within two seconds of SIGTERM or Ctrl-C, also with pages open.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

OURS = ("127.0.0.1", "localhost", "::1")
GRACE = 1.0  # seconds that open pages have to say goodbye
# Nothing is loaded from elsewhere, whatever a text says: Streamlit and Vega need inline code, which is theirs.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "connect-src 'self' data: blob:; frame-src 'none'; object-src 'none'; base-uri 'self'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Lets pages of this server alone through: a request names one of `hosts`, and one with an `Origin` comes from it.

    A page of another site can make a browser send requests here, under a name of its own that leads to this machine
    (DNS rebinding) or across origins. Both are answered with 403 before anything is read.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app, self.hosts = app, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = refused(scope["headers"], self.hosts)
        if refusal:
            await _refuse(scope, refusal, send)
        elif scope["type"] == "websocket":
            await self.app(scope, receive, send)
        else:
            await self.app(scope, receive, _with_headers(send))


def refused(headers: Sequence[tuple[bytes, bytes]], hosts: Collection[str]) -> str:
    """Why a request with these headers is not answered; empty when it is.

    >>> refused([(b"host", b"localhost:8501"), (b"origin", b"http://localhost:8501")], OURS)
    ''
    >>> refused([(b"host", b"evil.example:8501")], OURS)
    'the host evil.example is not served here'
    >>> refused([(b"host", b"localhost:8501"), (b"origin", b"http://localhost:3000")], OURS)
    'pages of http://localhost:3000 are not answered'
    """
    named = [value.decode("latin-1") for name, value in headers if name == b"host"]
    if len(named) != 1:
        return "a request names one host"
    host = _host(f"//{named[0]}")
    if host not in hosts:
        return f"the host {host} is not served here"
    for name, value in headers:
        origin = value.decode("latin-1")
        if name == b"origin" and origin.lower() not in (f"{s}://{named[0].lower()}" for s in ("http", "https")):
            return f"pages of {origin} are not answered"
    return ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


async def _refuse(scope: Scope, why: str, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": why[:100]})
        return
    body = f"403: {why}. `juicesql app --allow-host NAME` serves another name of this machine.\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": [*headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in _HEADERS}
            kept = [(n, v) for n, v in message.get("headers", ()) if n.lower() not in ours]
            message = {**message, "headers": [*kept, *_HEADERS]}
        await send(message)

    return sending


@asynccontextmanager
async def _lifespan(options: dict[str, Any], _: Any) -> AsyncIterator[None]:
    for number in (signal.SIGTERM, signal.SIGINT):
        _hasten(number)
    if not options.get("server.headless", True):
        webbrowser.open(f"http://{options['server.address']}:{options['server.port']}")
    yield


def _hasten(number: signal.Signals) -> None:
    """The server waits for open pages, and threads for their queries: after GRACE, neither is waited for."""
    before = signal.getsignal(number)

    def end(which: int, frame: FrameType | None) -> None:
        timer = threading.Timer(GRACE, os._exit, [128 + which])
        timer.daemon = True
        timer.start()
        if callable(before):
            before(which, frame)

    signal.signal(number, end)


def serve(options: dict[str, Any], root: Path, hosts: Collection[str] = ()) -> None:
    """Serve the dashboard of a project until a signal ends it. `options` are Streamlit's."""
    from starlette.middleware import Middleware
    from streamlit.starlette import App

    script = Path(__file__).with_name("main.py")
    sys.argv = [str(script), str(root.resolve())]
    os.chdir(script.parent)  # the folder where it is started may be somebody else's: its .streamlit/ has no say
    guard = Middleware(Guard, hosts=frozenset((*OURS, *hosts)))
    App(script, middleware=[guard], lifespan=partial(_lifespan, options)).run(config=options)


def main(arguments: Sequence[str]) -> None:
    """`--option=value ... [--allow-host=NAME ...] -- PROJECT`."""
    pairs = [a.removeprefix("--").partition("=") for a in arguments[:-2]]
    hosts = [value.lower() for name, _, value in pairs if name == "allow-host"]
    options = {name: _typed(value) for name, _, value in pairs if name != "allow-host"}
    serve(options, Path(arguments[-1]), hosts)


def _typed(text: str) -> str | int | bool:
    return int(text) if text.isdigit() else {"true": True, "false": False}.get(text, text)


if __name__ == "__main__":
    main(sys.argv[1:])
