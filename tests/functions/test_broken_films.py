"""Half files, pictures and lists of files under the names of videos and sounds: an error of every function."""

from __future__ import annotations

import io
import wave
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL")
av = pytest.importorskip("av")
pytest.importorskip("cv2")

from definitions_images import measured  # noqa: E402
from definitions_media import picture, scenes, write_video  # noqa: E402
from juicesql.udfs._whole import check_whole  # noqa: E402
from juicesql.udfs.audio._audio import open_sound  # noqa: E402
from juicesql.udfs.video._facts import video_facts  # noqa: E402
from PIL import Image  # noqa: E402

from juicesql.media import VARIABLE, MediaSettings  # noqa: E402

STATS = (
    "video_duration", "video_width", "video_height", "video_aspect_ratios", "video_hash", "video_frame_hashes",
    "video_motion_score", "video_static_ratio", "video_black_ratio", "video_letterbox_ratio", "video_scene_count",
)  # fmt: skip
MAPPERS = {
    "video_extract_frames": {}, "video_face_blur": {}, "video_remove_watermark": {},
    "video_resize_aspect_ratio": {}, "video_resize_resolution": {"max_width": 32}, "video_split_by_duration": {},
    "video_split_by_key_frame": {}, "video_split_by_scene": {}, "video_ffmpeg_wrapped": {"filter_name": "hflip"},
}  # fmt: skip
SOUNDS = (
    "audio_duration", "audio_hash", "audio_channels", "audio_sample_rate", "audio_loudness", "audio_silence_ratio",
    "audio_clipping_ratio", "audio_nmf_snr",
)  # fmt: skip
FILMS = ("a.mp4", "a.mov", "a.3gp", "a.mkv", "a.webm", "a.avi", "a.wmv", "a.ts", "live.mkv", "pieces.mp4")
RATE = 8000


def film(path: Path) -> Path:
    """Two seconds of 64 x 48 pixels, with sound; `live` does not say its length, `pieces` has its index in fragments."""
    codec, sound = ("libvpx-vp9", "libopus") if path.suffix == ".webm" else ("mpeg4", "mp2")
    sound = {".mp4": "aac", ".mov": "aac", ".3gp": "aac"}.get(path.suffix, sound)
    options = {"live": {"live": "1"}, "pieces": {"movflags": "frag_keyframe+empty_moov"}}.get(path.stem, {})
    with av.open(str(path), "w", options=options) as out:
        shown = out.add_stream(codec, rate=10, options={"g": "5"})
        shown.width, shown.height, shown.pix_fmt = 64, 48, "yuv420p"
        heard = out.add_stream(sound, rate=48000, layout="mono")
        for number, image in enumerate(scenes(1, 20)[:20]):
            frame = av.VideoFrame.from_image(image.resize((64, 48)))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            out.mux(shown.encode(frame))
        samples = (np.sin(np.arange(96000) / 20) * 9000).astype("<i2")[None]
        block = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        block.sample_rate, block.pts = 48000, 0
        for part in av.AudioResampler(heard.format, "mono", 48000, frame_size=heard.frame_size or 1152).resample(block):
            out.mux(heard.encode(part))
        for stream in (shown, heard):
            out.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {name: film(folder / name) for name in FILMS}


