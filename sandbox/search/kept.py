"""What a search keeps in the store of experiments, so that one that was killed goes on where it stopped."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..store import SandboxStore, now, to_json
from .trials import Trial

DIGEST = "search.digest"  # name of the row in `configs` that says what the trials were chosen for


class KeptTrials:
    """The trials of one experiment. What a trial reported on the way stands in `metrics` as `trial.<number>`.

    `patience` are seconds for which trials may be held, to be written together: to open the file takes longer than a
    trial that only asks stats. What a kill takes away is worked out again.
    """

    def __init__(self, store: SandboxStore, experiment: str, patience: float = 0.0) -> None:
        self.store, self.experiment, self.patience = store, experiment, patience
        self._lock, self._held, self._written = threading.Lock(), list[Trial](), 0.0

    def begin(self, digest: str) -> dict[int, Trial]:
        """Trials that ended before, by number: none when they belong to another search than this digest's."""
        with self.store.open() as con:
            row = con.execute(
                "select config from configs where experiment_id = ? and name = ?", [self.experiment, DIGEST]
            ).fetchone()
            if row is None or json.loads(row[0]) != digest:
                con.execute("delete from trials where experiment_id = ?", [self.experiment])
                con.execute(
                    "delete from metrics where experiment_id = ? and starts_with(name, 'trial.')", [self.experiment]
                )
                con.execute(
                    "insert or replace into configs values (?, ?, ?)", [self.experiment, DIGEST, to_json(digest)]
                )
                return {}
            rows = con.execute(
                'select trial, status, parameters, "values", kept, measured, seconds, started, message from trials '
                "where experiment_id = ? and status in ('complete', 'pruned')",
                [self.experiment],
            ).fetchall()
            reported = con.execute(
                "select name, step, value from metrics where experiment_id = ? and starts_with(name, 'trial.') "
                "and step is not null order by name, step",
                [self.experiment],
            ).fetchall()
        series: dict[str, dict[int, float]] = {}
        for name, step, value in reported:
            series.setdefault(name, {})[step] = value
        return {r[0]: _trial(r, series.get(_series(r[0]), {})) for r in rows}

    def running(self, number: int, parameters: Mapping[str, Any]) -> None:
        """Note that a trial begins."""
        with self._lock:
            self.store.record_trial(
                self.experiment, number, {"status": "running", "parameters": parameters, "started": now()}
            )

    def keep(self, trial: Trial) -> None:
        """Note a trial that ended: at once, or with others soon after."""
        with self._lock:
            self._held.append(trial)
            if time.monotonic() >= self._written + self.patience:
                self._write()

    def close(self) -> None:
        """Write what is held."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        held, self._held = self._held, []
        if not held:
            return
        rows = [
            [self.experiment, t.number, t.status, to_json(dict(t.parameters)), to_json(dict(t.values)), t.kept,
             t.measured, t.seconds, t.started, t.message]
            for t in held
        ]  # fmt: skip
        series = [
            [self.experiment, _series(t.number), step, value, None, now()]
            for t in held
            for step, value in t.series.items()
        ]
        with self.store.open() as con:
            con.execute("begin")
            for trial in held:
                con.execute(
                    "delete from metrics where experiment_id = ? and name = ?", [self.experiment, _series(trial.number)]
                )
            if series:
                con.executemany("insert into metrics values (?, ?, ?, ?, ?, ?)", series)
            con.executemany(f"insert or replace into trials values ({', '.join('?' * 10)})", rows)
            con.execute("commit")
        self._written = time.monotonic()

    def drop(self, first: int) -> None:
        """Forget trials from this number on: the search has fewer now."""
        with self.store.open() as con:
            con.execute("delete from trials where experiment_id = ? and trial >= ?", [self.experiment, first])


def _series(number: int) -> str:
    return f"trial.{number}"


def _trial(row: tuple[Any, ...], series: Mapping[int, float]) -> Trial:
    number, status, parameters, values, kept, measured, seconds, started, message = row
    return Trial(
        number, status, json.loads(parameters), json.loads(values), kept, measured, seconds, started, message, series
    )
