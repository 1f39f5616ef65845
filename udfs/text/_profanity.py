"""The model of the package alt-profanity-check: weights read from its two files, which are pickles, without unpickling.

The files are known by their digests, so the places of the arrays in them are known too.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from juicesql.api import FunctionError

RELEASE = "alt-profanity-check 1.9.1"
SHA256 = {
    "model.joblib": "aeafc04849d4d93db4721cf30a86ebf22085595294b8a07d51918e7fa98f538b",
    "vectorizer.joblib": "19c5200dc6a41f026e0558e2f164f5fe8d8f58e502b46b37e4385037fcfa4831",
}
WORDS = 15_442
# Places in vectorizer.joblib: the inverse document frequencies, and the dictionary from word to number.
FREQUENCIES, DICTIONARY = 720, 124_352
# Places in model.joblib, for each of its five classifiers: coefficients, intercept, slope and offset of the sigmoid.
CLASSIFIERS = (
    (896, 124_496, 124_624, 124_648),
    (124_960, 248_544, 248_591, 248_612),
    (248_912, 372_496, 372_543, 372_564),
    (372_864, 496_448, 496_495, 496_516),
    (496_816, 620_400, 620_447, 620_468),
)


@dataclass(frozen=True)
class Model:
    """Word `w` is `words[offsets[w]:offsets[w + 1]]`; its row of `weights` has a column for each classifier."""

    words: np.ndarray
    offsets: np.ndarray
    slots: np.ndarray
    frequencies: np.ndarray
    weights: np.ndarray
    calibration: np.ndarray  # intercept, slope and offset of each classifier


def model_files() -> list[Path]:
    """Both files of the package; a problem when it is not installed."""
    spec = find_spec("profanity_check")  # only looked at: importing it would unpickle them
    for place in spec.submodule_search_locations or () if spec else ():
        files = [Path(place) / "data" / name for name in SHA256]
        if all(file.is_file() for file in files):
            return files
    raise FunctionError.of("no-model", f"{RELEASE} is not installed", "pip install 'juicesql[safety]'")


@lru_cache(maxsize=1)
def load_model() -> Model:
    raw = {}
    for file in model_files():
        raw[file.name] = file.read_bytes()
        if hashlib.sha256(raw[file.name]).hexdigest() != SHA256[file.name]:
            message = f"{file} is not the one of {RELEASE}"
            raise FunctionError.of("bad-model", message, "pip install 'juicesql[safety]'")
    frequencies = _floats(raw["vectorizer.joblib"], FREQUENCIES, WORDS)
    model = raw["model.joblib"]
    weights = np.stack([frequencies * _floats(model, place, WORDS) for place, *_ in CLASSIFIERS], axis=1)
    calibration = np.array([[_floats(model, place, 1)[0] for place in places] for _, *places in CLASSIFIERS])
    words = _words(raw["vectorizer.joblib"][DICTIONARY:])
    data = np.frombuffer(b"".join(words), np.uint8)
    offsets = np.cumsum([0, *map(len, words)]).astype(np.int32)
    return Model(data, offsets, _slots(words), frequencies, weights, calibration)


def _floats(raw: bytes, place: int, count: int) -> np.ndarray:
    return np.frombuffer(raw, "<f8", count, place)


def _words(raw: bytes) -> list[bytes]:
    """The words in the order of their numbers, from the instructions of the pickle, none of which is carried out."""
    import pickletools

    words = [b""] * WORDS
    word = b""
    for instruction, value, _ in pickletools.genops(raw):
        if instruction.name == "SHORT_BINUNICODE":
            word = value.encode()
        elif instruction.name in ("BININT1", "BININT2"):
            words[value] = word
        elif instruction.name == "BINGET":  # the first thing behind the dictionary
            break
    return words


def _slots(words: list[bytes]) -> np.ndarray:
    """A hash table over the words, by `hash_bytes`."""
    longest = max(map(len, words))
    matrix = np.zeros((len(words), longest), np.uint64)
    for row, word in zip(matrix, words, strict=True):
        row[: len(word)] = np.frombuffer(word, np.uint8)
    lengths = np.array([len(word) for word in words])
    hashes = np.full(len(words), 14695981039346656037, np.uint64)
    for k in range(longest):
        hashes = np.where(k < lengths, (hashes ^ matrix[:, k]) * np.uint64(1099511628211), hashes)
    hashes = (hashes ^ hashes >> np.uint64(32)) * np.uint64(0x9E3779B97F4A7C15)
    slots = np.full(1 << 16, -1, np.int32)
    for word, slot in enumerate((hashes >> np.uint64(48)).tolist()):
        while slots[slot] >= 0:
            slot = slot + 1 & 0xFFFF
        slots[slot] = word
    return slots
