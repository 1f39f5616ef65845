"""Files that are not what their names say, and what is no file of data: messages name the cause, and the mend works."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import socket
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from juicesql.sources.files import Bounded, describe, unreadable
from juicesql.sources.formats import Format

from .conftest import Reading

ROWS = b'{"t": "a"}\n{"t": "b"}\n'


@pytest.fixture(autouse=True)
def here(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(reading.base)
    yield


def tar(name: str = "t.jsonl", mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo(name)
        info.size = len(ROWS)
        archive.addfile(info, io.BytesIO(ROWS))
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("t.jsonl", ROWS)
    return out.getvalue()


def parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"t": ["a", "b"]}), out)
    return out.getvalue()


def arrow(how: str) -> bytes:
    table = pa.table({"t": ["a", "b"]})
    out = io.BytesIO()
    with (pa.ipc.new_stream if how == "stream" else pa.ipc.new_file)(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


CASES = [
    ("a.jsonl", gzip.compress(ROWS), "compressed by gzip, not jsonl", "a.jsonl.gz"),
    ("a.jsonl", zstandard.compress(ROWS), "compressed by zstd, not jsonl", "a.jsonl.zst"),
    ("a.jsonl.gz", zstandard.compress(ROWS), "compressed by zstd, not gz", "a.jsonl.zst"),
    ("a.jsonl.zst", gzip.compress(ROWS), "compressed by gzip, not zst", "a.jsonl.gz"),
    ("a.jsonl.gz", ROWS, "ends in .gz, but is not compressed", "a.jsonl"),
    ("a.jsonl.zst", ROWS, "ends in .zst, but is not compressed", "a.jsonl"),
    ("my a.jsonl", parquet(), "is a parquet, not jsonl", "my a.parquet"),
    ("a.csv", parquet(), "is a parquet, not csv", "a.parquet"),
    ("a.parquet", gzip.compress(parquet()), "compressed by gzip, not parquet", "a.unpacked.parquet"),
    ("a.jsonl", bz2.compress(ROWS), "compressed by bzip2, not jsonl", "a.jsonl"),
    ("a.jsonl.bz2", bz2.compress(ROWS), "compressed by bzip2, which juicesql does not read", "a.jsonl"),
    ("a.jsonl.xz", lzma.compress(ROWS), "compressed by xz, which juicesql does not read", "a.jsonl"),
    ("a.jsonl", lzma.compress(ROWS), "compressed by xz, not jsonl", "a.jsonl"),
    ("a.tar", tar(), "a tar archive, which juicesql does not read", "a"),
    ("a.tar.gz", gzip.compress(tar()), "a tar archive, which juicesql does not read", "a"),
    ("a.tgz", gzip.compress(tar()), "a tar archive, which juicesql does not read", "a"),
    ("a.jsonl", tar(), "is a tar archive, not jsonl", "a"),
    ("a.jsonl.gz", gzip.compress(tar()), "unpacks to what is a tar archive", "a"),
    ("a.zip", zipped(), "a zip archive, which juicesql does not read", "a"),
    ("a.jsonl", zipped(), "is a zip archive, not jsonl", "a"),
    ("a.arrow", arrow("stream"), "is an Arrow file", "a.parquet"),
    ("a.arrow", arrow("file"), "is an Arrow file", "a.parquet"),
    ("a.jsonl", arrow("stream"), "is an Arrow stream, not jsonl", "a.parquet"),
    ("a.jsonl", ROWS.decode().encode("utf-16"), "text in UTF-16, not jsonl", "a.utf8.jsonl"),
    ("a.jsonl", ROWS.decode().encode("utf-16-le"), "text in UTF-16LE, not jsonl", "a.utf8.jsonl"),
    ("a.jsonl", ROWS.decode().encode("utf-16-be"), "text in UTF-16BE, not jsonl", "a.utf8.jsonl"),
    ("a.jsonl", ROWS.decode().encode("utf-32"), "text in UTF-32, not jsonl", "a.utf8.jsonl"),
    ("a.csv", "t,n\na,1\nb,2\n".encode("utf-16"), "text in UTF-16, not csv", "a.utf8.csv"),
    ("a.json", '[{"t": "a"}, {"t": "b"}]'.encode("utf-16-le"), "text in UTF-16LE, not json", "a.utf8.json"),
    ("a.jsonl.gz", gzip.compress(ROWS.decode().encode("utf-16")), "unpacks to what is text in UTF-16", "a.utf8.jsonl"),
]


@pytest.mark.parametrize(("name", "data", "told", "then"), CASES, ids=[f"{n}-{t}" for n, _, t, _ in CASES])
def test_the_mend_works(reading: Reading, name: str, data: bytes, told: str, then: str) -> None:
    reading.write(name, data)
    message = reading.refuse(name)
    assert f"`{name}`" in message and told in message
    command = message.partition("mend: ")[2].partition("   then name ")[0]
    if "unzip" in command and subprocess.run(["which", "unzip"], capture_output=True).returncode:
        pytest.skip("no unzip here")
    subprocess.run(["bash", "-ec", f"export PATH={Path(os.sys.executable).parent}:$PATH; {command}"], check=True)  # type: ignore[attr-defined]
    assert [r["t"] for r in reading.rows(then)] == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer, not jsonl"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer, not parquet"),
        ("a.jsonl", b"<!DOCTYPE html><html>404</html>", "an HTML page"),
        ("a.csv", b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG picture"),
        ("a.json", bytes(range(32)) * 8, "`a.json` is binary, not json"),
        ("a.jsonl", b"SQLite format 3\0" + bytes(100), "a SQLite database"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive, which juicesql does not read"),
    ],
)
def test_what_else_a_file_may_be(reading: Reading, name: str, data: bytes, told: str) -> None:
    reading.write(name, data)
    assert told in reading.refuse(name)


def test_what_looks_odd_is_read(reading: Reading) -> None:
    reading.write("a.jsonl", b'{"t": "a\x00b"}\n{"t": "' + bytes([7]) + b'"}\n{"t": "ok"}\n')
    assert [r["t"] for r in reading.both("a.jsonl")[0]] == ["ok"]
    reading.write("b.csv", b"t,n\n\x00,1\n")
    assert reading.rows("b.csv") == [{"t": "\0", "n": 1}]
    reading.write("c.csv", "t,n\n中文,1\n".encode())
    assert reading.rows("c.csv") == [{"t": "中文", "n": 1}]
    reading.write("x.jsonl/part-0.jsonl", ROWS)
    assert len(reading.rows("x.jsonl")) == 2


def test_a_document_in_utf_16_costs_its_row(reading: Reading) -> None:
    reading.write("d/a.txt", "text".encode("utf-16"))
    reading.write("d/b.txt", "fine")
    rows, errors = reading.both("d")
    assert [r["text"] for r in rows] == ["fine"]
    assert errors[0][3].startswith("the text is in UTF-16: iconv -f UTF-16 -t UTF-8 d/a.txt > d/a.utf8.txt")


def test_dead_links(reading: Reading) -> None:
    reading.write("d/a.jsonl", ROWS)
    for name in ("d/b.jsonl", "b.jsonl"):
        (reading.base / name).symlink_to("gone.jsonl")
    for name in ("d", "b.jsonl", "d/*.jsonl"):
        message = reading.refuse(name)
        assert "b.jsonl` is a link to `gone.jsonl`, which does not exist" in message
    (reading.base / "d" / "b.jsonl").unlink()
    assert len(reading.rows("d")) == 2


def test_special_files(reading: Reading) -> None:
    os.mkfifo(reading.base / "pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("sock.jsonl")
    (reading.base / "environ.txt").symlink_to("/proc/self/environ")
    (reading.base / "zero.txt").symlink_to("/dev/zero")
    for name, told in (
        ("pipe.jsonl", "is a pipe"),
        ("sock.jsonl", "is a socket"),
        ("environ.txt", "lies in /proc"),
        ("zero.txt", "is a device"),
        ("/dev/zero", "is a device"),
        ("/proc/self/environ", "lies in /proc"),
        ("/proc/self/cmdline", "lies in /proc"),
        ("/sys/kernel/notes", "lies in /sys"),
        ("/proc/self/environ*", "lies in /proc"),
        ("*.txt", "lies in /proc"),
        ("*.jsonl", "is a pipe"),
    ):
        message = reading.refuse(name, format="txt")
        assert "error[special-file]" in message and told in message


def test_permissions(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    path = reading.write("a b.jsonl", ROWS)
    told = str(unreadable("a b.jsonl", path, PermissionError()))
    assert "error[unreadable-file] `a b.jsonl` may not be read by this user" in told and "chmod u+r 'a b.jsonl'" in told
    file = describe("a b.jsonl", path, 1, Format("jsonl"))
    monkeypatch.setattr("builtins.open", lambda *a, **k: (_ for _ in ()).throw(PermissionError()))
    with pytest.raises(Exception, match="may not be read"):
        Bounded(file)
    with pytest.raises(Exception, match="may not be read"):
        describe("a b.jsonl", path, 1, Format("jsonl"))


def test_a_folder_that_is_closed(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    reading.write("d/a.jsonl", ROWS)
    reading.write("d/closed/b.jsonl", ROWS)
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    message = reading.refuse("d")
    assert "error[unreadable-folder]" in message and "chmod u+rx" in message


def test_files_of_a_hub_folder_are_no_rows(reading: Reading) -> None:
    reading.write("d/README.md", "# About")
    reading.write("d/.gitattributes", "*.parquet filter=lfs")
    for name in ("dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"):
        reading.write(f"d/{name}", '{"features": {}}')
    assert "dataset_info.json" in reading.refuse("d")
    reading.write("d/data/a.jsonl", ROWS)
    assert [r["t"] for r in reading.rows("d")] == ["a", "b"]
    reading.write("d/data/b.json", '[{"t": "c"}]')
    assert [r["t"] for r in reading.rows("d")] == ["a", "b", "c"]
    assert [r["t"] for r in reading.rows("d/**/*.json")] == ["c"]
    assert reading.rows("d/state.json") == [{"features": None}] or reading.open("d/state.json")


def test_state_json_may_be_data(reading: Reading) -> None:
    reading.write("d/city.json", '[{"t": "x"}]')
    reading.write("d/county.json", '[{"t": "y"}]')
    reading.write("d/state.json", '[{"t": "z"}]')
    assert [r["t"] for r in reading.rows("d")] == ["x", "y", "z"]
    reading.write("d/state.json", '{"_data_files": [], "t": "z"}')
    assert [r["t"] for r in reading.rows("d")] == ["x", "y"]


def test_manifests_are_no_rows(reading: Reading) -> None:
    reading.write("d/a.jsonl", ROWS)
    reading.write("d/a.jsonl.manifest.json", '{"rows": 2}')
    assert [r["t"] for r in reading.rows("d")] == ["a", "b"]


def test_data_that_would_be_left_out_is_told(reading: Reading) -> None:
    reading.write("d/a.jsonl", ROWS)
    reading.write("d/b.jsonl.bz2", bz2.compress(ROWS))
    message = reading.refuse("d")
    assert "`d/b.jsonl.bz2` is compressed by bzip2" in message and "or name the others: d/*.jsonl" in message
    assert len(reading.rows("d/*.jsonl")) == 2
    reading.write("e/a.jsonl", ROWS)
    reading.write("e/pictures.zip", zipped())
    assert len(reading.rows("e")) == 2
    reading.write("f/all.zip", zipped())
    assert "`f/all.zip` is a zip archive" in reading.refuse("f")


def test_a_glob_of_folders(reading: Reading) -> None:
    reading.write("x.jsonl/part-0.jsonl", ROWS)
    assert "`*.jsonl` matches only folders (`x.jsonl`)" in reading.refuse("*.jsonl")
    (reading.base / "y.jsonl").mkdir()
    assert "`y.jsonl` holds no file that juicesql reads" in reading.refuse("y.jsonl")


def test_only_broken_rows_say_why(reading: Reading) -> None:
    reading.write("a.jsonl", "not json\n")
    assert "broken JSON at column 1" in reading.refuse("a.jsonl")
    reading.write("b.jsonl", "")
    assert "`b.jsonl` is empty" in reading.refuse("b.jsonl")
    reading.write("c.jsonl", json.dumps({"t": "x" * 2000}))
    assert "more than max_row_bytes" in reading.refuse("c.jsonl", max_row_bytes=1000)
