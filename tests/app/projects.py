"""A small project for the pages: 120 rows, cuts of every kind, duplicates, and a row that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

RECIPE = """{{ config(source="data.jsonl", export="out.jsonl") }}
-- Keeps what is long enough.
with kept as (
    select *
    from source
    where text_len(text) between 20 and 1000
      and alnum_ratio(text) >= {{ var('letters', 0.6) }}
      and word_rep_ratio(text, 2) <= 0.9
),
exact as (
    from kept qualify row_number() over (partition by md5(text) order by sample_id) = 1
)
select * from exact
"""


def make_project(folder: Path) -> None:
    texts = [f"document {i} " + "with words and more of them " * (i % 7) + "#" * (i % 23) for i in range(116)]
    rows: list[str] = [json.dumps({"text": t}) for t in [*texts, texts[30], texts[31], None]]
    rows.insert(50, '{"text": broken')
    (folder / "data.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    (folder / "r.sql.j2").write_text(RECIPE, "utf-8")
    (folder / "juicesql.toml").write_text("", "utf-8")
