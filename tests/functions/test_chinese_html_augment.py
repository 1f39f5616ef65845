"""Conversion of Chinese, tables of HTML pages, and variants with slips, against their definitions."""

from __future__ import annotations

import random
from importlib.util import find_spec

import pyarrow as pa
import pytest
from definitions import texts
from definitions_cleaning import html_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from juicesql.call import apply
from juicesql.errors import FunctionError
from juicesql.registry import Registry
from juicesql.signature import constant

REGISTRY = Registry()
ENGLISH = [a.name for a in REGISTRY.get("nlpaug_en").signature.parameters if a.name.endswith(("_word", "_char"))]
CHINESE = [
    a.name for a in REGISTRY.get("nlpcda_zh").signature.parameters if a.name.startswith(("replace", "delete", "swap"))
]
PROSE = "I love large models, and the quick brown fox doesn't jump over 3 lazy dogs\n\n  because it is raining today."
CHINESE_PROSE = "这里一共有5种不同的方法，\n今天天气很好，我们一起去公园散步。"
MARKUP = (
    "<table> <TABLE\nclass='a\t b'> </table> <tr> </tr> <tr/> <td> </td> <th> </th> <td/> <div> </div> <p> <br> </br> "
    "<br/> <script> </script> <style> </style> <pre> </pre> <rt> </rt> <template> <!-- --> <!--c--> <![CDATA[x]]> "
    "<!doctype\u00a0x> <?pi> &amp; &amp &nbsp; &foo; &#65; &#x41; &#128; &#1; &#0; &#xD800; &#12a &copy & < > \" ' a b "
    "<td\u00a0x> <a\tb='\"'c=\"'\"> </ </3 <3 <! <td <textarea> </textarea> 表 \u2028 \x00 \x1c"
)

PIECES = [*MARKUP.split(" "), " ", "\n ", "\t"]


def need(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:  # looked for, not imported
            pytest.skip(f"{package} is not installed")


def call(name: str, rows: list[str], **parameters):
    function = REGISTRY.get(name)
    defaults = {a.name: constant(a.default) for a in function.signature.parameters}
    return apply(function, [pa.array(rows, pa.string())], defaults | parameters).to_pylist()


class TestChineseConvert:
    @pytest.mark.parametrize("mode", ["s2t", "t2s", "s2twp", "tw2sp", "s2hk", "hk2s", "t2jp", "jp2t"])
    def test_equals_opencc(self, mode: str) -> None:
        pieces = ["头发", "后面", "鼠标", "裏", "図", "\U00020000", "\uf900", "\ufe0f", "a", "é\n", "…", "👩\u200d💻"]
        draw = random.Random(mode)
        rows = ["".join(draw.choices(pieces, k=draw.randrange(30))) for _ in range(300)]
        converter = pytest.importorskip("opencc").OpenCC(mode)
        assert call("chinese_convert", rows, mode=mode) == [converter.convert(row) for row in rows]

    @given(texts)
    @settings(max_examples=50, deadline=None)
    def test_text_without_han_stays(self, text: str) -> None:
        need("opencc")
        plain = "".join(c for c in text if c < "\u2e80")
        assert call("chinese_convert", [plain, "汉" + plain], mode="s2tw") == [plain, "漢" + plain]

    def test_unknown_mode(self) -> None:
        with pytest.raises(FunctionError, match="mode is 's2tv'"):
            call("chinese_convert", ["plain"], mode="s2tv")


class TestTables:
    @given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.booleans())
    @settings(max_examples=300, deadline=None)
    def test_cells_of_broken_pages(self, page: str, header: bool) -> None:
        need("bs4")
        page = "<table><tr><td>" + page
        assert call("extract_tables_from_html", [page], include_header=header) == [html_tables(page, header)]

    @given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
    @settings(max_examples=200, deadline=None)
    def test_html_of_broken_pages(self, page: str) -> None:
        bs4 = pytest.importorskip("bs4")
        page = "<table><tr><td>" + page
        expected = [str(table) for table in bs4.BeautifulSoup(page, "html.parser").find_all("table")]
        assert call("extract_html_tables", [page]) == [expected]

    @pytest.mark.parametrize("page", ["<a " * 90_000, "<!--a>" * 50_000, "<![" * 90_000, "<tr><td>x" * 3_000])
    def test_hostile_pages_end_soon(self, page: str) -> None:
        with pytest.raises(ValueError, match=r"never finished|repeat the text"):
            call("extract_tables_from_html", ["<table>" + page])


