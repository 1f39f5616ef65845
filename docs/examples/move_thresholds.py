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
# How many rows each threshold of one cut keeps, with all else as it was: at least, and at most.

# %%
with duckdb.connect(str(PROJECT / "stats.duckdb"), read_only=True) as con:
    for threshold in (0.2, 0.3, 0.4, 0.5):
        kept = con.execute("from kept_if('stopwords_ratio', stopwords_ratio >= $1)", [threshold]).fetchone()
        print(threshold, kept)
    source, recipe = con.execute("select source, recipe_path from latest_run").fetchone()

# %% [markdown]
# Two stats at once: rows of the newest run that pass each pair of thresholds, whatever other cuts say.

# %%
with duckdb.connect(str(PROJECT / "stats.duckdb"), read_only=True) as con:
    con.sql("""
        pivot (
            select a / 10 as least_alnum, w / 10 as most_repeated,
                   count(*) filter (where alnum_ratio >= a / 10 and word_rep_ratio <= w / 10) as pass
            from latest_rows, range(5, 9) x(a), range(0, 4) y(w) group by all
        ) on most_repeated using any_value(pass) order by least_alnum
    """).show()

# %% [markdown]
# The recipe has a variable for the language cut. The run compares and writes; `measured` is 0.

# %%
result = juicesql.run(
    recipe, source=source, project=PROJECT, export=PROJECT / "clean-strict.jsonl", variables={"english": 0.8}
)
print(f"{result.kept} of {result.rows_in} rows stay, {result.measured} values measured, {result.reused} reused")
