"""What a file really holds, by its first bytes, and what mends a file that holds something else than its name says."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote as word

from juicesql.errors import SourceError
from juicesql.sources.formats import Format

HEAD = 512
# (bytes, at, kind)
_MAGIC = (
    (b"\x1f\x8b", 0, "gzip"),
    (b"\x28\xb5\x2f\xfd", 0, "zstd"),
    (b"BZh", 0, "bzip2"),
    (b"\xfd7zXZ\0", 0, "xz"),
    (b"7z\xbc\xaf\x27\x1c", 0, "7-Zip"),
    (b"PK\x03\x04", 0, "zip"),
    (b"ustar", 257, "tar"),
    (b"PAR1", 0, "parquet"),
    (b"ARROW1", 0, "Arrow file"),
    (b"FEA1", 0, "Feather"),
    (b"\xff\xff\xff\xff", 0, "Arrow stream"),
    (b"DUCK", 8, "DuckDB database"),
    (b"SQLite format 3\0", 0, "SQLite database"),
    (b"Obj\x01", 0, "Avro"),
    (b"\x89PNG", 0, "PNG picture"),
    (b"\xff\xd8\xff", 0, "JPEG picture"),
    (b"%PDF", 0, "PDF"),
    (b"\x7fELF", 0, "program"),
    (b"\x80\x04\x95", 0, "pickle"),
    (b"version https://git-lfs", 0, "Git LFS pointer"),
)
_LFS = "git lfs pull   (or `hf download` the data set again)"
# Names that no reader takes: suffix -> (what it is, command that unpacks {a} to {b})
_PACKED = {
    "bz2": ("compressed by bzip2", "bunzip2 -k {a}"),
    "xz": ("compressed by xz", "unxz -k {a}"),
    "lzma": ("compressed by LZMA", "unlzma -k {a}"),
    "lz4": ("compressed by lz4", "unlz4 {a} {b}"),
    "br": ("compressed by Brotli", "brotli -d {a}"),
    "tar": ("a tar archive", "mkdir -p {b} && tar -xf {a} -C {b}"),
    "tgz": ("a tar archive", "mkdir -p {b} && tar -xf {a} -C {b}"),
    "zip": ("a zip archive", "unzip {a} -d {b}"),
    "7z": ("a 7-Zip archive", "7z x {a} -o{b}"),
    "rar": ("a rar archive", "unrar x {a} {b}/"),
}
_ARROW = (
    "python -c \"import sys, pyarrow as pa, pyarrow.parquet as pq; "
    "pq.write_table(pa.ipc.open_{how}(sys.argv[1]).read_all(), sys.argv[2])\" {a} {b}"
)  # fmt: skip


def kind_of(head: bytes) -> str:
    """What the first bytes of a file say that it is: a key of this module, `UTF-16LE` and the like, `binary`, or none.

    >>> kind_of(b"PAR1..."), kind_of(b'{"a": 1}')
    ('parquet', '')
    """
    for magic, at, kind in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return kind
    return _encoding(head) or ("HTML page" if _html(head) else "binary" if _binary(head) else "")


def check_content(name: str, path: Path, form: Format) -> None:
    """Raises SourceError where the file is not of the format that its name or its user says. Reads its first bytes.

    Documents are not looked at: a document that is none costs its own row.
    """
    if form.family == "text":
        return
    with open(path, "rb") as file:
        kind = kind_of(file.read(HEAD))
    wanted = {"gz": "gzip", "zst": "zstd"}.get(form.compression) or ("parquet" if form.name == "parquet" else "")
    if kind == wanted or not path.stat().st_size or (form.name == "parquet" and not kind):
        return
    shown = shown_path(name, path)
    if form.compression and not kind:
        plain = shown.rpartition(".")[0]
        told = "ends in ." + form.compression + ", but is not compressed"
        raise SourceError.of("wrong-content", f"`{name}` {told}", f"mv {word(shown)} {word(plain)}")
    what = f"`{name}` is {_article(kind)}, not {form.compression or form.name}"
    raise SourceError.of("wrong-content", what, _mend(kind, shown, form))


def check_unpacked(name: str, path: Path, form: Format, head: bytes) -> None:
    """Raises SourceError where what a compressed file unpacks to, which begins like this, is not of the format."""
    kind = kind_of(head)
    if not kind:
        return
    shown = shown_path(name, path)
    tool = {"gz": "gunzip", "zst": "zstd -d"}[form.compression] + f" -c < {word(shown)}"
    plain = shown.removesuffix("." + form.compression)
    if kind.startswith("UTF"):
        stem, dot, suffix = plain.rpartition(".")
        mend = f"{tool} | iconv -f {kind} -t UTF-8 > {word(f'{stem}.utf8{dot}{suffix}')}"
    elif kind == "tar":
        folder = os.path.splitext(plain)[0]
        mend = f"mkdir -p {word(folder)} && {tool} | tar -xf - -C {word(folder)}   then name {folder}"
    else:
        mend = f"{tool} > {word(plain)}   then name {plain}"
    raise SourceError.of("wrong-content", f"`{name}` unpacks to what is {_article(kind)}, not {form.name}", mend)


def packed(name: str, path: Path) -> tuple[str, str] | None:
    """(what is said, what mends it) of a name that ends like an archive or in a compression that no reader takes."""
    base, _, suffix = name.rpartition(".")
    if suffix.lower() in ("gz", "zst") and base.lower().endswith(".tar"):
        base, suffix = base[:-4], "tar"
    if suffix.lower() in ("arrow", "feather"):
        with open(path, "rb") as file:
            how = "file" if file.read(6) == b"ARROW1" else "stream"
        return f"`{name}` is an Arrow file", _arrow(how, shown_path(name, path))
    if suffix.lower() not in _PACKED or not base:
        return None
    what, command = _PACKED[suffix.lower()]
    shown = shown_path(name, path)
    base = shown[: len(shown) - (len(name) - len(base))]
    mend = command.format(a=word(shown), b=word(base))
    return f"`{name}` is {what}, which juicesql does not read", f"{mend}   then name {base}"


def encoding_mend(kind: str, shown: str) -> str:
    """The command that turns a file of this encoding into UTF-8."""
    stem, dot, suffix = shown.rpartition(".")
    return f"iconv -f {kind} -t UTF-8 {word(shown)} > {word(f'{stem}.utf8{dot}{suffix}' if dot else shown + '.utf8')}"


def shown_path(name: str, path: Path) -> str:
    """The path for a command: as the user wrote it where that is right from here, else from the root."""
    return name if os.path.abspath(name) == os.path.abspath(path) else os.path.abspath(path)


def _mend(kind: str, shown: str, form: Format) -> str:
    """What turns the file into one that can be read."""
    plain = shown.removesuffix("." + form.compression) if form.compression else shown
    stem = os.path.splitext(plain)[0]
    if kind == "Git LFS pointer":
        return _LFS
    if kind.startswith("UTF"):
        return encoding_mend(kind, shown)
    suffix = {"gzip": ".gz", "zstd": ".zst"}.get(kind)
    if suffix:
        return f"mv {word(shown)} {word(plain + suffix)}" if form.name != "parquet" else f"{_unpack(kind, shown, stem)}"
    if kind == "parquet":
        return f"mv {word(shown)} {word(stem + '.parquet')}"
    if kind in ("Arrow file", "Feather", "Arrow stream"):
        return _arrow("stream" if kind == "Arrow stream" else "file", shown)
    ending = {"bzip2": "bz2", "xz": "xz", "7-Zip": "7z", "zip": "zip", "tar": "tar"}.get(kind)
    if ending:
        new = f"{plain}.{ending}"
        base = plain if ending in ("bz2", "xz") else stem
        command = _PACKED[ending][1].replace(" -k", "").format(a=word(new), b=word(base))
        return f"mv {word(shown)} {word(new)} && {command}   then name {base}"
    if kind == "DuckDB database":
        return f'name a table of it: source="duckdb:{shown}#TABLE"'
    return "name a file of jsonl, json, parquet, csv, tsv or text"


def _unpack(kind: str, shown: str, stem: str) -> str:
    tool = {"gzip": "gunzip -c", "zstd": "zstd -dc"}[kind]
    return f"{tool} < {word(shown)} > {word(stem + '.unpacked.parquet')}"


def _arrow(how: str, shown: str) -> str:
    return _ARROW.format(how=how, a=word(shown), b=word(os.path.splitext(shown)[0] + ".parquet"))


def _article(kind: str) -> str:
    if kind in ("gzip", "zstd", "bzip2", "xz"):
        return f"compressed by {kind}"
    if kind == "binary":
        return "binary"
    if kind.startswith("UTF"):
        return f"text in {kind}"
    return f"{'an' if kind[0] in 'AH7' and kind != '7-Zip' else 'a'} {kind}" + (
        " archive" if kind in ("zip", "tar", "7-Zip") else ""
    )


def _encoding(head: bytes) -> str:
    for mark, name in (
        (b"\xff\xfe\0\0", "UTF-32"),
        (b"\0\0\xfe\xff", "UTF-32"),
        (b"\xff\xfe", "UTF-16"),
        (b"\xfe\xff", "UTF-16"),
    ):
        if head.startswith(mark):
            return name
    start = head[:64]
    if len(start) < 4:
        return ""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd >= 0.4 * len(start[1::2]) and not even:
        return "UTF-16LE"
    return "UTF-16BE" if even >= 0.4 * len(start[0::2]) and not odd else ""


def _html(head: bytes) -> bool:
    return head.lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _binary(head: bytes) -> bool:
    """Whether more than a tenth are bytes that no text has."""
    control = sum(head.count(bytes([c])) for c in (*range(9), 11, *range(14, 32), 127))
    return control > max(4, len(head) / 10)
