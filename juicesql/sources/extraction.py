"""Text of .docx and .pdf files, taken out in a child process that a file may kill: it then costs only its own row."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from juicesql import children
from juicesql.errors import Problem, SourceError
from juicesql.sources._extract_child import HEAD
from juicesql.sources.model import MAX_ROW_BYTES, too_long

LIBRARIES = {"docx": ("docx", "python-docx"), "pdf": ("pdfplumber", "pdfplumber")}
MAX_FILE = 256 << 20
MAX_SECONDS = 600  # of CPU time for one file
MAX_MEMORY = 4 << 30


def check_libraries(files: dict[str, str]) -> None:
    """Raises SourceError with one problem for each format, given with a file of it, whose library is missing."""
    problems = []
    for format, name in files.items():
        module, package = LIBRARIES[format]
        if find_spec(module) is None:
            message = f"`{name}` needs {package}, which is not installed"
            problems.append(Problem("missing-library", message, "pip install 'juicesql[documents]'"))
    if problems:
        raise SourceError(problems)


class Extractor:
    """One child at a time, started when it is first needed and ended with the `with` block. For one thread."""

    def __init__(self, seconds: int = MAX_SECONDS, memory: int = MAX_MEMORY) -> None:
        self.seconds, self.memory = seconds, memory
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Extractor:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def _end(self) -> None:
        if self._child:
            self._child.kill()
            self._child.communicate()

    def text(self, format: str, data: bytes | bytearray, most: int = MAX_ROW_BYTES) -> str:
        """The text of a file; ValueError says why there is none, or that it has more than `most` bytes."""
        child = self._running()
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(HEAD.pack(format.encode().ljust(8), len(data)))
            child.stdin.write(data)
            child.stdin.flush()
            head = child.stdout.read(HEAD.size)
            kind, size = HEAD.unpack(head) if len(head) == HEAD.size else (b"", 0)
            if size > most:
                self._end()
                self._child = None
                raise ValueError(too_long(size, most))
            body = child.stdout.read(size)
        except OSError:
            kind, size, body = b"", 0, b""
        if not kind or len(body) < size:
            raise self._died(child)
        if kind.strip() == b"E":
            raise ValueError(f"no text can be taken out of it: {body.decode()}")
        return body.decode()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            script = Path(__file__).with_name("_extract_child.py")
            # -P: no module beside the script, or where the user stands, goes before a library.
            command = [sys.executable, "-P", str(script), str(self.seconds), str(self.memory)]
            pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
            self._child = children.start(command, stdin=pipe, stdout=pipe, stderr=nowhere)
        return self._child

    def _died(self, child: subprocess.Popen[bytes]) -> Exception:
        child.communicate()
        self._child, code = None, child.returncode
        if code == -signal.SIGINT:
            return SourceError.of("interrupted", "the run was interrupted", "run it again to go on")
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        if code == -signal.SIGPROF:
            why = f"more than {self.seconds} seconds of work"
        return ValueError(f"no text can be taken out of it: it ends its reader with {why}")
