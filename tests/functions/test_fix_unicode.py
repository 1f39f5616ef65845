"""`fix_unicode` gives what ftfy gives, and the proof that lines may bypass ftfy holds for ftfy's own pattern."""

import itertools
import re

import definitions as plain
import ftfy
import pytest
from ftfy.badness import BADNESS_RE
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text import fix_unicode as module
from juicesql.udfs.text._unicode import ACCENTED, GREEK, HARD, QUOTE, mojibake_classes

PIECES = [
    *plain.PIECES,
    *"ВГРСвЂΒΓΞΟβ€ā€ŒœàâóÖÀÙØ°²³±½×÷§¶¡¿®™‚„†ƒ√≈‡│─═▀ﾊﾞｶﾟ＆＃；＜＞ｌｔ",
    *"\uff65\u3131\u1100\u0323\u0307\u00c5\u212b\u2126µ",
    "&#", "&#65;", "&eacute;", "&EACUTE;", "&amp;lt;", ";", "lt;", "\x1b[31m", "\x1b[", 
    "ï¬", "â€œ", "Ã©", "Ã la", "schÃ¶n", "â€™",
    "РџСЂРё", "ÐŸÑ", "\u2026", "ŉ", "ĳ", "ﬃ", "한", "ᄒ", "日本語、テスト", "naïve", 
    "“quoted”", "l’été", "a\r", "\r\n", "\n",
]  # fmt: skip
lines = st.lists(st.sampled_from(PIECES), max_size=16).map("".join)
FIXES = {"NFC": 1000, "NFKC": 150, "NFD": 150, "NFKD": 150}


@pytest.mark.parametrize("form", FIXES)
def test_equals_ftfy(form: str) -> None:
    @settings(max_examples=FIXES[form], deadline=None)
    @given(st.lists(st.one_of(lines, plain.texts), min_size=1, max_size=3))
    def check(texts: list[str]) -> None:
        expected = [ftfy.fix_text(t, normalization=form) for t in texts]
        assert plain.call("fix_unicode", texts, normalization=form) == expected
        assert [plain.call("fix_unicode", [t], normalization=form)[0] for t in texts] == expected

    check()


def test_pairs_of_the_characters_that_the_mojibake_test_names() -> None:
    named = [chr(c) for c in mojibake_classes()] + list("ΑабЂaZ \n1°\xa0\xad’…—")
    texts = ["".join(f"x{a}{b}c\n{b}{a} " for b in named) for a in named]
    by_pair = [f"{a}{b}" for a, b in itertools.product(named, named)]
    for batch in (texts, by_pair):
        assert plain.call("fix_unicode", batch) == [ftfy.fix_text(t) for t in batch]


@pytest.mark.parametrize("form", FIXES)
def test_every_character_between_letters(form: str) -> None:
    chars = [chr(c) for c in [*range(0x80, 0x3400), *range(0xA000, 0xA100), *range(0xF900, 0x10400),
                              *range(0x1D100, 0x1D200),
                              *range(0x2F800, 0x2F840)] if not 0xD800 <= c < 0xE000]  # fmt: skip
    texts = [f"a{c}b" for c in chars]
    assert plain.call("fix_unicode", texts, normalization=form) == [ftfy.fix_text(t, normalization=form) for t in texts]


def test_long_lines_are_cut_where_ftfy_cuts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "x" * 999_999
    texts = [
        long + "\r\nb<&lt;",
        long + "y&lt;z",
        "&" + "é" * 999_998 + "&lt;",
        long + "<&gt;\n&lt;",
        "<\n" + long + "&amp;",
    ]
    assert plain.call("fix_unicode", texts) == [ftfy.fix_text(t) for t in texts]


def test_no_bypassed_line_can_look_like_mojibake() -> None:
    """Each alternative of ftfy's pattern needs a HARD character, or a QUOTE together with ACCENTED or GREEK ones."""
    parser = re._parser  # type: ignore[attr-defined]
    classes = mojibake_classes()

    def kinds(item: tuple) -> set[int]:
        """The classes of the characters that one position accepts."""
        op, value = str(item[0]), item[1]
        if op == "LITERAL":
            return {classes.get(value, 0)}
        if op == "IN":
            found = set()
            for inner, given_ in value:
                if str(inner) == "LITERAL":
                    found.add(classes.get(given_, 0))
                elif str(inner) == "RANGE":
                    found |= {classes.get(c, 0) for c in range(given_[0], given_[1] + 1)}
                else:
                    found.add(0)  # a category such as \w, or a negated set: anything
            return found
        return {0}

    def sequences(tree: list) -> list[list[set[int]]]:
        rows: list[list[set[int]]] = [[]]
        for item in tree:
            op = str(item[0])
            if op == "BRANCH":
                branches = [s for branch in item[1][1] for s in sequences(list(branch))]
                rows = [row + branch for row in rows for branch in branches]
            else:
                rows = [[*row, kinds(item)] for row in rows]
        return rows

    checked = sequences(list(parser.parse(BADNESS_RE.pattern, BADNESS_RE.flags)))
    assert len(checked) > 25
    for row in checked:
        for choice in itertools.product(*row):
            seen = 0
            for flag in choice:
                seen |= flag
            assert seen & HARD or (seen & QUOTE and seen & (ACCENTED | GREEK)), row


def test_unknown_form_is_refused() -> None:
    with pytest.raises(Exception, match="NFKD"):
        plain.call("fix_unicode", ["a"], normalization="NFX")
    assert module.FORMS[0] == "NFC"
