"""A project for the pages over samples: two runs over hostile texts with duplicates, one over files, some of them broken."""

from __future__ import annotations

import json
import math
import struct
import wave
from pathlib import Path

import juicesql

HOSTILE = "<script>alert(1)</script> <img src=x onerror=alert(2)> **bold** $x$ :red[y] [a](javascript:alert(3))"
TEXTS = """{{ config(source="texts.jsonl", export="texts-out.jsonl") }}
with cleaned as (
    select * replace (whitespace_normalization(trim(text)) as text) from source
),
kept as (
    select * from cleaned
    where text_len(text) >= {{ var('shortest', 20) }} and alnum_ratio(text) >= 0.2
),
exact as ({{ exact_dedup('kept') }}),
near as ({{ near_dedup('exact', jaccard=0.5) }})
select * from near
"""
MEDIA = """{{ config(source="media.jsonl", export="media-out.jsonl", max_error_rate=1.0) }}
select *
from source
where text_len(text) >= 5
  and all_between(video_duration(videos), 0.5, 60)
  and all_between(aspect_ratios(images), 0.3, 3)
"""
OUTSIDE = 3  # the sample whose picture is not below the folder of the source


def make_texts(folder: Path) -> list[str]:
    """Samples 0..39: 5 is hostile, 6 too short, 7 repeats 1, 8 nearly repeats 2, 9 is broken JSON. Returns both run ids."""
    fruit = [
        "apples",
        "pears",
        "plums",
        "cherries",
        "figs",
        "dates",
        "grapes",
        "melons",
        "lemons",
        "limes",
        "quinces",
        "peaches",
        "nuts",
        "olives",
    ]
    texts = [
        f"  number {i}   of the documents tells of {fruit[i % 14]} and {fruit[i * 3 % 14]} " * 3 for i in range(40)
    ]
    texts[1] = "  one document that stands twice,   word for word and letter for letter, in the same source  "
    texts[2] = "  a long text on rivers, hills and valleys, on bridges and boats, on rain and snow, and on spring  "
    texts[5], texts[6], texts[7] = f"  {HOSTILE}  ", "short", texts[1]
    texts[8] = texts[2].replace("spring", "autumn days")
    lines = [json.dumps({"text": text, "meta": {"id": i}}) for i, text in enumerate(texts)]
    lines[9] = '{"text": broken'
    _write(folder, "texts", lines, TEXTS)
    recipe = folder / "texts.sql.j2"
    runs = [juicesql.run(recipe, project=folder, variables={"shortest": n}, max_error_rate=0.5) for n in (20, 100)]
    return [r.run_id for r in runs]


def make_media(folder: Path) -> str:
    """Sample 0 has an image, a video and a sound; 1 broken ones; 2 names that are no files; 3 a picture elsewhere."""
    from juicesql.recipes_sql.demo.make_media import hills, write_video
    from PIL import Image

    write_video(folder / "hills.mp4", hills)
    hills(0.0).save(folder / "hills.jpg")
    (folder / "cut.mp4").write_bytes((folder / "hills.mp4").read_bytes()[:9000])
    (folder / "cut.jpg").write_bytes((folder / "hills.jpg").read_bytes()[:1500])
    outside = folder.parent / f"{folder.name}-secret.png"
    Image.new("RGB", (64, 64), "red").save(outside)
    _tone(folder / "tone.wav")
    rows = [
        {"text": "green hills under a sky", "images": ["hills.jpg"], "videos": ["hills.mp4"], "audios": ["tone.wav"]},
        {"text": "broken files", "images": ["cut.jpg"], "videos": ["cut.mp4"], "audios": []},
        {"text": HOSTILE, "images": ["<script>alert(1)</script>.png"], "videos": [""], "audios": ["*a*.wav"]},
        {"text": "a picture elsewhere", "images": [str(outside)], "videos": ["hills.mp4"], "audios": []},
    ]
    _write(folder, "media", [json.dumps(r) for r in rows], MEDIA)
    return juicesql.run(folder / "media.sql.j2", project=folder).run_id


def _write(folder: Path, name: str, lines: list[str], recipe: str) -> None:
    (folder / "juicesql.toml").touch()
    (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / f"{name}.sql.j2").write_text(recipe)


def _tone(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        samples = (int(9000 * math.sin(i / 4)) for i in range(8000))
        file.writeframes(b"".join(struct.pack("<h", s) for s in samples))
