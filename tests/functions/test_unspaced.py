"""Words of scripts without spaces: as jieba cuts Chinese, character by character else, and what the stats make of them."""

import importlib.metadata
import logging

import definitions as plain
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text import _unspaced
from juicesql.udfs.text._unspaced import words_apart

from juicesql.assets import asset_digest
from juicesql.errors import FunctionError

PROSE = "我们今天在这里讨论的是一个很重要的问题。他来到了网易杭研大厦，小明硕士毕业于中国科学院计算所。"
OTHERS = {
    "thai": "สวัสดีครับวันนี้อากาศดีมาก",
    "japanese": "これはとてもだいじなもんだいです",
    "khmer": "សួស្តីពិភពលោក",
    "lao": "ສະບາຍດີຊາວໂລກ",
    "myanmar": "မင်္ဂလာပါကမ္ဘာလောက",
}
chinese = st.text(
    st.sampled_from("的一是在不了有和人这中大为上个国我以要他来到网易杭研厦小明硕士毕业于科学院计算所龘㐀々〇"),
    max_size=40,
)
pieces = st.sampled_from(["ab", "12", " ", "\n", "，", "。", "（", "-", "かな", "กี่", "é", "е", "\u0301", "\ufe0f", "“"])
mixed = st.lists(st.one_of(chinese, pieces), max_size=8).map("".join)
some = settings(max_examples=400, deadline=None)


def apart(texts: list[str], splitter: str) -> list[str]:
    return words_apart(pa.array(texts, pa.string()), splitter).to_pylist()


@some
@given(st.lists(chinese, min_size=1, max_size=4))
def test_chinese_is_cut_as_jieba_cuts(texts: list[str]) -> None:
    jieba = pytest.importorskip("jieba")
    jieba.setLogLevel(logging.ERROR)
    texts = ["".join(c for c in t if "\u4e00" <= c <= "\u9fd5") for t in texts]
    assert apart(texts, "jieba") == [" ".join(jieba.cut(t)) for t in texts]


@some
@given(st.lists(mixed, min_size=1, max_size=3), st.sampled_from(["characters", "none", "auto"]))
def test_nothing_is_lost_and_rows_are_alone(texts: list[str], splitter: str) -> None:
    found = apart(texts, splitter)
    assert [f.replace(" ", "") for f in found] == [t.replace(" ", "") for t in texts]
    assert found == [apart([t], splitter)[0] for t in texts]
    assert splitter != "none" or found == texts


def test_where_spaces_are_put() -> None:
    text = "说（你好）,ok中文7x 漢\ufe00字，กา ab-c “d”é"
    assert apart([text], "characters") == ["说（ 你 好）, ok 中 文 7x 漢\ufe00 字， ก า ab-c “d”é"]


def test_chinese_prose_passes_the_usual_cuts() -> None:
    pytest.importorskip("jieba")
    assert plain.call("num_words", [PROSE])[0] == 24
    assert plain.call("stopwords_ratio", [PROSE], lang="zh")[0] >= 0.3
    assert (
        plain.call("num_words", [PROSE], splitter="characters")[0] == len(PROSE) - 5
    )  # 一 and 士 are special to the peer
    assert plain.call("stopwords_ratio", [PROSE], lang="zh", splitter="characters")[0] > 0
    assert plain.call("num_words", [PROSE], parity="data-juicer") == [1]


@pytest.mark.parametrize("script", OTHERS)
def test_other_scripts_pass_too(script: str) -> None:
    text = OTHERS[script]
    for name in ("num_words", "word_count"):
        assert plain.call(name, [text])[0] >= 5
    assert plain.call("max_word_length", [text]) == [1]
    assert plain.call("word_rep_ratio", [text * 20], rep_len=5)[0] > 0.9
    assert plain.call("noise_line_word_ratio", [text]) == [0.0]


def test_spaces_that_were_put_in_are_no_characters_of_the_text() -> None:
    assert plain.call("dup_ngram_char_ratio", ["天地人" * 4], n=2, splitter="characters")[0] <= 1
    # the 2-grams 天地, 地人, 人天, then 天地 and 人天 .. repeat: all characters but the first four
    assert plain.call("dup_ngram_char_ratio", ["天地天地"], n=2, splitter="characters") == [0.5]


def test_what_split_is_part_of_the_key_of_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    function = plain.REGISTRY.get("num_words")
    given = {a.name: a.value(a.default or "null") for a in function.signature.parameters}
    keys = {asset_digest(function, {**given, "splitter": s}) for s in ("characters", "none")}
    with_jieba = asset_digest(function, given)

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_unspaced, "version", missing)
    assert asset_digest(function, given) in keys, "without jieba the characters are the words"
    assert with_jieba not in keys
    with pytest.raises(FunctionError) as caught:
        asset_digest(function, {**given, "splitter": "jieba"})
    assert caught.value.problems[0].mend


def test_unknown_splitter() -> None:
    with pytest.raises(FunctionError):
        plain.call("num_words", ["中文"], splitter="blanks")
