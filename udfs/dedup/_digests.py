"""MD5 and SHA-1 of the windows of tokens: the features by which Data-Juicer compares texts.

The tokens of a row are written one after the other, so that a window is a slice of bytes. Windows are digested 64 at a
time (a lane each), which compiles to vector instructions.
"""

import math

import numpy as np

from juicesql.api import kernel

from ..text._chars import decode, longest_row
from ._shingles import ALONE, APART, CHAR_BITS

LANES, BLOCKS = 64, 90
WORD = np.uint32(0xFFFFFFFF)
_MD5_START = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0], np.uint32)
_SHA1_START = np.array([0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0], np.uint32)
_MD5_ADDED = np.array([int(abs(math.sin(i + 1)) * 2**32) for i in range(64)], np.uint32)
_MD5_SHIFTS = np.array([7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21], np.uint32)
_SHA1_ADDED = np.array([0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6], np.uint32)


@kernel
def lay_out(data, i, stop, table, keep_empty, joint, buffer, starts, ends):
    """Write the tokens of one row to `buffer` with `joint` bytes of space between them; returns their number.

    `starts` and `ends` need a place for each byte and one more, `buffer` is `row_buffer()`. `keep_empty` is that of
    `row_tokens`.
    """
    n = at = begin = 0
    filled = False
    while i < stop:
        before = i
        c = int(data[i])
        if c < 0x80:
            i += 1
        else:
            c, i = decode(data, i)
        kind = int(table[c]) >> CHAR_BITS
        if kind == APART:
            if at > begin or keep_empty:
                starts[n], ends[n] = begin, at
                n += 1
                if joint:
                    buffer[at] = 0x20
                    at += 1
                begin = at
            continue
        filled = True
        for k in range(before, i):
            buffer[at] = data[k]
            at += 1
        if kind == ALONE:
            starts[n], ends[n] = begin, at
            n += 1
            begin = at
    if at > begin or (keep_empty and filled):
        starts[n], ends[n] = begin, at
        n += 1
    return n if filled else 0


@kernel
def row_digests(buffer, starts, ends, n, window, sha1, work, hashes):
    """Digest each window of the `n` tokens that `lay_out` wrote; returns the number of windows.

    A row of fewer tokens than the window has one, of all its tokens. SHA-1 gives its first 4 bytes as a little-endian
    number, MD5 its first 8 bytes as a big-endian one. `buffer` has 12 bytes more than the tokens, `work` is
    `workspace()`.
    """
    if n == 0:
        return 0
    window = min(window, n)
    count = n - window + 1
    words = buffer.view(np.uint32)
    for first in range(0, count, LANES):
        lanes = min(LANES, count - first)
        _digest_lanes(words, starts[first:], ends[first + window - 1 :], lanes, sha1, work)
        for k in range(lanes):
            if sha1:
                hashes[first + k] = np.uint64(_swapped(work[0, k]))
            else:
                high, low = np.uint64(_swapped(work[0, k])), np.uint64(_swapped(work[1, k]))
                hashes[first + k] = (high << np.uint64(32)) | low
    return count


