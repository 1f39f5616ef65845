"""A process of its own that takes the text out of .docx and .pdf files, which may be broken, hostile or endless.

It is run as a script and imports nothing of juicesql, so that its memory is that of the libraries and the file. A
question is the format and the file; the answer is `T` and the text, or `E` and what is wrong.
"""

from __future__ import annotations

import io
import os
import re
import signal
import struct
import sys
from collections.abc import Iterator
from typing import Any

HEAD = struct.Struct("<8sQ")  # the kind, padded with spaces, and how many bytes follow


def docx_text(data: bytes) -> str:
    """Paragraphs that are not blank and tables, in the order of the document, one a line.

    A row of a table is a line too, with tabs between its cells; a merged cell is given once.
    """
    import docx

    return "\n".join(_blocks(docx.Document(io.BytesIO(data))))


def pdf_text(data: bytes) -> str:
    """The text of the pages without their tables and page numbers, in lines as they stand."""
    import pdfplumber

    pages = []
    with pdfplumber.open(io.BytesIO(data)) as pdf:
        for page in pdf.pages:
            rest = page
            for table in page.find_tables():
                rest = rest.outside_bbox(table.bbox, strict=False)
            text = re.sub(rf"(^|\n)[ \t]*{page.page_number}\s*\Z", "", rest.extract_text())
            if text.strip():
                pages.append(text)
            page.close()
    return "\n".join(pages)


def _blocks(container: Any) -> Iterator[str]:
    for block in container.iter_inner_content():
        if hasattr(block, "rows"):
            yield from _rows(block)
        elif block.text.strip():
            yield block.text


def _rows(table: Any) -> Iterator[str]:
    seen = set()
    for row in table.rows:
        cells, last = [], None
        for cell in row.cells:  # a merged cell stands at each of its places
            place = cell._tc
            if place is not last:
                cells.append("" if place in seen else " ".join(" ".join(_blocks(cell)).split()))
            last = place
            seen.add(place)
        if any(cells):
            yield "\t".join(cells)


def answer(kind: str, data: bytes) -> tuple[bytes, bytes]:
    try:
        text = {"docx": docx_text, "pdf": pdf_text}[kind](data)
        return b"T", text.encode(errors="replace")
    except MemoryError:
        return b"E", b"it needs too much memory"
    except Exception as error:  # whatever a broken file makes of the libraries
        told = f"{type(error).__name__}: {error}".strip(": ")
        if "Password" in repr(error) + repr(error.__context__):
            told = "it is encrypted; save it without a password"
        return b"E", re.sub(r"\s+", " ", told)[:300].encode(errors="replace")


def main(seconds: int, memory: int) -> None:
    """Answer until the questions end. A file that takes more CPU time ends the process, by the signal SIGPROF."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or memory < hard:
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    while head := sys.stdin.buffer.read(HEAD.size):
        kind, size = HEAD.unpack(head)
        data = sys.stdin.buffer.read(size)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        found, body = answer(kind.decode().strip(), data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(HEAD.pack(found.ljust(8), len(body)) + body)
        answers.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    main(int(sys.argv[1]), int(sys.argv[2]))
