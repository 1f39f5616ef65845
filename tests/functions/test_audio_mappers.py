"""Mappers that make sounds and videos: noise, and filters of FFmpeg over one track while the other is kept."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

sf = pytest.importorskip("soundfile")
av = pytest.importorskip("av")
pytest.importorskip("scipy")

from definitions_media import picture, scenes, write_video  # noqa: E402

from juicesql.call import apply  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.media import VARIABLE, MediaSettings  # noqa: E402
from juicesql.registry import Registry  # noqa: E402

REGISTRY = Registry()
CASES = Path(__file__).parent.parent / "cases"
RATE = 44_100


def made(function: str, folder: Path, *paths: Path, **parameters: object) -> list[Path]:
    import pyarrow as pa

    found = REGISTRY.get(function)
    defaults = {a.name: a.value(a.default) for a in found.signature.parameters}
    if isinstance(parameters.get("filter_kwargs"), dict):
        parameters["filter_kwargs"] = json.dumps(parameters["filter_kwargs"])
    column = pa.array([[str(p) for p in paths]], pa.list_(pa.string()))
    given = defaults | {"save_dir": str(folder)} | parameters
    return [Path(p) for p in apply(found, [column], given)[0].as_py()]


def sound(seconds: float = 1.0, channels: int = 2) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    return np.stack([0.5 * np.sin(2 * np.pi * 300 * (c + 1) * time) for c in range(channels)], axis=1)


def written(path: Path, samples: np.ndarray, **options: str) -> Path:
    sf.write(path, samples, RATE, **options)
    return path


def film(path: Path, rotation: int = 0, codec: str = "aac") -> Path:
    """Two seconds of 20 pictures a second, 96 x 64, with sound."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264" if path.suffix != ".avi" else "mpeg4", rate=20)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        if rotation:
            video.set_display_rotation(rotation)
        audio = out.add_stream(codec, rate=RATE, layout="stereo")
        for number, shown in enumerate(scenes(1)):
            frame = av.VideoFrame.from_image(shown.resize((96, 64)))
            frame.pts, frame.time_base = number, Fraction(1, 20)
            out.mux(video.encode(frame))
        heard = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound(2.0).T, np.float32), "fltp", "stereo")
        heard.sample_rate = RATE
        out.mux(audio.encode(heard))
        for stream in (video, audio):
            out.mux(stream.encode())
    return path


