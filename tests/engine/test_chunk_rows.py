"""A mapper that makes several rows of one: documents become chunks, and chunks are cut by stats of their own."""

from __future__ import annotations

from .conftest import Workbench


def test_documents_become_rows_of_chunks(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl", keep_sample_id=true) }} '
        "with chunks as (select unnest(text_chunk(text, max_len := 9, overlap_len := 2)) as text from source) "
        "select text, text_len(text) as n from chunks where text_len(text) > 1",
    )
    bench.data(["one\n\ntwo\n\nthree", "x", "", "abcdefghijkl"])
    result = bench.run()
    bench.check_accounts(result)
    assert bench.out() == [
        {"text": "one", "n": 3, "sample_id": 0},
        {"text": "two", "n": 3, "sample_id": 0},
        {"text": "three", "n": 5, "sample_id": 0},
        {"text": "abcdefghi", "n": 9, "sample_id": 3},
        {"text": "hijkl", "n": 5, "sample_id": 3},
    ]
    assert (result.kept, result.dropped, result.rows_out) == (2, 2, 5)


def test_chunks_keep_the_columns_of_their_document(bench: Workbench) -> None:
    bench.write(
        "r.sql.j2",
        '{{ config(source="data.jsonl", export="out.jsonl") }} '
        "select chunk, upper(s.text[1]) as initial from source s, "
        "unnest(text_chunk(s.text, split_pattern := '[.] ?')) as t(chunk) where alnum_ratio(chunk) > 0.5",
    )
    bench.data(["a b. ab.--", "..", "cd"])
    result = bench.run()
    bench.check_accounts(result)
    assert bench.out() == [{"chunk": c, "initial": i} for c, i in [("a b", "A"), ("ab", "A"), ("cd", "C")]]
