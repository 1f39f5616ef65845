"""Any shape of query gives the rows that DuckDB gives for the same SQL, and every sample is accounted for."""

from __future__ import annotations

import json
from typing import Any

import pytest

import juicesql

from .conftest import Workbench

ROWS = [
    {
        "text": f"Text {i % 17} " + "word " * (i % 5) + "!" * (i % 3),
        "url": None if i % 6 == 0 else f"https://example.org/{i % 9}",
        "n": i % 13,
        "tags": [f"t{j}" for j in range(i % 4)],
        'a"; drop table x--': i,
    }
    for i in range(60)
]
SHAPES = {
    "star": "select * from source",
    "from first": "from source",
    "columns": "select text, n + 1 as m from source",
    "qualified": "select s.text, s.n from source s where s.n > 3",
    "hostile name": 'select "a""; drop table x--" as b from source where "a""; drop table x--" > 10',
    "exclude replace": "select * exclude (tags) replace (upper(text) as text) from source where text_len(text) > 8",
    "alias in where": "select *, text_len(text) as size from source where size between 8 and 20",
    "or": "select text from source where n > 10 or alnum_ratio(text) > 0.75",
    "not": "select text from source where not (n > 10) and url is not null",
    "in": "select text from source where n in (1, 2, 3) and text like 'Text 1%'",
    "case": "select case when n > 5 then 'high' else 'low' end as level, n from source",
    "nested calls": "select clean_email(whitespace_normalization(text)) as text from source where num_words(lower(text)) > 2",
    "stat of a mapper": "select text from source where text_len(whitespace_normalization(text)) >= 10",
    "chain": "with a as (select *, n * 2 as m from source), b as (select * from a where m > 6), c as (from b where m < 20) select text, m from c",
    "read twice": "with a as (select * from source where n > 2), b as (select * from a where n < 6), c as (select * from a where n > 9) "
    "select text, n from b union all select text, n from c",
    "dedup": "from source qualify row_number() over (partition by md5(lower(text)) order by sample_id) = 1",
    "dedup last": "select * from source qualify row_number() over (partition by text order by n desc, sample_id) <= 1",
    "dedup best": "from source where n > 1 qualify row_number() over (partition by url order by text_len(text) desc, sample_id) = 1",
    "top of group": "from source qualify row_number() over (partition by n order by sample_id) <= 2",
    "top k": "select * from source order by alnum_ratio(text) desc, sample_id limit 7",
    "order": "select text, n from source order by n desc, sample_id",
    "limit": "with a as (select * from source where n > 4) from a limit 5",
    "offset": "from source limit 5 offset 10",
    "group": "select n, count(*) as c, max(text_len(text)) as longest from source group by n order by n",
    "group all": "select url, list(text order by sample_id) as texts from source group by all order by url",
    "having": "select n, count(*) as c from source group by n having count(*) > 4 order by n",
    "row-wise after group": "with g as (select n, string_agg(text, ' ' order by sample_id) as text from source group by n) "
    "select n, text_len(text) as size from g where text_len(text) > 60",
    "window column": "select text, count(*) over (partition by n) as same from source",
    "window then where": "with w as (select *, count(*) over (partition by url) as same from source) select text, same from w where same > 5",
    "distinct": "select distinct n from source order by n",
    "distinct on": "select distinct on (n) n, text from source order by n, sample_id",
    "self join": "with a as (select * from source where n < 3), b as (select n, count(*) as c from source group by n) "
    "select a.text, b.c from a join b using (n)",
    "CTEs inside": "with a as (with b as (select * from source where n > 3), c as (select * from b where n < 9) select text, n from c) "
    "select text, n from a where n <> 5",
    "inner name goes first": "with b as (select * from source where n > 3), a as (with b as (select * from source where n < 3) select text, n from b) "
    "select text, n from a union all select text, n from b where n > 11",
    "recursion": "with b as (select * from source where n > 3), a as (with e as (select * from b where n < 9) "
    "select e.text, k.x from e join (with recursive e(x) as (select 4 as x union all select x + 1 from e where x < 7) select x from e) k on k.x = e.n) "
    "select text, x from a",
    "semi join": "with good as (select * from source where n > 8) select source.* from source semi join good using (url)",
    "anti join": "with bad as (from source where n > 8), k as (from source where n > 1) select k.* from k anti join bad using (sample_id)",
    "in subquery": "select text from source where n in (select n from source where url is null)",
    "exists": "select text from source s where exists (from source t where t.n = s.n and t.url is null)",
    "derived table": "select text from (select * from source where n > 5) t where t.n < 9",
    "derived with join": "select a.text from (select * from source where n > 5) a join (select distinct n from source) b on a.n = b.n",
    "unnest column": "select unnest(tags) as tag, n from source where n > 2",
    "unnest table": "select s.n, t.tag from source s, unnest(s.tags) as t(tag) where s.n > 2 and t.tag <> 't0'",
    "lambda": "select list_transform(tags, lambda t: t || 'x') as tags from source where len(list_filter(tags, lambda t: t > 't0')) > 0",
    "struct": "select {'a': n, 'b': text} as pair from source",
    "union by name": "with a as (select text from source where n = 1), b as (select n from source where n = 2) "
    "select * from a union all by name select * from b",
    "except": "select n from source except select n from source where n > 5 order by n",
    "sql stat of lambda list": "select list_transform(tags, lambda t: text_len(t)) as sizes from source",
}
ORDERED = {"top k", "order", "limit", "offset"}


@pytest.fixture(scope="module")
def plain() -> Any:
    with juicesql.connect(
        functions=["text_len", "alnum_ratio", "num_words", "clean_email", "whitespace_normalization"]
    ) as con:
        con.execute(
            "create table source as select row_number() over () - 1 as sample_id, unnest(from_json(j, $shape)) from "
            "(select unnest($rows) as j)",
            {
                "rows": [json.dumps(r) for r in ROWS],
                "shape": json.dumps(
                    {
                        "text": "VARCHAR",
                        "url": "VARCHAR",
                        "n": "BIGINT",
                        "tags": ["VARCHAR"],
                        'a"; drop table x--': "BIGINT",
                    }
                ),
            },
        )
        yield con


def _rows(relation: Any) -> list[dict[str, Any]]:
    names = [c for c in relation.columns if c != "sample_id"]
    return [{n: r[n] for n in names} for r in relation.to_arrow_table().to_pylist()]


@pytest.mark.parametrize("shape", SHAPES)
def test_shape(bench: Workbench, plain: Any, shape: str) -> None:
    sql = SHAPES[shape]
    with open(bench.root / "data.jsonl", "w", encoding="utf-8") as out:
        out.writelines(json.dumps(row) + "\n" for row in ROWS)
    bench.write("r.sql.j2", '{{ config(source="data.jsonl", export="out.jsonl") }}\n' + sql)
    result = bench.run()
    bench.check_accounts(result)
    expected, got = _rows(plain.sql(sql)), bench.out()
    if shape not in ORDERED:
        expected, got = (sorted(rows, key=json.dumps) for rows in (expected, got))
    assert got == expected
    assert result.rows_out == len(expected)
