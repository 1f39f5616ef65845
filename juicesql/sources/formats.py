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
# Read as one document a file. Prose, mark-up, then source code.
_TEXT = """
txt text md markdown rst tex org adoc htm html xhtml xml log srt vtt
py pyi ipynb c h cc cpp cxx hpp hh cs java kt scala go rs rb php pl pm lua r jl js jsx ts tsx mjs vue css scss
sh bash zsh ps1 bat sql swift m mm f f90 hs ml ex exs erl clj el lisp vim cmake toml ini cfg yaml yml proto
"""
TEXT = frozenset(_TEXT.split())
FORMATS = ("jsonl", "json", "parquet", "csv", "tsv", "txt")


@dataclass(frozen=True)
class Format:
    """A format of FORMATS and its compression: `gz`, `zst` or none."""

    name: str
    compression: str = ""

    @property
    def family(self) -> str:
        """`text` for documents, `data` for everything with columns."""
        return "text" if self.name == "txt" else "data"


def detect(path: str) -> Format | None:
    """The format by suffix.

    >>> detect("a/b.JSONL.gz")
    Format(name='jsonl', compression='gz')
    >>> detect("photo.png") is None
    True
    """
    parts = path.replace("\\", "/").rsplit("/", 1)[-1].lower().split(".")
    compression = COMPRESSIONS.get(parts[-1], "") if len(parts) > 2 else ""
    suffix = parts[-2] if compression else parts[-1]
    if len(parts) == 1:
        return None
    name = DATA.get(suffix) or ("txt" if suffix in TEXT else None)
    if name is None or (name == "parquet" and compression):
        return None
    return Format(name, compression)


def override(name: str, path: str) -> Format:
    """The format that the user asked for, with the compression that the suffix shows."""
    known = DATA.get(name.lower(), name.lower())
    if known not in FORMATS:
        mend = nearest(name, FORMATS) or f"use one of {', '.join(FORMATS)}"
        raise SourceError.of("unknown-format", f"`{name}` is not a format", mend)
    return Format(known, COMPRESSIONS.get(path.rsplit(".", 1)[-1].lower(), ""))
