"""The text of simple HTML by a kernel: rows that an HTML parser could read otherwise are left to one.

Tags of ordinary elements put nothing into the text, so it is the characters between them with entities decoded. What
moves text or ends it (tables, scripts, heads, comments, ...) and anything odd makes a row *hard*.
"""

from functools import lru_cache

import numpy as np

from juicesql.api import kernel

from ._chars import encode
from ._words import hash_bytes, same_bytes, table_bits

# Elements that move text, hide it, read it by other rules, or may stand before the body.
HARD_ELEMENTS = (
    "base basefont bgsound body button caption col colgroup frame frameset head html iframe image input isindex link "
    "listing math meta noembed noframes noscript optgroup option plaintext pre script select selectedcontent style "
    "svg table tbody td template textarea tfoot th thead title tr xmp"
)
# Elements that stand on lines of their own. The first two are told apart by their numbers.
BLOCKS = (
    "br li address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup hr legend main menu nav ol p search section summary ul"
)
BREAK, ITEM = 0, 1
LONGEST_ELEMENT = 15
LONGEST_ENTITY = 33
HARD = -1


@lru_cache(maxsize=1)
def tables() -> tuple[np.ndarray, ...]:
    """Names of hard elements and of entities, with the two code points of each entity (the second may be 0)."""
    from html.entities import html5

    entities = sorted(html5)
    points = np.array([[ord(html5[e][0]), ord(html5[e][1:] or "\0")] for e in entities], np.int32)
    return (*_named(HARD_ELEMENTS.split()), *_named(BLOCKS.split()), *_named(entities), points)


