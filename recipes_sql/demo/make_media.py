"""Builds small videos and images with captions, for the recipes over media: good ones, and ones that a cut must drop.

    python -m juicesql.recipes_sql.demo.make_media demo/media

makes `videos.jsonl` and `pairs.jsonl` there, whose paths are relative to the folder. It needs `juicesql[media]`, takes
seconds, and gives the same bytes each time.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

RATE, SECONDS = 12, 4
SIZE = (320, 180)
Scene = Callable[[float], "Image"]  # the picture at a share of the length

LESSON = """Lesson seven: the water cycle
Water evaporates from the sea
Clouds carry it over the land
Rain and snow fall on the hills
Rivers bring it back to the sea
Please copy this into your book"""


def gradient(top: tuple[int, ...], bottom: tuple[int, ...], size: tuple[int, int] = SIZE) -> Image:
    from PIL import Image

    share = np.linspace(0, 1, size[1])[:, None, None]
    pixels = np.array(top) * (1 - share) + np.array(bottom) * share
    return Image.fromarray(np.repeat(pixels, size[0], axis=1).astype(np.uint8))


def hills(at: float, size: tuple[int, int] = SIZE) -> Image:
    """Hills that pass by under a sky."""
    from PIL import ImageDraw

    width, height = size
    image = gradient((110, 170, 235), (225, 235, 245), size)
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.75, height * 0.1, width * 0.75 + 34, height * 0.1 + 34), fill=(255, 235, 150))
    for depth, colour in enumerate([(120, 150, 130), (80, 135, 80), (45, 105, 50)]):
        shift = at * width * 0.5 * (depth + 1)
        base = height * (0.5 + 0.15 * depth)
        ridge = [(x, base + 14 * math.sin((x + shift) / (47 - 9 * depth))) for x in range(width + 1)]
        draw.polygon([*ridge, (width, height), (0, height)], fill=colour)
    return image


def ball(at: float) -> Image:
    """A red ball that jumps across a floor."""
    from PIL import ImageDraw

    image = gradient((245, 240, 225), (150, 120, 90))
    draw = ImageDraw.Draw(image)
    x, y = 20 + at * 260, 130 - 100 * abs(math.sin(at * 3 * math.pi))
    draw.ellipse((x - 4, 148, x + 34, 156), fill=(110, 85, 65))
    draw.ellipse((x, y, x + 30, y + 30), fill=(205, 45, 40), outline=(120, 20, 20))
    draw.ellipse((x + 7, y + 5, x + 13, y + 11), fill=(255, 190, 180))
    return image


def town(at: float) -> Image:
    """Houses at night, seen from a train."""
    from PIL import ImageDraw

    image = gradient((12, 16, 45), (70, 50, 90))
    draw, chance = ImageDraw.Draw(image), np.random.default_rng(7)
    left = -at * 220
    for _ in range(22):
        width, height = int(chance.integers(22, 44)), int(chance.integers(50, 130))
        draw.rectangle((left, 180 - height, left + width, 180), fill=(25, 25, 38))
        for x in range(4, width - 6, 9):
            for y in range(6, height - 8, 12):
                if chance.random() < 0.45:
                    draw.rectangle((left + x, 180 - height + y, left + x + 4, 185 - height + y), fill=(250, 215, 120))
        left += width + 3
    return image


def waves(at: float) -> Image:
    """The sea from above."""
    from PIL import Image

    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    height = np.sin(x / 17 + at * 12) + np.sin((x + 2 * y) / 23 - at * 9) + 0.5 * np.sin(y / 5 + at * 15)
    pixels = np.stack([20 + 14 * height, 95 + 30 * height, 150 + 34 * height], axis=-1)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def nearer(at: float) -> Image:
    """A step towards the hills."""
    side = 1 - 0.6 * at
    width, height = SIZE[0] * side, SIZE[1] * side
    left, top = (SIZE[0] - width) / 2, (SIZE[1] - height) * 0.7
    return hills(0.2).resize(SIZE, box=(left, top, left + width, top + height))


def lesson(_: float) -> Image:
    """A slide full of text."""
    return written(gradient((250, 250, 245), (235, 235, 225)), LESSON, 12, 8, 20, (20, 20, 60))


def subtitled(at: float) -> Image:
    return written(town(at), "The last train leaves at ten", 24, 146, 20, (255, 255, 255))


def boxed(at: float) -> Image:
    """Hills between black bars."""
    from PIL import Image

    image = Image.new("RGB", SIZE)
    image.paste(hills(at, (SIZE[0], 110)), (0, 35))
    return image


def three(at: float) -> Image:
    """Three scenes with hard cuts between them."""
    return [hills, town, waves][min(int(at * 3), 2)](at * 3 % 1)


def black(_: float) -> Image:
    return gradient((0, 0, 0), (0, 0, 0))


def written(image: Image, text: str, left: int, top: int, height: int, colour: tuple[int, ...]) -> Image:
    from PIL import ImageDraw, ImageFont

    font = ImageFont.load_default(height)
    ImageDraw.Draw(image).multiline_text((left, top), text, fill=colour, font=font, spacing=4)
    return image


VIDEOS: tuple[tuple[str, Scene, str], ...] = (
    ("hills", hills, "Green hills pass by under a blue sky, seen from the window of a car on a summer day."),
    ("ball", ball, "A red ball jumps across a wooden floor, from the left side of the room to the right."),
    ("town", town, "The lit windows of a town at night, seen from a train that goes slowly past the houses."),
    ("waves", waves, "Waves run over the blue sea, filmed from high above on a day with a little wind."),
    ("nearer", nearer, "The camera comes nearer to the green hills until they fill the whole picture."),
    ("upright", lambda at: hills(at, (180, 320)), "Hills in a video that somebody took with a phone held upright."),
    ("three", three, "Hills by day, a town at night and the sea: three scenes, one after the other."),
    ("boxed", boxed, "Hills under a wide sky, in a film with black bars above and below the picture."),
    ("subtitled", subtitled, "A town at night, with a line of text at the bottom that says when the train leaves."),
    ("lesson", lesson, "A slide of a lesson about the water cycle, which the pupils are to copy."),
    ("still", lambda at: hills(0.3), "A photo of green hills, which stays on the screen and does not move at all."),
    ("black", black, "Nothing is to be seen in this video, because the cap was on the lens."),
    ("german", hills, "Grüne Hügel ziehen unter einem blauen Himmel vorbei, aus dem Fenster eines Autos gesehen."),
    ("words", waves, "xqz vlorp wemdtn grubbik zzq plonk trewq hjkl vbnm"),
)
IMAGES: tuple[tuple[str, Callable[[], Image], str], ...] = (
    ("hills.jpg", lambda: hills(0.1), "Green hills under a blue sky with a pale sun, on a quiet summer day."),
    ("ball.png", lambda: ball(0.5), "A red ball in the air above a wooden floor."),
    ("town.jpg", lambda: town(0.4), "The lit windows of many houses in a town at night."),
    ("waves.jpg", lambda: waves(0.2), "Small waves on the blue sea, seen from above."),
    (
        "nearer.jpg",
        lambda: nearer(0.9),
        "The tops of green hills, seen from near by, with part of the sun.",
    ),
    ("upright.png", lambda: hills(0.6, (180, 320)), "Dark green hills in a picture that is higher than it is wide."),
    ("lesson.png", lambda: lesson(0), "A slide that explains how water moves between sea, clouds and land."),
    ("wide.png", lambda: hills(0, (600, 60)), "A narrow strip of hills, ten times as wide as it is high."),
    ("large.jpg", lambda: waves(0.7).resize((1280, 720)), "The sea in a picture that is larger than the others."),
    ("signs.png", lambda: ball(0.2), "### $$$ !!! *** >>> 100% <<< ~~~ ^^^ ||| @@@"),
)


def write_video(path: Path, scene: Scene) -> None:
    """An MP4 file of a scene with a tone; the encoder is set so that it gives the same bytes each time."""
    import av

    count = RATE * SECONDS
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as out:
        options = {"preset": "veryfast", "crf": "26", "g": "24", "mbtree": "0", "threads": "1", "flags": "+bitexact"}
        stream = out.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height = scene(0.0).size
        stream.pix_fmt = "yuv420p"
        sound = out.add_stream("aac", rate=16000, layout="mono", options={"flags": "+bitexact"})
        for number in range(count):
            out.mux(stream.encode(av.VideoFrame.from_image(scene(number / count))))
        out.mux(stream.encode(None))
        wave = (8000 * np.sin(np.arange(16000 * SECONDS) * 2 * math.pi * 330 / 16000)).astype(np.int16)
        for start in range(0, len(wave), 1024):
            block = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="s16", layout="mono")
            block.sample_rate, block.pts, block.time_base = 16000, start, Fraction(1, 16000)
            out.mux(sound.encode(block))
        out.mux(sound.encode(None))


def make_videos(folder: Path) -> list[dict[str, object]]:
    """The files, and a row for each: also for one that is cut off."""
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    for name, scene, _ in VIDEOS:
        write_video(folder / "videos" / f"{name}.mp4", scene)
    whole = (folder / "videos" / "hills.mp4").read_bytes()
    (folder / "videos" / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    captions = [*((name, caption) for name, _, caption in VIDEOS), ("cut", VIDEOS[0][2])]
    return [
        {"id": name, "text": f"<__dj__video> {caption} <|__dj__eoc|>", "videos": [f"videos/{name}.mp4"]}
        for name, caption in captions
    ]


def make_images(folder: Path) -> list[dict[str, object]]:
    """The files, and a row for each: also for one that is cut off."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for name, picture, _ in IMAGES:
        picture().save(folder / "images" / name)
    (folder / "images" / "cut.jpg").write_bytes((folder / "images" / "hills.jpg").read_bytes()[:1500])
    captions = [*((name, caption) for name, _, caption in IMAGES), ("cut.jpg", IMAGES[0][2])]
    return [
        {"id": name.partition(".")[0], "text": f"<__dj__image> {caption}", "images": [f"images/{name}"]}
        for name, caption in captions
    ]


def main(out: str = "demo/media") -> None:
    folder = Path(out)
    for name, rows in {"videos": make_videos(folder), "pairs": make_images(folder)}.items():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, "utf-8")
        print(f"{folder / name}.jsonl: {len(rows)} rows")


if __name__ == "__main__":
    main(*sys.argv[1:])
