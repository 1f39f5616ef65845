"""Which suffix is read how."""

from __future__ import annotations

from dataclasses import dataclass

from juicesql.errors import SourceError, nearest

DATA = {
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "json",
    "parquet": "parquet",
    "pq": "parquet",
    "csv": "csv",
    "tsv": "tsv",
}
COMPRESSIONS = {"gz": "gz", "zst": "zst"}
# One document a file, whose text has to be taken out of it.
EXTRACTED = {"docx": "docx", "pdf": "pdf"}
# Read as one document a file. Prose, mark-up, then source code.
_TEXT = """
txt text md markdown rst tex org adoc pod htm html xhtml xml log srt vtt
asm smali c h cc cpp cxx c++ hpp hh h++ cs m mm f for fpp f77 f90 f95 f03 f08 java kt scala go rs swift vb
py pyi ipynb rb php php3 php4 php5 phps phpt pl perl pm lua r jl js jsx ts tsx mjs vue css scss sql
sh bash zsh command bat cmd ps1 psd1 psm1 hs ml ex exs erl clj el lisp vim
cmake dockerfile toml ini cfg yaml yml proto
"""
TEXT = frozenset(_TEXT.split())
NAMES = frozenset(["dockerfile", "makefile"])  # known without a suffix
FORMATS = ("jsonl", "json", "parquet", "csv", "tsv", "txt", *EXTRACTED)


@dataclass(frozen=True)
class Format:
    """A format of FORMATS and its compression: `gz`, `zst` or none."""

    name: str
    compression: str = ""

    @property
    def family(self) -> str:
        """`text` for documents, `data` for everything with columns."""
        return "text" if self.name == "txt" or self.name in EXTRACTED else "data"


def detect(path: str) -> Format | None:
    """The format by suffix.

    >>> detect("a/b.JSONL.gz")
    Format(name='jsonl', compression='gz')
    >>> detect("src/Makefile").family
    'text'
    >>> detect("photo.png") is None
    True
    """
    parts = path.replace("\\", "/").rsplit("/", 1)[-1].lower().split(".")
    compression = COMPRESSIONS.get(parts[-1], "") if len(parts) > 2 else ""
    suffix = parts[-2] if compression else parts[-1]
    if len(parts) == 1:
        return Format("txt") if suffix in NAMES else None
    name = DATA.get(suffix) or EXTRACTED.get(suffix) or ("txt" if suffix in TEXT else None)
    if name is None or (name == "parquet" and compression):
        return None
    return Format(name, compression)


def is_format(name: str) -> None:
    """ValueError for a name of no format; an empty one leaves it to the suffix."""
    if name and DATA.get(name.lower(), name.lower()) not in FORMATS:
        raise ValueError


def override(name: str, path: str) -> Format:
    """The format that the user asked for, with the compression that the suffix shows."""
    known = DATA.get(name.lower(), name.lower())
    if known not in FORMATS:
        mend = nearest(name, FORMATS) or f"use one of {', '.join(FORMATS)}"
        raise SourceError.of("unknown-format", f"`{name}` is not a format", mend)
    return Format(known, COMPRESSIONS.get(path.rsplit(".", 1)[-1].lower(), ""))
