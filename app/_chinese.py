"""The Chinese of every message, by its English. A test finds messages that have none."""

from __future__ import annotations

CHINESE = {
    # every page
    "Runs": "运行",
    "Distributions": "分布",
    "Run": "运行",
    "Project": "项目",
    "Language": "语言",
    "{n:,} rows": "{n:,} 行",
}
