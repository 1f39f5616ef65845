"""The recipes for videos, images and sounds that ship, run on small media with models whose answers are known."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2")
av = pytest.importorskip("av")
pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("kenlm")

from safetensors.numpy import load_file, save_file  # noqa: E402

import juicesql  # noqa: E402

ROOT = Path(__file__).parent.parent.parent
MODELS = ROOT / "tests" / "models"
STAND_INS = {
    "sp_model": MODELS / "en.sp.model", "kenlm_model": MODELS / "en.arpa", "aesthetics": MODELS / "rating",
    "clip": MODELS / "shade", "nsfw": MODELS / "light", "watermark": MODELS / "light", "blip": MODELS / "shade-match",
}  # fmt: skip


def write_video(path: Path, pictures: list[np.ndarray]) -> str:
    """Every fourth frame is a key frame."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=10, options={"g": "4"})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], "yuv420p"
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        out.mux(stream.encode())
    return str(path)


def moving(level: int, step: int) -> list[np.ndarray]:
    """Twenty pictures in which a pattern of two near greys moves to the right."""
    pattern = np.random.default_rng(1).integers(level - 12, level + 12, (48, 64, 1), np.uint8, endpoint=True)
    return [np.repeat(np.roll(pattern, step * i, axis=1), 3, axis=2) for i in range(20)]


def rows(path: Path, content: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in content))


def run(tmp_path: Path, recipe: str, content: list[dict], **variables: object) -> tuple[juicesql.RunResult, list[dict]]:
    (tmp_path / "juicesql.toml").write_text("")
    rows(tmp_path / "in.jsonl", content)
    given = {k: str(v) for k, v in STAND_INS.items()} | variables
    wanted = re.findall(r"var\('(\w+)'", (ROOT / "recipes_sql" / recipe).read_text())
    given = {k: v for k, v in given.items() if k in wanted}
    result = juicesql.run(
        ROOT / "recipes_sql" / recipe, source=str(tmp_path / "in.jsonl"), export=tmp_path / "out.jsonl",
        project=tmp_path, variables=given, max_error_rate=1.0, allow_empty=True,
    )  # fmt: skip
    return result, [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]


def dropped(result: juicesql.RunResult) -> dict[str, int]:
    """How many rows each cut dropped, by the function that it measures."""
    return {re.search(r"\w+(?=\((text|videos|images|audios))", f.sql)[0]: f.dropped for f in result.funnel if f.cut}


LIGHT = "<__dj__video> this is a light picture of the cat that sat on the mat and of the dog <|__dj__eoc|>"
GERMAN = "<__dj__video> Das ist ein light Bild der Katze, die auf der Matte und neben dem Hund saß <|__dj__eoc|>"


