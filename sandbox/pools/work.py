"""What the components that work with pools share: which pools they are given, and what they hand on."""

from __future__ import annotations

import glob
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from juicesql.errors import Problem

from ..base import Ahead, Component, Context
from ..errors import SandboxError
from .pool import MEMORY, Pool, Workshop, read_pool, safe, stem, workshop

Paths = tuple[str, ...] | str | None


class PoolManipulator(Component):
    """Makes pools. The result has `paths` and `pools` (with rows, stat and part of each); one pool alone is the
    `dataset` of later jobs too."""

    needs_pools = True

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from pool_problems(settings.dataset_path, ahead, cls.needs_pools)

    @abstractmethod
    def run(self) -> dict[str, Any]:
        """Write the pools."""

    @property
    def folder(self) -> Path:
        """Where the pools go."""
        given = self.settings.export_path
        return Path(given).absolute() if given else self.context.folder / "pools"

    @property
    def seed(self) -> int:
        given = getattr(self.settings, "shuffle_seed", None)
        return self.context.seed if given is None else int(given)

    def pools(self) -> list[Pool]:
        return given_pools(self.context, self.settings.dataset_path)

    def workshop(self) -> AbstractContextManager[Workshop]:
        return workshop(self.context.folder, self.context.threads, getattr(self.settings, "memory_limit", MEMORY))


def pool_problems(paths: Paths, ahead: Ahead, needed: bool = True) -> Iterator[Problem]:
    """Pools that are not there, unless an earlier job makes some."""
    if not paths and needed and not (ahead.has("pools") or ahead.has("dataset")):
        yield Problem("no-pools", "there are no pools", "give dataset_path, or make pools in an earlier job")
    if not ahead.has("pools"):
        for path in _listed(paths):
            if not glob.has_magic(path) and not ahead.exists(path):
                yield Problem("missing-pool", f"`{path}` does not exist", "give a file that does")


def given_pools(context: Context, paths: Paths) -> list[Pool]:
    """The pools of these files or globs; without, those of the newest job that made or ranked some, or else the newest
    dataset. SandboxError when there are none."""
    known = known_pools(context)
    if not paths:
        newest = context.results.latest("pools", context.job.pipeline)
        if newest:
            return [read_pool(p) for p in newest]
        paths = str(context.dataset())
    found = [name for path in _listed(paths) for name in (sorted(glob.glob(path)) if glob.has_magic(path) else [path])]
    if not found:
        mend = "an earlier job should write such files"
        raise SandboxError(context.job.problem("no-pools", f"no file matches {', '.join(_listed(paths))}", mend))
    return _told_apart([known.get(str(Path(p).absolute()), Pool(p, 0, safe(stem(p)))) for p in found])


def _told_apart(pools: Sequence[Pool]) -> list[Pool]:
    """The pools with a number behind the name of the second that has it."""
    named: dict[str, Pool] = {}
    for pool in pools:
        name, number = pool.name, 2
        while name in named:
            name, number = f"{pool.name}_{number}", number + 1
        named[name] = replace(pool, name=name)
    return list(named.values())


def known_pools(context: Context) -> dict[str, Pool]:
    """The pools that jobs have made, by path."""
    lists = [result["pools"] for _, result in context.results.items() if isinstance(result.get("pools"), list)]
    return {str(Path(p["path"]).absolute()): read_pool(p) for pools in lists for p in pools}


def best_of(pools: Sequence[Pool], top_n: int | None, one_per_stat: bool) -> list[Pool]:
    """The first of ranked pools without the random ones; with `one_per_stat` only the first pool of each stat."""
    chosen: list[Pool] = []
    for pool in pools:
        taken = one_per_stat and pool.stat and any(p.stat == pool.stat for p in chosen)
        if not pool.control and not taken:
            chosen.append(pool)
    return chosen[:top_n]


def handed_on(pools: Sequence[Pool], **more: Any) -> dict[str, Any]:
    """The result of a job that made pools."""
    found = {"paths": [p.path for p in pools], "pools": [p.to_dict() for p in pools], **more}
    return found | ({"dataset": pools[0].path} if len(pools) == 1 else {})


def pool_lines(pools: Sequence[Mapping[str, Any]], most: int = 30) -> list[str]:
    """The pools as an aligned table: name, rows, and what values their stat has."""
    from juicesql.cli.text import table

    shown = [
        [p["name"], f"{p['rows']:,}", *("" if p.get(k) is None else f"{p[k]:.4g}" for k in ("low", "high"))]
        for p in pools[:most]
    ]
    lines = [f"  {line}" for line in table(["pool", "rows", "from", "to"], shown, " rrr")] if shown else []
    return lines + ([f"  and {len(pools) - most} more"] if len(pools) > most else [])


def _listed(paths: Paths) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else tuple(paths or ())
