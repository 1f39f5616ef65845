"""What `ftfy.fix_text` does to each single character, and which characters could make it do more.

ftfy works line by line. In most lines every character is left alone or replaced on its own; the table says so for
each code point. A line is left to ftfy itself when it holds a HARD character, or characters of classes that only
together can look like mojibake (ACCENTED or GREEK beside QUOTE), or what may be an HTML entity.
"""

import unicodedata
from collections.abc import Iterable

import numpy as np

# Upper byte of a table entry; the lower three bytes are the replacement, its first byte lowest.
HARD, REPLACE, ACCENTED, QUOTE, GREEK, AMPERSAND, LESS = 1, 2, 4, 8, 16, 32, 64


def build(form: str) -> np.ndarray:
    """The table for one normalization form."""
    from ftfy import chardata

    maps = {**chardata.LIGATURES, **chardata.WIDTH_MAP}
    table = np.zeros(0x110000, np.uint32)
    hard = set(chardata.CONTROL_CHARS) | _composing(form)
    targets = {}
    for code in range(0x80, 0x110000):
        char = chr(code)
        if code in hard or 0xD800 <= code < 0xE000 or unicodedata.combining(char):
            hard.add(code)
            continue
        fixed = maps.get(code, char)
        if fixed == char and unicodedata.is_normalized(form, char):
            continue
        targets[code] = unicodedata.normalize(form, fixed)
    classes = mojibake_classes()
    quotes = {ord(c): "'" for c in _matching(chardata.SINGLE_QUOTE_RE)}
    quotes |= {ord(c): '"' for c in _matching(chardata.DOUBLE_QUOTE_RE)}
    targets |= quotes | {0x2028: "\n", 0x2029: "\n"}
    for code, flag in classes.items():
        table[code] = flag << 24
    for code, target in targets.items():
        plain = target.isascii() and target and all(c == "\n" or " " <= c <= "~" for c in target) and "&" not in target
        inert = len(target) == 1 and ord(target) not in hard | classes.keys() | targets.keys()
        packed = target.encode()
        if (plain or inert) and len(packed) <= len(chr(code).encode()) <= 3:
            table[code] |= (REPLACE << 24) | int.from_bytes(packed, "little")
        else:
            hard.add(code)
    for code in hard:
        table[code] = HARD << 24
    table[0x0D] = REPLACE << 24  # the writer knows what becomes of it
    table[ord("&")], table[ord("<")] = AMPERSAND << 24, LESS << 24
    return table


def _composing(form: str) -> set[int]:
    """Characters that may merge with the one before them."""
    if form in ("NFD", "NFKD"):
        return set()
    pairs = (unicodedata.decomposition(chr(c)).split() for c in range(0x110000))
    seconds = {int(pair[1], 16) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    return seconds | {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)}


def _matching(pattern: object, chars: Iterable[int] = range(0x80, 0x110000)) -> set[str]:
    everything = "".join(chr(c) for c in chars if not 0xD800 <= c < 0xE000)
    return {c for found in pattern.finditer(everything) for c in found.group()}  # type: ignore[attr-defined]


def mojibake_classes() -> dict[int, int]:
    """The class of each character that ftfy's test for mojibake names, as far as it is not harmless."""
    import re

    from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES

    members = {name: _matching(re.compile(f"[{chars}]")) for name, chars in MOJIBAKE_CATEGORIES.items()}
    accented = members["lower_accented"] - {"œ"}
    accented |= {c for c in members["kaomoji"] if c.islower() or c in "ÒÓÔÕÖÛÚ"}
    quote = members["start_punctuation"] | members["end_punctuation"]
    harmless = members["common"] | members["lower_common"] | members["upper_common"]
    literal = {c for c in BADNESS_RE.pattern if not c.isascii()}
    classes = {}
    for char in set().union(*members.values(), literal, "\xa0\xad¡°Ђ"):
        strong = any(char in members[n] for n in ("c1", "bad", "law", "currency", "numeric", "upper_accented", "box"))
        if strong or char in "œŒЂÙ":
            classes[ord(char)] = HARD
        elif char in accented:
            classes[ord(char)] = ACCENTED
        elif char in quote:
            classes[ord(char)] = QUOTE
        elif char in "ВГРСΒΓΞΟ":
            classes[ord(char)] = GREEK
        elif char not in harmless:
            classes[ord(char)] = HARD
    return {code: flag for code, flag in classes.items() if code >= 0x80}
