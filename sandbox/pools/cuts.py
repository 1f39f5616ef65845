"""Cuts an analysed dataset into pools: for each stat the rows with the lowest, the middle and the highest values.

The single-operator experiment of Data-Juicer Sandbox (arXiv 2407.11784, section 4.1). Every stat sorts the original
rows; rows with equal values keep the order of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from juicesql.errors import nearest
from juicesql.inspect.columns import StatColumn, relation, stat_columns
from juicesql.plan import SAMPLE
from juicesql.project import open_project
from juicesql.reread import source_of
from juicesql.runs import find_run
from juicesql.sqltext import quote
from juicesql.store import Store

from ..errors import SandboxError
from .pool import PARTS, Pool, Rows, Workshop, random_order, safe, stem

ANALYSED = "__dj__stats__"  # the column in which Data-Juicer keeps its stats beside the rows
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "BOOLEAN")


@dataclass(frozen=True)
class Measured:
    """A numeric stat: `table` has a row (`sample_id`, `value`) for each row that has a value of it."""

    stat: str
    table: str


@dataclass(frozen=True)
class Analysed:
    """Rows, and the values of their stats. `skipped` are stats that are no numbers, `readable` a query for the ids of
    the rows that random pools are drawn from."""

    name: str
    rows: Rows
    stats: tuple[Measured, ...]
    skipped: tuple[str, ...]
    readable: str


@dataclass(frozen=True)
class Construction:
    """The pools of each stat in order, then the random ones. `left_out` counts the rows without a value of a stat."""

    pools: tuple[Pool, ...]
    rows: int
    left_out: Mapping[str, int]
    skipped: tuple[str, ...]


def cut_points(rows: int, ratios: Sequence[float]) -> list[int]:
    """Where the parts of `rows` sorted rows begin and end.

    >>> cut_points(10, [1 / 3, 2 / 3])
    [0, 3, 7, 10]
    """
    return [0, *(int(rows * ratio + 0.5) for ratio in ratios), rows]


def read_ratios(given: Sequence[float | str]) -> tuple[float, ...]:
    """Shares of the rows, as numbers or as text such as `1/3`. SandboxError unless they rise between 0 and 1."""
    mend = "give rising numbers between 0 and 1, such as [1/3, 2/3]"
    try:
        ratios = tuple(float(Fraction(r)) for r in given)
    except (ValueError, ZeroDivisionError):
        raise SandboxError.of("bad-ratios", f"split_ratios are {list(given)}", mend) from None
    if not ratios or any(not 0 < r < 1 for r in ratios) or sorted(set(ratios)) != list(ratios):
        raise SandboxError.of("bad-ratios", f"split_ratios are {list(given)}", mend)
    return ratios


def analysed_run(work: Workshop, project: Path, run_id: str, wanted: Sequence[str] = ()) -> Analysed:
    """The source of a run with the values that the stats database has of it."""
    store, home = Store(project), open_project(project)
    with store.attached(work.con):
        run = find_run(work.con, run_id, analyses=True)
        columns = _wanted(stat_columns(run), wanted)
        measured = tuple(_values(work, c, *relation(work.con, run, [c])) for c in columns if c.is_number)
        sampled = work.new_table()
        work.con.execute(f"create table {sampled} as select {SAMPLE} from verdicts where run_id = ?", [run.run_id])
    source = source_of(run, home)
    rows = work.fill(source)
    name = stem(source.files[0].path) if source.files else run.recipe
    skipped = tuple(c.label for c in columns if not c.is_number)
    return Analysed(
        safe(name), rows, measured, skipped, f"select {SAMPLE} from {rows.table} semi join {sampled} using ({SAMPLE})"
    )


def _wanted(columns: Sequence[StatColumn], names: Sequence[str]) -> list[StatColumn]:
    """The columns of these names, in their order; all of them without names."""
    by_name = {c.label: c for c in columns}
    _check(names, by_name)
    return [by_name[n] for n in names] if names else list(columns)


def _check(names: Sequence[str], known: Mapping[str, object]) -> None:
    for name in names:
        if name not in known:
            mend = nearest(name, known) or f"stats that were measured: {', '.join(known) or 'none'}"
            raise SandboxError.of("unknown-stat", f"there is no stat {name}", mend)


def _values(work: Workshop, column: StatColumn, sql: str, given: Sequence[object]) -> Measured:
    return _measured(work, column.label, quote(column.label), column.is_list, f"({sql})", given)


def _measured(
    work: Workshop, stat: str, value: str, is_list: bool, source: str, given: Sequence[object] = ()
) -> Measured:
    """A table of the values of a stat that can be sorted: not NULL, not NaN; of a list its mean, 0 of an empty one."""
    number = f"(case when len({value}) = 0 then 0 else list_avg({value}) end)" if is_list else value
    table = work.new_table()
    work.con.execute(
        f"create table {table} as select {SAMPLE}, value from (select {SAMPLE}, {number} as value from {source}) "
        "where value is not null and not isnan(value::double)",
        list(given),
    )
    return Measured(stat, table)


def analysed_file(work: Workshop, path: str, wanted: Sequence[str] = (), field: str = ANALYSED) -> Analysed:
    """A file whose rows carry their stats in a column, as an analysis of Data-Juicer writes it."""
    rows = work.load([path])
    if field not in rows.columns:
        mend = "give run_id instead, or analyse the recipe in an earlier job"
        raise SandboxError.of("no-stats", f"{path} has no column {field}", mend)
    described = work.con.execute(f"describe select {quote(field)}.* from {rows.table}").fetchall()
    types = {str(r[0]): str(r[1]) for r in described}
    _check(wanted, types)
    chosen = {n: types[n] for n in wanted or types}
    numeric = {n: t for n, t in chosen.items() if _is_number(t)}
    measured = tuple(
        _measured(work, n, f"{quote(field)}.{quote(n)}", t.endswith("[]"), rows.table) for n, t in numeric.items()
    )
    skipped = tuple(n for n in chosen if n not in numeric)
    return Analysed(safe(stem(path)), rows, measured, skipped, f"select {SAMPLE} from {rows.table}")


def _is_number(type_: str) -> bool:
    plain = type_.removesuffix("[]")
    return plain.rstrip("(0123456789,) ").endswith(_NUMBERS)


def construct(
    work: Workshop, data: Analysed, folder: Path, ratios: Sequence[float], controls: int, seed: int
) -> Construction:
    """Write the pools of every stat to `{stat}/{name}_{stat}_{part}.jsonl` in `folder`, in the order of the source, and
    `controls` random pools of the size of a first part."""
    total = work.number(f"select count(*) from ({data.readable})")
    pools: list[Pool] = []
    left_out: dict[str, int] = {}
    for measured in data.stats:
        found = list(_parts(work, data, measured, folder, ratios))
        pools += found
        left_out[measured.stat] = total - sum(p.rows for p in found)
    size = cut_points(total, ratios)[1]
    pools += [_control(work, data, folder, size, seed, number) for number in range(controls)]
    return Construction(tuple(pools), total, left_out, data.skipped)


def _parts(work: Workshop, data: Analysed, measured: Measured, folder: Path, ratios: Sequence[float]) -> Iterator[Pool]:
    """The pools of one stat; none when no row has a value."""
    placed, stat = work.new_table(), safe(measured.stat)
    work.con.execute(
        f"create table {placed} as select {SAMPLE}, value, row_number() over (order by value, {SAMPLE}) - 1 as place "
        f"from {measured.table}"
    )
    points = cut_points(work.number(f"select count(*) from {placed}"), ratios)
    words = PARTS.get(len(ratios) + 1)
    for part, (first, end) in enumerate(pairwise(points)):
        if not points[-1]:
            return
        chosen = f"select {SAMPLE}, {SAMPLE} as place from {placed} where place >= {first} and place < {end}"
        path = folder / stat / f"{data.name}_{stat}_{part}.jsonl"
        rows = work.write(path, data.rows, chosen)
        low, high = _range(work, placed, first, end)
        name = f"{stat}_{words[part] if words else part}"
        yield Pool(str(path), rows, name, measured.stat, part, low, high)
    work.con.execute(f"drop table {placed}")


def _range(work: Workshop, placed: str, first: int, end: int) -> tuple[float | None, float | None]:
    sql = f"select min(value)::double, max(value)::double from {placed} where place >= ? and place < ?"
    low, high = work.con.execute(sql, [first, end]).fetchall()[0]
    return low, high


def _control(work: Workshop, data: Analysed, folder: Path, size: int, seed: int, number: int) -> Pool:
    name = f"random_{number}"
    order = random_order(seed, str(number), SAMPLE)
    chosen = (
        f"select {SAMPLE}, {SAMPLE} as place from (select * from ({data.readable}) order by {order}, {SAMPLE} "
        f"limit {size})"
    )
    path = folder / "random" / f"{data.name}_{name}.jsonl"
    return replace(Pool(str(path), 0, name, control=True), rows=work.write(path, data.rows, chosen))
