"""How results of jobs get into the settings of later ones: `input`, `output`, places such as `extra_configs.lr`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .base import Job, Results
from .errors import SandboxError
from .registry import find_hook


def replaced(recipe: Any, extra: Mapping[str, Any], target: str, value: Any) -> tuple[Any, dict[str, Any]]:
    """dj_configs and extra_configs with one place set, such as `extra_configs.train.lr`, or `dj_configs` as a whole.

    >>> replaced("a.sql.j2", {"train": {"lr": 1}}, "extra_configs.train.lr", 2)
    ('a.sql.j2', {'train': {'lr': 2}})
    """
    head, _, rest = target.partition(".")
    if head == "dj_configs":
        if rest and isinstance(recipe, str):
            recipe = {"recipe": recipe}
        return (_with(recipe or {}, rest.split("."), value) if rest else value), dict(extra)
    return recipe, (_with(extra, rest.split("."), value) if rest else dict(value))


def _with(mapping: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    first, *rest = path
    below = mapping.get(first)
    inner = _with(below if isinstance(below, Mapping) else {}, rest, value) if rest else value
    return {**mapping, first: inner}


def named(job: Job, result: Mapping[str, Any]) -> dict[str, Any]:
    """The result, with the names that `output` gives to it, in the order in which the hook gives things."""
    gives = find_hook(job.hook).gives
    return {**result, **{name: result[key] for name, key in zip(job.output, gives, strict=False) if key in result}}


def numbers(result: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in result.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}


def resolved(job: Job, results: Results) -> Job:
    """The job with the results that its `input` asks for in their places."""
    recipe, extra = job.recipe, dict(job.extra)
    for target, wanted in job.input.items():
        recipe, extra = replaced(recipe, extra, target, _found(job, wanted, results))
    return replace(job, recipe=recipe, extra=extra)


def parted(path: str) -> tuple[str, str, str]:
    """Pipeline ("" for any), meta_name and key of a result.

    >>> parted("low.train.loss"), parted("train.loss")
    (('low', 'train', 'loss'), ('', 'train', 'loss'))
    """
    name, _, key = path.strip().rpartition(".")
    pipeline, _, meta = name.rpartition(".")
    return pipeline, meta, key


def _found(job: Job, wanted: str, results: Results) -> Any:
    pipeline, meta, key = parted(wanted)
    before = [(p, m) for (p, m), _ in results.items() if p == job.pipeline]
    if meta.startswith("-") and meta[1:].isdigit() and len(before) >= int(meta[1:]):
        pipeline, meta = before[int(meta)]
    result = results.of(meta, pipeline or None)
    if result is None or key not in result:
        mend = f"it has {', '.join(result)}" if result else "no such job has run"
        raise SandboxError(job.problem("bad-input", f"input asks for {wanted}, which is not there", mend))
    return result[key]