def _named(names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    encoded = [name.encode() for name in names]
    data = np.frombuffer(b"".join(encoded) + b"\0", np.uint8).copy()
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return data, offsets, _slots(data, offsets)


@kernel
def _slots(data, offsets):
    names = len(offsets) - 1
    bits = table_bits(2 * names)
    slots = np.full(1 << bits, -1, np.int32)
    for n in range(names):
        slot = np.int64(hash_bytes(data, offsets[n], offsets[n + 1]) >> np.uint64(64 - bits))
        while slots[slot] >= 0:
            slot = (slot + 1) & ((1 << bits) - 1)
        slots[slot] = n
    return slots


@kernel
def _find(text, start, stop, data, offsets, slots):
    """The number of the name that stands at bytes start to stop, or -1."""
    shift = np.uint64(64 - table_bits(2 * (len(offsets) - 1)))
    mask = len(slots) - 1
    slot = np.int64(hash_bytes(text, start, stop) >> shift)
    while slots[slot] >= 0:
        begin = offsets[slots[slot]]
        if offsets[slots[slot] + 1] - begin == stop - start and same_bytes(data, begin, text, start, stop - start):
            return slots[slot]
        slot = (slot + 1) & mask
    return -1


@kernel
def simple_texts(
    data, offsets, out, out_offsets, hard, lines, elements, element_at, element_slots, blocks, block_at, block_slots,
    names, name_at, slots, points
):  # fmt: skip
    """Write the text of each row to `out`, nothing for rows that are set in `hard`. Returns whether a row changed.

    With `lines`, blocks stand on lines of their own, and white space around their tags goes.
    """
    name = np.empty(LONGEST_ELEMENT + 1, np.uint8)
    changed = False
    at = 0
    for row in range(len(offsets) - 1):
        begin, i, stop = at, int(offsets[row]), int(offsets[row + 1])
        length = stop - i
        inside = False  # the body has begun: white space counts from here on
        edge, marked = lines, False  # a tag of a block was the last, or the star of an item
        breaks = 0  # `<br>` since the last text
        while i >= 0 and i < stop:
            b = data[i]
            if edge and _is_space(b):
                i += 1
                continue
            if edge and _is_text(data, i, stop):
                at = _line_ends(out, begin, at, breaks, marked)
                edge = marked = False
                breaks = 0
            while inside and b > 0x0D and b != 0x26 and b != 0x3C:  # most bytes
                out[at] = b
                at += 1
                i += 1
                if i == stop:
                    break
                b = data[i]
            if i == stop:
                break
            if b == 0x3C:
                if not lines and _item(data, i, stop):
                    if inside:
                        out[at] = 0x0A
                        at += 1
                    out[at] = 0x2A
                    at += 1
                    i += 4
                    inside = True
                elif not lines and _item_end(data, i, stop):
                    i += 5
                elif i + 1 < stop and _is_letter(data[i + 1]):
                    i, length_of_name = _after_tag(data, i + 1, stop, name, elements, element_at, element_slots)
                    inside = True
                    block = _find(name, 0, length_of_name, blocks, block_at, block_slots) if lines else -1
                    if block >= 0:
                        at = _without_blanks(out, begin, at)
                        edge = True
                        breaks += block == BREAK
                        if block == ITEM and not marked:
                            at = _line_ends(out, begin, at, breaks, False)
                            out[at] = 0x2A
                            at += 1
                            marked = True
                        if marked:
                            breaks = 0
                elif i + 2 < stop and data[i + 1] == 0x2F and _is_letter(data[i + 2]) and inside:
                    i, length_of_name = _after_tag(data, i + 2, stop, name, elements, element_at, element_slots)
                    if lines and _find(name, 0, length_of_name, blocks, block_at, block_slots) >= 0:
                        at = _without_blanks(out, begin, at)
                        edge = True
                elif i + 1 < stop and (
                    data[i + 1] == 0x2F or data[i + 1] == 0x21 or data[i + 1] == 0x3F or data[i + 1] == 0x3C
                ):
                    i = HARD
                else:
                    out[at] = b
                    at += 1
                    i += 1
                    inside = True
            elif b == 0x26 and inside:
                i, at = _entity(data, i, stop, out, at, names, name_at, slots, points)
            elif b == 0x0D or b == 0 or b == 0x26:
                i = HARD
            elif inside or not _is_space(b):
                out[at] = b
                at += 1
                i += 1
                inside = True
            else:
                i += 1
        if i < 0:
            hard[row] = True
            at = begin
        changed |= i < 0 or at - begin != length
        out_offsets[row + 1] = at
    return changed


@kernel
def _is_space(b):
    return b == 0x20 or b == 0x09 or b == 0x0A or b == 0x0C


@kernel
def _is_text(data, i, stop):
    """Whether a character of the text stands at byte `i`, and no tag."""
    if data[i] != 0x3C:
        return True
    after = data[i + 1] if i + 1 < stop else 0
    return not (_is_letter(after) or after == 0x2F or after == 0x21 or after == 0x3F)


@kernel
def _without_blanks(out, begin, at):
    while at > begin and _is_space(out[at - 1]):
        at -= 1
    return at


@kernel
def _line_ends(out, begin, at, breaks, marked):
    """Write the line end of a block, or one for each `<br>` up to two; nothing before the first text of a row."""
    if at == begin or marked:
        return at
    for _ in range(max(1, min(breaks, 2))):
        out[at] = 0x0A
        at += 1
    return at


@kernel
def _is_letter(b):
    return 0x61 <= b | 0x20 <= 0x7A


@kernel
def _item(data, i, stop):
    """Whether `<li>` or `<ol>` stands at byte `i`."""
    if i + 3 >= stop or data[i + 3] != 0x3E:
        return False
    return (data[i + 1] == 0x6C and data[i + 2] == 0x69) or (data[i + 1] == 0x6F and data[i + 2] == 0x6C)


@kernel
def _item_end(data, i, stop):
    """Whether `</li>` or `</ol>` stands at byte `i`."""
    if i + 4 >= stop or data[i + 1] != 0x2F or data[i + 4] != 0x3E:
        return False
    return (data[i + 2] == 0x6C and data[i + 3] == 0x69) or (data[i + 2] == 0x6F and data[i + 3] == 0x6C)


@kernel
def _after_tag(data, i, stop, name, elements, element_at, element_slots):
    """The byte after the tag whose name begins at byte `i`, the end of the row when it never closes, or HARD.

    Behind it the length of its lower-case name, of which `name` holds no more than LONGEST_ELEMENT bytes.
    """
    letters = 0
    while i < stop and not _is_space(data[i]) and data[i] != 0x2F and data[i] != 0x3E:
        if _is_odd(data[i]):
            return HARD, 0
        if letters < LONGEST_ELEMENT:
            name[letters] = data[i] | 0x20 if _is_letter(data[i]) else data[i]
        letters += 1
        i += 1
    if letters <= LONGEST_ELEMENT and _find(name, 0, letters, elements, element_at, element_slots) >= 0:
        return HARD, 0
    while i < stop:
        b = data[i]
        if b == 0x3E:
            return i + 1, min(letters, LONGEST_ELEMENT + 1)
        if _is_odd(b):
            return HARD, 0
        if _is_space(b) or b == 0x2F:
            i += 1
        else:
            i = _after_attribute(data, i, stop)
            if i < 0:
                return HARD, 0
    return stop, 0


@kernel
def _is_odd(b):
    """A byte inside a tag with which the replacement of list tags, or the parser, could do something else."""
    return b == 0x3C or b == 0x0D or b == 0


@kernel
def _after_attribute(data, i, stop):
    """The byte after the attribute that begins at byte `i`, or HARD."""
    i += 1  # even a `=` is part of the name here
    while i < stop and not _is_space(data[i]) and data[i] != 0x2F and data[i] != 0x3E and data[i] != 0x3D:
        if _is_odd(data[i]):
            return HARD
        i += 1
    while i < stop and _is_space(data[i]):
        i += 1
    if i >= stop or data[i] != 0x3D:
        return i
    i += 1
    while i < stop and _is_space(data[i]):
        i += 1
    if i >= stop or data[i] == 0x3E:
        return i
    quote = data[i]
    if quote == 0x22 or quote == 0x27:
        i += 1
        while i < stop and data[i] != quote:
            if _is_odd(data[i]):
                return HARD
            i += 1
        return i + 1
    while i < stop and not _is_space(data[i]) and data[i] != 0x3E:
        if _is_odd(data[i]):
            return HARD
        i += 1
    return i


@kernel
def _entity(data, i, stop, out, at, names, name_at, slots, points):
    """Write what the `&` at byte `i` begins; the next byte (or HARD) and where `out` goes on."""
    i += 1
    if i < stop and data[i] == 0x23:
        return _number(data, i + 1, stop, out, at)
    end = i
    while end < stop and end - i < LONGEST_ENTITY and (_is_letter(data[end]) or 0x30 <= data[end] <= 0x39):
        end += 1
    if end < stop and data[end] == 0x3C:
        return HARD, at
    if end < stop and data[end] == 0x3B:
        end += 1
    while end > i + 1:  # the longest name wins; some go without `;`
        found = _find(data, i, end, names, name_at, slots)
        if found >= 0 and points[found, 0] <= 0x20:
            return HARD, at
        if found >= 0:
            at = encode(out, at, points[found, 0])
            if points[found, 1]:
                at = encode(out, at, points[found, 1])
            return end, at
        end -= 1
    out[at] = 0x26
    return i, at + 1


@kernel
def _number(data, i, stop, out, at):
    """Write the character that the number at byte `i` refers to; HARD when it has a rule of its own."""
    base = 10
    if i < stop and data[i] | 0x20 == 0x78:
        base = 16
        i += 1
    point = 0
    first = i
    while i < stop and i - first < 8:
        digit = int(data[i]) - 0x30
        if base == 16 and _is_letter(data[i]):
            digit = (int(data[i]) | 0x20) - 0x57
        if digit < 0 or digit >= base:
            break
        point = point * base + digit
        i += 1
    rare = point <= 0x20 or 0x7F <= point < 0xA0 or 0xD800 <= point < 0xE000 or point > 0x10FFFF
    if i == first or i - first >= 8 or rare or i >= stop or data[i] != 0x3B:
        return HARD, at
    return i + 1, encode(out, at, point)
