"""What functions.py measures: each text function, its parameters, a plain Python definition, and the peer's operator.

The plain definitions are those that the tests prove the functions against.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import models  # first: it says where the plain definitions are

# isort: split
import definitions as plain
import definitions_cleaning as cleaning
import definitions_pii as pii
import definitions_quality as quality
import definitions_words as words
from parity_checks import WITH_PARITY

LANGUAGE_MODEL = "the speed is that of the language model, some hundred MB which the benchmark does not fetch"
NOT_MEASURED: dict[str, str] = {
    "ifd_score": LANGUAGE_MODEL,
    "keep_pareto": "takes a score, not a text",
    "llm_perplexity": LANGUAGE_MODEL,
    "response_perplexity": LANGUAGE_MODEL,
    "sentence_augmentation": LANGUAGE_MODEL,
    "suffix": "takes the name of a file",
    "text_pair_similarity": "no package carries the weights of a CLIP; the peer's operator fails with transformers 5",
}


@dataclass(frozen=True)
class Job:
    """`sample` names the texts; `rows` limits them where a function is slow; `note` says what is special.

    `columns` are the values of further columns, the same in every row. `peer_rows` is how many rows the peer's operator
    gets at once: 1 where it is wrong for more.
    """

    function: str
    peer: str = ""
    plain: Callable[[str], Any] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    peer_parameters: dict[str, Any] = field(default_factory=dict)
    sample: str = "prose"
    rows: int | None = None
    columns: tuple[Any, ...] = ()
    peer_rows: int = 1000
    note: str = ""


def jobs() -> list[Job]:
    found = [*_stats(), *_quality(), *_models(), *_cleaning(), *_tex(), *_words(), *_variants()]
    peer = {"parity": "data-juicer"}
    return [replace(j, parameters={**j.parameters, **peer}) if j.function in WITH_PARITY else j for j in found]


def _stats() -> list[Job]:
    return [
        Job("alnum_ratio", "alphanumeric_filter", plain.alnum_ratio),
        Job("avg_line_length", "average_line_length_filter", plain.avg_line_length),
        Job("char_rep_ratio", "character_repetition_filter", plain.char_rep_ratio),
        Job("max_line_length", "maximum_line_length_filter", plain.max_line_length),
        Job("num_words", "words_num_filter", plain.num_words),
        Job("special_char_ratio", "special_characters_filter", plain.special_char_ratio),
        Job("text_len", "text_length_filter", len),
        Job("word_rep_ratio", "word_repetition_filter", plain.word_rep_ratio),
        _word_list("stopwords"),
        _word_list("flagged_words"),
        Job("substring_count", plain=lambda t: t.count("the"), columns=("the",)),
    ]


def _word_list(kind: str) -> Job:
    listed = set(json.loads((models.LISTS / f"{kind}.json").read_text())["en"])
    given = {"lang": "en", f"{kind}_dir": str(models.LISTS)}
    return Job(f"{kind}_ratio", f"{kind}_filter", lambda t: plain.listed_ratio(t, listed), peer_parameters=given)


def _quality() -> list[Job]:
    return [
        *(Job(name, plain=define) for name, define in quality.DEFINITIONS.items()),
        Job("hashed_ngrams", plain=quality.hashed_ngrams),
        Job("quality_score", parameters={"model": str(models.QUALITY)}),
        Job("find_pii", plain=pii.find),
        Job("pii_count", plain=lambda t: len(pii.find(t))),
        Job("redact_pii", plain=lambda t: pii.redact(t, pii.find(t), None)),
        Job("profanity_score"),
    ]


def _models() -> list[Job]:
    tokens, embedding = models.tokenizer(), models.embedding()
    similar = {"hf_model": embedding, "pooling": "mean", "max_tokens": 512, "valid_dataset": str(models.VALID)}
    peers_similar = {
        "api_or_hf_model": embedding,
        "is_hf_model": True,
        "pooling": "mean",
        "valid_dataset": [json.loads(line) for line in models.VALID_TEXTS],
    }
    spacy = {"parameters": {"spacy_model": str(models.SPACY)}, "rows": 20}
    lang = "language_id_score_filter"
    return [
        Job("lang", lang, rows=1000),
        Job("lang_id", lang, rows=1000),
        Job("lang_score", lang, rows=1000),
        Job("num_token", "token_num_filter", None, {"hf_tokenizer": tokens}, {"hf_tokenizer": tokens}),
        Job("alpha_token_ratio", parameters={"hf_tokenizer": tokens}, rows=1000),
        Job("perplexity", "perplexity_filter", rows=1000),
        Job("content_type", rows=40),
        Job("programming_language", rows=40),
        Job("num_action", "text_action_filter", **spacy),
        Job("num_dependency_edges", "text_entity_dependency_filter", **spacy),
        Job("text_embedding", parameters={"hf_model": embedding}, sample="short", rows=64),
        Job(
            "text_embd_similarity", "text_embd_similarity_filter", None, similar, peers_similar, sample="short", rows=64
        ),
    ]


def _cleaning() -> list[Job]:
    html = {"sample": "html"}
    extract = "extract_tables_from_html_mapper"
    numbers = {"pattern": [r"\d+"], "repl": ["0"]}
    return [
        Job("chinese_convert", "chinese_convert_mapper", sample="chinese", rows=1000),
        Job("clean_copyright", "clean_copyright_mapper", cleaning.without_copyright),
        Job("clean_email", "clean_email_mapper", cleaning.without_emails),
        Job("clean_html", "clean_html_mapper", cleaning.without_tags, **html),
        Job("clean_ip", "clean_ip_mapper", cleaning.without_ips),
        Job("clean_links", "clean_links_mapper", cleaning.without_links),
        Job("extract_tables_from_html", extract, cleaning.html_tables, **html, rows=300),
        Job("extract_html_tables", extract, None, {}, {"retain_html_tags": True}, **html, rows=300),
        Job("fix_unicode", "fix_unicode_mapper"),
        Job("punctuation_normalization", "punctuation_normalization_mapper", cleaning.punctuation),
        Job(
            "remove_non_chinese_character",
            "remove_non_chinese_character_mapper",
            cleaning.only_chinese,
            sample="chinese",
        ),
        Job(
            "remove_specific_chars",
            "remove_specific_chars_mapper",
            lambda t: cleaning.without_chars(t, "◆●■►▼▲▴∆▻▷❖♡□"),
        ),
        Job("replace_content", "replace_content_mapper", None, numbers, numbers),
        Job("whitespace_normalization", "whitespace_normalization_mapper", cleaning.whitespace),
    ]


def _tex() -> list[Job]:
    tex = {"sample": "tex"}
    return [
        Job("expand_macro", "expand_macro_mapper", cleaning.expanded, **tex),
        Job("remove_bibliography", "remove_bibliography_mapper", cleaning.without_bibliography, **tex),
        Job("remove_comments", "remove_comments_mapper", cleaning.uncommented, **tex),
        Job("remove_header", "remove_header_mapper", cleaning.beheaded, **tex),
        Job("remove_table_text", "remove_table_text_mapper", cleaning.without_tables, **tex),
    ]


def _words() -> list[Job]:
    substrings = ("http", "www", ".com", "href", "//")

    def fits(word: str) -> bool:
        return not any(s in word.strip(plain.STRIPPED) for s in substrings)

    return [
        Job("remove_long_words", "remove_long_words_mapper", lambda t: words.filtered(t, bool)),
        Job(
            "remove_words_with_incorrect_substrings",
            "remove_words_with_incorrect_substrings_mapper",
            lambda t: words.filtered(t, fits),
        ),
        Job("remove_repeat_sentences", "remove_repeat_sentences_mapper", words.without_repeats),
        Job("sentence_split", "sentence_split_mapper"),
        Job("text_chunk", "text_chunk_mapper", words.chunks),
    ]


def _variants() -> list[Job]:
    english = {"delete_random_word": True, "swap_random_char": True}
    chinese = {"replace_homophone_char": True, "swap_random_char": True}
    alone = "the peer's operator is wrong for batches, so it gets single rows"
    return [
        Job("nlpaug_en", "nlpaug_en_mapper", None, english, english, rows=300, peer_rows=1, note=alone),
        Job(
            "nlpcda_zh", "nlpcda_zh_mapper", None, chinese, chinese, sample="chinese", rows=300, peer_rows=1, note=alone
        ),
    ]
