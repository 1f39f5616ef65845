"""Mapper `chinese_convert`."""

from functools import lru_cache
from importlib.metadata import version
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import FunctionError, mapper, nearest

from ._tokens import library

MODES = (
    *("s2t", "t2s", "s2tw", "tw2s", "s2hk", "hk2s", "s2twp", "tw2sp"),
    *("t2tw", "tw2t", "hk2t", "t2hk", "t2jp", "jp2t"),
)
# Where CJK begins; no entry of OpenCC's dictionaries is made of lower characters only.
CJK = r"[\x{2E80}-\x{10FFFF}]"


def opencc_version(mode: str) -> list[str]:
    _check(mode)
    library("opencc", "chinese")
    return [f"opencc {version('opencc')}"]


@mapper(
    "chinese_convert(text VARCHAR, mode VARCHAR := 's2t') -> VARCHAR",
    runs_on="process",
    extra="chinese",
    assets=opencc_version,
)
def chinese_convert(text: pa.StringArray, mode: str) -> pa.StringArray:
    """Convert Chinese text with OpenCC: to simplified, traditional, a regional form, or Japanese kanji.

    The letters of `mode` stand for `s` simplified, `t` traditional in OpenCC's own standard, `tw` Taiwan, `hk` Hong
    Kong, `jp` new Japanese kanji; a final `p` also exchanges words that differ by region: s2t, t2s, s2tw, tw2s, s2hk,
    hk2s, s2twp, tw2sp, t2tw, tw2t, hk2t, t2hk, t2jp, jp2t. Words are found before characters are exchanged, so one
    character may become several. A text without CJK is not looked at. Empty text stays empty.

    Source: Data-Juicer's chinese_convert_mapper, which calls OpenCC as well. In the modes between `s` and `tw` or `hk`,
    OpenCC drops what follows a NUL; here the parts between NULs are converted one by one.
    """
    _check(mode)
    changes = pc.match_substring_regex(text, CJK)
    if not pc.any(changes).as_py():
        return text
    convert = _converter(mode).convert
    converted = ["\0".join(map(convert, t.split("\0"))) for t in text.filter(changes).to_pylist()]
    return pc.replace_with_mask(text, changes, pa.array(converted, pa.string()))


def _check(mode: str) -> None:
    if mode not in MODES:
        mend = nearest(mode, MODES) or f"use one of {', '.join(MODES)}"
        raise FunctionError.of("bad-parameter", f"mode is {mode!r}", mend)


@lru_cache(maxsize=len(MODES))
def _converter(mode: str) -> Any:
    return library("opencc", "chinese").OpenCC(mode)