def packets(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        streams = [s for s in container.streams if s.type == kind]
        return [bytes(p) for p in container.demux(streams[0]) if p.size] if streams else []


def frames(path: Path) -> tuple[list[np.ndarray], list[float]]:
    with av.open(str(path)) as container:
        found = list(container.decode(video=0))
    return [f.to_ndarray(format="rgb24") for f in found], [f.time for f in found]


@pytest.mark.parametrize(
    ("name", "options"), [("a.wav", {"subtype": "PCM_24"}), ("b.flac", {}), ("c.wav", {"subtype": "FLOAT"})]
)
def test_noise_has_the_amplitude_that_is_asked_for(name: str, options: dict, tmp_path: Path) -> None:
    source = written(tmp_path / name, sound(3.0), **options)
    (target,) = made("audio_add_gaussian_noise", tmp_path / "out", source, min_amplitude=0.01, max_amplitude=0.011, p=1)
    assert target.parent == tmp_path / "out"
    assert (sf.info(target).subtype, sf.info(target).format) == (sf.info(source).subtype, sf.info(source).format)
    added = sf.read(target)[0] - sf.read(source)[0]
    assert 0.0095 < added.std() < 0.0115
    assert abs(added.mean()) < 1e-4
    assert abs(np.corrcoef(added.T)[0, 1]) < 0.02  # each channel has its own


def test_noise_depends_on_content_and_seed_alone(tmp_path: Path) -> None:
    sources = [written(tmp_path / f"{i}.wav", sound(0.05 + i / 1000)) for i in range(40)]
    copy = tmp_path / "copy.wav"
    copy.write_bytes(sources[0].read_bytes())
    first = made("audio_add_gaussian_noise", tmp_path / "a", *sources, copy, seed=3)
    again = made("audio_add_gaussian_noise", tmp_path / "b", *reversed([*sources, copy]), seed=3)[::-1]
    assert [p.name if p.parent != tmp_path else p for p in first] == [
        p.name if p.parent != tmp_path else p for p in again
    ]
    assert all(p == q or p.read_bytes() == q.read_bytes() for p, q in zip(first, again, strict=True))
    changed = sum(p.parent != tmp_path for p in first)
    assert 10 < changed < 31
    assert (first[0].name == first[-1].name) or (first[0], first[-1]) == (sources[0], copy)
    assert made("audio_add_gaussian_noise", tmp_path / "c", *sources, p=0) == sources


def test_noise_on_a_lossy_file_gives_wav(tmp_path: Path) -> None:
    source = written(tmp_path / "a.ogg", sound())
    (target,) = made("audio_add_gaussian_noise", tmp_path, source, p=1)
    assert (target.suffix, sf.info(target).subtype, sf.info(target).frames) == (".wav", "PCM_16", RATE)


@pytest.mark.parametrize("name", ["a.wav", "b.flac", "c.mp3", "d.ogg"])
def test_an_audio_filter_changes_the_sound(name: str, tmp_path: Path) -> None:
    source = written(tmp_path / name, sound(2.0))
    (fast,) = made("audio_ffmpeg_wrapped", tmp_path, source, filter_name="atempo", filter_kwargs={"tempo": 2})
    assert fast.suffix == source.suffix
    assert sf.info(fast).duration == pytest.approx(1, abs=0.1)
    (soft,) = made("audio_ffmpeg_wrapped", tmp_path, source, filter_name="volume", filter_kwargs={"volume": 0.5})
    assert sf.read(soft)[0].std() == pytest.approx(sf.read(source)[0].std() / 2, rel=0.06)  # LAME is softer
    assert made("audio_ffmpeg_wrapped", tmp_path, source) == [source]


def test_the_samples_keep_their_kind(tmp_path: Path) -> None:
    for kind in ("PCM_24", "FLOAT", "PCM_U8"):
        source = written(tmp_path / f"{kind}.wav", sound(0.2), subtype=kind)
        (target,) = made("audio_ffmpeg_wrapped", tmp_path, source, filter_name="anull")
        assert sf.info(target).subtype == kind
        assert abs(sf.read(target)[0] - sf.read(source)[0]).max() < 0.01


@pytest.mark.parametrize("name", ["a.mp4", "b.mkv", "c.mov"])
def test_a_video_filter_keeps_sound_and_times(name: str, tmp_path: Path) -> None:
    source = film(tmp_path / name)
    (target,) = made("video_ffmpeg_wrapped", tmp_path, source, filter_name="hflip")
    assert packets(target, "audio") == packets(source, "audio")
    (before, times), (after, new_times) = frames(source), frames(target)
    assert new_times == pytest.approx(times, abs=0.002)
    assert np.mean([abs(a.astype(float) - b[:, ::-1]).mean() for a, b in zip(after, before, strict=True)]) < 4


def test_an_audio_filter_keeps_the_pictures(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    (target,) = made("audio_ffmpeg_wrapped", tmp_path, source, filter_name="volume", filter_kwargs={"volume": 0.5})
    assert packets(target, "video") == packets(source, "video")
    assert packets(target, "audio") != packets(source, "audio")


def test_other_formats_and_rates(tmp_path: Path) -> None:
    source = film(tmp_path / "a.avi", codec="libmp3lame")
    (target,) = made("video_ffmpeg_wrapped", tmp_path, source, filter_name="fps", filter_kwargs={"fps": 5})
    shown, _ = frames(target)
    assert len(shown) == pytest.approx(10, abs=1)
    assert packets(target, "audio") == packets(source, "audio")
    silent = write_video(tmp_path / "b.mkv", scenes(2), (64, 48))
    (target,) = made("video_ffmpeg_wrapped", tmp_path, silent, filter_name="trim", filter_kwargs={"end_frame": 7})
    assert len(frames(target)[0]) == 7
    (target,) = made("video_ffmpeg_wrapped", tmp_path, CASES / "video/three_frames.y4m", filter_name="vflip")
    before, after = frames(CASES / "video/three_frames.y4m")[0], frames(target)[0]
    assert all((a == b[::-1]).all() for a, b in zip(after, before, strict=True))


@pytest.mark.skipif(not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV cannot write it")
@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_pictures_are_turned_before_they_are_filtered(rotation: int, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4", rotation)
    (target,) = made("video_ffmpeg_wrapped", tmp_path, source, filter_name="null")
    with av.open(str(target)) as container:
        after = next(container.decode(video=0))
    before = np.rot90(frames(source)[0][0], rotation // 90)
    assert after.rotation == 0
    assert abs(after.to_ndarray(format="rgb24").astype(float) - before).mean() < 4


@pytest.mark.parametrize(
    ("function", "filter_name", "filter_kwargs"),
    [
        ("video_ffmpeg_wrapped", "movie", '{"filename": "/etc/hostname"}'),
        ("video_ffmpeg_wrapped", "drawtext", '{"textfile": "/etc/hostname"}'),
        ("video_ffmpeg_wrapped", "subtitles", '{"filename": "a.srt"}'),
        ("video_ffmpeg_wrapped", "hflip,movie=a.mp4", None),
        ("video_ffmpeg_wrapped", "selectivecolor", '{"psfile": "a.asv"}'),
        ("video_ffmpeg_wrapped", "atempo", '{"tempo": 2}'),
        ("video_ffmpeg_wrapped", "scale", '{"nothing": 2}'),
        ("video_ffmpeg_wrapped", "scale", '["w", 2]'),
        ("video_ffmpeg_wrapped", "scale", '{"w": null}'),
        ("audio_ffmpeg_wrapped", "firequalizer", '{"dumpfile": "a.txt"}'),
        ("audio_ffmpeg_wrapped", "ladspa", '{"file": "a.so"}'),
        ("audio_ffmpeg_wrapped", "volume", "volume=2"),
        ("audio_ffmpeg_wrapped", "volume", '{"volume": "0.5,amovie=a.wav"}'),
    ],
)
def test_filters_that_may_not_be_used(function: str, filter_name: str, filter_kwargs: str, tmp_path: Path) -> None:
    source = film(tmp_path / "a.mp4")
    with pytest.raises(FunctionError):
        made(function, tmp_path / "out", source, filter_name=filter_name, filter_kwargs=filter_kwargs)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_files_that_cannot_be_filtered_raise_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from juicesql.udfs import _filtergraph

    out, whole = tmp_path / "out", film(tmp_path / "a.mp4")
    cut, text = tmp_path / "cut.mp4", tmp_path / "text.mp4"
    cut.write_bytes(whole.read_bytes()[:-3000])
    text.write_text("no film")
    silent = write_video(tmp_path / "b.mkv", [picture(1)] * 3, (64, 48))
    for function, path, name, options in [
        ("video_ffmpeg_wrapped", cut, "hflip", {}),
        ("video_ffmpeg_wrapped", text, "hflip", {}),
        ("video_ffmpeg_wrapped", tmp_path / "missing.mp4", "hflip", {}),
        ("video_ffmpeg_wrapped", CASES / "audio/hiss.wav", "hflip", {}),
        ("video_ffmpeg_wrapped", whole, "crop", {"w": 10_000}),
        ("video_ffmpeg_wrapped", whole, "trim", {"start": 50}),
        ("audio_ffmpeg_wrapped", silent, "anull", {}),
    ]:
        with pytest.raises((OSError, ValueError)):
            made(function, out, path, filter_name=name, filter_kwargs=options)
    monkeypatch.setattr(_filtergraph, "MOST_FRAMES", 60)
    with pytest.raises(ValueError, match="too much video"):
        made("video_ffmpeg_wrapped", out, whole, filter_name="fps", filter_kwargs={"fps": 1000})
    monkeypatch.setenv(VARIABLE, MediaSettings(max_pixels=128 * 64).environment()[VARIABLE])
    with pytest.raises(ValueError, match="more than 8,192 pixels"):
        made("video_ffmpeg_wrapped", out, whole, filter_name="scale", filter_kwargs={"w": 192, "h": 128})
    assert not out.exists() or not list(out.iterdir())


def test_equal_work_is_done_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from juicesql.udfs import _filtergraph

    source = film(tmp_path / "a.mp4")
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(source.read_bytes())
    first = made("video_ffmpeg_wrapped", tmp_path, source, copy, source, filter_name="hflip")
    assert len(set(first)) == 1
    monkeypatch.setattr(_filtergraph, "filtered", lambda *_, **__: pytest.fail("made twice"))
    assert made("video_ffmpeg_wrapped", tmp_path, copy, filter_name="hflip") == first[:1]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm", "avi", "mov"])
def test_made_again_a_film_has_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    from juicesql.udfs import _filtergraph

    source = film(tmp_path / "a.mp4")
    again = []
    for number in range(3):
        target = tmp_path / f"{number}.{suffix}"
        _filtergraph.filtered(str(source), str(target), [("hflip", {})], [("volume", {"volume": 0.5})])
        again.append(target.read_bytes())
    assert again[0] == again[1] == again[2]


@pytest.mark.parametrize("suffix", ["ogg", "opus", "flac", "mp3", "m4a", "wav", "mka"])
def test_made_again_a_sound_has_the_same_bytes(suffix: str, tmp_path: Path) -> None:
    from juicesql.udfs import _filtergraph

    source = written(tmp_path / "a.wav", sound())
    again = []
    for number in range(3):
        target = tmp_path / f"{number}.{suffix}"
        _filtergraph.filtered(str(source), str(target), (), [("volume", {"volume": 0.5})])
        again.append(target.read_bytes())
    assert again[0] == again[1] == again[2]
