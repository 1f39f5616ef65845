"""Watchers: what keeps the numbers, texts and configurations of an experiment while it runs.

`LocalWatcher` writes to the store of the project and is always there; `WandbWatcher` sends the same to wandb when the
file says `tracker: wandb`.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from juicesql.errors import StoreError

from .base import Watcher
from .errors import SandboxError
from .store import SandboxStore, metric_name, to_json

LOCAL, WANDB = "local", "wandb"
FLUSH_SECONDS = 1.0
SWEEP = "sweep"  # the configuration of a search is kept under this name
_Row = tuple[str, int | None, float | None, str | None]


class LocalWatcher:
    """Keeps what is watched in the relations `metrics` and `configs` of the sandbox store.

    Rows are held for at most a second, and written together. `close` writes the rest; so does the end of the process.
    """

    def __init__(self, store: SandboxStore, experiment: str, pipeline: str) -> None:
        self._store, self._experiment, self._pipeline = store, experiment, pipeline
        self._rows: list[_Row] = []
        self._lock = threading.Lock()  # of the rows
        self._writing = threading.Lock()  # one flush at a time, so that rows stay in their order
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._flush_often, name="sandbox watcher", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def setup_sweep(self, hpo_config: Mapping[str, Any], name: str) -> str:
        """Keep the configuration of a search. Returns its name."""
        self.watch_cfgs({SWEEP: {**hpo_config, "name": name}})
        return name

    def watch_cfgs(self, configs: Mapping[str, Any]) -> None:
        """Keep or replace configurations by name."""
        rows = [(self._experiment, metric_name(self._pipeline, k), to_json(v)) for k, v in configs.items()]
        if rows:
            with self._store.open() as con:
                con.executemany("insert or replace into configs values (?, ?, ?)", rows)

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        """Keep a number or text under a name, or every value of a mapping under `name.key`."""
        named = metric_name(self._pipeline, name)
        rows: list[_Row] = [
            (n, step, *((v, None) if isinstance(v, float) else (None, v))) for n, v in flattened(value, named)
        ]
        with self._lock:
            self._rows += rows

    def query(self, name: str) -> Any:
        """The newest value under a name; a mapping where only names below it have values; None without any."""
        self.flush()
        named = metric_name(self._pipeline, name)
        with self._store.open() as con:
            found = con.execute(
                "select name, value, text from metrics where experiment_id = $1 "
                "and (name = $2 or starts_with(name, $2 || '.')) "
                "qualify row_number() over (partition by name order by logged desc, rowid desc) = 1 order by rowid",
                [self._experiment, named],
            ).fetchall()
        values = {n: text if value is None else value for n, value, text in found}
        if named in values:
            return values[named]
        return {n[len(named) + 1 :]: value for n, value in values.items()} or None

    def flush(self) -> None:
        """Write what is held. What cannot be written is held on, and StoreError is raised."""
        with self._writing:
            with self._lock:
                rows, self._rows = self._rows, []
            if not rows:
                return
            try:
                self._store.add_metrics(self._experiment, rows)
            except BaseException:
                with self._lock:
                    self._rows = rows + self._rows
                raise

    def close(self) -> None:
        """Write what is held, and end."""
        atexit.unregister(self.close)
        self._ended.set()
        self._thread.join()
        self.flush()

    def _flush_often(self) -> None:
        while not self._ended.wait(FLUSH_SECONDS):
            with contextlib.suppress(StoreError):  # in use elsewhere: tried again
                self.flush()


class WandbWatcher:
    """Sends what is watched to a run of wandb. WANDB_MODE says where it goes: `online` (the default) or `offline`.

    wandb wants the steps of a run to grow, and every job counts its own: so a name such as `train.loss` is drawn over
    the metric `train.step`, which is sent beside it.
    """

    def __init__(self, project: str, name: str, folder: Path, pipeline: str) -> None:
        if find_spec("wandb") is None:
            raise SandboxError.of("missing-extra", "tracker: wandb needs wandb", "pip install 'juicesql[wandb]'")
        import wandb

        folder.mkdir(parents=True, exist_ok=True)
        self._pipeline = pipeline
        self._drawn: set[str] = set()
        try:
            self._run: Any = wandb.init(
                project=project, name=name, dir=str(folder), reinit="create_new",
                settings=wandb.Settings(console="off"),
            )  # fmt: skip
        except wandb.Error as error:
            mend = "log in (`wandb login`, or WANDB_API_KEY), or set WANDB_MODE=offline"
            raise SandboxError.of("wandb-failed", f"wandb does not start: {error}", mend) from error

    def setup_sweep(self, hpo_config: Mapping[str, Any], name: str) -> str:
        """Keep the configuration of a search. Returns its name. With `tracker: wandb` in hpo_config, the search makes
        the sweep on the server itself."""
        self.watch_cfgs({SWEEP: {**hpo_config, "name": name}})
        return name

    def watch_cfgs(self, configs: Mapping[str, Any]) -> None:
        """Keep or replace configurations by name."""
        self._run.config.update({metric_name(self._pipeline, k): v for k, v in configs.items()}, allow_val_change=True)

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        """Send a number or text under a name, or every value of a mapping under `name.key`."""
        values: dict[str, Any] = dict(flattened(value, metric_name(self._pipeline, name)))
        if step is not None:
            for group in {n.rpartition(".")[0] for n in values} - {""}:
                self._draw_over_step(group)
                values.setdefault(f"{group}.step", step)
        if values:
            self._run.log(values)

    def _draw_over_step(self, group: str) -> None:
        if group not in self._drawn:
            self._drawn.add(group)
            self._run.define_metric(f"{group}.step", hidden=True)
            self._run.define_metric(f"{group}.*", step_metric=f"{group}.step")

    def query(self, name: str) -> Any:
        """The value in the summary of the run; None when there is none."""
        return self._run.summary.get(metric_name(self._pipeline, name))

    def close(self, failed: bool = False) -> None:
        """End the run, as failed if it did."""
        self._run.finish(exit_code=int(failed))


class Both:
    """A local watcher that answers, and another one that is told the same."""

    def __init__(self, local: Watcher, other: Watcher) -> None:
        self._local, self._other = local, other

    def setup_sweep(self, hpo_config: Mapping[str, Any], name: str) -> str:
        """Announce a search to both. Returns the id that the other one gave."""
        self._local.setup_sweep(hpo_config, name)
        return self._other.setup_sweep(hpo_config, name)

    def watch_cfgs(self, configs: Mapping[str, Any]) -> None:
        self._local.watch_cfgs(configs)
        self._other.watch_cfgs(configs)

    def watch(self, value: Any, name: str, step: int | None = None) -> None:
        self._local.watch(value, name, step)
        self._other.watch(value, name, step)

    def query(self, name: str) -> Any:
        """What is kept here, else what the other one has."""
        found = self._local.query(name)
        return self._other.query(name) if found is None else found


@contextmanager
def open_watcher(
    tracker: str, store: SandboxStore, experiment_id: str, project_name: str, experiment_name: str, folder: Path,
    pipeline: str,
) -> Iterator[Watcher]:  # fmt: skip
    """The watcher of an experiment: the local one, and with the tracker `wandb` that as well. wandb's files go to
    `folder`. SandboxError for another tracker, and where wandb is missing or refuses."""
    if tracker not in (LOCAL, WANDB):
        raise SandboxError.of("unknown-tracker", f"there is no tracker `{tracker}`", f"give {LOCAL} or {WANDB}")
    wandb = WandbWatcher(project_name, experiment_name, folder, pipeline) if tracker == WANDB else None
    local = LocalWatcher(store, experiment_id, pipeline)
    failed = True
    try:
        yield Both(local, wandb) if wandb else local
        failed = False
    finally:
        try:
            local.close()
        finally:
            if wandb:
                wandb.close(failed)


def flattened(value: Any, name: str) -> Iterator[tuple[str, float | str]]:
    """Names and numbers (or texts) of a value. Mappings are taken apart, None is left out, lists are JSON.

    >>> list(flattened({"loss": 1, "by": {"part": "low"}, "none": None, "tags": ["a"]}, "train"))
    [('train.loss', 1.0), ('train.by.part', 'low'), ('train.tags', '["a"]')]
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flattened(inner, f"{name}.{key}")
        return
    if not isinstance(value, (str, int, float)) and callable(getattr(value, "item", None)) and _single(value):
        value = value.item()  # a number of numpy or torch
    if isinstance(value, (int, float)):
        yield name, float(value)
    elif value is not None:
        yield name, value if isinstance(value, str) else to_json(value)


def _single(value: Any) -> bool:
    """Whether an array holds one value."""
    return all(size == 1 for size in getattr(value, "shape", ()))