def changed(model: str, folder: Path, change: Callable[[str, np.ndarray], np.ndarray]) -> str:
    """A copy of a model with other weights."""
    shutil.copytree(MODELS / model, folder)
    weights = load_file(folder / "model.safetensors")
    save_file({n: change(n, w) for n, w in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    return str(folder)


def test_the_sora_recipe_has_every_cut_and_drops_by_each(tmp_path: Path) -> None:
    # The answers of the classifier exchanged, and a CLIP with nearly the scale of OpenAI's.
    night = changed("light", tmp_path / "night", lambda name, w: -w if name.startswith("classifier.") else w)
    clip = changed(
        "shade", tmp_path / "clip", lambda name, w: np.full_like(w, np.log(99)) if name == "logit_scale" else w
    )
    light = write_video(tmp_path / "light.mp4", moving(215, 2))
    dark = write_video(tmp_path / "dark.mp4", moving(40, 2))
    still = write_video(tmp_path / "still.mp4", moving(215, 0))
    # Two of the five key frames are dark, but none of the three that are looked at for their beauty.
    some = write_video(tmp_path / "some.mp4", [moving((215, 40)[i // 4 % 2], 2)[i] for i in range(20)])
    (tmp_path / "broken.mp4").write_bytes(Path(light).read_bytes()[:2000])
    content = [
        {"name": "kept", "text": LIGHT, "videos": [light]},
        {"name": "another language", "text": GERMAN, "videos": [light]},
        {"name": "ugly", "text": LIGHT, "videos": [dark]},
        {"name": "not what it says", "text": LIGHT.replace("light", "dark"), "videos": [light]},
        {"name": "still", "text": LIGHT, "videos": [still]},
        {"name": "not safe", "text": LIGHT, "videos": [some]},
        {"name": "broken", "text": LIGHT, "videos": [str(tmp_path / "broken.mp4")]},
        {"name": "no video", "text": LIGHT.replace("<__dj__video>", ""), "videos": []},
    ]
    result, kept = run(tmp_path, "video/dj_sora_msrvtt.sql.j2", content, nsfw=night, watermark=night, clip=clip)
    assert [row["name"] for row in kept] == ["kept", "no video"]
    assert dropped(result) == {
        "lang_score": 1, "perplexity": 0, "video_frames_aesthetics_score": 1, "video_frames_text_similarity": 1,
        "video_motion_score": 2, "video_nsfw_score": 1, "video_watermark_prob": 0,
    }  # fmt: skip
    assert result.errors == 1


def test_the_sora_recipe_says_the_numbers_of_the_example() -> None:
    text = (ROOT / "recipes_sql/video/dj_sora_msrvtt.sql.j2").read_text()
    numbers = ("0.26311219", "7376.81378", "0.31767486", "0.16571071", "0.25, 10000.0", "0.34847191", "0.96510297")
    names = (
        "shunk031/aesthetics-predictor-v2-sac-logos-ava1-l14-linearMSE", "openai/clip-vit-base-patch32",
        "Falconsai/nsfw_image_detection", "amrul-hzz/watermark_detector",
    )  # fmt: skip
    assert all(text.count(wanted) == 1 for wanted in numbers + names)


def test_the_ocr_recipe_drops_slides_and_dark_videos(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    light = write_video(tmp_path / "light.mp4", moving(215, 2))
    dark = write_video(tmp_path / "dark.mp4", moving(40, 2))
    content = [{"name": "light", "videos": [light]}, {"name": "dark", "videos": [dark]}]
    # This detector takes dark pixels for text.
    result, kept = run(tmp_path, "video/ocr_aesthetics.sql.j2", content, detector=str(MODELS / "dark.onnx"))
    assert [row["name"] for row in kept] == ["light"]
    assert dropped(result) == {"video_ocr_area_ratio": 1, "video_frames_aesthetics_score": 0}


def test_the_llava_recipe_on_pairs(tmp_path: Path) -> None:
    from PIL import Image

    clip = changed(
        "shade", tmp_path / "clip", lambda name, w: np.full_like(w, np.log(99)) if name == "logit_scale" else w
    )
    pictures = {"light": (64, 48, 215), "dark": (64, 48, 40), "wide": (728, 600, 215), "strip": (640, 48, 215)}
    for name, (width, height, level) in pictures.items():
        Image.new("RGB", (width, height), (level,) * 3).save(tmp_path / f"{name}.png")
    said = "<__dj__image> light picture of the cat, the dog, the mat and of 12 more (or 13)"
    content = [{"name": name, "text": said, "images": [str(tmp_path / f"{name}.png")]} for name in pictures]
    content.append(
        {"name": "words again", "text": f"<__dj__image> {'the cat sat ' * 40}", "images": [str(tmp_path / "light.png")]}
    )
    result, kept = run(tmp_path, "multimodal/llava_pretrain.sql.j2", content, clip=clip)
    assert [row["name"] for row in kept] == ["light"]
    found = dropped(result)
    assert (found["char_rep_ratio"], found["aspect_ratios"], found["image_width"], found["image_text_similarity"]) == (
        1,
        1,
        1,
        1,
    )


def test_the_speech_recipe_on_sounds_that_are_none(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("silero_vad")
    pytest.importorskip("speechmos")
    import soundfile

    second = np.arange(16000 * 3) / 16000
    sounds = {
        "tone": 0.3 * np.sin(2 * np.pi * 440 * second),
        "short": np.zeros(8000),
        "loud": np.sign(np.sin(2 * np.pi * 50 * second)),
    }
    for name, samples in sounds.items():
        soundfile.write(tmp_path / f"{name}.wav", samples, 16000)
    content = [{"name": name, "audios": [str(tmp_path / f"{name}.wav")]} for name in sounds]
    result, kept = run(tmp_path, "multimodal/speech.sql.j2", content)
    assert kept == []
    found = dropped(result)
    assert (found["audio_duration"], found["audio_clipping_ratio"], found["audio_speech_ratio"]) == (1, 1, 1)
