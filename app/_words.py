"""What the pages say, in English and Chinese. Messages are written in English where they are used: `t("Rows")`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._chinese import CHINESE

LANGUAGES = {"en": "English", "zh": "中文"}


@dataclass(frozen=True)
class Words:
    """Says a message in one language. Placeholders are those of `str.format`.

    >>> Words("zh")("Runs"), Words("en")("{n:,} rows", n=12000)
    ('运行', '12,000 rows')
    """

    language: str

    def __call__(self, message: str, /, **values: Any) -> str:
        said = CHINESE.get(message, message) if self.language == "zh" else message
        return said.format(**values) if values else said


def language_of(wanted: str | None) -> str:
    """`zh` for any Chinese locale, else `en`.

    >>> [language_of(locale) for locale in ("zh-CN", "zh", "de-DE", None)]
    ['zh', 'zh', 'en', 'en']
    """
    return "zh" if (wanted or "").lower().startswith("zh") else "en"
