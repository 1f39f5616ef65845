"""Duplicates among media: exact by key, near by Hamming distance against brute force; broken files cost their rows."""

from __future__ import annotations

import json
import math
import random

import pytest

from .conftest import Workbench

EXACT = '{{{{ config(source="data.jsonl", export="out.jsonl") }}}} with exact as ({{{{ media_dedup({}) }}}}) from exact'
NEAR = (
    '{{{{ config(source="data.jsonl", export="out.jsonl") }}}} with near as ({{{{ media_near_dedup({}) }}}}) from near'
)
VERDICTS = "select sample_id, duplicate_of from verdicts where verdict = 'duplicate'"


def write_rows(bench: Workbench, rows: list[dict]) -> None:
    (bench.root / "data.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))


def write_pictures(bench: Workbench, number: int) -> list[str]:
    """Pictures of random squares, each unlike the others."""
    Image = pytest.importorskip("PIL.Image")
    pytest.importorskip("scipy")
    draw, paths = random.Random(1), []
    for i in range(number):
        squares = Image.frombytes("RGB", (8, 8), draw.randbytes(192))
        paths.append(str(bench.root / f"{i}.png"))
        squares.resize((64, 48), Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def test_30_broken_files_among_300_are_30_errors(bench: Workbench) -> None:
    paths = write_pictures(bench, 20)
    whole = (bench.root / "0.png").read_bytes()
    rows = []
    for i in range(300):
        path = paths[i % 20]
        if i % 10 == 3:
            path = str(bench.root / f"broken{i}.png")
            if i % 3:
                (bench.root / f"broken{i}.png").write_bytes(whole[: 100 + i] if i % 2 else b"not an image")
        rows.append({"images": [path], "text": f"row {i}"})
    write_rows(bench, rows)
    bench.write("r.sql.j2", EXACT.format("'source'"))
    result = bench.run()
    bench.check_accounts(result)
    broken = {i for i in range(300) if i % 10 == 3}
    errors = "select sample_id from errors where function = 'image_hash'"
    assert sorted(bench.query(errors)) == [(i,) for i in sorted(broken)]
    assert dict(bench.query(VERDICTS)) == {i: i % 20 for i in range(20, 300) if i not in broken}
    cut = "where image_hash(images) is not null"
    bench.write("r.sql.j2", EXACT.format("'read'").replace("with", f"with read as (from source {cut}),"))
    result = bench.run()
    bench.check_accounts(result)
    assert (result.errors, result.kept, result.duplicates) == (30, 18, 252)


def test_exact_copies_name_the_row_that_stays_and_rows_without_media_stay(bench: Workbench) -> None:
    a, b, c = write_pictures(bench, 3)
    lists = [[a], [], [a, b], None, [a], [b, a], [], [a, b], [c], [c]]
    likes = [1, 0, 5, 0, 3, 1, 0, 7, 2, 2]
    rows = [
        {"images": m, "likes": n, "text": "even" if i % 2 else "odd"}
        for i, (m, n) in enumerate(zip(lists, likes, strict=True))
    ]
    write_rows(bench, rows)
    bench.write("r.sql.j2", EXACT.format("'source'"))
    bench.check_accounts(bench.run())
    assert bench.query(VERDICTS) == [(4, 0), (7, 2), (9, 8)]
    bench.write("r.sql.j2", EXACT.format("'source', order_by='likes desc'"))
    bench.run()
    last = " and run_id = (select max_by(run_id, started) from runs)"
    assert bench.query(VERDICTS + last) == [(0, 4), (2, 7), (9, 8)]
    bench.write("r.sql.j2", EXACT.format("'source', and_equal='text'"))
    bench.run()
    assert bench.query(VERDICTS + last) == [(4, 0)]


def test_near_copies_of_images_are_one(bench: Workbench) -> None:
    Image = pytest.importorskip("PIL.Image")
    paths = write_pictures(bench, 4)
    with Image.open(paths[2]) as image:
        image.resize((24, 24)).save(bench.root / "small.jpg", quality=10)
    small = str(bench.root / "small.jpg")
    write_rows(bench, [{"images": m} for m in ([paths[0]], [paths[2]], [small], [], [paths[2], paths[3]], [small], [])])
    bench.write("r.sql.j2", NEAR.format("'source'"))
    bench.check_accounts(bench.run())
    assert bench.query(VERDICTS) == [(2, 1), (5, 1)]
    ((similarity,),) = bench.query("select similarity from clusters where sample_id = 2")
    assert 56 / 64 <= similarity < 1


def lists_of_hashes(draw: random.Random, number: int, most: int, distance: int) -> list[list[int] | None]:
    """Random lists, and copies of them with about `distance` bits changed at some of the places."""
    lists: list[list[int]] = []
    for _ in range(number):
        if lists and draw.random() < 0.5:
            copy = list(draw.choice(lists))
            for place in range(len(copy)):
                for _ in range(draw.randint(0, distance + 2) if draw.random() < 0.8 else 32):
                    copy[place] ^= 1 << draw.randrange(64)
            lists.append(copy)
        else:
            lists.append([draw.getrandbits(64) for _ in range(draw.randint(0, most))])
    return lists


def representatives(lists: list[list[int]], distance: int, share: float) -> dict[int, int]:
    """By comparing every pair: the first row of the cluster of each row that is not the first."""
    first = list(range(len(lists)))

    def root(i: int) -> int:
        while first[i] != i:
            i = first[i]
        return i

    for j, b in enumerate(lists):
        for i, a in enumerate(lists[:j]):
            near = sum((x ^ y).bit_count() <= distance for x, y in zip(a, b, strict=False))
            if a and len(a) == len(b) and near >= max(1, math.ceil(share * len(a) - 1e-9)):
                low, high = sorted((root(i), root(j)))
                first[high] = low
    return {i: root(i) for i in range(len(lists)) if root(i) != i}


@pytest.mark.parametrize(
    ("most", "distance", "share"), [(1, 0, 1.0), (1, 4, 1.0), (1, 12, 1.0), (3, 8, 1.0), (8, 6, 0.75), (5, 3, 0.3)]
)
def test_near_rows_are_those_of_brute_force(bench: Workbench, most: int, distance: int, share: float) -> None:
    lists = lists_of_hashes(random.Random(distance), 250, most, distance)
    write_rows(bench, [{"hashes": [str(h) for h in hashes]} for hashes in lists])
    bench.write("r.sql.j2", NEAR.format(f"'source', 'hashes::ubigint[]', distance={distance}, share={share}"))
    result = bench.run(threads=2)
    bench.check_accounts(result)
    expected = representatives(lists, distance, share)
    assert len(expected) > 20
    assert dict(bench.query(VERDICTS)) == expected
    assert result.rows_out == len(lists) - len(expected)
