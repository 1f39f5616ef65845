"""Recipes over media files: broken files cost their own rows, files are known by what they are, workers have limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from definitions_media import scenes, write_video

import juicesql

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
select *
from source
where any_between(video_duration(videos), 1, 60)
  and any_between(video_width(videos), 32, 10000)
  and any_between(video_motion_score(videos), -1, 10000)
  and any_between(video_black_ratio(videos), 0, 0.9)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "juicesql.toml").write_text("")
    (tmp_path / "r.sql.j2").write_text(RECIPE)
    (tmp_path / "media").mkdir()
    return tmp_path


def rows(project: Path, paths: list[str]) -> None:
    with open(project / "data.jsonl", "w") as out:
        for number, path in enumerate(paths):
            out.write(json.dumps({"number": number, "videos": [path]}) + "\n")


def whole(project: Path, count: int) -> list[str]:
    return [
        str(write_video(project / "media" / f"{i}.mp4", scenes(i, 20)[: 15 + i % 3], (64, 48)).relative_to(project))
        for i in range(count)
    ]


def broken(project: Path) -> list[str]:
    """One of each kind: missing, empty, cut off, noise, a sound, a picture, a folder, text with the suffix of a video."""
    import wave

    import cv2
    import numpy as np

    media = project / "media"
    content = Path(write_video(media / "cut.mp4", scenes(1, 40), (64, 48))).read_bytes()
    (media / "cut.mp4").write_bytes(content[: len(content) // 2])
    (media / "empty.mp4").write_bytes(b"")
    (media / "noise.mp4").write_bytes(np.random.default_rng(1).bytes(5000))
    with wave.open(str(media / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\1" * 8000)
    (media / "sound.wav").rename(media / "sound.mp4")
    cv2.imwrite(str(media / "picture.png"), np.zeros((48, 64, 3), np.uint8))
    (media / "picture.png").rename(media / "picture.mp4")
    (media / "folder.mp4").mkdir()
    (media / "text.mp4").write_text("not a video\n" * 100)
    return [f"media/{n}.mp4" for n in ("missing", "empty", "cut", "noise", "sound", "picture", "folder", "text")]


def output(project: Path) -> list[dict]:
    return [json.loads(line) for line in (project / "out.jsonl").read_text().splitlines()]


def tables(project: Path) -> tuple[list, list]:
    with duckdb.connect(str(project / "stats.duckdb"), read_only=True) as con:
        run = con.execute("select run_id from runs order by started desc limit 1").fetchone()
        errors = con.execute("select sample_id, message from errors where run_id = ? order by all", run).fetchall()
        stats = con.execute(
            "select sample_id, video_duration, video_width, video_motion_score from stats order by all"
        ).fetchall()
    return errors, stats


def test_each_broken_file_is_one_error_and_no_other_row_suffers(project: Path) -> None:
    good, bad = whole(project, 40), broken(project)
    mixed = [p for i, p in enumerate(good) for p in ([p, bad[i // 5]] if i % 5 == 2 else [p])]
    rows(project, mixed)
    result = juicesql.run(project / "r.sql.j2", max_error_rate=0.5)
    errors, stats = tables(project)
    places = [i for i, p in enumerate(mixed) if p in bad]
    assert [e[0] for e in errors] == places
    assert (result.rows_in, result.kept, result.errors) == (48, 40, 8)
    kept = [row["number"] for row in output(project)]
    assert kept == [i for i, p in enumerate(mixed) if p in good]
    measured = {row[0]: row for row in stats}
    for i in kept:
        assert measured[i][2] == [64]
        frames = 15 + good.index(mixed[i]) % 3
        assert measured[i][1] == pytest.approx([frames / 10])  # 10 a second
        assert measured[i][3][0] > 0


def test_a_rerun_opens_no_file_and_a_changed_file_is_measured_again(project: Path) -> None:
    rows(project, whole(project, 5))
    first = juicesql.run(project / "r.sql.j2")
    again = juicesql.run(project / "r.sql.j2")
    assert (first.measured, again.measured, again.reused) == (20, 0, 20)
    write_video(project / "media" / "3.mp4", scenes(9, 40), (64, 48))
    assert juicesql.run(project / "r.sql.j2").measured == 4


def test_a_killed_run_is_resumed_with_the_same_database(project: Path) -> None:
    rows(project, whole(project, 48) + broken(project)[:2])
    command = [sys.executable, "-m", "juicesql", "run", "r.sql.j2", "--threads", "2"]
    for delay in (1.5, 2.5):
        running = subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        running.send_signal(signal.SIGKILL)
        running.wait()
    resumed = juicesql.run(project / "r.sql.j2")
    found, out = tables(project), (project / "out.jsonl").read_bytes()
    assert resumed.kept == 48 and len(found[0]) == 2
    (project / "stats.duckdb").unlink()
    juicesql.run(project / "r.sql.j2", fresh=True)
    assert tables(project) == found
    assert (project / "out.jsonl").read_bytes() == out


HANGS = '''"""Stat `stubborn`."""

import os
import time

from juicesql.api import stat


@stat("stubborn(videos VARCHAR[]) -> BIGINT[]", runs_on="process", rowwise=True)
def stubborn(videos: list[str]) -> list[int]:
    """Waits or dies as the names of its files say. Usual cut: none. Source: made up."""
    for path in videos:
        if "hang" in path:
            time.sleep(60)
        if "die" in path:
            os._exit(3)
    return [len(videos)]
'''


def test_a_row_that_hangs_or_kills_its_worker_costs_one_row(project: Path) -> None:
    (project / "udfs").mkdir()
    (project / "udfs" / "stubborn.py").write_text(HANGS)
    names = [f"{i}.mp4" for i in range(20)]
    names[4], names[11] = "hang.mp4", "die.mp4"
    rows(project, names)
    recipe = '{{ config(source="data.jsonl", export="out.jsonl", row_seconds=0.5) }} '
    (project / "s.sql.j2").write_text(recipe + "select *, stubborn(videos) as n from source")
    started = time.perf_counter()
    result = juicesql.run(project / "s.sql.j2", max_error_rate=0.5)
    assert time.perf_counter() - started < 30
    with duckdb.connect(str(project / "stats.duckdb"), read_only=True) as con:
        messages = con.execute("select sample_id, message from errors order by all").fetchall()
    assert [m[0] for m in messages] == [4, 11]
    assert "more than 0.5 seconds" in messages[0][1] and "exit code 3" in messages[1][1]
    assert result.kept == 20


def test_media_outside_the_root_are_refused(project: Path) -> None:
    path = whole(project, 1)[0]
    rows(project, [path, f"../{project.name}/{path}", str(project / path), "/etc/passwd"])
    recipe = '{{ config(source="data.jsonl", export="out.jsonl", media_root="media", max_error_rate=1) }} '
    (project / "s.sql.j2").write_text(recipe + "select *, video_width(videos) as width from source")
    (project / "media" / "media").symlink_to(project / "media")
    juicesql.run(project / "s.sql.j2")
    widths = [row["width"] for row in output(project)]
    assert widths == [[64], None, [64], None]
    assert os.environ.get("JUICESQL_MEDIA") is None


def test_a_batch_that_hangs_is_halved_to_the_row_that_hangs(project: Path) -> None:
    (project / "udfs").mkdir()
    batch = HANGS.replace(", rowwise=True", "").replace("videos: list[str]) -> list[int]", "videos):")
    batch = batch.replace("):", "):", 1).replace("def stubborn(videos)::", "def stubborn(videos):")
    batch = batch.replace("for path in videos:", "for path in [p for row in videos.to_pylist() for p in row]:")
    (project / "udfs" / "stubborn.py").write_text(batch.replace("[len(videos)]", "[[1]] * len(videos)"))
    names = [f"{i}.mp4" for i in range(4)]
    names[2] = "hang.mp4"
    rows(project, names)
    recipe = '{{ config(source="data.jsonl", export="out.jsonl", row_seconds=0.5) }} '
    (project / "s.sql.j2").write_text(recipe + "select *, stubborn(videos) as n from source")
    juicesql.run(project / "s.sql.j2", max_error_rate=0.5)
    assert [row["n"] for row in output(project)] == [[1], [1], None, [1]]


def test_a_run_opens_no_media_outside_its_root(project: Path) -> None:
    """By `..`, a whole path, a link to a file or a folder, or a protocol; a playlist inside the root names one outside."""
    outside = project / "outside.mp4"
    write_video(outside, scenes(1, 20)[:10], (64, 48))
    (inside,) = whole(project, 1)
    media = project / "media"
    (media / "link.mp4").symlink_to(outside)
    (media / "up").symlink_to(project)
    (media / "list.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:1,\n{outside}\n#EXT-X-ENDLIST\n")
    (media / "parts.mp4").write_text(f"ffconcat version 1.0\nfile '{outside}'\n")
    names = [
        "../outside.mp4", str(outside), "link.mp4", "up/outside.mp4", "list.mp4", "parts.mp4", f"file:{outside}",
        f"concat:{outside}", f"subfile:,start,0,end,0,,:{outside}", "http://127.0.0.1:1/a.mp4", "pipe:0", "/dev/stdin",
    ]  # fmt: skip
    rows(project, [Path(inside).name, *names])
    head = '{{ config(source="data.jsonl", export="out.jsonl", media_root="media", max_error_rate=1.0) }}\n'
    for call in ("video_width(videos)", "video_hash(videos)", "audio_sizes(videos)", "image_width(videos)"):
        (project / "r.sql.j2").write_text(f"{head}select * from source where {call}::varchar <> ''")
        result = juicesql.run(project / "r.sql.j2", project=project)
        readable = {"audio_sizes(videos)": 3, "image_width(videos)": 0}.get(call, 1)  # sizes of the two lists, too
        assert (result.kept, result.errors) == (readable, 13 - readable), call
