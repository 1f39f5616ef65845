"""Texts that tell two implementations of the same function apart."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

_LINE_BREAKS = ["\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x1f", "\x85", "\u2028", "\u2029", "\n\r"]
_SPACES = (
    "\t\x20\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u200c\u200d\u202f\u205f\u2060\u3000\ufeff\ufffc\x84\u180e\xad"
)
_DIGITS = "0\xb2\xbc\u0665\u0966\u2167\u2460\u3007\uff11\U0001d7d9\u58f1"
_LETTERS = "Aa\xaa\xdf\u0130\u0131\u01c5\u02b0\u03a3\u03c2\u0e01\u3042\u30a2\u4e00\uac00\U00020000\u0301\u093e"
_SPECIAL = (
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\x7f\x80\x81\x85\x91\xa1\xa9\xaa\xac\xad\xb5\xd7\xf7\xf8\u0131\u026a\u02ba"
    "\u02c8\u03c0\u0413\u060c\u0647\u066a\u093e\u0947\u094d\u097d\u0e51\u2010\u2014\u2022\u2026\u20ac\u2122\u2190"
    "\u221e\u25a0\u2605\u263a\u2660\u2713\u2800\u3001\u3002\u300a\u3010\u30b7\u30c3\u30c4\u30f3\u4e00\u4e0a\u58eb"
    "\ufe0f\uff01\uff0c\uff1f\U0001f600\U0001f1fa\U0001f468\u200d\u20e3"
)
_PUNCTUATION = "，。、„”“«»１」「《》´∶：？！（）；–—．～’…━〈〉【】％►"

_EMOJI = [
    "I ❤️ NY 😀😀😀",
    "👨‍👩‍👧‍👦 family of four",
    "flags 🇩🇪🇫🇷 and keycaps 1️⃣2️⃣",
    "skin 👍🏽 tone ✊🏿",
    "😀word😀 ☺text☺ ©copy® ™mark",
]

_URLS = [
    "see https://example.com/a_b(c)d?x=1&y=2#frag, and http://foo.bar/.",
    "www.example.org is short; WWW2.Example.ORG/Path is upper",
    "bit.ly/abc and example.com/ but not example.com alone",
    "ftp://user:pass@host.example:21/file.txt; mailto:someone@example.com",
    "(https://en.wikipedia.org/wiki/Sigma_(disambiguation))",
    "https://例え.jp/パス?キー=値 中文 https://zh.example.cn/路径。后文",
    "http://a.b/c(d(e)f)g http://a.b/c(d(e(f)g)h)i",
    "javascript:alert(1) data:text/plain;base64,QUJD tel:+1-555 urn:isbn:123 a:b x:/y",
    "C:\\Users\\me and C:/Users/me and std::vector<int>::size() and key:value",
    "https:///three-slashes http:/one-slash http://",
    '<a href="https://example.com/q?a=b">link</a> [md](https://example.com/x_(y))',
    "https://example.com/end! https://example.com/end?! https://example.com/end...",
    "texthttps://glued.example.com/x éhttps://accent.example/x _www.underscore.example/x",
    "https://example.com/\u201cquoted\u201d «https://example.fr/»",
    "https://a.very.long." + "sub." * 30 + "example.com/path",
    "line one https://example.com/a\nb line two www.x.y\r\nthree",
    "12:30 at 10:45:59, ratio 3:4, verse John 3:16, ::1, fe80::1%eth0",
    "1.2.3.4/24 and 2001:db8::/32 and v1.2/x and a.b/c",
    "e.g./i.e. and and/or and n.a./n.b.",
    "www. www.. www... www.a",
    "foo.co.uk/bar foo.museum/x foo.information/x",
]

_EMAILS = [
    "write to first.last+tag@sub.example.com, or a@b.co",
    "UPPER@EXAMPLE.COM and Mixed@example.COM and lower@example.com",
    "<me@example.org>; (you@example.org) 'us@example.org'",
    "a@b a@b. @example.com name@ x@y.z1 x@y_z.com x@1.2.3.com",
    "中文a@b.com中文 é@b.com e\u0301@b.com",
    "a@b@c.com a..b@c..d.com -@-.x +@+.y",
    "joe@example.com.Next sentence joe@example.comNext",
    "scp user@host.example:/path git@github.com:org/repo.git",
    "first@a.b\nsecond@c.d\tthird@e.f",
]

_MOJIBAKE = [
    "schÃ¶n und groÃŸ",
    "donâ€™t â€œquoteâ€\x9d â€“ dash",
    "ÐŸÑ€Ð¸Ð²ÐµÑ‚ Ð¼Ð¸Ñ€",
    "ä½\xa0å¥½ä¸–ç•Œ",
    "ã“ã‚“ã«ã¡ã¯",
    "l’humanitÃ© dÃ©jÃ\xa0 vu Ã\xa0 la carte",
    "&lt;b&gt;bold&lt;/b&gt; &amp;amp; &eacute; &#8217; &#x1F600; &nbsp;x",
    "<p>&lt;kept because of the tag&gt;</p>",
    "ﬁne ﬂow oﬃce ﬅ ﬆ ĳ",
    "Ｆｕｌｌｗｉｄｔｈ　ＡＢＣ１２３！",
    "\u001b[31mred\u001b[0m and \x07bell \x08back",
    "\ufeffbyte order mark, \ufffd replacement, \x00 nul, \x7f del",
    "e\u0301 a\u0308 o\u0302\u0323 \u1100\u1161\u11a8 \u2126 \u212b \u212a",
    "\u201ccurly\u201d \u2018single\u2019 \u201alow\u201b \u201edouble\u201f",
    "caf\u00c3\u00a9 na\u00c3\u00afve r\u00e9sum\u00e9",
    "\u00e2\u0080\u0099 \u00c2\u00a0 \u00c2\u00bd",
    "macron: \u00c4\u0081 \u00c4\u0093; P&EACUTE;REZ",
    "\U0001f600 \u00f0\u009f\u0098\u0080",
    "\u00ef\u00bb\u00bftext \u00c3\u00a2\u00c2\u0080\u00c2\u0099",
    "lone \u2028 separators \u2029 and \x85 next line\r\nand \r alone",
    "\u0149 \u01c4 \u1e9e \u0587 \ufb13",
    "ß\u0307 İstanbul ISPARTA ılık",
    "\ufff9 interlinear \ufffb \u206a deprecated \u206f \u200e\u200f bidi \u202e",
    "â‚¬100 Â£20 Â© Â®",
    "Ã‡a va? NÂ° 5",
    "voilà le travail, à Ã gauche",
]

_PLAIN = [
    "",
    " ",
    "\n",
    "\n\n\n",
    "\t",
    "a",
    "1",
    ".",
    "中",
    "😀",
    "0123456789",
    "hello",
    "Hello, World!",
    "The quick brown fox jumps over the lazy dog.",
    "The quick brown fox\njumps over\n\nthe lazy dog\n",
    "the The THE the. (the) 'the' the's the",
    "don't can't won't it's I'm you're",
    "Is this a test? Yes it is, and it is only a test of the words of this and that.",
    "word\tword  word\n\nword\r\nword\u00a0word\u3000word",
    "今天天气很好,我们去公园玩。今天天气很好,我们去公园玩。",
    "我 的 你 他 是 在 有 不 这 了 一 上 士",
    "你好，请问你是谁？我是，一个中国人。（真的）《书》【注】",
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "Привет, мир! Как дела? Всё хорошо. ПРИВЕТ",
    "ΟΔΥΣΣΕΥΣ Σ ΣΣ ΑΣ. ΑΣ.Β ΑΣ' 'ΣΑ ΣΑΣ ὈΔΥΣΣΕΎΣ",
    "ΣΟΦΟΣ ΣΟΦΟΣ ΣΟΦΟΣ",
    "مرحبا بالعالم، كيف حالك؟ ٠١٢٣",
    "שלום עולם 123",
    "สวัสดีชาวโลก ภาษาไทยไม่มีช่องว่าง",
    "안녕하세요 세계 한국어 텍스트입니다",
    "नमस्ते दुनिया यह हिन्दी है",
    "x" * 9,
    "x" * 10,
    "x" * 11,
    "x" * 1000,
    "ab" * 500,
    "abc " * 300,
    "abcdefghij" * 100,
    "one two three four five six seven eight nine ten " * 2,
    "one two three four five six seven eight nine ten " * 20,
    "one two three four five six seven eight nine",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "a1 1a 1 a -a- --- a-b _x_ __init__ 3rd 4th",
    "-" * 80 + "\n" + "=" * 80,
    "|a|b|c|\n|-|-|-|\n|1|2|3|\n" * 5,
    "def f(x):\n    return x ** 2  # square\n\n\nclass A:\n    pass\n",
    '#include <stdio.h>\nint main(void) { printf("%d\\n", 42); return 0; }\n',
    '{"key": [1, 2, 3], "other": {"nested": null}}',
    "SELECT * FROM t WHERE a >= 10 AND b <> 'x';",
    "\\documentclass{article}\n\\begin{document}\n$a^2 + b^2 = c^2$\n\\end{document}",
    "a\x00b\x01c",
    "end with spaces   ",
    "   begin with spaces",
    "\u200bzero width lead and trail\u200b",
    "\u3000全角スペース\u3000始まり",
    "\x1cfile separator ends\x1c",
    "no newline at end\nsecond",
    "short\n" * 3 + "a considerably longer line than all the others here\n",
    "ı İ ß ẞ Ǆ ǅ ǆ ﬀ ŉ",
    "½ ² ³ ¹ Ⅷ ① 〇 零 ๑ ٣ ५",
    "a\u0301\u0302\u0303 combining \u0e49\u0e48 marks \u0950",
    "\U0001d400\U0001d401 math \U00020bb7野家 \U0001f9d1\u200d\U0001f4bb",
    "ABC abc ÀÉÎ àéî ΑΒΓ αβγ АБВ абв",
    "ö" * 20 + "o\u0308" * 20,
]


def texts(lists: Path | None = None) -> Iterator[str]:
    """All of them, each once, in a fixed order; valid UTF-8, no NULL. With `lists`, also texts of listed words."""
    seen = set()
    for text in [*_all_texts(), *(_listed_texts(lists) if lists else ())]:
        if text not in seen:
            seen.add(text)
            yield text


def _all_texts() -> Iterator[str]:
    yield from _PLAIN + _EMOJI + _URLS + _EMAILS + _MOJIBAKE
    for sep in _LINE_BREAKS:
        yield f"first line{sep}second, longer line{sep}{sep}last"
        yield f"{sep}starts and ends{sep}"
        yield sep
    for space in _SPACES:
        yield f"{space}lead and{space}middle{space}{space}trail{space}"
    for char in _DIGITS + _LETTERS:
        yield f"{char}x {char} x{char} {char}{char}{char}"
    for char in _PUNCTUATION:
        yield f"before{char}after {char}"
    for begin in range(0, len(_SPECIAL), 4):
        group = _SPECIAL[begin : begin + 4]
        yield " ".join(f"{char}word{char}" for char in group) + " " + group
    for base in (_PLAIN[15], _PLAIN[19], _PLAIN[23], _MOJIBAKE[0], _URLS[0], _EMAILS[0]):
        for times in (2, 7, 40):
            yield f"{base}\n" * times
    yield "\n".join(_PLAIN[11:31] + _URLS + _EMAILS + _EMOJI)
    yield "\n".join(_MOJIBAKE)
    rng = random.Random(2)
    words = " ".join(_PLAIN[13:30]).split()
    for length in (12, 15, 20, 30, 50, 80):
        phrase = [rng.choice(words) for _ in range(length)]
        for filler in (3, 10, 40):
            yield " ".join(phrase + [rng.choice(words) for _ in range(filler)] + phrase[: length - 1])
        yield "".join(rng.choice("aab好b \n") for _ in range(length * 3))


def _listed_texts(lists: Path) -> Iterator[str]:
    """Words of the stopword and flagged word lists among others, in other cases and with punctuation around them."""
    rng = random.Random(1)
    for file in sorted(lists.glob("*.json")):
        by_language = json.loads(file.read_text("utf-8"))
        for language in ("en", "zh"):
            listed = by_language[language]
            for share in (0.02, 0.1, 0.3, 0.5, 0.8, 1.0):
                picked = [
                    rng.choice([str, str.upper, str.title, "({}),".format, "{}2".format])(rng.choice(listed))
                    if rng.random() < share
                    else rng.choice(["table", "Stone", "river,", "天气", "42", "blue-green"])
                    for _ in range(40)
                ]
                yield " ".join(picked)
