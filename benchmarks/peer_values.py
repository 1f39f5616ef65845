"""Values that the peer's own operators compute. Runs in the peer's environment, on JSON lines from stdin to stdout.

Usage: peer-venv/bin/python peer_values.py LISTS < texts.jsonl > golden.jsonl

A line in is `{"text": ...}`. A line out has the text, `stats` (by column of parity.py) and `mappers` (by operator
name without `_mapper`); an operator that raises gives `{"error": ...}`. LISTS is the folder of the two word lists:
the peer's own are fetched from the network, so both systems are given the same ones.
"""

from __future__ import annotations

import json
import sys

from data_juicer.ops import OPERATORS
from data_juicer.utils.constant import Fields
from loguru import logger

STATS = {
    "text_len": ("text_length_filter", {}, "text_len"),
    "num_words": ("words_num_filter", {}, "num_words"),
    "alnum_ratio": ("alphanumeric_filter", {}, "alnum_ratio"),
    "special_char_ratio": ("special_characters_filter", {}, "special_char_ratio"),
    "avg_line_length": ("average_line_length_filter", {}, "avg_line_length"),
    "max_line_length": ("maximum_line_length_filter", {}, "max_line_length"),
    "char_rep_ratio_2": ("character_repetition_filter", {"rep_len": 2}, "char_rep_ratio"),
    "char_rep_ratio_5": ("character_repetition_filter", {"rep_len": 5}, "char_rep_ratio"),
    "char_rep_ratio_10": ("character_repetition_filter", {"rep_len": 10}, "char_rep_ratio"),
    "word_rep_ratio_1": ("word_repetition_filter", {"rep_len": 1}, "word_rep_ratio"),
    "word_rep_ratio_2": ("word_repetition_filter", {"rep_len": 2}, "word_rep_ratio"),
    "word_rep_ratio_10": ("word_repetition_filter", {"rep_len": 10}, "word_rep_ratio"),
    "stopwords_ratio_en": ("stopwords_filter", {"lang": "en", "stopwords_dir": "LISTS"}, "stopwords_ratio"),
    "stopwords_ratio_zh": (
        "stopwords_filter",
        {"lang": "zh", "stopwords_dir": "LISTS", "use_words_aug": True, "words_aug_group_sizes": [2, 3]},
        "stopwords_ratio",
    ),
    **{
        f"flagged_words_ratio_{lang}": (
            "flagged_words_filter",
            {"lang": lang, "flagged_words_dir": "LISTS"},
            "flagged_words_ratio",
        )
        for lang in ("en", "zh", "all")
    },
}
MAPPERS = (
    "whitespace_normalization",
    "clean_links",
    "clean_email",
    "fix_unicode",
    "punctuation_normalization",
    "clean_html",
)


def one_stat(operator, key: str, text: str) -> object:
    """The stat of one text, by whichever of the two entry points the operator has."""
    try:
        if operator.is_batched_op():
            return operator.compute_stats_batched({"text": [text], Fields.stats: [{}]})[Fields.stats][0][key]
        return operator.compute_stats_single({"text": text, Fields.stats: {}})[Fields.stats][key]
    except Exception as error:  # the peer's own faults are part of what is compared
        return {"error": f"{type(error).__name__}: {error}"}


def one_mapping(operator, text: str) -> object:
    try:
        return operator.process_batched({"text": [text]})["text"][0]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def main() -> None:
    logger.remove()
    lists = sys.argv[1]
    stats = {}
    for column, (name, parameters, key) in STATS.items():
        filled = {parameter: lists if value == "LISTS" else value for parameter, value in parameters.items()}
        stats[column] = (OPERATORS.modules[name](**filled), key)
    mappers = {name: OPERATORS.modules[f"{name}_mapper"]() for name in MAPPERS}
    for line in sys.stdin:
        text = json.loads(line)["text"]
        row = {
            "text": text,
            "stats": {column: one_stat(operator, key, text) for column, (operator, key) in stats.items()},
            "mappers": {name: one_mapping(operator, text) for name, operator in mappers.items()},
        }
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
