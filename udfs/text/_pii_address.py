"""E-mail and IP addresses in text."""

import numpy as np

from juicesql.api import kernel

from ._pii_bytes import digits_end, is_digit, is_letter, is_word, number_at


def _packed(words):
    """Words of at most 12 letters as numbers, 5 bits a letter."""
    return np.array([sum((ord(c) & 31) << 5 * i for i, c in enumerate(reversed(w))) for w in words.split()], np.int64)


# `logo@2x.png` is a file.
IMAGE_ENDINGS = _packed("png jpg jpeg gif svg webp bmp")
# Four numbers after one of these are a version or the number of a section.
NUMBERED = _packed("v ver vers version versions release rev revision build firmware section sec chapter clause")


@kernel
def email(data, at, floor, stop):
    """Start and end of the e-mail address whose @ is byte `at`, or -1, -1. It begins at `floor` or behind."""
    begin = at
    while begin > floor and _is_local(data[begin - 1]) and not (data[begin - 1] == 0x2E and data[begin] == 0x2E):
        begin -= 1
    while begin < at and not is_word(data[begin]):
        begin += 1
    if begin == at or data[at - 1] == 0x2E or at - begin > 64:
        return -1, -1
    end = _domain_end(data, at + 1, stop)
    return (begin, end) if end > 0 else (-1, -1)


@kernel
def _is_local(b):
    return is_word(b) or b == 0x2E or b == 0x2D or b == 0x2B or b == 0x25


@kernel
def _domain_end(data, i, stop):
    """End of the longest domain name at byte `i`, or -1."""
    first, end, letters = i, -1, 0
    while i - first <= 253:
        j = i
        while j < stop and (is_letter(data[j]) or is_digit(data[j]) or data[j] == 0x2D):
            j += 1
        if i > first:
            k = _top_level_end(data, i, j, stop)
            if 0 < k <= first + 253:
                end, letters = k, i
        if j == i or j >= stop or j - i > 63 or data[i] == 0x2D or data[j - 1] == 0x2D or data[j] != 0x2E:
            break
        i = j + 1
    return -1 if end > 0 and _is_listed(data, letters, end, IMAGE_ENDINGS) else end


@kernel
def _top_level_end(data, i, label_end, stop):
    """End of the top-level domain that begins the label `data[i:label_end]`: letters, or `xn--` and more; or -1."""
    k = i
    while k < label_end and is_letter(data[k]):
        k += 1
    if k == i + 2 and _is_encoded(data, i, label_end) and (label_end == stop or data[label_end] != 0x5F):
        k = label_end
    return k if 2 <= k - i <= 63 and (k == stop or not is_word(data[k])) else -1


@kernel
def _is_encoded(data, i, end):
    """Whether the label is `xn--` and at least one more, no hyphen last."""
    if not i + 5 <= end <= i + 63 or data[end - 1] == 0x2D:
        return False
    return data[i] | 32 == 0x78 and data[i + 1] | 32 == 0x6E and data[i + 2] == 0x2D and data[i + 3] == 0x2D


@kernel
def _is_listed(data, i, stop, packed):
    """Whether the letters `data[i:stop]`, whatever their case, are one of the packed words."""
    if stop - i > 12:
        return False
    word = 0
    for k in range(i, stop):
        word = word << 5 | int(data[k]) & 31
    for other in packed:  # noqa: SIM110 - compiled
        if other == word:
            return True
    return False


@kernel
def ipv4(data, i, first, stop):
    """End of the dotted address whose first digit is byte `i`, or -1."""
    end = quad_end(data, i, stop)
    if end < i + 8 or data[i] == 0x30:  # four single digits number versions and sections
        return -1
    if end < stop:
        b = data[end]
        after = data[end + 1] if end + 1 < stop else 0
        if is_word(b) or (b == 0x2E and is_digit(after)) or (b == 0x2D and is_letter(after)):
            return -1
    if i > first:
        b = data[i - 1]
        if is_word(b) or b == 0x2E:
            return -1
        if (b == 0x2D or b == 0x2F) and i - 1 > first and is_letter(data[i - 2]):
            return -1
    return -1 if after_numbered(data, i, first) else end


@kernel
def quad_end(data, i, stop):
    """End of four decimal numbers of at most 255 without leading zeros and with dots between them, or -1."""
    for part in range(4):
        end = digits_end(data, i, min(i + 4, stop))
        if not 0 < end - i <= 3 or (data[i] == 0x30 and end - i > 1) or number_at(data, i, end) > 255:
            return -1
        if part == 3:
            return end
        if end == stop or data[end] != 0x2E:
            return -1
        i = end + 1
    return -1


