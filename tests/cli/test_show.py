"""`show`: a page of samples that tells what happened to them, whatever their texts, names and files are."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
import wave
from html.parser import HTMLParser
from pathlib import Path

import pytest

from juicesql import thumbnails
from juicesql.inlinediff import diff_parts
from juicesql.media import MediaSettings
from juicesql.sheet import clock, shown
from juicesql.thumbnails import Thumbnailer

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;</div></style>\x00\u202e{{ 7 * 7 }}"
LINKS = ["javascript:alert(1)", "https://example.com/a.png", '"><script>alert(3)</script>.png', "../../etc/passwd"]


class Page(HTMLParser):
    """The elements of a page, with its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.elements, self.texts = html, [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag and all(a.get(k.rstrip("_")) == v for k, v in wanted.items())]


@pytest.fixture
def ran(shell, project: Path) -> Path:
    assert shell("run", "recipe.sql.j2").code == 0
    return project


def show(shell, *words: object) -> Page:
    answer = shell("show", *words)
    assert answer.code == 0, answer.err
    return Page(Path(answer.out.strip()).read_text("utf-8"))


def check_harmless(page: Page) -> None:
    """Nothing runs, nothing is loaded, every link stays in the page."""
    assert {tag for tag, _ in page.elements} & {"script", "iframe", "object", "embed", "link", "base", "form"} == set()
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        assert (attributes.get("src") or "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
        assert re.fullmatch(r"#sample-\d+", attributes.get("href") or "#sample-0")
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(a.get("alt") for a in page.all("img"))
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"] or ""
    style = re.search(r"<style>(.*?)</style>", page.html, re.S).group(1)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;") and f"style-src 'sha256-{digest}'" in policy


def test_samples_that_stayed_and_went(shell, ran: Path) -> None:
    answer = shell("show")
    path = Path(answer.out.strip())
    assert (path.parent, path.name) == (ran / "sheets", "recipe-0-1-2-5-6-7.html")
    page = Page(path.read_text("utf-8"))
    check_harmless(page)
    assert page.all("html", lang="en") and page.all("article", id="sample-5")
    assert "20 rows in" in page.text and "juicesql run --trace N" not in page.text.split("Sample 0")[0]


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        (
            0,
            [
                "It passed every cut.",
                "data.jsonl, row 0 (counted from 0)",
                "✓ passed",
                "a plain document with number 0",
            ],
        ),
        (1, ["It stands for 1 duplicate: 7"]),
        (5, ["Dropped by text_len(text) BETWEEN 20 AND 1000 (kept.1, line 9), its value is 5", "✗ failed", "✓ passed"]),
        (6, ["Dropped by alnum_ratio(text) >= 0.1 (kept.2, line 10), its value is 0"]),
        (7, ["A duplicate of sample 1 (data.jsonl, row 1), by the step exact"]),
        (8, ["It could not be measured or read:", "Errors Function Message source"]),
        (9, ["its stat is NULL, it could not be measured", "? not measured"]),
    ],
)
def test_verdicts(shell, ran: Path, sample: int, told: list[str]) -> None:
    page = show(shell, "recipe.sql.j2", "--sample", sample)
    check_harmless(page)
    assert not page.all("nav")
    for words in told:
        assert words in page.text


def test_a_duplicate_is_linked_to_the_sample_that_stayed(shell, ran: Path) -> None:
    page = show(shell, "latest", "--sample", 7, "--sample", 1, "--sample", 7)
    assert len(page.all("article")) == 2
    assert len(page.all("a", href="#sample-1")) == 2  # of the index, and of the verdict


def test_changes_are_marked_in_place(shell, ran: Path) -> None:
    page = show(shell, "latest", "--sample", 0)
    assert "text changed by cleaned" in page.text
    assert [t for t in page.texts if "␣" in t] == ["␣␣", "␣␣"]
    assert len(page.all("del")) == 2 and not page.all("ins")


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("a b", "a b", [("same", "a b")]),
        ("", "new", [("ins", "new")]),
        ("gone", "", [("del", "gone")]),
        (" \n", "", [("del", "␣↵\n")]),
        ("a\tb", "a b", [("same", "a"), ("del", "→"), ("ins", "␣"), ("same", "b")]),
    ],
)
def test_differences(before: str, after: str, parts: list[tuple[str, str]]) -> None:
    assert diff_parts(before, after) == parts


