"""The server of the dashboard: whom it answers, and that it ends when it is told to."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("streamlit")

from .projects import make_project

UPGRADE = {
    "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip
IN_TIME = 3.0  # seconds: two as promised, and one for a busy machine


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int

    def asked(self, path: str = "/", **headers: str) -> int:
        """The status of an answer, `101` for a websocket that opens."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as link:
            link.sendall(self.request(path, headers))
            return int(link.recv(200).split()[1])

    def request(self, path: str, headers: dict[str, str]) -> bytes:
        given = {"Host": f"127.0.0.1:{self.port}", **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in given.items() if value]
        return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()

    def ended(self) -> bool:
        try:
            self.process.wait(IN_TIME)
        except subprocess.TimeoutExpired:
            return False
        return True


def start(folder: Path, *options: str) -> Server:
    """`juicesql app`, as a shell starts it from a folder that has a `juicesql` of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = "import sys; from juicesql.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-P", "-c", code, "app", "p", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    server = Server(process, port)
    for _ in range(600):
        try:
            if server.asked("/_stcore/health") == 200:
                return server
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError("the dashboard did not start")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project `p`, beside a folder `juicesql` and settings of Streamlit that would open the server to everybody."""
    folder = tmp_path_factory.mktemp("above")
    (folder / "p" / ".streamlit").mkdir(parents=True)
    (folder / "juicesql").mkdir()
    make_project(folder / "p")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_text('[server]\nbaseUrlPath = "taken"\n')
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    found = start(folder)
    yield found
    found.process.kill()
    found.process.wait()


def test_it_answers_its_own_pages(server: Server) -> None:
    own = f"http://localhost:{server.port}"
    assert server.asked("/") == 200
    assert server.asked("/", Host=f"localhost:{server.port}") == 200
    assert server.asked("/", Host=f"[::1]:{server.port}") == 200
    assert server.asked("/_stcore/stream", **UPGRADE, Host=own.removeprefix("http://"), Origin=own) == 101
    assert server.asked("/_stcore/stream", **UPGRADE) == 101


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/stream", "/media/x.png", "/static/index.html"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1.evil.example",
        "localhost@evil.example",
        "[",
        "",
        "0.0.0.0:{port}",
    ],
)
def test_names_of_others_are_refused(server: Server, path: str, host: str) -> None:
    upgrade = UPGRADE if path.endswith("stream") else {}
    status = server.asked(path, **upgrade, Host=host.format(port=server.port))
    assert status in (400, 403)


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "http://localhost:3000",
        "https://127.0.0.1",
        "file://",
        "http://evil.example/{port}",
    ],
)
@pytest.mark.parametrize("path", ["/", "/_stcore/stream"])
def test_pages_of_others_are_refused(server: Server, origin: str, path: str) -> None:
    upgrade = UPGRADE if path.endswith("stream") else {}
    assert server.asked(path, **upgrade, Origin=origin.format(port=server.port)) == 403


def test_a_page_may_load_nothing_from_elsewhere(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/")
    policy = connection.getresponse().getheader("content-security-policy") or ""
    connection.close()
    assert "img-src 'self' data: blob:" in policy and "default-src 'self'" in policy
    assert "http:" not in policy and "*" not in policy


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_it_ends_when_it_is_told_to(folder: Path, which: signal.Signals) -> None:
    """Also while a page is open; and nothing of it lives on, as the port shows."""
    server = start(folder, "--allow-host", "here.example")
    assert server.asked("/", Host="here.example") == 200
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as link:
        link.sendall(server.request("/_stcore/stream", UPGRADE))
        assert b" 101 " in link.recv(200)
        os.kill(server.process.pid, which)
        assert server.ended()
    with pytest.raises(ConnectionRefusedError):
        server.asked("/")
