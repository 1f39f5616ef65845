"""Mapper `audio_add_gaussian_noise`."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from juicesql.api import FunctionError, mapper

from .._media import open_file
from .._produced import produced
from ._audio import EXACT, each, open_sound

FUNCTION, VERSION = "audio_add_gaussian_noise", 1


@mapper(
    "audio_add_gaussian_noise(audios VARCHAR[], min_amplitude DOUBLE := 0.001, max_amplitude DOUBLE := 0.015, "
    "p DOUBLE := 0.5, seed BIGINT := 0, save_dir VARCHAR := '') -> VARCHAR[]",
    version=VERSION,
    runs_on="process",
    rowwise=True,
    extra="media",
)
def audio_add_gaussian_noise(
    audios: list[str], min_amplitude: float, max_amplitude: float, p: float, seed: int, save_dir: str
) -> list[str]:
    """Adds white noise to each audio with probability `p` and gives the paths of the new files; the others keep theirs.

    To every sample of every channel a normal random number is added whose standard deviation is drawn once for the
    file, evenly between `min_amplitude` and `max_amplitude` (1 is full scale). All draws depend on the content of the
    file and `seed` alone, so a rerun gives the same files.

    A new file has the rate, the channels and the kind of samples of the old one where its format is lossless (WAV,
    FLAC, AIFF and their like); others (MP3, OGG, M4A) become 16-bit WAV. Its name comes from the content of the old
    one; it is put into `save_dir`, or the run's folder of produced media, and made once. A file that is missing,
    broken, without sound, or cut off where its format can tell is an error of its row. No audios: an empty list.

    Source: Data-Juicer's audio_add_gaussian_noise_mapper, after AddGaussianNoise of audiomentations. That one draws
    without a seed, mixes the channels to one, makes 16-bit of any WAV, and writes a file also where no noise is added.
    """
    if not 0 <= p <= 1:
        raise FunctionError.of("bad-parameter", f"p is {p}", "give a probability from 0 to 1")
    if not 0 <= min_amplitude < max_amplitude:
        message = f"min_amplitude is {min_amplitude} and max_amplitude {max_amplitude}"
        raise FunctionError.of("bad-parameter", message, "give two numbers of at least 0, the smaller one first")
    return each(audios, lambda path: _made(path, (min_amplitude, max_amplitude), p, seed, save_dir))


def _made(path: str, amplitudes: tuple[float, float], p: float, seed: int, save_dir: str) -> str:
    with open_sound(path) as sound:
        lossless = sound.coding[0] in EXACT
    random = _generator(path, seed)
    if random.random() >= p:
        return path
    amplitude = random.uniform(*amplitudes)
    suffix = Path(path).suffix.lower() if lossless else ".wav"
    parameters = {"amplitudes": amplitudes, "seed": seed}
    return produced(FUNCTION, VERSION, [path], parameters, suffix, partial(_write, path, random, amplitude), save_dir)


def _generator(path: str, seed: int) -> np.random.Generator:
    with open_file(path) as file:
        content = hashlib.file_digest(file, "sha256").digest()
    key = hashlib.sha256(content + seed.to_bytes(8, "big", signed=True)).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key[:16], "big")))


def _write(path: str, random: np.random.Generator, amplitude: float, target: str) -> None:
    import soundfile

    with open_sound(path) as sound:
        form, kind = sound.coding if sound.coding[0] in EXACT else ("WAV", "PCM_16")
        if not kind.startswith(("PCM", "FLOAT", "DOUBLE")):
            kind = "PCM_16"  # compressed samples in WAV
        with soundfile.SoundFile(target, "w", sound.rate, sound.channels, kind, format=form) as out:
            for block in sound.blocks:
                out.write(block + amplitude * random.standard_normal(block.shape))