def test_long_differences_are_cut_down() -> None:
    words = [f"w{i}" for i in range(500)]
    changed = " ".join([*words[:250], "x", *words[251:]])
    parts = diff_parts(" ".join(words), changed)
    assert [mark for mark, _ in parts] == ["gap", "same", "del", "ins", "same", "gap"]
    assert parts[0][1] == " … 238 words the same … "
    parts = diff_parts("a" * 100_000, "b" * 100_000)
    assert sum(len(text) for _, text in parts) < 50_000 and parts[-1][0] == "gap"


def test_hostile_texts_names_and_columns(shell, project: Path) -> None:
    rows = [{"text": HOSTILE + f" {i} and words enough", "images": LINKS, HOSTILE[:40]: HOSTILE} for i in range(2)]
    (project / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert shell("run", "recipe.sql.j2").code == 0
    page = show(shell, "--sample", 0, "--sample", 1)
    check_harmless(page)
    assert "<script>alert(1)</script>" in page.text and "{{ 7 * 7 }}" in page.text  # as text
    assert "␀[U+202E]" in page.text
    for link in LINKS:
        assert link in page.text


def test_what_is_not_seen_is_named() -> None:
    assert shown("a\x1b[1m\r\n\u200b\ud800b\tc") == "a␛[1m\n[U+200B][U+D800]b\tc"
    assert clock(59.99) == "0:59.9"


def test_json_names_the_page(shell, ran: Path) -> None:
    found = shell("show", "--sample", 5, "--json").json
    assert found["path"].endswith("recipe-5.html") and Path(found["path"]).is_file()
    assert found["samples"][0]["verdict"] == "dropped" and found["kept"] == 15


def test_errors_say_how_to_mend_them(shell, project: Path, tmp_path: Path) -> None:
    answer = shell("show")
    assert answer.code == 6 and "run a recipe" in answer.err
    shell("run", "recipe.sql.j2")
    answer = shell("show", "--sample", 0, "--sample", 20, "--sample", 99)
    assert answer.code == 6 and "no sample 20" in answer.err and "no sample 99" in answer.err
    assert "its samples are 0 to 19" in answer.err and not (project / "sheets").exists()
    assert shell("show", "recpie.sql.j2").code == 6


def test_a_file_of_another_program_stays(shell, ran: Path) -> None:
    own = ran / "mine.html"
    own.write_text("mine")
    answer = shell("show", "--sample", 0, "--output", own)
    assert answer.code == 7 and "is no sheet of juicesql" in answer.err and own.read_text() == "mine"
    page = ran / "deep" / "page.html"
    for _ in range(2):  # the second takes the place of the first
        assert shell("show", "--sample", 0, "--output", page).code == 0
    assert [p.name for p in page.parent.iterdir()] == ["page.html"]


def test_a_source_that_changed_or_is_gone(shell, ran: Path) -> None:
    data = ran / "data.jsonl"
    data.write_text(data.read_text() + '{"text": "more"}\n')
    assert "The source has changed since the run" in show(shell, "--sample", 0).text
    data.unlink()
    page = show(shell, "--sample", 0)
    assert "The source cannot be read again" in page.text and "It passed every cut." in page.text


# Media


@pytest.fixture
def pictured(shell, project: Path) -> Path:
    """Sample 0 has media of every kind, 1 broken and missing ones, 2 many."""
    pytest.importorskip("av")
    from PIL import Image

    folder = project / "media"
    folder.mkdir()
    Image.effect_noise((700, 350), 60).convert("RGB").save(folder / "wide.png")
    sideways = Image.new("RGB", (60, 40), "red")
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways.save(folder / "turned.jpg", exif=exif)
    write_video(folder / "clip.mp4", 24)
    write_sound(folder / "tone.wav", 2.0)
    (folder / "broken.jpg").write_bytes((folder / "turned.jpg").read_bytes()[:300])
    (folder / "broken.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:500])
    (folder / "page.wav").write_text("<html>")
    rows = [
        ("all of them", ["media/wide.png", "media/turned.jpg"], ["media/clip.mp4"], ["media/tone.wav"]),
        ("broken ones", ["media/broken.jpg", "media/gone.jpg", "media"], ["media/broken.mp4"], ["media/page.wav", ""]),
        ("many of them", ["media/turned.jpg"] * 30, [], []),
    ]
    names = ("text", "images", "videos", "audios")
    (project / "data.jsonl").write_text("".join(json.dumps(dict(zip(names, r, strict=True))) + "\n" for r in rows))
    (project / "media.sql.j2").write_text(
        "{{ config(source='data.jsonl', max_error_rate=1) }}\n"
        "select * from source where all_between(image_width(images), 10, 5000) and text_len(text) > 3"
    )
    assert shell("run", "media.sql.j2").code == 0
    return project


def write_video(path: Path, frames: int) -> None:
    import av
    import numpy as np

    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=12)
        stream.width, stream.height = 64, 48
        for i in range(frames):
            pixels = np.full((48, 64, 3), 10 * i, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode(None))


def write_sound(path: Path, seconds: float, rate: int = 8000) -> None:
    samples = [round(16000 * math.sin(i / 5)) if i > rate else 0 for i in range(int(seconds * rate))]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def test_media_are_in_the_page(shell, pictured: Path) -> None:
    page = show(shell, "media.sql.j2", "--sample", 0)
    check_harmless(page)
    assert [(i["width"], i["height"]) for i in page.all("img")][:2] == [("320", "160"), ("40", "60")]
    assert len(page.all("img")) == 2 + 6 and len(page.all("time")) == 6
    assert page.all("svg", class_="wave", role="img") and "8 kHz, mono" in page.text
    assert "700 × 350, PNG" in page.text and "64 × 48, 0:02.0" in page.text
    assert "image_width(images) 700" in page.text and "image_width(images) 40" in page.text  # beside its own picture


def test_broken_media_cost_themselves_only(shell, pictured: Path) -> None:
    page = show(shell, "media.sql.j2", "--sample", 1)
    check_harmless(page)
    assert not page.all("img") and len(page.all("div", class_="missing")) == 6
    for words in (
        "No such file or directory",
        "it is not a file",
        "the list has an entry without a path",
        "Invalid data",
    ):
        assert words in page.text


def test_many_media_are_counted(shell, pictured: Path) -> None:
    page = show(shell, "media.sql.j2", "--sample", 2, "--media", 5)
    assert len(page.all("img")) == 5 and "and 25 more" in page.text


def test_a_page_has_a_size(shell, pictured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("juicesql.show.MOST_BYTES", 100)
    page = show(shell, "media.sql.j2", "--sample", 0)
    assert len(page.all("img")) == 1 and "3 media are listed by name only" in page.text


def test_without_the_libraries_media_have_names(shell, pictured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "LIBRARIES", ("PIL", "a_library_that_is_not_there"))
    page = show(shell, "media.sql.j2", "--sample", 0)
    assert not page.all("img") and "pip install 'juicesql[media]'" in page.text
    for name in ("media/wide.png", "media/clip.mp4", "media/tone.wav"):
        assert name in page.text


def test_thumbnails(pictured: Path) -> None:
    with Thumbnailer(MediaSettings(root=str(pictured / "media"))) as make:
        clip, tone = make("video", "clip.mp4"), make("audio", "tone.wav")
        assert [round(p.seconds or 0, 1) for p in clip.pictures] == [0.2, 0.5, 0.8, 1.2, 1.5, 1.8]
        assert clip.facts["seconds"] == 2 and clip.pictures[0].jpeg.startswith(b"\xff\xd8")
        assert tone.facts["seconds"] == 2 and tone.wave[2] == (0, 0)
        assert tone.wave[-2][0] < -0.4 < 0.4 < tone.wave[-2][1]
        assert make("video", "tone.wav").error == "it has no video stream"
        assert make("audio", "clip.mp4").error == "it has no audio stream"
        assert make("image", "clip.mp4").error == "it is not a picture of a known format"


def test_a_confined_root_is_not_left(pictured: Path) -> None:
    with Thumbnailer(MediaSettings(root=str(pictured / "media"), confined=True)) as make:
        assert not make("image", "wide.png").error
        assert "is outside the media root" in make("image", "../data.jsonl").error


def test_a_child_that_dies_costs_one_file(pictured: Path) -> None:
    with Thumbnailer(MediaSettings(root=str(pictured / "media"))) as make:
        assert not make("image", "wide.png").error
        make._child.kill()
        make._child.wait()
        assert make("image", "wide.png").error == "it ends its reader with signal 9"
        assert not make("image", "wide.png").error


def test_a_limit_on_time(pictured: Path) -> None:
    with Thumbnailer(MediaSettings(root=str(pictured / "media")), seconds=0.001) as make:
        assert re.search("takes too long|takes more than", make("audio", "tone.wav").error)
