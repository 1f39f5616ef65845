"""Downloads of single files over https, from public addresses only, up to a size, checked before they get their name.

The address that a host name stands for is looked up once, judged and connected to, for every redirect again. Tests may
set `JUICESQL_ALLOW_PRIVATE_DOWNLOADS=1`, which allows any address and http; it is unsafe where addresses come from
others.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from juicesql.errors import JuiceError

SECONDS = 30  # without a byte
REDIRECTS = 8
CHUNK = 1 << 20
Report = Callable[[int, int], None]  # bytes so far, bytes in all (0: unknown)


def fetch(url: str, target: Path, limit: int, sha256: str = "", report: Report | None = None) -> None:
    """Write what `url` holds to `target`: under another name first, renamed when it is whole and its digest is right.

    JuiceError when the address is refused, cannot be reached, holds more than `limit` bytes or something else.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        found = _download(url, partial, limit, report)
        if sha256 and found != sha256:
            message = f"{url} has the SHA-256 {found}, not {sha256}"
            raise JuiceError.of("wrong-digest", message, "nothing was kept; the file is damaged or not the one meant")
        partial.replace(target)
    except (OSError, ValueError, http.client.HTTPException) as error:
        mend = f"pull it where the address can be reached, or put the file at {target}"
        raise JuiceError.of("no-download", f"{url}: {type(error).__name__}: {error}", mend) from error
    finally:
        partial.unlink(missing_ok=True)


def allows_private() -> bool:
    return os.environ.get("JUICESQL_ALLOW_PRIVATE_DOWNLOADS") == "1"


def _download(url: str, partial: Path, limit: int, report: Report | None) -> str:
    for _ in range(REDIRECTS):
        parts = urlsplit(url)
        connection = _connection(parts)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers={"User-Agent": "juicesql", "Accept": "*/*"})
            response = connection.getresponse()
            if response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, response.getheader("Location") or "")
                continue
            if response.status != 200:
                raise OSError(f"the server answered {response.status} {response.reason}")
            return _save(response, partial, limit, report)
        finally:
            connection.close()
    raise OSError(f"over {REDIRECTS} redirects")


def _save(response: http.client.HTTPResponse, partial: Path, limit: int, report: Report | None) -> str:
    expected, size, digest = response.length or 0, 0, hashlib.sha256()
    _check_size(expected, limit)
    with partial.open("wb") as file:
        while chunk := response.read(CHUNK):
            size += len(chunk)
            _check_size(size, limit)
            file.write(chunk)
            digest.update(chunk)
            if report:
                report(size, expected)
        file.flush()
        os.fsync(file.fileno())
    if expected and size < expected:
        raise OSError(f"the connection ended after {size} of {expected} bytes")
    return digest.hexdigest()


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        message = f"the file is over the limit of {limit:,} bytes"
        raise JuiceError.of("too-large", message, "give a higher --max-size, if you expect a file of that size")


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise JuiceError.of("refused-address", f"{parts.geturl()!r} is no https address", "give an https:// address")
    if parts.scheme == "http" and not allows_private():
        raise JuiceError.of("refused-address", f"{parts.geturl()} is not https", "give an https:// address")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    sock = _connected(parts.hostname, port)
    kind: type[http.client.HTTPConnection] = http.client.HTTPConnection
    if parts.scheme == "https":
        sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
        kind = http.client.HTTPSConnection
    connection = kind(parts.hostname, port, timeout=SECONDS)
    connection.sock = sock
    connection.auto_open = 0  # never a second connection, which would look the name up again
    return connection


def _connected(host: str, port: int) -> socket.socket:
    """A socket to a public address of the host; JuiceError when one of its addresses is not public."""
    addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for address in addresses:
        if not allows_private() and not is_public(address):
            message = f"{host} stands for the address {address}, which is not on the public internet"
            raise JuiceError.of("refused-address", message, "download the file yourself and give its path")
    problem: OSError = OSError(f"{host} has no address")
    for address in addresses:
        try:
            return socket.create_connection((address, port), timeout=SECONDS)
        except OSError as error:
            problem = error
    raise problem


def is_public(address: str) -> bool:
    """Whether anyone on the internet could mean this address.

    >>> [is_public(a) for a in ("8.8.8.8", "127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:10.1.2.3")]
    [True, False, False, False, False, False]
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None) or ip
    return bool(inner.is_global and not inner.is_multicast)
