"""Mapper `remove_repeat_sentences`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._chars import ALNUM, MARK, SPACE, classes, decode, encode, longest_row, lowered
from ._parity import as_peer
from ._trim import trim
from ._words import ends_in_sigma, hash_bytes, same_bytes, table_bits

# What a character is to the splitter: it ends a sentence, is one of two that end one, ends one before a closing quote.
END, ELLIPSIS, BEFORE_QUOTE, QUOTE = 1, 2, 4, 8
MARKS = {END | BEFORE_QUOTE: ".!?。！？", BEFORE_QUOTE: "{}62", ELLIPSIS | BEFORE_QUOTE: "…", QUOTE: "’”"}
KEPT_IN_KEYS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n\t "


@mapper(
    "remove_repeat_sentences(text VARCHAR, lowercase BOOLEAN := false, ignore_special_character BOOLEAN := true, "
    "min_repeat_sentence_length INTEGER := 2, parity VARCHAR := NULL) -> VARCHAR"
)
def remove_repeat_sentences(
    text: pa.StringArray,
    lowercase: bool,
    ignore_special_character: bool,
    min_repeat_sentence_length: int,
    parity: str | None,
) -> pa.StringArray:
    """Remove the sentences that repeat an earlier sentence of the text.

    A line is split after each of . ! ? 。 ！ ？, after two …, and after a closing quote (’ or ”) behind one of . ! ? 。
    ！ ？ … { } 6 2, where a character follows that is no closing quote. That character cannot bring about another split
    of the same kind: `a?!b` is split before the `!` only. Sentences are compared without whitespace at their ends,
    lowered if `lowercase`, and without all characters but letters, digits and their marks, of any script, tab and space
    if `ignore_special_character`. What is then shorter than `min_repeat_sentence_length` characters always stays. Lines
    stay, even those that have become empty, and so does the spacing of the sentences that stay. Empty text stays empty.

    With `parity := 'data-juicer'`, only ASCII letters and digits and U+4E00-9FA5 are compared: Russian or Hindi
    sentences with as many spaces as an earlier one are lost.

    Source: Data-Juicer's remove_repeat_sentences_mapper, whose pattern has { } 6 2 among the marks by mistake. Its
    `tokenizer`, a Python function, is left out.
    """
    settings = (lowercase, ignore_special_character, min_repeat_sentence_length, not as_peer(parity))
    return rewrite_utf8(_remove_repeats, text, 1, _marks(), _kept(), classes(), lowered(), *settings)


def _marks() -> np.ndarray:
    marks = np.zeros(0x80, np.uint8)
    for mark, chars in MARKS.items():
        marks[[ord(c) for c in chars if c < "\x80"]] = mark
    return marks


def _kept() -> np.ndarray:
    kept = np.zeros(0x80, np.bool_)
    kept[[ord(c) for c in KEPT_IN_KEYS]] = True
    return kept


@kernel
def _remove_repeats(
    data, offsets, out, out_offsets, marks, kept, flags, lower, lowercase, ignore, shortest, any_script
):
    most = _most_sentences(data, offsets)
    begins = np.empty(most + 1, np.int64)
    keys = np.empty(2 * longest_row(offsets) + 4, np.uint8)
    ends = np.zeros(most + 1, np.int64)  # key k of a row is keys[ends[k] : ends[k + 1]]
    hashes = np.empty(most, np.uint64)
    slots = np.full(1 << table_bits(most), -1, np.int64)
    first = 0  # number of the row's first key: a slot with a lower one is left from another row and counts as free
    at = 0
    for row in range(len(offsets) - 1):
        known = 0
        sentences = _split(data, int(offsets[row]), int(offsets[row + 1]), marks, begins)
        for s in range(sentences):
            begin, end = begins[s], begins[s + 1]
            newline = end > begin and data[end - 1] == 0x0A
            end -= newline
            free, chars = _write_key(
                data, begin, end, keys, ends[known], kept, flags, lower, lowercase, ignore, any_script
            )
            new = True
            if end > begin and chars >= shortest:
                ends[known + 1] = free
                new = _is_new(keys, ends, hashes, known, slots, first)
                known += new
            if new:
                out[at : at + end - begin] = data[begin:end]
                at += end - begin
            if newline:
                out[at] = 0x0A
                at += 1
        first += known
        out_offsets[row + 1] = at
    return at < int(offsets[-1]) - int(offsets[0])


@kernel
def _most_sentences(data, offsets):
    """No row has more sentences than this."""
    most = 0
    for row in range(len(offsets) - 1):
        breaks = 0
        for i in range(offsets[row], offsets[row + 1]):
            b = data[i]
            breaks += (b == 0x0A) | (b == 0x2E) | (b == 0x21) | (b == 0x3F) | (b == 0xE2) | (b == 0xE3) | (b == 0xEF)
        most = max(most, breaks)
    return most + 1


@kernel
def _split(data, i, stop, marks, begins):
    """Write where each sentence begins, and `stop`; returns their number. A newline belongs to the one before it."""
    sentences = 0
    begins[0] = i
    previous = last = 0  # marks of the two characters before, and where these begin
    previous_at = last_at = i
    end_from = ellipsis_from = quote_from = i  # a split takes a character along: the next one begins behind it
    while i < stop:
        b = data[i]
        if b < 0x80:
            if b == 0x0A:
                i += 1
                sentences += 1
                begins[sentences] = i
                previous = last = 0
                continue
            mark, after = int(marks[b]), i + 1
        else:
            mark, after = _mark(data, i)
        if last & (END | ELLIPSIS | QUOTE) and not mark & QUOTE:
            cut = False
            if last & END and last_at >= end_from:
                cut, end_from = True, after
            elif last & previous & ELLIPSIS and previous_at >= ellipsis_from:
                cut, ellipsis_from = True, after
            elif last & QUOTE and previous & BEFORE_QUOTE and previous_at >= quote_from:
                cut, quote_from = True, after
            if cut:
                sentences += 1
                begins[sentences] = i
        previous, previous_at = last, last_at
        last, last_at = mark, i
        i = after
    begins[sentences + 1] = stop
    return sentences + 1


@kernel
def _mark(data, i):
    """What the character at byte `i` is to the splitter, and where the next one begins."""
    c, after = decode(data, i)
    if c == 0x3002 or c == 0xFF01 or c == 0xFF1F:
        return END | BEFORE_QUOTE, after
    if c == 0x2026:
        return ELLIPSIS | BEFORE_QUOTE, after
    return (QUOTE if c == 0x2019 or c == 0x201D else 0), after


@kernel
def _write_key(data, i, stop, keys, at, kept, flags, lower, lowercase, ignore, any_script):
    """Write what the sentence is compared by at `keys[at]`; returns where it ends and its characters."""
    i, stop = trim(data, i, stop, flags, SPACE)
    begin, chars = i, 0
    while i < stop:
        b = int(data[i])
        if b < 0x80:
            if not ignore or kept[b]:
                keys[at] = b + 0x20 if lowercase and 0x41 <= b <= 0x5A else b
                at += 1
                chars += 1
            i += 1
            continue
        c, after = decode(data, i)
        if (
            lowercase and c == 0x130 and (any_script or not ignore)
        ):  # the only character whose lower case is two, i and a dot above
            at = encode(keys, encode(keys, at, 0x69), 0x307)
            chars += 2
            i = after
            continue
        if lowercase:
            final = c == 0x3A3 and ends_in_sigma(data, begin, i, after, stop, flags)
            c = 0x69 if c == 0x130 else 0x3C2 if final else int(lower[c])
        letter = (flags[c] & (ALNUM | MARK)) != 0 if any_script else 0x4E00 <= c <= 0x9FA5
        if not ignore or (kept[c] if c < 0x80 else letter):
            at = encode(keys, at, c)
            chars += 1
        i = after
    return at, chars


@kernel
def _is_new(keys, ends, hashes, k, slots, first):
    """Whether key `k` differs from those before it; if so, it is put in the table."""
    start, length = ends[k], ends[k + 1] - ends[k]
    h = hash_bytes(keys, start, ends[k + 1])
    hashes[k] = h
    mask = len(slots) - 1
    slot = np.int64(h >> np.uint64(33)) & mask
    while slots[slot] >= first:
        other = slots[slot] - first
        same = hashes[other] == h and ends[other + 1] - ends[other] == length
        if same and same_bytes(keys, ends[other], keys, start, length):
            return False
        slot = (slot + 1) & mask
    slots[slot] = first + k
    return True
