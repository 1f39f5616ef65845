"""What parity.py compares: calls of our functions beside the peer's operators that should give the same.

Imported in both environments, so it needs the standard library only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MODES = ("s2t", "t2s", "s2tw", "tw2s", "s2hk", "hk2s", "s2twp", "tw2sp")
MODES += ("t2tw", "tw2t", "hk2t", "t2hk", "t2jp", "jp2t")


# Functions that do by default what is right where the peer's operator does harm.
WITH_PARITY = {
    "alnum_ratio", "clean_html", "clean_ip", "punctuation_normalization", "remove_comments", "remove_repeat_sentences",
    "flagged_words_ratio", "num_words", "stopwords_ratio", "whitespace_normalization", "word_rep_ratio",
}  # fmt: skip


@dataclass(frozen=True)
class Check:
    """`reads` is what is read of the peer's row: `text`, `texts` (of a mapper to several rows), a stat or meta key.

    `most` limits the texts of slow models; `tolerance` is of the value itself, for floats.
    """

    call: str
    operator: str
    parameters: dict[str, Any]
    reads: str
    most: int = 1_000_000
    tolerance: float = 1e-9

    @property
    def function(self) -> str:
        return self.call.partition("(")[0]


def literal(value: Any) -> str:
    """A Python value as SQL."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return str(value)


def call(function: str, parameters: dict[str, Any]) -> str:
    given = {**parameters, "parity": "data-juicer"} if function in WITH_PARITY else parameters
    return f"{function}({', '.join(['text', *(f'{name} := {literal(v)}' for name, v in given.items())])})"


def stat(function: str, operator: str, /, **parameters: Any) -> Check:
    """A filter whose stat has the name of our function and whose parameters are ours."""
    return Check(call(function, parameters), f"{operator}_filter", parameters, function)


def mapper(function: str, /, **parameters: Any) -> Check:
    return Check(call(function, parameters), f"{function}_mapper", parameters, "text")


def checks(lists: str, models: dict[str, Any]) -> list[Check]:
    """All of them; `lists` is the folder of the word lists, `models` has the files of models.py by name."""
    return [*_stats(lists), *_cleaning(), *_tex(), *_words(), *_models(lists, models)]


def _stats(lists: str) -> list[Check]:
    zh = {"lang": "zh", "use_words_aug": True, "words_aug_group_sizes": [2, 3]}
    return [
        stat("text_len", "text_length"),
        stat("num_words", "words_num"),
        stat("alnum_ratio", "alphanumeric"),
        stat("special_char_ratio", "special_characters"),
        stat("avg_line_length", "average_line_length"),
        stat("max_line_length", "maximum_line_length"),
        *(stat("char_rep_ratio", "character_repetition", rep_len=n) for n in (1, 2, 5, 10)),
        *(stat("word_rep_ratio", "word_repetition", rep_len=n) for n in (1, 2, 5, 10)),
        stat("stopwords_ratio", "stopwords", lang="en", stopwords_dir=lists),
        stat("stopwords_ratio", "stopwords", **zh, stopwords_dir=lists),
        stat("stopwords_ratio", "stopwords", **zh, words_aug_join_char=" ", stopwords_dir=lists),
        *(stat("flagged_words_ratio", "flagged_words", lang=x, flagged_words_dir=lists) for x in ("en", "zh", "all")),
        stat("flagged_words_ratio", "flagged_words", **zh, flagged_words_dir=lists),
    ]


def _cleaning() -> list[Check]:
    tables = {"reads": "meta.html_tables", "operator": "extract_tables_from_html_mapper"}
    return [
        mapper("whitespace_normalization"),
        mapper("punctuation_normalization"),
        mapper("fix_unicode"),
        *(mapper("fix_unicode", normalization=form) for form in ("NFKC", "NFD", "NFKD")),
        mapper("clean_links"),
        mapper("clean_links", repl="<link>"),
        mapper("clean_links", pattern=r"https?://\S+", repl=r"[\g<0>]"),
        mapper("clean_email"),
        mapper("clean_email", repl="<e-mail é>"),
        mapper("clean_ip"),
        mapper("clean_ip", repl="<IP>"),
        mapper("clean_ip", pattern=r"r'(\d+)\.(\d+)'", repl=r"\2.\1"),
        mapper("clean_html"),
        mapper("clean_copyright"),
        *(
            Check(call("extract_tables_from_html", {"include_header": x}), parameters={"include_header": x}, **tables)
            for x in (True, False)
        ),
        Check("extract_html_tables(text)", parameters={"retain_html_tags": True}, **tables),
        *(mapper("chinese_convert", mode=mode) for mode in MODES),
        mapper("remove_specific_chars"),
        mapper("remove_specific_chars", chars_to_remove="aé中😀"),
        mapper("remove_specific_chars", chars_to_remove=["]", "^", "-", "|", "\\", "\n"]),
        mapper("remove_specific_chars", chars_to_remove=[]),
        mapper("remove_non_chinese_character"),
        *(
            mapper("remove_non_chinese_character", keep_alphabet=a, keep_number=n, keep_punc=p)
            for a, n, p in ((False, True, True), (True, False, True), (True, True, False), (False, False, False))
        ),
        mapper("replace_content"),
        mapper("replace_content", pattern="the", repl="THE"),
        mapper("replace_content", pattern=r"(\w+) (\w+)", repl=r"\2 \1"),
        mapper("replace_content", pattern=["a.b", r"\s+", "^.", "(?i)é"], repl=["<ab>", " ", "", "E"]),
        mapper("replace_content", pattern="r'[。！？]+$'", repl="."),
    ]


