# %% [markdown]
# # Thresholds, moved in SQL
# Stats are kept, so another threshold is a query; the run that applies it measures nothing again. It goes on from the
# project of `make run`, or that of JUICESQL_PROJECT.

# %%
import os
from pathlib import Path

import duckdb

import juicesql

PROJECT = Path(os.environ.get("JUICESQL_PROJECT", "demo"))

# %% [markdown]
# How many of the measured rows each threshold of one cut keeps.

# %%
with duckdb.connect(str(PROJECT / "stats.duckdb"), read_only=True) as con:
    con.sql("""
        select t / 10 as threshold, count(*) filter (where s.lang_score_lang_en >= t / 10) as kept,
               count(s.lang_score_lang_en) as measured
        from stats s, range(3, 10) r(t) group by t order by t
    """).show()
    source, recipe = con.execute("""
        select source, recipe_path from runs where status = 'done' order by started desc limit 1
    """).fetchone()

# %% [markdown]
# Two cuts at once: rows that are left for each pair of thresholds.

# %%
with duckdb.connect(str(PROJECT / "stats.duckdb"), read_only=True) as con:
    con.sql("""
        pivot (
            select a / 10 as least_alnum, w / 10 as most_repeated,
                   count(*) filter (where alnum_ratio >= a / 10 and word_rep_ratio <= w / 10) as kept
            from stats, range(5, 9) x(a), range(0, 4) y(w) group by all
        ) on most_repeated using any_value(kept) order by least_alnum
    """).show()

# %% [markdown]
# The recipe has a variable for the language cut. The run compares and writes; `measured` is 0.

# %%
result = juicesql.run(
    recipe, source=source, project=PROJECT, export=PROJECT / "clean-strict.jsonl", variables={"english": 0.8}
)
print(f"{result.kept} of {result.rows_in} rows stay, {result.measured} values measured, {result.reused} reused")
