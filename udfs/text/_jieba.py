"""Chinese words as jieba cuts them: the likeliest words of its dictionary, and its hidden Markov model for the rest.

Only its dictionary and its model are read; the cutting is a kernel that gives what `jieba.cut` gives for a run of
Chinese characters. Source: jieba 0.42.1.
"""

from math import log
from pathlib import Path

import numpy as np

from juicesql.api import char_table, kernel

FIRST_HAN, LAST_HAN = 0x4E00, 0x9FD5  # what jieba cuts; other Chinese characters are words by themselves
HAN = LAST_HAN - FIRST_HAN + 1
BITS = 20  # log2 of the slots for its 500,000 words and beginnings of words
BEGINNING = 1.0  # the value of what only begins a word; those of words are logarithms, below 0
LEAST = -3.14e100
_BASIS, _PRIME, _SPREAD, _ALL = 14695981039346656037, 1099511628211, 0x9E3779B97F4A7C15, 0xFFFFFFFFFFFFFFFF
_BEGIN, _END, _MIDDLE, _SINGLE = range(4)  # in the order of their letters, which decides between equals


def dictionary(wanted: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hashes of words with their values, and the model; empty ones unless they are wanted."""
    if not wanted:
        return np.zeros(1, np.uint64), np.zeros(1), np.zeros((1, 1))
    from importlib.metadata import version

    name = version("jieba")
    table = char_table(f"jieba-words-2-{name}", _words)
    return table[0].view(np.uint64), table[1], char_table(f"jieba-model-1-{name}", _model)


def _words() -> np.ndarray:
    from importlib.util import find_spec

    found = find_spec("jieba")
    assert found is not None and found.submodule_search_locations
    file = Path(next(iter(found.submodule_search_locations))) / "dict.txt"
    lines = [line.split(" ")[:2] for line in file.read_text("utf-8").splitlines()]
    total = log(sum(int(count) for _, count in lines))
    values: dict[int, float] = {}
    for word, count in lines:
        h = _BASIS
        for char in word:
            values.setdefault(h, BEGINNING)
            h = ((h ^ ord(char)) * _PRIME) & _ALL
        values[h] = log(int(count)) - total if int(count) else BEGINNING
    values.pop(_BASIS, None)
    keys, at = [0] * (1 << BITS), [0.0] * (1 << BITS)
    at[0] = -total  # what a character has that is no word: the slot of hash 0, which no word has
    for h, value in values.items():
        slot = (((h ^ (h >> 32)) * _SPREAD) & _ALL) >> (64 - BITS)
        while keys[slot] or slot == 0:
            slot = (slot + 1) & ((1 << BITS) - 1)
        keys[slot], at[slot] = h, value
    return np.stack([np.array(keys, np.uint64).view(np.float64), np.array(at)])


def _model() -> np.ndarray:
    """Row of a state: what each character has in it, then what each state before has, then what it has at the start."""
    from jieba.finalseg import prob_emit, prob_start, prob_trans

    model = np.full((4, HAN + 5), LEAST)
    for row, state in enumerate("BEMS"):
        for char, value in prob_emit.P[state].items():
            if len(char) == 1 and FIRST_HAN <= ord(char) <= LAST_HAN:
                model[row, ord(char) - FIRST_HAN] = value
        for before, name in enumerate("BEMS"):
            model[row, HAN + before] = prob_trans.P[name].get(state, LEAST)
        model[row, HAN + 4] = prob_start.P[state]
    return model


@kernel
def _value(h, keys, values):
    """The value of a hashed word, 0 when nothing begins so."""
    mask = len(keys) - 1
    slot = np.int64(((h ^ (h >> np.uint64(32))) * np.uint64(_SPREAD)) >> np.uint64(64 - BITS))
    while keys[slot] or slot == 0:
        if slot and keys[slot] == h:
            return values[slot]
        slot = (slot + 1) & mask
    return 0.0


@kernel
def cut_run(run, chars, keys, values, model, route, reach, begins):
    """Set in `begins` which of the characters begin a word. `route` and `reach` have a place for each and one more."""
    unknown = values[0]
    route[chars] = 0.0
    for i in range(chars - 1, -1, -1):
        best, to, words = 0.0, i, 0
        h = np.uint64(_BASIS)
        for k in range(i, chars):
            h = (h ^ np.uint64(run[k])) * np.uint64(_PRIME)
            value = _value(h, keys, values)
            if value == 0.0:
                break
            if value < 0.0 and (words == 0 or value + route[k + 1] >= best):
                best, to = value + route[k + 1], k
                words += 1
        route[i] = best if words else unknown + route[i + 1]
        reach[i] = to
    i = 0
    while i < chars:
        first = i
        while i < chars and reach[i] == i:
            begins[i] = True
            i += 1
        if i - first > 1 and not _is_word(run, first, i, keys, values):
            _likeliest(run, first, i, model, route, reach, begins)
        if i < chars:
            begins[i] = True
            stop = reach[i] + 1
            for k in range(i + 1, stop):
                begins[k] = False
            i = stop


@kernel
def _is_word(run, i, stop, keys, values):
    h = np.uint64(_BASIS)
    for k in range(i, stop):
        h = (h ^ np.uint64(run[k])) * np.uint64(_PRIME)
    return _value(h, keys, values) < 0.0


@kernel
def _likeliest(run, first, stop, model, route, reach, begins):
    """Viterbi's way through the states of the characters, none of which is in a word of the dictionary.

    `reach` keeps for each character, in two bits for each of its states, which state was before; it is free here, for
    the run has been cut up to `stop`.
    """
    now = np.empty(4, np.float64)
    for state in range(4):
        now[state] = model[state, HAN + 4] + model[state, run[first] - FIRST_HAN]
    for i in range(first + 1, stop):
        before = now.copy()
        came = 0
        for state in range(4):
            emitted = model[state, run[i] - FIRST_HAN]
            a, b = _states_before(state)
            via_a = before[a] + model[state, HAN + a] + emitted
            via_b = before[b] + model[state, HAN + b] + emitted
            now[state] = max(via_a, via_b)
            came |= (b if via_b >= via_a else a) << (2 * state)
        reach[i] = came
    state = _SINGLE if now[_SINGLE] >= now[_END] else _END
    for i in range(stop - 1, first - 1, -1):
        begins[i] = state in (_BEGIN, _SINGLE)
        if i > first:
            state = (reach[i] >> (2 * state)) & 3


@kernel
def _states_before(state):
    """The two states that may stand before, the one that wins between equals last."""
    if state in (_BEGIN, _SINGLE):
        return _END, _SINGLE
    return _BEGIN, _MIDDLE
