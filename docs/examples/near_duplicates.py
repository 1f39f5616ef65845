# %% [markdown]
# # Near-duplicates
# Six short texts, two of them near another; which ones go, and in which words they differ. Files go to
# JUICESQL_PROJECT, or to a temporary folder.

# %%
import json
import os
import tempfile
from pathlib import Path

import juicesql
from juicesql.dups import duplicates

FOLDER = Path(os.environ.get("JUICESQL_PROJECT") or tempfile.mkdtemp(prefix="juicesql-"))

# %%
story = "The lighthouse keeper climbed the stairs each evening, lit the lamp, and wrote the weather into a book. " * 4
TEXTS = [
    story + "Nobody ever read that book.",
    "Bread needs flour, water, salt and time; most of all it needs time.",
    story.replace("wrote", "noted", 1) + "Nobody ever read that book.",
    "A map of the old town hung behind the counter, its corners gone.",
    story + "Nobody has ever read that book.",
    "Trains run every ten minutes, and on Sundays every twenty.",
]
(FOLDER / "texts.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS), "utf-8")

# %% [markdown]
# `near_dedup` finds candidates by MinHash and compares every pair by its true Jaccard similarity. `jaccard` says how
# alike two texts are that count as one.

# %%
recipe = FOLDER / "near.sql.j2"
recipe.write_text(
    """{{ config(source="texts.jsonl") }}
with near as ({{ near_dedup('source', jaccard=0.6) }})
select * from near
""",
    "utf-8",
)
result = juicesql.run(recipe, source=str(FOLDER / "texts.jsonl"), project=FOLDER, export=FOLDER / "kept.jsonl")
print(f"{result.kept} of {result.rows_in} texts stay, {result.duplicates} are duplicates")

# %% [markdown]
# The clusters, and the words in which each duplicate differs from the text that stayed.

# %%
for cluster in duplicates(result.run_id, project=FOLDER).clusters:
    print(f"sample {cluster.representative} stands for {cluster.size} texts")
    for pair in duplicates(result.run_id, cluster.representative, project=FOLDER).pairs:
        differing = [("".join(s.left).strip(), "".join(s.right).strip()) for s in pair.stretches if not s.same]
        print(f"  sample {pair.duplicate.sample_id}, similarity {pair.similarity:.2f}: {differing}")
