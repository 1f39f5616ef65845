"""Measures one call on one table: looks up what is known, computes the rest, keeps it, and isolates rows that raise."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.call import attempt, reason
from juicesql.errors import JuiceError
from juicesql.known import Keys, KnownValues, merge
from juicesql.media import MediaSettings
from juicesql.plan import Call
from juicesql.registry import Registry
from juicesql.segments import write_segment
from juicesql.signature import arrow_type
from juicesql.workers import Pool, TookTooLong

PARTS = 8  # into which a batch is split that failed as a whole


@dataclass
class Cost:
    """What one function took in a run: rows measured, rows reused, calls, seconds (summed over threads), bytes."""

    rows: int = 0
    reused: int = 0
    calls: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class Failure:
    """A row for which a function raised: its position in the table and the message."""

    row: int
    message: str


@dataclass
class Measurer:
    """Shared by the threads of a run."""

    registry: Registry
    known: Mapping[str, KnownValues]
    segments: Path
    pool: Pool
    media: MediaSettings = field(default_factory=MediaSettings)
    costs: dict[str, Cost] = field(default_factory=dict)
    fits: dict[str, int] = field(default_factory=dict)  # function -> rows of a batch, where larger ones took too long
    lock: threading.Lock = field(default_factory=threading.Lock)
    unforeseen: set[str] = field(default_factory=set)  # cuts of which it is not known what they alone drop

    def measure(
        self,
        call: Call,
        columns: Sequence[pa.Array],
        keys: tuple[Keys, Keys, np.ndarray] | None,
        sql: Callable[[pa.Array | None], pa.Array],
    ) -> tuple[pa.Array, list[Failure]]:
        """Values of `call` in row order. `keys` are the content keys (high, low, valid) where values are kept;
        `sql(mask)` computes a SQL function for the rows of the mask (None: every row)."""
        type_ = arrow_type(call.returns)
        known = self.known.get(call.identity) if keys else None
        found = None
        if known is not None and keys is not None:
            found = known.find(keys[0], keys[1])
            found[~keys[2]] = -1
            if (found >= 0).all():
                self._count(call, reused=len(found))
                return known.values.take(pa.array(found)).cast(type_), []
        missing = pa.array(found < 0) if found is not None and (found >= 0).any() else None
        started = time.perf_counter()
        part = columns if missing is None else [c.filter(missing) for c in columns]
        values, failures = self._compute(call, part, lambda m: sql(_nested(missing, m)))
        seconds = time.perf_counter() - started
        rows = len(values)
        places = np.arange(rows) if missing is None or found is None else np.flatnonzero(found < 0)
        reused = int((found >= 0).sum()) if found is not None else 0
        real = rows if keys is None else int(keys[2][places].sum())  # a NULL argument is not measured
        self._count(call, rows=real, reused=reused, seconds=seconds, bytes_=sum(c.nbytes for c in part))
        values = _nan_to_null(values.cast(type_) if values.type != type_ else values)
        if keys is not None:
            good = keys[2][places].copy()
            good[[f.row for f in failures]] = False
            self._keep(call, keys[0][places][good], keys[1][places][good], values, good)
        failures = [Failure(int(places[f.row]), f.message) for f in failures]
        return (merge(known, found, values, type_) if missing is not None else values), failures

    def _keep(self, call: Call, high: Keys, low: Keys, values: pa.Array, good: np.ndarray) -> None:
        if len(high):
            kept = values if good.all() else values.filter(pa.array(good))
            write_segment(self.segments, call.function, call.identity, high, low, kept)

    def _compute(
        self, call: Call, columns: Sequence[pa.Array], sql: Callable[[pa.Array | None], pa.Array]
    ) -> tuple[pa.Array, list[Failure]]:
        """Values for all rows of `columns`; a batch that fails as a whole is split until its row stands alone."""
        rows = len(columns[0])
        if not rows:
            return pa.nulls(0, arrow_type(call.returns)), []
        batch = _Batch(call, self._runner(call, columns, sql))
        pieces = batch.split(0, rows, self.fits.get(call.function, rows))
        if batch.fits:
            self.fits[call.function] = batch.fits
        return (pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)), batch.failures

    def _runner(
        self, call: Call, columns: Sequence[pa.Array], sql: Callable[[pa.Array | None], pa.Array]
    ) -> Callable[[int, int], tuple[pa.Array, dict[int, str]]]:
        """What computes the values of some consecutive rows. The engine's own threads run only installed kernels: code
        of the project folder may hang or crash, and then costs a worker process."""
        rows, parameters, function = len(columns[0]), dict(call.parameters), self.registry.get(call.function)
        inside = call.runs_on == "kernel" and not self.registry.of_project(call.function)

        def run(start: int, length: int) -> tuple[pa.Array, dict[int, str]]:
            if call.runs_on == "sql":
                whole = start == 0 and length == rows
                mask = None if whole else pa.array((np.arange(rows) >= start) & (np.arange(rows) < start + length))
                return sql(mask), {}
            part = [c.slice(start, length) for c in columns]
            return (attempt if inside else self.pool.attempt)(function, part, parameters)

        return run

    def _count(self, call: Call, rows: int = 0, reused: int = 0, seconds: float = 0.0, bytes_: int = 0) -> None:
        with self.lock:
            cost = self.costs.setdefault(call.identity, Cost())
            cost.rows += rows
            cost.reused += reused
            cost.calls += 1 if rows else 0
            cost.seconds += seconds
            cost.bytes += bytes_


@dataclass
class _Batch:
    """The rows of one call, computed together where that works. `fits` is the number of rows that a batch may have
    where larger ones took too long."""

    call: Call
    run: Callable[[int, int], tuple[pa.Array, dict[int, str]]]
    failures: list[Failure] = field(default_factory=list)
    slow: int = 0
    fits: int = 0

    def split(self, start: int, length: int, step: int) -> list[pa.Array]:
        """The values of some rows, at most `step` at a time."""
        stop = start + length
        return [v for at in range(start, stop, step) for v in self.isolate(at, min(step, stop - at))]

    def isolate(self, start: int, length: int) -> list[pa.Array]:
        """The values of rows that are tried together first, then in parts."""
        try:
            values, failed = self.run(start, length)
        except JuiceError:
            raise
        except (Exception, SystemExit) as error:
            if length == 1:
                self.failures.append(Failure(start, reason(error)))
                return [pa.nulls(1, arrow_type(self.call.returns))]
            slow = isinstance(error, TookTooLong)
        else:
            self.failures.extend(Failure(start + row, message) for row, message in failed.items())
            return [values]
        self.slow += slow
        before, step = self.slow, -(-length // PARTS)
        pieces = self.split(start, length, step)
        if slow and self.slow == before:  # the parts were fast enough: the rows were too many, and none of them hangs
            self.fits = step
        return pieces


def _nested(outer: pa.Array | None, inner: pa.Array | None) -> pa.Array | None:
    """The rows of the whole table that a mask over the rows of `outer` means."""
    if outer is None or inner is None:
        return outer if inner is None else inner
    mask = np.asarray(outer.to_numpy(zero_copy_only=False)).copy()
    mask[np.flatnonzero(mask)] = inner.to_numpy(zero_copy_only=False)
    return pa.array(mask)


def _nan_to_null(values: pa.Array) -> pa.Array:
    """NaN means that nothing could be measured; DuckDB would order it above every number."""
    if pa.types.is_floating(values.type):
        bad = pc.is_nan(values)
        if pc.any(bad).as_py():
            return pc.if_else(pc.fill_null(bad, False), pa.scalar(None, values.type), values)
    return values


def key_sql(arguments: Sequence[str]) -> str:
    """SQL over `__t` for the 128-bit content key of some arguments, as two halves; NULL where an argument is NULL.

    The key of one text is its MD5, so `md5_number(text)` finds it in any DuckDB.
    """
    if len(arguments) == 1 and arguments[0].endswith(" as VARCHAR)"):
        value = arguments[0]
    else:
        missing = " or ".join(f"({a}) is null" for a in arguments)
        every = ", ".join(f"to_json({a})" for a in arguments)
        value = f"case when {missing} then null else to_json([{every}])::varchar end"
    return (
        "select (k >> 64)::ubigint as high, (k & 18446744073709551615)::ubigint as low "
        f"from (select md5_number({value}) as k from __t)"
    )


def content_keys(halves: pa.Table) -> tuple[Keys, Keys, np.ndarray]:
    """The upper and lower halves of the keys that `key_sql` gave, and which rows have one."""
    high, low = halves.column(0), halves.column(1)
    zero = pa.scalar(0, pa.uint64())
    return np.asarray(pc.fill_null(high, zero)), np.asarray(pc.fill_null(low, zero)), np.asarray(pc.is_valid(high))