def _tex() -> list[Check]:
    return [
        mapper("expand_macro"),
        mapper("remove_bibliography"),
        mapper("remove_comments"),
        mapper("remove_comments", inline=False),
        mapper("remove_comments", multiline=False),
        mapper("remove_header"),
        mapper("remove_header", drop_no_head=False),
        mapper("remove_table_text"),
        mapper("remove_table_text", min_col=3, max_col=5),
        mapper("remove_table_text", min_col=2, max_col=2),
        mapper("remove_table_text", min_col=7),
    ]


def _words() -> list[Check]:
    return [
        mapper("remove_long_words"),
        mapper("remove_long_words", max_len=5),
        mapper("remove_long_words", min_len=3, max_len=8),
        mapper("remove_words_with_incorrect_substrings"),
        mapper("remove_words_with_incorrect_substrings", substrings=["é", "a.b", "中", "//", "x"]),
        mapper("remove_words_with_incorrect_substrings", substrings=["", "a"]),
        mapper("remove_repeat_sentences"),
        mapper("remove_repeat_sentences", lowercase=True),
        mapper("remove_repeat_sentences", lowercase=True, ignore_special_character=False),
        mapper("remove_repeat_sentences", min_repeat_sentence_length=0),
        mapper("remove_repeat_sentences", ignore_special_character=False, min_repeat_sentence_length=12),
        *(mapper("sentence_split", lang=lang) for lang in ("en", "fr", "pt", "es")),
        *map(
            _chunks,
            (
                {},
                {"split_pattern": r"\n"},
                {"split_pattern": r"(\. )|(中)"},
                {"split_pattern": None, "max_len": 50},
                {"split_pattern": None, "max_len": 50, "overlap_len": 7},
                {"max_len": 40},
                {"split_pattern": r"[.!?]\s*", "max_len": 30, "overlap_len": 5},
                {"split_pattern": " ", "max_len": 100},
            ),
        ),
    ]


def _chunks(parameters: dict[str, Any]) -> Check:
    return Check(call("text_chunk", parameters), "text_chunk_mapper", parameters, "texts")


def _models(lists: str, models: dict[str, Any]) -> list[Check]:
    pieces = {"tokenization": True}
    lang = "language_id_score_filter"
    tokens, chain = models["tokenizer"], models["chain"]
    return [
        Check("lang(text)", lang, {}, "lang"),
        Check("lang_id(text).score", lang, {}, "lang_score", tolerance=1e-6),
        stat("num_words", "words_num", **pieces),
        stat("word_rep_ratio", "word_repetition", rep_len=3, **pieces),
        stat("stopwords_ratio", "stopwords", **pieces, stopwords_dir=lists),
        stat("flagged_words_ratio", "flagged_words", **pieces, flagged_words_dir=lists),
        mapper("remove_words_with_incorrect_substrings", **pieces, substrings=["th", "中", "."]),
        stat("num_token", "token_num", hf_tokenizer=tokens),
        stat("perplexity", "perplexity"),
        Check(call("num_action", {"spacy_model": models["spacy"]}), "text_action_filter", {}, "num_action", 200),
        Check(
            call("num_dependency_edges", {"spacy_model": models["spacy"]}),
            "text_entity_dependency_filter",
            {},
            "num_dependency_edges",
            200,
        ),
        Check(
            call("llm_perplexity", {"hf_model": chain}),
            "llm_perplexity_filter",
            {"hf_model": chain},
            "llm_perplexity",
            200,
            1e-3,
        ),
        *(_similarity(models, pooling) for pooling in ("last", "mean", "weighted_mean")),
    ]


def _similarity(models: dict[str, Any], pooling: str) -> Check:
    ours = {"hf_model": models["embedding"], "valid_dataset": models["valid"], "pooling": pooling, "max_tokens": 512}
    peers = {
        "api_or_hf_model": models["embedding"],
        "is_hf_model": True,
        "pooling": None if pooling == "last" else pooling,
        "valid_dataset": [json.loads(line) for line in models["valid_texts"]],
    }
    operator = "text_embd_similarity_filter"
    return Check(call("text_embd_similarity", ours), operator, peers, "text_embd_similarity", 200, 1e-4)
