# %% [markdown]
# # Videos
# Small videos of the demo, made here; needs `pip install 'juicesql[media]'`. Files go to JUICESQL_PROJECT, or to a
# temporary folder.

# %%
import os
import tempfile
from pathlib import Path

import duckdb
from juicesql.recipes_sql.demo import make_media

import juicesql

FOLDER = Path(os.environ.get("JUICESQL_PROJECT") or tempfile.mkdtemp(prefix="juicesql-"))
make_media.main(str(FOLDER))

# %% [markdown]
# A row lists its videos; stats give one value a file. The cut keeps rows of which all videos move, and the other stats
# stand in the SELECT: they are measured for the rows that are left.

# %%
recipe = FOLDER / "moving.sql.j2"
recipe.write_text(
    """{{ config(source="videos.jsonl") }}
with sized as (
    select * from source where all_between(video_duration(videos), 0.5, 60)
)
select *, video_width(videos) as width, video_scene_count(videos) as scenes
from sized
where all_between(video_motion_score(videos), 0.05, 10000)
""",
    "utf-8",
)
result = juicesql.run(
    recipe, source=str(FOLDER / "videos.jsonl"), project=FOLDER, export=FOLDER / "moving.jsonl", max_error_rate=0.5
)
print(f"{result.kept} of {result.rows_in} rows stay, {result.errors} files could not be read")

# %% [markdown]
# What was measured, why rows went, and what is wrong with files.

# %%
with duckdb.connect(str(FOLDER / "stats.duckdb"), read_only=True) as con:
    con.sql("""
        select s.sample_id, v.verdict, v.cut, video_duration, video_motion_score, video_scene_count
        from stats s join verdicts v using (sample_id) order by s.sample_id
    """).show(max_width=140)
    con.sql("select sample_id, function, message from errors").show(max_width=140)

# %% [markdown]
# Functions work by themselves too, on paths.

# %%
with juicesql.connect(functions=["video_width", "video_duration"]) as con:
    paths = sorted(str(path) for path in FOLDER.rglob("*.mp4"))[:3]
    con.sql("select video_width($1) as width, video_duration($1) as seconds", params=[paths]).show()