class TestEnglishSlips:
    @given(texts, st.sampled_from([k for k in ENGLISH if k != "spelling_error_word"]), st.integers(1, 4), st.booleans())
    @settings(max_examples=150, deadline=None)
    def test_variants_are_different_and_drawn_from_text_and_seed(self, text, kind, aug_num, sequential) -> None:
        asked = {kind: True, "aug_num": aug_num, "sequential": sequential}
        [found] = call("nlpaug_en", [text], **asked)
        assert found[0] == text and len(found) <= aug_num + 1
        assert len(set(found)) == len(found)
        assert call("nlpaug_en", ["before", text], **asked)[1] == found
        assert call("nlpaug_en", [text], **asked, keep_original_sample=False) == [found[1:]]

    def test_a_seed_is_another_draw(self) -> None:
        asked = {"keyboard_error_char": True}
        assert call("nlpaug_en", [PROSE], **asked) != call("nlpaug_en", [PROSE], **asked, seed=1)

    @pytest.mark.parametrize("kind", ENGLISH)
    def test_amounts(self, kind: str) -> None:
        if kind == "spelling_error_word":
            need("nlpaug")
        long = " ".join(f"{a}{b}cdefgh" for a in "abcdefghij" for b in "klmnopqrst")
        for text, most in ((PROSE, 7), (long, 10)):  # PROSE: 21 words and punctuation marks, long: 100 words
            [variants] = call("nlpaug_en", [text], aug_num=20, keep_original_sample=False, **{kind: True})
            assert len(variants) >= (20 if kind != "spelling_error_word" or text == PROSE else 0)
            for variant in variants:
                assert self.changed(text, variant, kind) <= most, variant

    def changed(self, text: str, variant: str, kind: str) -> int:
        before, after = text.split(), variant.split()
        if kind in ("delete_random_word", "split_random_word"):
            return abs(len(after) - len(before))
        assert len(after) == len(before)
        lost = sum(a != b for a, b in zip(before, after, strict=True))
        return lost // 3 if kind == "swap_random_word" else lost  # three swaps in a row move four words

    def test_split_and_char_kinds(self) -> None:
        for variant in call("nlpaug_en", [PROSE], split_random_word=True, aug_num=20)[0]:
            assert variant.replace(" ", "") == PROSE.replace(" ", "")
        for kind in ("delete_random_char", "insert_random_char", "keyboard_error_char", "swap_random_char"):
            for variant in call("nlpaug_en", ["It is a day of 12 or so"], aug_num=5, **{kind: True}):
                assert variant == ["It is a day of 12 or so"]  # no word of four characters
        for variant in call("nlpaug_en", ["Keyboard"], keyboard_error_char=True, aug_num=9)[0][1:]:
            assert len(variant) == 8 and sum(a != b for a, b in zip(variant, "Keyboard", strict=True)) == 3

    def test_spelling_errors_are_of_the_list(self) -> None:
        need("nlpaug")
        from juicesql.udfs.text._typos import misspellings

        [variants] = call("nlpaug_en", ["because"], spelling_error_word=True, aug_num=3)
        assert len(variants) == 4
        assert all(variant in misspellings()["because"] for variant in variants[1:])

    def test_a_sequence_combines_the_kinds(self) -> None:
        asked = {"sequential": True, "split_random_word": True, "delete_random_word": True, "aug_num": 3}
        [found] = call("nlpaug_en", [PROSE], **asked)
        assert len(found) == 4
        [apart] = call("nlpaug_en", [PROSE], **(asked | {"sequential": False}))
        assert len(apart) == 7

    def test_aug_num(self) -> None:
        for name in ("nlpaug_en", "nlpcda_zh"):
            with pytest.raises(FunctionError, match="aug_num is 0"):
                call(name, ["text"], aug_num=0)


class TestChineseSlips:
    @pytest.mark.parametrize("kind", CHINESE)
    def test_variants(self, kind: str) -> None:
        if kind != "swap_random_char":
            need("jieba", "nlpcda")
        [found] = call("nlpcda_zh", [CHINESE_PROSE], aug_num=4, **{kind: True})
        assert found[0] == CHINESE_PROSE and len(found) == len(set(found)) == 5
        assert call("nlpcda_zh", ["很好", CHINESE_PROSE], aug_num=4, **{kind: True})[1] == found
        for variant in found[1:]:
            assert "\n" in variant and variant.endswith("。")
            if kind in ("swap_random_char",):
                assert sorted(variant) == sorted(CHINESE_PROSE)
            elif kind != "replace_similar_word":
                assert abs(len(CHINESE_PROSE) - len(variant)) <= (3 if kind == "delete_random_char" else 0)

    def test_a_character_beside_a_number_is_not_deleted(self) -> None:
        need("jieba")
        [found] = call("nlpcda_zh", ["3月6日"], delete_random_char=True, aug_num=3)
        assert found == ["3月6日"]

    @given(texts, st.sampled_from(["swap_random_char", "replace_equivalent_num"]), st.integers(1, 3))
    @settings(max_examples=100, deadline=None)
    def test_any_text(self, text: str, kind: str, aug_num: int) -> None:
        [found] = call("nlpcda_zh", [text], aug_num=aug_num, **{kind: True})
        assert found[0] == text and len(found) == len(set(found)) <= aug_num + 1
        assert all(len(variant) == len(text) for variant in found)