@kernel
def row_buffer(offsets):
    """Bytes for the tokens of the longest row, as a number of whole words that can be read past the end."""
    return np.empty((longest_row(offsets) + 16) // 4 * 4, np.uint8)


def workspace() -> np.ndarray:
    """For each lane: 5 words of state, 5 of the state before a block, 80 of message, and the number of blocks."""
    return np.zeros((91, LANES), np.uint32)


@kernel
def _swapped(x):
    """The number with its 4 bytes the other way round."""
    x = np.uint32(((x & np.uint32(0x00FF00FF)) << np.uint32(8)) | ((x >> np.uint32(8)) & np.uint32(0x00FF00FF)))
    return np.uint32((x << np.uint32(16)) | (x >> np.uint32(16)))


@kernel
def _digest_lanes(words, starts, ends, lanes, sha1, work):
    """Leave the digests of the first `lanes` windows in `work[:5]`."""
    most = 0
    for k in range(lanes):
        blocks = (int(ends[k]) - int(starts[k]) + 8) // 64 + 1
        work[BLOCKS, k] = blocks
        most = max(most, blocks)
    for word in range(5):
        work[word, :] = _SHA1_START[word] if sha1 else _MD5_START[word]
    for block in range(most):
        for k in range(lanes):
            if block < work[BLOCKS, k]:
                _load(words, int(starts[k]), int(ends[k]), block, sha1, work, k)
        work[5:10, :] = work[:5, :]
        if sha1:
            _sha1_block(work)
        else:
            _md5_block(work)
        for word in range(5):
            now, before, blocks_of = work[word], work[5 + word], work[BLOCKS]
            for k in range(LANES):
                now[k] = np.uint32(before[k] + now[k]) if block < blocks_of[k] else before[k]


@kernel
def _load(words, start, stop, block, sha1, work, lane):
    """Write the 16 words of one block of the padded message of a lane. The tokens come as 32-bit numbers here."""
    at = start + block * 64
    left = stop - at  # bytes of the message from here on; below 0 when only the padding is
    message = work[10:26, lane]
    i = np.uint64(at >> 2)  # unsigned, so that numba does not look for indices below 0
    shift = np.uint64((at & 3) * 8)
    whole = min(max(left, 0) // 4, 16)
    low = np.uint64(words[i])
    for word in range(whole + (left >= 0 and whole < 16)):
        i += np.uint64(1)
        high = np.uint64(words[i])
        value = ((high << np.uint64(32)) | low) >> shift
        low = high
        if word == whole:  # the end of the message and the bit that marks it
            mark = np.uint64(1) << np.uint64(8 * (left & 3))
            value = (value & (mark - np.uint64(1))) | (mark << np.uint64(7))
        part = np.uint32(value & np.uint64(0xFFFFFFFF))
        message[np.uint64(word)] = _swapped(part) if sha1 else part
    for word in range(whole + (left >= 0), 16):
        message[word] = 0
    if left < 56:
        bits = (stop - start) * 8
        low32, high32 = np.uint32(bits & 0xFFFFFFFF), np.uint32(bits >> 32)
        message[14], message[15] = (high32, low32) if sha1 else (low32, high32)


@kernel
def _md5_block(work):
    for i in range(64):
        turn = i >> 4
        g = (i, 5 * i + 1, 3 * i + 5, 7 * i)[turn] & 15
        left = _MD5_SHIFTS[turn * 4 + (i & 3)]
        right = np.uint32(np.uint32(32) - left)
        added = _MD5_ADDED[i]
        # Which rows of `work` hold a, b, c, d moves on by one each step.
        ra, rb, rc, rd = -i & 3, (1 - i) & 3, (2 - i) & 3, (3 - i) & 3
        a, b, c, d, m = work[ra], work[rb], work[rc], work[rd], work[10 + g]
        for k in range(LANES):
            x, y, z = b[k], c[k], d[k]
            if turn == 0:
                f = z ^ (x & (y ^ z))
            elif turn == 1:
                f = y ^ (z & (x ^ y))
            elif turn == 2:
                f = x ^ y ^ z
            else:
                f = y ^ (x | (z ^ WORD))
            s = np.uint32(a[k] + f + m[k] + added)
            a[k] = np.uint32(x + np.uint32((s << left) | (s >> right)))


@kernel
def _sha1_block(work):
    for i in range(16, 80):
        w, w3, w8, w14, w16 = work[10 + i], work[7 + i], work[2 + i], work[i - 4], work[i - 6]
        for k in range(LANES):
            s = w3[k] ^ w8[k] ^ w14[k] ^ w16[k]
            w[k] = np.uint32((s << np.uint32(1)) | (s >> np.uint32(31)))
    for i in range(80):
        turn = i // 20
        added = _SHA1_ADDED[turn]
        ra, rb, rc, rd, re = -i % 5, (1 - i) % 5, (2 - i) % 5, (3 - i) % 5, (4 - i) % 5
        a, b, c, d, e, w = work[ra], work[rb], work[rc], work[rd], work[re], work[10 + i]
        for k in range(LANES):
            x, y, z = b[k], c[k], d[k]
            if turn == 0:
                f = z ^ (x & (y ^ z))
            elif turn == 2:
                f = (x & y) | (z & (x | y))
            else:
                f = x ^ y ^ z
            turned = np.uint32((a[k] << np.uint32(5)) | (a[k] >> np.uint32(27)))
            e[k] = np.uint32(turned + f + e[k] + added + w[k])
            b[k] = np.uint32((x << np.uint32(30)) | (x >> np.uint32(2)))
