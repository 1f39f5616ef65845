"""Stats of sound: exact against plain definitions, on files of many formats, whole and cut off."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

sf = pytest.importorskip("soundfile")
pytest.importorskip("av")
pytest.importorskip("scipy")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from juicesql.api import Partly  # noqa: E402
from juicesql.call import apply  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.media import VARIABLE, MediaSettings  # noqa: E402
from juicesql.registry import Registry  # noqa: E402

REGISTRY = Registry()
CASES = Path(__file__).parent.parent / "cases/audio"
FORMATS = {
    "a.wav": {}, "b.wav": {"subtype": "FLOAT"}, "c.wav": {"subtype": "PCM_24"}, "d.flac": {}, "e.aiff": {}, "f.au": {},
    "g.w64": {}, "h.ogg": {}, "i.ogg": {"subtype": "OPUS"}, "j.mp3": {}, "k.rf64": {"format": "RF64"},
}  # fmt: skip


def measured(function: str, *paths: Path | str, **parameters: object) -> list:
    import pyarrow as pa

    found = REGISTRY.get(function)
    defaults = {a.name: a.value(a.default) for a in found.signature.parameters}
    column = pa.array([[str(p) for p in paths]], pa.list_(pa.string()))
    return apply(found, [column], defaults | parameters)[0].as_py()


def noise(seed: int = 0, samples: int = 48_000, channels: int = 2, level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, level, (samples, channels)).clip(-1, 1)


def written(path: Path, samples: np.ndarray, rate: int = 48_000, **options: str) -> Path:
    sf.write(path, samples, rate, **options)
    return path


def encoded(path: Path, samples: np.ndarray, codec: str, rate: int = 48_000) -> Path:
    """A file that libsndfile does not know."""
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T, np.float32), "fltp", "stereo")
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read_as_soundfile_reads_it(name: str, tmp_path: Path) -> None:
    from juicesql.udfs.audio._audio import read_audio

    path = written(tmp_path / name, noise(), **FORMATS[name])
    expected, rate = sf.read(path, always_2d=True)
    samples, own_rate = read_audio(str(path))
    assert own_rate == rate
    assert np.array_equal(samples, expected.mean(axis=1))
    assert measured("audio_duration", path) == [len(expected) / rate]
    assert measured("audio_channels", path) == [2]
    assert measured("audio_sizes", path) == [path.stat().st_size]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_raises(name: str, share: float, tmp_path: Path) -> None:
    path = written(tmp_path / name, noise(), **FORMATS[name])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    for function in ("audio_duration", "audio_loudness", "audio_nmf_snr"):
        with pytest.raises((OSError, ValueError, EOFError, RuntimeError)):
            measured(function, path)


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("b.webm", "libopus"), ("c.mkv", "aac")])
def test_what_libsndfile_cannot_read_is_read_by_ffmpeg(name: str, codec: str, tmp_path: Path) -> None:
    loud = measured("audio_loudness", written(tmp_path / "a.wav", noise()))[0]
    path = encoded(tmp_path / name, noise(), codec)
    assert measured("audio_duration", path)[0] == pytest.approx(1, abs=0.05)
    assert measured("audio_loudness", path)[0] == pytest.approx(loud, abs=3)  # AAC leaves out some noise
    assert measured("audio_sample_rate", path) == [48_000]
    if name.endswith("m4a"):
        path.write_bytes(path.read_bytes()[:-2000])
        with pytest.raises((OSError, ValueError)):
            measured("audio_duration", path)


def test_what_is_no_sound_raises(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "none.mp3").write_bytes(b"")
    frames = CASES.parent / "video/three_frames.y4m"
    for path in (tmp_path / "text.wav", tmp_path / "none.mp3", tmp_path / "missing.wav", tmp_path, "", frames):
        with pytest.raises((OSError, ValueError, EOFError)):
            measured("audio_duration", path)


def test_a_stream_of_unknown_length_is_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.wav", noise())
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4  # as programs write that cannot go back to the header
    path.write_bytes(content)
    assert measured("audio_duration", path) == [1.0]


@given(st.integers(0, 1000), st.integers(1, 3), st.sampled_from([8000, 11025, 44100]), st.floats(0.001, 2))
@settings(max_examples=30, deadline=None)
def test_levels_are_those_of_the_definition(
    tmp_path_factory, seed: int, channels: int, rate: int, level: float
) -> None:
    samples = np.random.default_rng(seed).normal(0, level, (rate // 5 + seed, channels)).clip(-1, 0.9999)
    samples[: rate // 10] *= 1e-4
    path = written(tmp_path_factory.mktemp("sound") / "a.wav", samples, rate, subtype="DOUBLE")
    assert measured("audio_loudness", path)[0] == pytest.approx(10 * math.log10((samples**2).mean()))
    assert measured("audio_clipping_ratio", path)[0] == (abs(samples) >= 32766.5 / 32768).mean()
    mono, window = samples.mean(axis=1), round(rate * 0.02)
    starts = [at for at in range(0, len(mono), window) if len(mono) - at >= window / 2]
    levels = [(mono[at : at + window] ** 2).mean() for at in starts]
    assert measured("audio_silence_ratio", path)[0] == np.mean([level < 1e-5 for level in levels])


def plain_snr(samples: np.ndarray, steps: int) -> float:
    """By the plain definition, each transform and each product written out."""
    window = np.hanning(2049)[:-1]
    padded = np.pad(samples, 1024)
    starts = range(0, len(padded) - 2047, 512)
    x = np.array([abs(np.fft.rfft(padded[at : at + 2048] * window)) for at in starts])
    random = np.random.RandomState(0)
    mean = np.sqrt(x.mean() / 2)
    h = abs(mean * random.standard_normal((2, 1025)))
    w = abs(mean * random.standard_normal((len(x), 2)))
    first = None
    for _ in range(steps):
        change = 0.0
        for target, other, product in ((w.T, h, lambda: x @ h.T), (h, w.T, lambda: x.T @ w)):
            gram, towards = other @ other.T, product().T
            for k in (0, 1):
                slope = gram[k] @ target - towards[k]
                change += abs(np.where(target[k] == 0, np.minimum(slope, 0), slope)).sum()
                target[k] = np.maximum(target[k] - slope / gram[k, k], 0)
        first = change if first is None else first
        if change / first <= 1e-4:
            break
    powers = []
    for k in (0, 1):
        sound, norm = np.zeros(2048 + 512 * (len(x) - 1)), np.zeros(2048 + 512 * (len(x) - 1))
        for i, strength in enumerate(w[:, k]):
            sound[512 * i : 512 * i + 2048] += np.fft.irfft(strength * h[k]) * window
            norm[512 * i : 512 * i + 2048] += window**2
        middle = slice(1024, len(sound) - 1024)
        powers.append(((sound[middle] / norm[middle]) ** 2).mean())
    return 10 * math.log10(powers[0] / powers[1])


@pytest.mark.parametrize("seed", range(6))
def test_nmf_snr_is_that_of_the_definition(seed: int, tmp_path: Path) -> None:
    time = np.arange(3000 + 7777 * seed) / 16_000
    samples = np.sin(2 * np.pi * 440 * time) * (time % 0.5 > 0.2) * 0.3 + noise(seed, len(time), 1, 0.01)[:, 0]
    path = written(tmp_path / "a.wav", samples, 16_000, subtype="DOUBLE")
    for steps in (1, 7, 500):
        got = measured("audio_nmf_snr", path, nmf_iter_num=steps)[0]
        assert got == pytest.approx(plain_snr(samples, steps), rel=1e-7, abs=1e-7)


def test_a_sound_that_is_too_long_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.wav", noise())
    monkeypatch.setenv(VARIABLE, MediaSettings(max_samples=47_999).environment()[VARIABLE])
    with pytest.raises(ValueError, match="more than 47,999 samples"):
        measured("audio_nmf_snr", path)
    assert measured("audio_duration", path) == [1.0]  # nothing is held for it


def test_a_tone_keeps_its_pitch_and_level_at_another_rate() -> None:
    from juicesql.udfs.audio._audio import resampled

    for old in (8000, 22_050, 44_100, 48_000):
        tone = np.sin(2 * np.pi * 1000 * np.arange(old) / old)
        expected = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
        assert abs(resampled(tone, old, 16_000) - expected)[500:-500].max() < 0.01
    with pytest.raises(ValueError, match="not supported"):
        resampled(tone, 44_101, 16_000)


def test_parameters_are_checked(tmp_path: Path) -> None:
    for function, parameters in {
        "audio_nmf_snr": {"nmf_iter_num": 0},
        "audio_silence_ratio": {"window_seconds": 0},
        "audio_speech_ratio": {"threshold": 1.5},
        "audio_dnsmos": {"measure": "ovr"},
    }.items():
        with pytest.raises(FunctionError, match=f"{next(iter(parameters))} is"):
            measured(function, "a.wav", **parameters)
    with pytest.raises(FunctionError, match="is not here"):
        measured("audio_speech_ratio", CASES / "hiss.wav", model="nowhere.onnx")


def spoken(tmp_path: Path) -> Path:
    """Half a second of vowels, as a buzz through two resonances that move, twice; silence around them."""
    from scipy.signal import lfilter

    rate = 16_000
    parts = [np.zeros(rate)]
    for formants in ((700, 1200), (300, 2300), (500, 1500), (700, 1200)):
        buzz = np.zeros(rate // 4)
        buzz[:: rate // 120] = 1
        for pitch in formants:
            radius = 0.98
            buzz = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * pitch / rate), radius**2], buzz)
        parts.append(buzz / abs(buzz).max() * 0.5)
    return written(tmp_path / "vowels.wav", np.concatenate([*parts, np.zeros(2 * rate)]), rate)


def test_speech_is_found_by_the_real_network(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from juicesql.udfs.audio._silero import MODEL, model_file

    try:
        model_file(MODEL)
    except FunctionError as error:
        pytest.skip(str(error))
    rate = 16_000
    silent = written(tmp_path / "silent.wav", noise(1, 3 * rate, 1, 0.001), rate)
    assert measured("audio_speech_ratio", silent) == [0.0]
    assert 0.1 < measured("audio_speech_ratio", spoken(tmp_path))[0] < 0.5


def test_noise_is_rated_worse_by_the_real_network(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from juicesql.udfs.audio._dnsmos import model_file

    try:
        model_file("p808", None)
    except FunctionError as error:
        pytest.skip(str(error))
    vowels = spoken(tmp_path)
    samples, rate = sf.read(vowels)
    noisy = written(tmp_path / "noisy.wav", samples + noise(2, len(samples), 1, 0.1)[:, 0], rate)
    clear, worse = measured("audio_dnsmos", vowels, noisy, measure="p808")
    assert 1 < worse < clear < 5


def test_labels_come_from_the_first_seconds_and_bad_files_fail_alone(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    import pyarrow as pa
    from juicesql.udfs.audio.audio_tags import AudioTags

    rate = 16_000
    late = np.concatenate([np.zeros(rate), noise(3, rate, 1, 0.3)[:, 0]])
    paths = [written(tmp_path / f"{i}.wav", s, rate) for i, s in enumerate((late, late[::-1]))]
    rows = [[str(p) for p in paths], ["missing.wav"], [], [str(CASES / "hiss.wav")]]
    tags = AudioTags(str(CASES.parent.parent / "models/loud"), False)
    found = tags(pa.array(rows, pa.list_(pa.string())), 1)
    assert isinstance(found, Partly)
    assert list(found.failures) == [1]
    labels = [row and [audio[0]["label"] for audio in row] for row in found.values]
    assert labels == [["quiet", "loud"], None, [], ["loud"]]
