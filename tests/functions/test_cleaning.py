"""The cleaning mappers equal the regular expressions that define them, in batches and row by row."""

import time

import definitions as plain
import pytest
import regex
from definitions_cleaning import (
    beheaded,
    expanded,
    only_chinese,
    uncommented,
    without_bibliography,
    without_chars,
    without_copyright,
    without_ips,
    without_tables,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from juicesql.errors import FunctionError

some = settings(max_examples=400, deadline=None)
COMMON = ["a", " ", "\n", "é", "中", "😀", "\r", "\x1c", "\x85", "\u2028", "\x00"]


def batches(*pieces: str, size: int = 30):
    joined = st.lists(st.sampled_from([*pieces, *COMMON]), max_size=size).map("".join)
    return st.lists(st.one_of(joined, joined, plain.texts), min_size=1, max_size=4)


def agree(name: str, texts: list[str], expected: list[str], **parameters: object) -> None:
    assert plain.call(name, texts, **parameters) == expected
    assert [plain.call(name, [t], **parameters)[0] for t in texts] == expected


@some
@given(
    batches("/", "*", "/*", "*/", "/**/", "//", "#", "-", "--", "\n\n", "copyright", "COPYRIGHT", "copyrİght", "copy")
)
def test_clean_copyright(texts: list[str]) -> None:
    agree("clean_copyright", texts, [without_copyright(t) for t in texts])


ips = batches(
    *"0123456789", "25", "10.", "255.", "256.", ".", "..", ":", "::", "1.2.3.4", "f:", "A0:", "12345:", "g:", "٣:", "３",
    "1:2:3:4:5:6:", "1:2:3:4:5:6:7:", "a:b:c:d:e:f:0:9", "9.9.9.",
)  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(ips, st.sampled_from(["", "IP", "<a long replacement 中>", r"[\g<0>]"]))
def test_clean_ip(texts: list[str], repl: str) -> None:
    agree("clean_ip", texts, [without_ips(t, repl) for t in texts], repl=repl, parity="data-juicer")


@settings(max_examples=800, deadline=None)
@given(
    batches(
        r"\newcommand", r"\newcommand*", r"\newcommand{\a}{", r"\newcommand*{\b}{", r"\def", r"\def\a{", "\\def \\b\t{",
        r"\def\c {", r"{\a}", "{", "}", "}\n", "}\n", "}\n", r" \a", r" \b", r"-\c", "=", "|\\a|\\b|", "\u3000", "\t",
        r"\1 \g<0>", "é2", size=40,
    )
)  # fmt: skip
def test_expand_macro(texts: list[str]) -> None:
    agree("expand_macro", texts, [expanded(t) for t in texts])


@some
@given(
    batches(
        "\\", r"\append", r"\appendix", r"\begin{references}", r"\begin{REFERENCES", r"\begin{thebibliography", "}",
        r"\bibliography", r"\bibliography{", r"\bibliography{x}", "{", "ix", size=8,
    )
)  # fmt: skip
def test_remove_bibliography(texts: list[str]) -> None:
    agree("remove_bibliography", texts, [without_bibliography(t) for t in texts])


@settings(max_examples=1000, deadline=None)
@given(batches("%", "%", "%%", "\\", "\\%", "%a", "\n%", "%\n", "中%", "x % y\n"), st.booleans(), st.booleans())
def test_remove_comments(texts: list[str], inline: bool, multiline: bool) -> None:
    expected = [uncommented(t, inline, multiline) for t in texts]
    agree("remove_comments", texts, expected, inline=inline, multiline=multiline, parity="data-juicer")


@settings(max_examples=1000, deadline=None)
@given(
    batches(
        "\\", r"\section", r"\part", r"\paragraph", r"\subparagraph", r"\chapter{", r"\subsection*[", r"\subsubsection{x}",
        "{", "}", "[", "]", "]{", "*", "part", "[x]", "{y}", size=10,
    ),
    st.booleans(),
)  # fmt: skip
def test_remove_header(texts: list[str], drop: bool) -> None:
    agree("remove_header", texts, [beheaded(t, drop) for t in texts], drop_no_head=drop)


patterns = st.sampled_from([
    "a", "a ", "é", "中", "aa", "[a-z]", "a.", "^", "$", "r'a'", "r'", "\\s+", "(a)|b", "#", "&",
    "aa?", "aé*", " a+", "(?i)A", "a(?i:A)", "ab|é", "aa{0,1}", "中a.",
])  # fmt: skip


@some
@given(batches("aa", "r'a'", "#", "&"), st.lists(st.tuples(patterns, st.sampled_from(["", "x", "aé", r"<\g<0>>"]))))
def test_replace_content(texts: list[str], pairs: list[tuple[str, str]]) -> None:
    expected = texts
    for pattern, repl in pairs:
        pattern = pattern[2:-1] if pattern == "r'a'" else pattern
        expected = [regex.sub(pattern, repl, t, flags=regex.DOTALL) for t in expected]
    agree("replace_content", texts, expected, pattern=[p for p, _ in pairs], repl=[r for _, r in pairs])


@some
@given(batches(*"◆●|]^-[\\"), st.lists(st.text(st.sampled_from("◆●|]^-[\\aé中😀\x00"), max_size=3), max_size=4))
def test_remove_specific_chars(texts: list[str], chars: list[str]) -> None:
    expected = [without_chars(t, "".join(chars)) for t in texts]
    agree("remove_specific_chars", texts, expected, chars_to_remove=chars)


@some
@given(batches(*"中一龥龦、·。!%"), st.booleans(), st.booleans(), st.booleans())
def test_remove_non_chinese_character(texts: list[str], letters: bool, digits: bool, marks: bool) -> None:
    expected = [only_chinese(t, letters, digits, marks) for t in texts]
    options = {"keep_alphabet": letters, "keep_number": digits, "keep_punc": marks}
    agree("remove_non_chinese_character", texts, expected, **options)


def test_removal_by_character_of_every_character() -> None:
    texts = ["".join(chr(c) for c in range(i, i + 64) if not 0xD800 <= c < 0xE000) for i in range(0, 0x110000, 64)]
    assert plain.call("remove_non_chinese_character", texts) == [only_chinese(t) for t in texts]
    for char in "\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff":
        expected = [t.replace(char, "") for t in texts]
        assert plain.call("remove_specific_chars", texts, chars_to_remove=[char]) == expected


@settings(max_examples=1500, deadline=None)
@given(
    batches(
        "a b\n", "a b c\n", "c|d\n", "a|b|c\n", "|", "||", "\t", "\n", "\n", "a b\n\n", "b", "\xa0", "\x1f", size=18
    ),
    st.integers(2, 5),
    st.integers(2, 20),
)
def test_remove_table_text(texts: list[str], min_col: int, max_col: int) -> None:
    expected = [without_tables(t, min_col, max_col) for t in texts]
    agree("remove_table_text", texts, expected, min_col=min_col, max_col=max_col)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clean_copyright", "/*" * 100_000),
        ("clean_ip", "1." * 100_000 + "12:" * 100_000),
        ("expand_macro", r"\def\a{" * 50_000),
        ("expand_macro", "\\def" + " " * 100_000 + "\\def" * 50_000),
        ("expand_macro", "".join(f"\\def\\a{i}{{\\a{i + 1}\\a{i + 1}}}\n" for i in range(5_000))),
        ("expand_macro", "".join(f"\\def\\a{i}{{x}}\n" for i in range(20_000))),
        ("remove_bibliography", r"\bibliography{" * 50_000),
        ("clean_ip", "1." * 100_000 + "12:" * 100_000 + "::" * 100_000 + "fe80::" * 20_000),
        ("remove_comments", "%" * 100_000 + "\\%" * 100_000),
        ("remove_comments", "\\url{" * 50_000 + "%" + "\\%" * 100_000 + "\n%" * 50_000),
        ("remove_header", r"\section[]{" * 50_000),
        ("remove_table_text", "x\n" + "|" * 200_000 + "\n" + "a|b " * 50_000 + "\n" + "a b\n" * 50_000),
    ],
)
def test_hostile_text_takes_linear_time(name: str, text: str) -> None:
    plain.call(name, [text])
    began = time.process_time()
    plain.call(name, [text])
    assert time.process_time() - began < 1


def test_macros_that_grow_without_end_are_left_alone() -> None:
    text = "".join(f"\\def\\a{i}{{\\a{i + 1}\\a{i + 1}}}\n" for i in range(40)) + "\\a0."
    assert plain.call("expand_macro", [text, "\\def\\b{x}\n\\b."]) == [text, "\\defx{x}\nx."]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("remove_comments", {"doc_type": "html"}),
        ("remove_table_text", {"min_col": 1}),
        ("remove_table_text", {"max_col": 21}),
        ("replace_content", {"pattern": ["a", "b", "c"], "repl": ["x", "y"]}),
        ("replace_content", {"pattern": ["a"], "repl": ["x", "y"]}),
        ("replace_content", {"pattern": ["a", "b"], "repl": []}),
        ("replace_content", {"pattern": ["(a"]}),
        ("replace_content", {"pattern": ["a"], "repl": [r"\3"]}),
    ],
)
def test_mistakes_in_parameters_are_explained(name: str, options: dict[str, object]) -> None:
    with pytest.raises(FunctionError) as caught:
        plain.call(name, ["a"], **options)
    assert caught.value.problems[0].code == "bad-parameter"
    assert caught.value.problems[0].mend
