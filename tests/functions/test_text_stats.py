"""Every kernel equals the plain definition, in batches and row by row."""

import hashlib
import json
from itertools import pairwise

import definitions as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text._lists import SHIPPED, SHIPPED_SHA256

from juicesql.errors import FunctionError

PEER = {"alnum_ratio": {"parity": "data-juicer"}, "num_words": {"parity": "data-juicer"}}
batches = st.lists(plain.texts, min_size=1, max_size=5)
some = settings(max_examples=300, deadline=None)


@pytest.mark.parametrize(
    "name", ["alnum_ratio", "special_char_ratio", "avg_line_length", "max_line_length", "num_words"]
)
@some
@given(batches)
def test_counts(name: str, texts: list[str]) -> None:
    peer = PEER.get(name, {})
    expected = [getattr(plain, name)(t) for t in texts]
    assert plain.call(name, texts, **peer) == expected
    assert [plain.call(name, [t], **peer)[0] for t in texts] == expected


@some
@given(batches)
def test_marks_count_as_what_they_follow(texts: list[str]) -> None:
    assert plain.call("alnum_ratio", texts) == [plain.alnum_with_marks(t) for t in texts]


@pytest.mark.parametrize("name", ["char_rep_ratio", "word_rep_ratio"])
@some
@given(batches, st.sampled_from([1, 2, 3, 10]))
def test_repetition(name: str, texts: list[str], rep_len: int) -> None:
    peer = {"parity": "data-juicer"} if name == "word_rep_ratio" else {}
    expected = [getattr(plain, name)(t, rep_len) for t in texts]
    assert plain.call(name, texts, rep_len=rep_len, **peer) == expected
    assert [plain.call(name, [t], rep_len=rep_len, **peer)[0] for t in texts] == expected


@some
@given(st.lists(st.sampled_from(["a", "b", "ab", "ba", "aa", "A", "σ", "Σ"]), max_size=400))
def test_repetition_of_long_text_over_a_small_alphabet(words: list[str]) -> None:
    text = " ".join(words)
    for rep_len in (2, 5, 10):
        assert plain.call("char_rep_ratio", [text], rep_len=rep_len) == [plain.char_rep_ratio(text, rep_len)]
        assert plain.call("word_rep_ratio", [text], rep_len=rep_len) == [plain.word_rep_ratio(text, rep_len)]


@pytest.mark.parametrize("kind", ["stopwords", "flagged_words"])
@some
@given(
    texts=batches, sizes=st.lists(st.integers(1, 4), max_size=3), join=st.sampled_from(["", " ", "中"]), data=st.data()
)
def test_word_lists(kind: str, texts: list[str], sizes: list[int], join: str, data, tmp_path_factory) -> None:
    words = sorted({w for t in texts for w in plain.refined(t)})
    pairs = [a + join + b for a, b in pairwise(words)]
    chosen = data.draw(st.lists(st.sampled_from(["the", *words, *pairs]), max_size=8))
    folder = tmp_path_factory.mktemp("lists", numbered=True)
    (folder / f"my_{kind}_1.json").write_text(json.dumps({"xx": chosen[::2], "yy": ["zzz"]}))
    (folder / f"my_{kind}_2.json").write_text(json.dumps({"xx": chosen[1::2]}))
    options = {f"{kind}_dir": str(folder), "lang": "xx", "words_aug_join_char": join, "words_aug_group_sizes": sizes}
    options["parity"] = "data-juicer"
    name = f"{kind}_ratio"
    expected = [plain.listed_ratio(t, set(chosen)) for t in texts]
    assert plain.call(name, texts, **options) == expected
    expected = [plain.listed_ratio(t, set(chosen), tuple(sizes), join) for t in texts]
    assert plain.call(name, texts, **options, use_words_aug=True) == expected
    expected = [plain.listed_ratio(t, {*chosen, "zzz"}) for t in texts]
    assert plain.call(name, texts, **{**options, "lang": "all"}) == expected


def test_every_character_between_letters_and_after_a_sigma() -> None:
    chars = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    texts = ["".join(chars[i : i + 64]) for i in range(0, len(chars), 64)]
    texts += [" ".join(f"aΣ{c} {c}Σ{c}b Α{c}Σ" for c in chars[i : i + 64]) for i in range(0, 0x3000, 64)]
    for name in ("alnum_ratio", "special_char_ratio", "max_line_length", "num_words"):
        assert plain.call(name, texts, **PEER.get(name, {})) == [getattr(plain, name)(t) for t in texts]
    assert plain.call("alnum_ratio", texts) == [plain.alnum_with_marks(t) for t in texts]
    assert plain.call("word_rep_ratio", texts, rep_len=1, parity="data-juicer") == [
        plain.word_rep_ratio(t, 1) for t in texts
    ]
    spaced = [" ".join(t) for t in texts[: len(chars) // 64]]
    words = {w for t in spaced for w in plain.refined(t)}
    assert len(words) > 900_000


@pytest.mark.parametrize("kind", ["stopwords", "flagged_words"])
def test_shipped_lists_have_the_digest_that_the_stat_is_identified_by(kind: str) -> None:
    content = (SHIPPED / f"{kind}.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHIPPED_SHA256[kind]
    lists = json.loads(content)
    assert {"en", "zh", "de", "fr", "es", "pt", "it", "ru", "ja", "ko", "ar", "hi"} <= set(lists)
    assert all(words and words == sorted(set(words)) for words in lists.values())


def test_mistakes_in_parameters_are_explained(tmp_path) -> None:
    for name, options, code in [
        ("stopwords_ratio", {"lang": "klingon"}, "unknown-language"),
        ("stopwords_ratio", {"stopwords_dir": str(tmp_path)}, "no-word-list"),
        ("stopwords_ratio", {"use_words_aug": True, "words_aug_group_sizes": [0]}, "bad-parameter"),
        ("char_rep_ratio", {"rep_len": 0}, "bad-parameter"),
        ("word_rep_ratio", {"rep_len": -1}, "bad-parameter"),
    ]:
        with pytest.raises(FunctionError) as caught:
            plain.call(name, ["a b"], **options)
        assert caught.value.problems[0].code == code
