"""One question to a server that speaks the OpenAI API, with retries, over the standard library's HTTP."""

from __future__ import annotations

import email.utils
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

LONGEST_WAIT = 300.0  # seconds, whatever a server asks for
TRY_AGAIN = (408, 409, 425, 429)  # and all of 500 and above
SHOWN = 200  # characters of an answer that an error shows


class NoAnswer(Exception):
    """A question that got no usable answer. `wait` is how long to wait before asking again, None to give up."""

    def __init__(self, message: str, wait: float | None = None, again: bool = False) -> None:
        super().__init__(message)
        self.wait, self.again = wait, again


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the key must not go elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Endpoint:
    """Where to ask. `retry_seconds` is the wait before the second try, doubled before each further one."""

    url: str
    key: str | None = None
    timeout: float = 60.0  # seconds for a whole answer
    max_bytes: int = 4 << 20
    retries: int = 5
    retry_seconds: float = 1.0
    stopped: Event = field(default_factory=Event)

    def ask(self, body: Mapping[str, Any]) -> Any:
        """The JSON of the answer. NoAnswer when there is none after the last try."""
        for attempt in range(self.retries + 1):
            try:
                return self._once(json.dumps(body).encode())
            except NoAnswer as error:
                if not error.again or attempt == self.retries:
                    raise NoAnswer(f"{error}" + (f" ({attempt + 1} tries)" if attempt else "")) from error
                wait = error.wait if error.wait is not None else self.retry_seconds * 2**attempt
                if self.stopped.wait(min(wait, LONGEST_WAIT)):
                    raise NoAnswer("stopped") from error
        raise AssertionError("unreachable")

    def _once(self, body: bytes) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.url, body, headers, method="POST")
        until = time.monotonic() + self.timeout
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.timeout) as response:
                text = self._read(response, until)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{type(error).__name__}: {error}", again=True) from error
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NoAnswer(f"the answer is not JSON: {_shown(text)}") from error

    def _read(self, response: http.client.HTTPResponse, until: float) -> bytes:
        """The whole answer, as long as it comes in time and is not too large."""
        parts, size = [], 0
        while part := response.read1(65536):
            parts.append(part)
            size += len(part)
            if size > self.max_bytes:
                raise NoAnswer(f"the answer has more than {self.max_bytes:,} bytes")
            if time.monotonic() > until:
                raise NoAnswer(f"the answer took more than {self.timeout:g} seconds", again=True)
        if response.length:  # it said how long it is
            raise NoAnswer("the answer was cut off", again=True)
        return b"".join(parts)

    def _refused(self, error: urllib.error.HTTPError) -> NoAnswer:
        again = error.code in TRY_AGAIN or error.code >= 500
        try:
            said = error.read(2000)
        except (OSError, http.client.HTTPException):
            said = b""
        return NoAnswer(f"HTTP {error.code}: {_shown(said)}", retry_after(error.headers.get("Retry-After")), again)


def retry_after(header: str | None) -> float | None:
    """Seconds to wait, of a header that has them or a date; None for one that has neither.

    >>> retry_after("3"), retry_after("soon"), retry_after(None)
    (3.0, None, None)
    """
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace").strip().replace("\n", " ")[:SHOWN] or "nothing"


def inside(answer: Any, path: str) -> str | None:
    """The text at a place such as `choices.0.message.content`. NoAnswer when it is not there; None where it is null."""
    found = answer
    for part in path.split("."):
        try:
            found = found[int(part)] if isinstance(found, list) else found[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise NoAnswer(f"the answer has no {path}: {_shown(json.dumps(answer).encode())}") from error
    if found is not None and not isinstance(found, str):
        raise NoAnswer(f"{path} of the answer is no text: {found!r:.100}")
    return found
