"""Which files are handed to a player."""

from __future__ import annotations

import os
import wave
from pathlib import Path
from typing import Any

import pytest

from juicesql.inspect import playing
from juicesql.inspect.playing import mime_of, playable


@pytest.mark.parametrize(
    ("head", "kind", "mime"),
    [
        (b"\x00\x00\x00\x20ftypisom", "video", "video/mp4"), (b"\x00\x00\x00\x14ftypM4A ", "audio", "audio/mp4"),
        (b"\x00\x00\x00\x14ftypqt  ", "video", ""), (b"\x1aE\xdf\xa3\x01\x02B\x82\x84webm", "video", "video/webm"),
        (b"\x1aE\xdf\xa3\x01\x02B\x82\x88matroska", "video", ""), (b"OggS\x00", "audio", "audio/ogg"),
        (b"ID3\x03", "audio", "audio/mpeg"), (b"\xff\xfb\x90\x00", "audio", "audio/mpeg"), (b"fLaC", "audio", "audio/flac"),
        (b"fLaC", "video", ""), (b"<html><script>", "video", ""), (b"", "audio", ""), (b"\xff", "audio", ""),
        (b"\xff\xd8\xff\xe0", "audio", ""),
    ],
)  # fmt: skip
def test_files_are_known_by_their_beginning(head: bytes, kind: str, mime: str) -> None:
    assert mime_of(head, kind) == mime


def test_only_whole_ordinary_files_are_played(tmp_path: Path, monkeypatch: Any) -> None:
    tone = tmp_path / "tone.mp4"  # by its name a video
    with wave.open(str(tone), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(8000))
    assert playable(str(tone), "audio") == (tone.read_bytes(), "audio/wav")
    assert playable(str(tone), "video") is None
    assert playable(str(tmp_path / "none.wav"), "audio") is None
    assert playable("", "audio") is None
    assert playable(str(tmp_path), "audio") is None
    os.mkfifo(tmp_path / "pipe")
    assert playable(str(tmp_path / "pipe"), "audio") is None
    monkeypatch.setattr(playing, "MOST_BYTES", 1000)
    assert playable(str(tone), "audio") is None


def test_codecs_that_browsers_lack_are_not_played(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\x00\x00\x00\x20ftypisom" + bytes(100))
    assert playable(str(tmp_path / "a.mp4"), "video", "h264")
    assert playable(str(tmp_path / "a.mp4"), "video", "hevc") is None
