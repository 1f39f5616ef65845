"""Makes a project folder: a recipe that runs at once, a stat in Python, one in SQL, and a little data to run it on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from juicesql.errors import ExportError
from juicesql.settings import FILE

RECIPE = "recipes_sql/example.sql.j2"

_RECIPE = """\
{{ config(
    source="data/sample.jsonl",
    export="out/clean.jsonl",
    description="Short, shouting, repetitive and duplicate documents leave; the rest is tidied."
) }}
-- Move a number and run it again: nothing that was measured is measured twice.
with cleaned as (
    select * replace (trim(regexp_replace(text, '[ \\t]+', ' ', 'g')) as text)
    from source
),
kept as (
    select *
    from cleaned
    where text_len(text)       between {{ var('min_chars', 40) }} and 10000
      and alnum_ratio(text)    >= 0.6
      and shouting_ratio(text) <= 0.3   -- macros/shouting_ratio.sql
      and question_ratio(text) <= 0.5   -- udfs/question_ratio.py
),
exact as (
    from kept qualify row_number() over (partition by md5(text) order by sample_id) = 1
)
select * from exact
"""

_STAT = '''\
"""Stat `question_ratio`: a stat of your own. The file has the name of its function."""

import re

from juicesql.api import stat

_END = re.compile(r"[.!?]+")


@stat("question_ratio(text VARCHAR) -> DOUBLE", runs_on="process", rowwise=True)
def question_ratio(text: str) -> float:
    """Share of the sentences that are questions; 0 for text without sentences. Usual cut: <= 0.5. Source: yours.

    `rowwise=True`: called with the text of one row. `runs_on="process"`: plain Python, in worker processes.
    """
    ends = _END.findall(text)
    return sum("?" in end for end in ends) / len(ends) if ends else 0.0


# Cases are YAML, one file for each function. Write tests/cases/question_ratio.yml:
#
#     stat: question_ratio
#     questions: {in: ["Who? Why? Here."], out: 0.6666666667}
#     empty:     {in: [""], out: 0.0}
#     missing:   {in: [null], out: null}
#
# and run them with pytest (pip install pytest pyyaml):
#
#     from pathlib import Path
#     import juicesql, pytest
#     from juicesql.testing import load_cases, run_case, same
#
#     CASES = [c for p in Path("tests/cases").glob("*.yml") for c in load_cases(p)]
#
#     @pytest.mark.parametrize("case", CASES, ids=str)
#     def test_case(case):
#         with juicesql.connect(project=".", functions=[case.function]) as con:
#             assert same(run_case(con, case, ["VARCHAR"]), case.out)
'''

_MACRO = """\
-- stat: shouting_ratio(text VARCHAR) -> DOUBLE
-- Share of the letters A to Z that are capitals; 0 for text without them. Usual cut: <= 0.3. Source: yours.
create or replace macro shouting_ratio(text) as
    coalesce(
        length(regexp_replace(text, '[^A-Z]', '', 'g')) / nullif(length(regexp_replace(text, '[^A-Za-z]', '', 'g')), 0),
        case when text is not null then 0 end
    );
"""

_MAKEFILE = """\
JUICESQL ?= juicesql
RECIPE ?= recipes_sql/example.sql.j2

.PHONY: run explain compile functions diff clean

run:        ## clean the data
\t$(JUICESQL) run $(RECIPE)

explain:    ## show what a run would do
\t$(JUICESQL) explain $(RECIPE)

compile:    ## print the recipe as SQL
\t$(JUICESQL) compile $(RECIPE)

functions:  ## list what a recipe may call
\t$(JUICESQL) functions

diff:       ## compare the last two runs
\t$(JUICESQL) diff latest~1 latest

clean:      ## forget all but the last run
\t$(JUICESQL) clean --runs-keep 1
"""

_SETTINGS = """\
# This file marks the project: paths in its recipes start here, and stats.duckdb with every measured value stands here.
# threads = 4               # all cores
# memory_limit = "8GB"      # 60 % of the memory
# restricted = true          # read and write in this folder and those of `allow` only, and run no code of it
# allow = ["/data/corpus"]
# media_root = "media"      # media outside it are not opened; so may nearly any option of config(...)
"""

_README = """\
# A juicesql project

```
juicesql run recipes_sql/example.sql.j2             # reads data/sample.jsonl, writes out/clean.jsonl, prints the funnel
juicesql run example --var min_chars=80             # move a threshold: nothing is measured again
juicesql diff latest~1 latest                       # what that changed, sample by sample
juicesql trace example --sample 3                   # the story of one sample
juicesql explain example                            # the plan
```

| folder | what stands there |
| --- | --- |
| `recipes_sql/` | recipes: `*.sql.j2`, one SELECT each |
| `udfs/` | stats and mappers in Python, one file each (`question_ratio.py` says how to test them) |
| `macros/` | stats in SQL (`*.sql`) and Jinja macros (`*.sql.j2`) |
| `stats.duckdb` | what runs measured and decided; attach it read-only with the duckdb CLI |
"""

_SUBJECTS = ("The river", "A small library", "Her first garden", "The old railway", "Our weather station", "A recipe")
_VERBS = ("changed slowly over the years", "needs more care than one expects", "was described in many letters")
_PLACES = ("near the harbour", "behind the school", "in the northern valley", "on the second map")


def make_project(folder: Path) -> list[Path]:
    """Write the project and return its files. ExportError when the folder holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = f"{folder} is not an empty folder"
        raise ExportError.of("not-empty", message, "name a new folder, or empty this one")
    contents = {
        RECIPE: _RECIPE, "udfs/question_ratio.py": _STAT, "macros/shouting_ratio.sql": _MACRO, "Makefile": _MAKEFILE,
        FILE: _SETTINGS, "README.md": _README, "data/sample.jsonl": "".join(sample_lines()),
        ".gitignore": "stats.duckdb*\n.juicesql/\nout/\nsheets/\nproduced/\n",
    }  # fmt: skip
    made = []
    try:
        for name, text in contents.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            made.append(path)
    except OSError as error:
        raise ExportError.of("cannot-write", f"cannot write {folder}: {error}", "choose another folder") from error
    return made


def sample_lines() -> Iterator[str]:
    """JSON lines: plain documents, and a few of each kind that the example cuts."""
    for i in range(72):
        subject, verb, place = _SUBJECTS[i % 6], _VERBS[i % 3], _PLACES[i % 4]
        text = f"{subject} {place}   {verb}. Note {i} tells who saw it, and what they wrote down that day."
        if i % 12 == 3:
            text = f"Item {i}"
        elif i % 12 == 5:
            text = text.upper()
        elif i % 12 == 7:
            text = "-=-=- " * 12 + str(i)
        elif i % 12 == 9:
            text = f"{subject} {place}? Who knows? Does note {i} tell it? Perhaps. And why? Where?"
        elif i % 12 == 11:
            text = f"{_SUBJECTS[0]} {_PLACES[0]} {_VERBS[0]}, as everybody knows by now."
        yield json.dumps({"id": i, "text": text}) + "\n"