@kernel
def after_numbered(data, i, first):
    """Whether `version`, `section` or the like stands before byte `i`, with up to 32 blanks and `.:="'` between."""
    end = i
    while end > first and i - end < 32 and _is_filler(data[end - 1]):
        end -= 1
    begin = end
    while begin > first and end - begin <= 12 and is_letter(data[begin - 1]):
        begin -= 1
    return begin < end and _is_listed(data, begin, end, NUMBERED)


@kernel
def _is_filler(b):
    return b == 0x20 or 0x09 <= b <= 0x0D or b == 0x2E or b == 0x3A or b == 0x3D or b == 0x22 or b == 0x27


@kernel
def _is_hex(b):
    return 0x30 <= b <= 0x39 or 0x61 <= b <= 0x66 or 0x41 <= b <= 0x46


@kernel
def may_follow_colon(b):
    """Whether the byte may stand behind the first colon of an IPv6 address."""
    return _is_hex(b) or b == 0x3A


@kernel
def _in_ipv6(b):
    return _is_hex(b) or b == 0x3A or b == 0x2E


@kernel
def any_ipv6(data, colon, floor, stop, groups):
    """Start and end of the IPv6 address around the colon, or -1, -1; and where the run of its characters ends."""
    i, run = colon, colon + 1
    while i > floor and _in_ipv6(data[i - 1]):
        i -= 1
    while run < stop and _in_ipv6(data[run]):
        run += 1
    end = run
    while end > i and data[end - 1] == 0x2E:
        end -= 1
    if end - i > 2 and data[end - 1] == 0x3A and data[end - 2] != 0x3A:
        end -= 1
    if end - i > 2 and data[i] == 0x3A and data[i + 1] != 0x3A:
        i += 1
    elif i > floor and is_word(data[i - 1]):
        return -1, -1, run
    if end == run and run < stop and is_word(data[run]):
        return -1, -1, run
    if end - i > 45 or not _read_ipv6(data, i, end, groups):
        return -1, -1, run
    return i, end, run


@kernel
def ipv6(data, colon, floor, stop, groups):
    """As `any_ipv6`, of a prefix in use: other short forms are mostly code."""
    begin, end, run = any_ipv6(data, colon, floor, stop, groups)
    return (begin, end, run) if begin >= 0 and is_assigned(groups) else (-1, -1, run)


@kernel
def _read_ipv6(data, i, stop, groups):
    """Read an address in the forms of RFC 4291, section 2.2, into its eight groups; False when it is none."""
    count, gap = 0, -1
    if i + 1 < stop and data[i] == 0x3A and data[i + 1] == 0x3A:
        gap = 0
        i += 2
    while i < stop:
        end = i
        while end < stop and _is_hex(data[end]):
            end += 1
        if count == 8 or end == i or end - i > (4 if end == stop or data[end] != 0x2E else 3):
            return False
        if end < stop and data[end] == 0x2E:
            if count > 6 or quad_end(data, i, stop) != stop:
                return False
            _read_quad(data, i, stop, groups, count)
            count += 2
            break
        groups[count] = _hex_number(data, i, end)
        count += 1
        i = end + 1
        if end == stop:
            break
        if i == stop or data[end] != 0x3A:
            return False
        if data[i] == 0x3A:
            if gap >= 0:
                return False
            gap = count
            i += 1
    return _widen(groups, count, gap)


@kernel
def _widen(groups, count, gap):
    """Move the groups behind `::` to the end and fill the gap with zeros."""
    if gap < 0:
        return count == 8
    if count == 8:
        return False
    for k in range(1, count - gap + 1):
        groups[8 - k] = groups[count - k]
    groups[gap : 8 - count + gap] = 0
    return True


@kernel
def _hex_number(data, i, stop):
    number = 0
    for k in range(i, stop):
        b = int(data[k])
        number = number * 16 + (b - 0x30 if b <= 0x39 else (b | 32) - 0x57)
    return number


@kernel
def _read_quad(data, i, stop, groups, count):
    groups[count] = groups[count + 1] = 0
    for part in range(4):
        end = digits_end(data, i, stop)
        groups[count + part // 2] = groups[count + part // 2] * 256 + number_at(data, i, end)
        i = end + 1


@kernel
def is_assigned(groups):
    """Global unicast, unique local, link local, multicast, the well-known NAT64 prefix, or an IPv4-mapped address."""
    a = groups[0]
    if 0x2000 <= a < 0x4000 or 0xFC00 <= a < 0xFE00 or 0xFE80 <= a < 0xFEC0 or a >= 0xFF00:
        return True
    if a == 0x64:
        return groups[1] == 0xFF9B
    for k in range(5):
        if groups[k]:
            return False
    return groups[5] == 0xFFFF
