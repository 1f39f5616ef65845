"""Archives of models: what is good is unpacked whole, what is hostile or damaged is refused."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from juicesql import archives
from juicesql.archives import unpack
from juicesql.errors import JuiceError

Member = tuple[str, bytes | str, bytes]  # name, content or where it leads, type


def tarred(path: Path, *members: Member, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            if isinstance(content, str):
                info.linkname = content
            else:
                info.size = len(content)
            archive.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def plain(name: str, content: bytes = b"x") -> Member:
    return name, content, tarfile.REGTYPE


def link(name: str, leads_to: str, kind: bytes = tarfile.SYMTYPE) -> Member:
    return name, leads_to, kind


def found(folder: Path) -> dict[str, bytes]:
    assert not any(p.is_symlink() for p in folder.rglob("*"))
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def problem(archive: Path, folder: Path, inside: str = ".", limit: int = 10_000) -> str:
    with pytest.raises(JuiceError) as caught:
        unpack(archive, inside, folder / "out", limit)
    return caught.value.problems[0].code


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_is_unpacked_whole_or_one_folder_of_it(tmp_path: Path, mode: str) -> None:
    members = [("./m", b"", tarfile.DIRTYPE), plain("./m/a.json", b"{}"), plain("m/sub/b.bin", b"bb"), plain("c.txt")]
    archive = tarred(tmp_path / "m.tar", *members, mode=mode)
    unpack(archive, ".", tmp_path / "all", 100)
    assert found(tmp_path / "all") == {"m/a.json": b"{}", "m/sub/b.bin": b"bb", "c.txt": b"x"}
    unpack(archive, "m", tmp_path / "one", 100)
    assert found(tmp_path / "one") == {"a.json": b"{}", "sub/b.bin": b"bb"}
    assert problem(archive, tmp_path, inside="other") == "bad-archive"


def test_links_of_the_hub_cache_become_files(tmp_path: Path) -> None:
    archive = tarred(
        tmp_path / "m.tar.gz",
        link("models--a--b/snapshots/1/config.json", "../../blobs/12"),
        plain("models--a--b/blobs/12", b"{}"),
        link("hard", "models--a--b/blobs/12", tarfile.LNKTYPE),
    )
    unpack(archive, ".", tmp_path / "out", 100)
    assert found(tmp_path / "out")["models--a--b/snapshots/1/config.json"] == b"{}"
    assert found(tmp_path / "out")["hard"] == b"{}"


@pytest.mark.parametrize(
    "members",
    [
        [plain("../evil")],
        [plain("m/../../evil")],
        [plain("/tmp/evil")],
        [plain("..\\evil")],
        [plain("a\x1b[2Jb")],
        [plain("a\nb")],
        [link("m", "/etc/passwd")],
        [link("m", "../../etc/passwd")],
        [link("m", "nothing")],
        [link("m", "m")],
        [link("m", ".", tarfile.SYMTYPE), plain("m/evil")],
        [link("m", "/etc", tarfile.SYMTYPE), plain("m/evil")],
        [link("m", "/etc/passwd", tarfile.LNKTYPE)],
        [("pipe", b"", tarfile.FIFOTYPE)],
        [("device", b"", tarfile.CHRTYPE)],
        [plain("a"), plain("a")],
        [plain("a"), plain("a/b")],
        [plain("a"), link("a", "a")],
        [],
    ],
    ids=str,
)
def test_hostile_tars_are_refused(tmp_path: Path, members: list[Member]) -> None:
    archive = tarred(tmp_path / "m.tar.gz", *members)
    assert problem(archive, tmp_path) == "bad-archive"
    assert not [p for p in tmp_path.rglob("*") if p.name == "evil" and p.parent == tmp_path]


def test_sizes_and_numbers_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = tarred(tmp_path / "bomb.tar.gz", plain("zeros", bytes(1_000_000)))
    assert problem(bomb, tmp_path, limit=999_999) == "too-large"
    unpack(bomb, ".", tmp_path / "fits", 1_000_000)
    many = tarred(tmp_path / "many.tar", *(plain(str(i)) for i in range(5)))
    monkeypatch.setattr(archives, "MOST_FILES", 4)
    with pytest.raises(JuiceError, match="more than 4 files"):
        unpack(many, ".", tmp_path / "many", 100)


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    whole = tarred(tmp_path / "m.tar.gz", plain("a", bytes(range(256)) * 40)).read_bytes()
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("a", b"content" * 50)
    zipped = (tmp_path / "m.zip").read_bytes()
    contents = [b"", b"no archive", whole[:-40], whole[:30], zipped.replace(b"contentc", b"contentd")]
    for number, content in enumerate(contents):
        (tmp_path / "cut").write_bytes(content)
        folder = tmp_path / str(number)
        folder.mkdir()
        assert problem(tmp_path / "cut", folder, limit=100_000) == "bad-archive"
