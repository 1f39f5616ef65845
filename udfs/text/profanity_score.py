"""Stat `profanity_score`."""

from math import exp, sqrt

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import ALNUM, classes, decode, encode, lowered
from ._profanity import SHA256, load_model, model_files
from ._words import ends_in_sigma, hash_bytes, same_bytes

LONGEST = 64  # bytes; no word of the model is as long


def _assets() -> list[str]:
    model_files()
    return sorted(SHA256.values())


@stat("profanity_score(text VARCHAR) -> DOUBLE", extra="safety", assets=_assets)
def profanity_score(text: pa.StringArray) -> pa.DoubleArray:
    """Probability, 0 to 1, that an English text is profane or offensive, by the words that it uses.

    The lowered words (two or more letters, digits or underscores of any script) that are among the 15,442 of the model
    are weighted by their number times their inverse document frequency, scaled to length 1; the score is the mean of
    five linear support vector machines, each with its own sigmoid. The model was fitted on short comments (Victor
    Zhou's data set of tweets and Wikipedia comments), so long texts are best cut into parts. It knows words, not
    meaning. Text without known words, such as the empty one: 0.0364.

    Usual cut: <= 0.5. Source: the model of alt-profanity-check 1.9.1, whose `predict_prob` gives the same values. The
    package keeps its model as a pickle; here both files are checked by SHA-256 and only their numbers are read.
    Data-Juicer has no such operator; `flagged_words_ratio` counts the words of a list.
    """
    m = load_model()
    tables = (classes(), lowered(), m.words, m.offsets, m.slots, m.frequencies, m.weights, m.calibration)
    return map_utf8(_profanity_score, text, np.float64, *tables)


@kernel
def _profanity_score(data, offsets, out, flags, lower, words, starts, slots, frequencies, weights, calibration):
    counts = np.zeros(len(frequencies), np.int32)
    seen = np.empty(len(frequencies), np.int32)
    buffer = np.empty(LONGEST + 8, np.uint8)
    sums = np.empty(len(calibration), np.float64)
    for row in range(len(out)):
        i, stop = int(offsets[row]), int(offsets[row + 1])
        known = 0
        while i < stop:
            i, size = _next_word(data, i, int(offsets[row]), stop, flags, lower, buffer)
            word = _number(buffer, size, words, starts, slots)
            if word >= 0:
                if counts[word] == 0:
                    seen[known] = word
                    known += 1
                counts[word] += 1
        out[row] = _score(counts, seen, known, frequencies, weights, calibration, sums)


@kernel
def _next_word(data, i, first, stop, flags, lower, buffer):
    """Write the next word, lowered, to `buffer`; returns where to go on, and its size. Words beyond LONGEST are cut."""
    size = 0
    while i < stop:
        b = int(data[i])
        if b < 0x80:
            i += 1
            if not (flags[b] & ALNUM or b == 0x5F):
                if size:
                    return i, size
            elif size < LONGEST:
                buffer[size] = b + 0x20 if 0x41 <= b <= 0x5A else b
                size += 1
            continue
        c, after = decode(data, i)
        dotted = c == 0x130  # its lower case is an i and a dot, which ends the word
        if c == 0x3A3 and ends_in_sigma(data, first, i, after, stop, flags):
            c = 0x3C2
        else:
            c = 0x69 if dotted else int(lower[c])
        i = after
        if not flags[c] & ALNUM:
            if size:
                return i, size
        elif size < LONGEST:
            size = encode(buffer, size, c)
        if dotted:
            return i, size
    return i, size


@kernel
def _number(buffer, size, words, starts, slots):
    """The number of the word in the model, or -1."""
    if size < 2:
        return -1
    slot = np.int64(hash_bytes(buffer, 0, size) >> np.uint64(48))
    while slots[slot] >= 0:
        word = slots[slot]
        begin = starts[word]
        if starts[word + 1] - begin == size and same_bytes(words, begin, buffer, 0, size):
            return word
        slot = (slot + 1) & 0xFFFF
    return -1


@kernel
def _score(counts, seen, known, frequencies, weights, calibration, sums):
    """The mean of the classifiers' probabilities; sets the counts back to 0."""
    sums[:] = 0.0
    square = 0.0
    for k in range(known):
        word = seen[k]
        for j in range(len(sums)):
            sums[j] += counts[word] * weights[word, j]
        square += (counts[word] * frequencies[word]) ** 2
        counts[word] = 0
    norm = sqrt(square) if known else 1.0
    total = 0.0
    for j in range(len(sums)):
        decision = sums[j] / norm + calibration[j, 0]
        total += 1.0 / (1.0 + exp(calibration[j, 1] * decision + calibration[j, 2]))
    return total / len(sums)
