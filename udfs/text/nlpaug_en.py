"""Mapper `nlpaug_en`."""

from pathlib import Path

from juicesql.api import mapper

from . import _typos
from ._augment import check_aug_num, variants

# In the order in which a sequence applies them.
KINDS = (
    "delete_random_word",
    "swap_random_word",
    "spelling_error_word",
    "split_random_word",
    "keyboard_error_char",
    "ocr_error_char",
    "delete_random_char",
    "swap_random_char",
    "insert_random_char",
)


def spelling_data(spelling_error_word: bool, aug_num: int, **_others: object) -> list[Path]:
    check_aug_num(aug_num)
    return [_typos.spelling_file()] if spelling_error_word else []


@mapper(
    "nlpaug_en(text VARCHAR, sequential BOOLEAN := false, aug_num INTEGER := 1, keep_original_sample BOOLEAN := true,"
    f" {', '.join(f'{kind} BOOLEAN := false' for kind in KINDS)}, seed INTEGER := 0) -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="augment",
    assets=spelling_data,
)
def nlpaug_en(text: str, sequential: bool, aug_num: int, keep_original_sample: bool, *kinds_and_seed: int) -> list[str]:
    """Make variants of an English text with slips of the chosen kinds, as a list to UNNEST.

    `delete_random_word`, `swap_random_word` (with a neighbour), `spelling_error_word` (a common misspelling),
    `split_random_word` (a space inside it) change words; `keyboard_error_char` (a key beside it), `ocr_error_char` (a
    character that looks alike), `delete_random_char`, `swap_random_char` (with a neighbour) and `insert_random_char`
    change characters inside words. Each change takes 30 % of the words, counted with punctuation marks, at least 1 and
    at most 10; in each word 30 % of the characters, at least 1 (OCR: 2) and at most 10. Words of fewer than four
    characters are not split and, except for OCR errors, keep their characters.

    The list has the text itself (`keep_original_sample`), then for each kind up to `aug_num` different variants, or
    with `sequential := true` up to `aug_num` variants in which all kinds follow one another in the order above. A text
    that offers nothing to change gives none; empty text gives itself. What is drawn depends on the text and on `seed`
    only. `spelling_error_word` reads the word list of the package nlpaug, the other kinds need nothing.

    Source: Data-Juicer's nlpaug_en_mapper; kinds, shares and limits are those of nlpaug 1.1.11, which it calls. That
    one draws without a seed, puts a space around every mark inside a word (`doesn ' t`), makes all white space single
    spaces and gives copies of a text that it cannot change; here what is not drawn stays as it is. Its table of keys
    has some that are farther away.
    """
    *wanted, seed = kinds_and_seed
    check_aug_num(aug_num)
    changes = [_typos.on_text(getattr(_typos, kind)) for kind, on in zip(KINDS, wanted, strict=True) if on]
    return variants(text, changes, sequential, aug_num, keep_original_sample, seed)
