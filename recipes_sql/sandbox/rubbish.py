"""Planted rubbish for the sandbox's demo: ten kinds of text that a web crawl is full of, made from prose and chance.

Nothing of it was found in a crawl. Each kind copies how such text comes about (a wrong decoder, a menu read as text, a
page made for search engines), so that its stats are off in the ways that real rubbish is off.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable

from .languages import sentence

_LATIN = "abcdefghijklmnopqrstuvwxyz"
_CYRILLIC = "абцдефгхийклмнопярстувшьызАБЦДЕФГХИЙКЛМНОПЯРСТУВШЬЫЗ"
_TO_CYRILLIC = str.maketrans(_LATIN + _LATIN.upper(), _CYRILLIC)
_TYPOGRAPHY = str.maketrans({"'": "\u2019", '"': "\u201d", "-": "\u2014", "e": "\u00e9"})
_SECTIONS = (
    "Home", "About us", "Contact", "Login", "Register", "Cart (0)", "My account", "Wishlist", "Sitemap", "Search",
    "Terms of use", "Careers", "Newsletter", "RSS", "Share", "Tweet", "Print", "Next", "Previous", "Top stories",
    "Weather", "Video", "Photos", "Archive", "Help", "FAQ", "Forum", "Sports", "Advanced search", "Language",
    "Privacy policy", "Mobile site",
)  # fmt: skip
_GOODS = (
    "WATCHES", "HANDBAGS", "SNEAKERS", "CASINO BONUS", "PAYDAY LOANS", "DIET PILLS", "REPLICA", "SUNGLASSES",
    "RINGTONES", "CHEAP FLIGHTS", "POKER", "FOREX SIGNALS", "WEIGHT LOSS", "PHONE CASES", "MATTRESS", "INSURANCE",
)  # fmt: skip
_CALLS = ("BUY NOW", "CLICK HERE", "BEST PRICE", "FREE SHIPPING", "ACT NOW", "LIMITED OFFER", "100% GUARANTEED")
_LEVELS = ("INFO", "WARN", "DEBUG", "ERROR")

Maker = Callable[[list[str], int, random.Random], str]


def mojibake(prose: list[str], length: int, chance: random.Random) -> str:
    """Text read by a wrong decoder: UTF-16 with its bytes swapped, or UTF-8 as Windows-1252, once or twice."""
    text = chance.choice(prose)[:length]
    match chance.randrange(3):
        case 0:
            return text.encode("utf-16-le").decode("utf-16-be", "replace")
        case 1:
            return text.translate(_TO_CYRILLIC).encode("utf-8").decode("cp1252", "replace")[:length]
    once = text.translate(_TYPOGRAPHY).encode("utf-8").decode("cp1252", "replace")
    return once.encode("utf-8").decode("cp1252", "replace")[:length]


def navigation(prose: list[str], length: int, chance: random.Random) -> str:
    """Menus and lists of links."""

    def line() -> str:
        match chance.randrange(3):
            case 0:
                return " | ".join(chance.sample(_SECTIONS, chance.randint(3, 8)))
            case 1:
                words = chance.choice(prose).split()[: chance.randint(2, 4)]
                return f"» {' '.join(words).title()} ({chance.randrange(400)})"
        return f"http://www.{''.join(chance.choices(_LATIN, k=9))}.com/p/{chance.randrange(10**6)}.html"

    return _until(length, line, "\n")


def table(prose: list[str], length: int, chance: random.Random) -> str:
    """Rows of numbers and rules, as a spreadsheet or a box drawn with signs leaves them."""
    columns = chance.randint(4, 9)

    def line() -> str:
        if chance.random() < 0.2:
            return "+".join("-" * 9 for _ in range(columns))
        return " | ".join(f"{chance.uniform(-99, 999):.2f}" for _ in range(columns))

    return _until(length, line, "\n")


def dump(prose: list[str], length: int, chance: random.Random) -> str:
    """Bytes written as text: base64 or hexadecimal with offsets."""
    raw = chance.randbytes(length)
    if chance.random() < 0.5:
        return base64.encodebytes(raw).decode()[:length]
    rows = (raw[i : i + 16] for i in range(0, length // 3, 16))
    return "\n".join(f"{16 * i:08x}  {row.hex(' ')}" for i, row in enumerate(rows))[:length]


def repeats(prose: list[str], length: int, chance: random.Random) -> str:
    """One line again and again, as a page that failed to load or a template without content."""
    words = chance.choice(prose).split()
    start = chance.randrange(max(1, len(words) - 12))
    line = " ".join(words[start : start + chance.randint(4, 12)])
    numbered = chance.random() < 0.5
    count = iter(range(1, 10_000))
    return _until(length, lambda: f"{line} {next(count)}" if numbered else line, "\n")


def spam(prose: list[str], length: int, chance: random.Random) -> str:
    """A page made for search engines: goods and calls to buy them, in capitals."""

    def call() -> str:
        goods = " ".join(chance.sample(_GOODS, chance.randint(2, 4)))
        return f"{goods} {chance.choice(_CALLS)}{'!' * chance.randint(1, 4)} ${chance.randrange(9, 199)}.99"

    return _until(length, call, " ")


def salad(prose: list[str], length: int, chance: random.Random) -> str:
    """Words of several documents in no order, as made by programs that hide copied text."""
    words = [w for text in chance.sample(prose, 3) for w in text.split()]
    chance.shuffle(words)
    return _until(length, lambda: " ".join(words.pop() for _ in range(min(len(words), chance.randint(6, 14)))), "\n")


def teasers(prose: list[str], length: int, chance: random.Random) -> str:
    """Beginnings of texts that stand elsewhere, cut off in the middle of a sentence."""

    def teaser() -> str:
        words = chance.choice(prose).split()[: chance.randint(4, 9)]
        day = f"{chance.randint(1, 28):02}/{chance.randint(1, 12):02}/20{chance.randint(10, 23)}"
        return f"{day} {' '.join(words)}... [{chance.choice(('Read more', 'More', 'Continue'))}]"

    return _until(length, teaser, "\n")


def foreign(prose: list[str], length: int, chance: random.Random) -> str:
    """Plain sentences in another language, put together from lists of words."""
    language = chance.choice(("de", "fr", "es", "it"))
    return _until(length, lambda: sentence(language, chance), " ")


def log(prose: list[str], length: int, chance: random.Random) -> str:
    """What a server writes for itself: requests, levels, JSON."""

    def line() -> str:
        month, day, hour, minute = (chance.randint(1, most) for most in (12, 28, 23, 59))
        when = f"2023-{month:02}-{day:02}T{hour:02}:{minute:02}:07Z"
        code = chance.choice((200, 304, 404))
        fields = json.dumps({"id": f"{chance.getrandbits(48):x}", "ms": chance.randrange(900), "code": code})
        return f"{when} {chance.choice(_LEVELS)} srv{chance.randrange(20)}[{chance.randrange(9999)}]: {fields}"

    return _until(length, line, "\n")


KINDS: tuple[Maker, ...] = (mojibake, navigation, table, dump, repeats, spam, salad, teasers, foreign, log)


def _until(length: int, part: Callable[[], str], between: str) -> str:
    """Parts put together until the text is as long as wished; the end is cut off."""
    parts, size = [], 0
    while size < length:
        parts.append(part())
        size += len(parts[-1]) + len(between)
        if not parts[-1]:
            break
    return between.join(parts)[:length]
