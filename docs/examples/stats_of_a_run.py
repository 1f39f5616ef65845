# %% [markdown]
# # The stats of a run
# Everything that a run measured and decided stands in one DuckDB file. `make run` makes the one that is read here; set
# JUICESQL_PROJECT to read that of another project. Cells run one by one in an editor that knows `# %%`, or all at once.

# %%
import os
from pathlib import Path

import duckdb

PROJECT = Path(os.environ.get("JUICESQL_PROJECT", "demo"))
con = duckdb.connect(str(PROJECT / "stats.duckdb"), read_only=True)

# %% [markdown]
# The runs, newest first, and the funnel of the newest. `dropped_alone` are rows that no other cut of the step drops.

# %%
con.sql("""
    select run_id, recipe, started, rows_in, samples_kept, round(seconds, 1) as seconds
    from runs where status = 'done' order by started desc
""").show()
(run_id,) = con.execute("select run_id from latest_run").fetchone()
con.execute("set variable run_id = $1", [run_id])
con.sql("""
    select step, sql, rows_in, dropped, dropped_null, dropped_alone
    from cuts where run_id = getvariable('run_id') order by position
""").show(max_width=140)

# %% [markdown]
# The view `stats` has a column a stat. DuckDB summarizes all that are numbers; rows never measured are NULL.

# %%
con.sql("""
    select column_name, round(columns(['min', 'q25', 'q50', 'q75', 'max'])::double, 3) as "\\0", null_percentage
    from (summarize stats) where column_type in ('DOUBLE', 'BIGINT') and column_name <> 'sample_id'
""").show(max_width=140)

# %% [markdown]
# What the rows look like that a cut only just drops: the values beside the threshold, and where they stand.

# %%
con.sql("""
    select s.sample_id, round(s.stopwords_ratio, 3) as stopwords_ratio, m.file, m."row"
    from stats s join samples m using (source_id, sample_id)
    join verdicts v on v.sample_id = s.sample_id and v.run_id = getvariable('run_id')
    where v.verdict = 'dropped' and s.stopwords_ratio < 0.3
    order by s.stopwords_ratio desc limit 5
""").show(max_width=140)

# %% [markdown]
# Where the time went.

# %%
con.sql("""
    select function, runs_on, "rows" as measured, reused, round(seconds, 3) as seconds
    from costs where run_id = getvariable('run_id') order by costs.seconds desc limit 8
""").show()
con.close()
