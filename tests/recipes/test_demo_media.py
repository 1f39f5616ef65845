"""The small videos and images of the demo: whole, named in rows, and the same each time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

av = pytest.importorskip("av")
pytest.importorskip("PIL")

from juicesql.recipes_sql.demo import make_media  # noqa: E402


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_media_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_media, "SECONDS", 1)
    for name in ("first", "second"):
        make_media.main(str(tmp_path / name))
    assert files(tmp_path / "first") == files(tmp_path / "second")
    videos, pairs = rows(tmp_path / "first/videos.jsonl"), rows(tmp_path / "first/pairs.jsonl")
    assert len(videos) == 15 and len(pairs) == 11
    named = {path for row in videos for path in row["videos"]} | {path for row in pairs for path in row["images"]}
    assert all((tmp_path / "first" / path).exists() for path in named)
    with av.open(str(tmp_path / "first/videos/upright.mp4")) as container:
        assert len(list(container.decode(video=0))) == 12
        assert container.streams.video[0].height > container.streams.video[0].width
        assert len(container.streams.audio) == 1