def halves(path: Path, *shares: float) -> list[Path]:
    whole = path.read_bytes()
    found = []
    for share in shares:
        half = path.with_name(f"{int(share * 100)}-{path.name}")
        half.write_bytes(whole[: int(len(whole) * share) // 188 * 188 + 77])  # no whole packets of TS
        found.append(half)
    return found


@pytest.mark.parametrize("name", FILMS)
def test_a_film_that_is_cut_off_anywhere_is_an_error(name: str, films: dict[str, Path]) -> None:
    assert len(video_facts(str(films[name])).times) == 20
    with open_sound(str(films[name])) as sound:
        assert sum(map(len, sound.blocks)) >= 90000
    for half in halves(films[name], 0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        for function in ("video_duration", "video_hash", "audio_duration", "audio_hash"):
            with pytest.raises((OSError, ValueError)):
                measured(function, half)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm"])
def test_half_a_film_is_an_error_of_every_function(name: str, films: dict[str, Path], tmp_path: Path) -> None:
    (half,) = halves(films[name], 0.5)
    for function in STATS + SOUNDS:
        with pytest.raises((OSError, ValueError)):
            measured(function, half)
    for function, options in MAPPERS.items():
        with pytest.raises((OSError, ValueError)):
            measured(function, half, save_dir=str(tmp_path / "out"), **options)
    assert not list(tmp_path.glob("out/*"))


def test_a_picture_is_no_video_whatever_it_is_called(tmp_path: Path) -> None:
    image = picture(1, 64, 48)
    for number, kind in enumerate(("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "AVIF", "JPEG2000", "PPM")):
        path = tmp_path / f"{number}.mp4"
        image.save(path, kind)
        for function in STATS if kind == "PNG" else ("video_scene_count", "video_hash", "video_width"):
            with pytest.raises(ValueError, match="is a picture, not a video"):
                measured(function, path)
    for function, options in MAPPERS.items():
        with pytest.raises(ValueError, match="is a picture, not a video"):
            measured(function, tmp_path / "0.mp4", save_dir=str(tmp_path / "out"), **options)


def test_a_video_of_one_frame_is_a_video_and_so_is_a_picture_that_moves(tmp_path: Path) -> None:
    """What counts is the container: MP4 and Matroska hold videos, GIF and PNG do when they have several pictures."""
    for name in ("one.mp4", "one.mkv"):
        path = write_video(tmp_path / name, [picture(1)], (64, 48))
        assert measured("video_scene_count", path) == [1]
        assert measured("video_width", path) == [64]
    shown = [picture(number, 64, 48) for number in range(3)]
    for kind in ("GIF", "PNG"):
        shown[0].save(tmp_path / "moving.mp4", kind, save_all=True, append_images=shown[1:], duration=100)
        assert measured("video_width", tmp_path / "moving.mp4") == [64]
        assert len(video_facts(str(tmp_path / "moving.mp4")).times) == 3
    with (tmp_path / "moving.mp4").open("wb") as file:
        out = io.BytesIO()
        shown[0].save(out, "GIF", save_all=True, append_images=shown[1:], duration=100)
        file.write(out.getvalue()[: len(out.getvalue()) // 2])
    with pytest.raises(ValueError, match="truncated"):
        measured("video_width", tmp_path / "moving.mp4")


LISTS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n",
    "master": '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{film}\n',
    "ffconcat": "ffconcat version 1.0\nfile '{film}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="1" bandwidth="1"><BaseURL>{film}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "text": "hello world\n" * 300,
    "letters": "\x1b[31mhello\x1b[0m" * 300,
    "subtitles": "1\n00:00:01,000 --> 00:00:02,000\nhello\n\n",
    "svg": "<svg xmlns='http://www.w3.org/2000/svg' width='10' height='10'/>",
    "metadata": ";FFMETADATA1\ntitle=x\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", LISTS)
def test_a_file_that_names_others_opens_none_whatever_it_is_called(
    kind: str, films: dict[str, Path], tmp_path: Path
) -> None:
    for suffix in ("mp4", "mkv", "m3u8", "txt", "ans", "wav"):
        path = tmp_path / f"x.{suffix}"
        path.write_text(LISTS[kind].format(film=films["a.ts"]))
        for function in ("video_duration", "video_scene_count", "video_hash", "audio_duration", "audio_hash"):
            with pytest.raises((OSError, ValueError)):
                measured(function, path)


@pytest.mark.parametrize(
    "name",
    ["concat:{film}", "subfile:,start,0,end,0,,:{film}", "pipe:0", "file:{film}", "http://127.0.0.1:1/a.mp4",
     "data:video/mp4;base64,AAAA", "lavfi:testsrc", "\0", "a\0.mp4"],
)  # fmt: skip
def test_the_name_of_a_file_is_no_protocol(name: str, films: dict[str, Path]) -> None:
    for function in (*STATS, *SOUNDS, "image_width", "image_hash"):
        with pytest.raises((OSError, ValueError)):
            measured(function, name.format(film=films["a.ts"]))


# Sound


def sound(path: Path, seconds: float = 1.0) -> Path:
    import soundfile

    samples = np.sin(np.arange(int(RATE * seconds)) / 9) * 0.3
    if path.suffix in (".m4a", ".mka"):
        with av.open(str(path), "w", format="mp4" if path.suffix == ".m4a" else "matroska") as out:
            stream = out.add_stream("aac", rate=RATE, layout="mono")
            frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, 0
            for part in av.AudioResampler("fltp", "mono", RATE, frame_size=1024).resample(frame):
                out.mux(stream.encode(part))
            out.mux(stream.encode())
    else:
        soundfile.write(path, samples, RATE)
    return path


@pytest.mark.parametrize("name", ["s.wav", "s.flac", "s.ogg", "s.aiff", "s.au", "s.caf", "s.w64", "s.m4a", "s.mka"])
def test_sound_that_is_cut_off_is_an_error_of_every_function(name: str, tmp_path: Path) -> None:
    path = sound(tmp_path / name)
    whole = path.read_bytes()
    for function in SOUNDS[:2]:
        measured(function, path)
    for share in (0.0, 0.3, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        for function in SOUNDS if share == 0.5 else SOUNDS[:3]:
            with pytest.raises((OSError, ValueError)):
                measured(function, path)


def test_an_ogg_file_that_ends_between_two_pages_is_cut_off(tmp_path: Path) -> None:
    whole = sound(tmp_path / "s.ogg", 20).read_bytes()
    last = whole.rfind(b"OggS")
    (tmp_path / "s.ogg").write_bytes(whole[:last])
    for function in SOUNDS:
        with pytest.raises(ValueError, match="truncated"):
            measured(function, tmp_path / "s.ogg")


def test_what_has_no_sound_is_an_error_of_every_function(tmp_path: Path) -> None:
    write_video(tmp_path / "silent.mp4", scenes(1, 20)[:4], (64, 48))
    (tmp_path / "text.wav").write_text("no sound\n" * 200)
    (tmp_path / "empty.wav").write_bytes(b"")
    picture(1, 20, 20).save(tmp_path / "picture.wav", "PNG")
    (tmp_path / "folder.wav").mkdir()
    for path in tmp_path.iterdir():
        for function in SOUNDS:
            with pytest.raises((OSError, ValueError)):
                measured(function, path)
    for function, options in {
        "audio_add_gaussian_noise": {},
        "audio_ffmpeg_wrapped": {"filter_name": "volume"},
    }.items():
        for path in list(tmp_path.iterdir()):
            with pytest.raises((OSError, ValueError)):
                measured(function, path, save_dir=str(tmp_path / "out"), **options)
    assert not list(tmp_path.glob("out/*"))


def test_a_length_that_was_not_known_is_no_sign_of_a_cut(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "s.wav"), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(b"\0\1" * RATE)
    whole = bytearray((tmp_path / "s.wav").read_bytes())
    whole[4:8] = whole[40:44] = b"\xff" * 4  # as programs write that do not know the end
    (tmp_path / "s.wav").write_bytes(whole)
    assert measured("audio_duration", tmp_path / "s.wav") == [1.0]
    for name in ("live.mkv", "pieces.mp4"):
        with film(tmp_path / name).open("rb") as file:
            check_whole(file, name)
            assert file.tell() == 0
    padded = tmp_path / "padded.mp4"
    padded.write_bytes(film(tmp_path / "a.mp4").read_bytes() + b"\0" * 5000)
    assert len(video_facts(str(padded)).times) == 20
    Image.new("RGB", (4, 4)).save(tmp_path / "other.png")


# Limits


def test_what_is_too_large_is_an_error_before_it_is_held(
    films: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The frames of the films have 3,072 pixels; flow may have an eighth of the pixels of a picture."""

    def limits(**given: int) -> None:
        monkeypatch.setenv(VARIABLE, MediaSettings(**given).environment()[VARIABLE])

    large = tmp_path / "large.mp4"
    large.write_bytes(films["a.mp4"].read_bytes())  # facts of the others are known already
    limits(max_pixels=3000)
    for function in STATS:
        with pytest.raises(ValueError, match="more than 3,000 pixels"):
            measured(function, large)
    limits(max_pixels=8 * 3071)
    with pytest.raises(ValueError, match="more than 3,071 pixels, too many for the flow"):
        measured("video_motion_score", films["a.mp4"])
    assert measured("video_motion_score", films["a.mp4"], size=[24])[0] > 0
    limits(max_samples=80_000)
    for function in ("audio_silence_ratio", "audio_nmf_snr"):
        with pytest.raises(ValueError, match="more than 80,000 samples"):
            measured(function, sound(tmp_path / "long.wav", 13))
        with pytest.raises(ValueError, match="more than 80,000 samples"):
            measured(function, films["a.mkv"])


def test_a_head_that_lies_about_its_size_is_an_error(films: dict[str, Path], tmp_path: Path) -> None:
    """65,500 x 65,500 pixels, a rate of 4 GHz: nothing is made for them, and what the decoder knows better is right."""
    whole = bytearray(films["a.mp4"].read_bytes())
    at = whole.find(b"mp4v", whole.find(b"stsd"))
    whole[at + 28 : at + 32] = b"\xff\xdc\xff\xdc"  # width and height of the sample entry (ISO/IEC 14496-12, 12.1.3)
    (tmp_path / "wide.mp4").write_bytes(whole)
    for function in set(STATS) - {"video_aspect_ratios"}:  # the head says how the pixels are to be shown
        try:
            assert measured(function, tmp_path / "wide.mp4") == measured(function, films["a.mp4"])
        except (OSError, ValueError):
            continue
    body = bytearray(sound(tmp_path / "s.wav").read_bytes())
    body[24:28] = b"\xff\xff\xff\xee"
    (tmp_path / "fast.wav").write_bytes(body)
    for function in SOUNDS:
        try:
            assert measured(function, tmp_path / "fast.wav") is not None
        except (OSError, ValueError):
            continue
