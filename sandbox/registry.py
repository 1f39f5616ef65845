"""Where hooks, components and job lists are found by name: those that ship, and those that a package or file registers.

A project adds its own in files `sandbox_*.py` in its folder, another package through the entry point group
`juicesql.sandbox`: the name of a module that registers them when it is imported.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from juicesql.errors import nearest

from .errors import SandboxError

if TYPE_CHECKING:
    from .base import Component, Hook

FACTORIES = (
    "DataExecutor", "DataAnalyzer", "DataEvaluator", "DataPoolManipulator", "ModelInferEvaluator", "ModelTrainExecutor",
    "ModelInferExecutor", "ModelEvaluator", "GeneralProbe", "GeneralDataExecutor",
)  # fmt: skip
_SHIPPED = ("juicesql.sandbox.hooks", "juicesql.sandbox.components")
H = TypeVar("H", bound="type[Hook]")
C = TypeVar("C", bound="type[Component]")

_hooks: dict[str, type[Hook]] = {}
_components: dict[tuple[str, str], type[Component]] = {}
_lists: dict[str, str] = {  # name in the file -> name of the list that a hook registers in, in the order of work
    "probe_job_configs": "probe",
    "refine_recipe_job_configs": "refine_recipe",
    "execution_job_configs": "execution",
    "evaluation_job_configs": "evaluation",
}
_loaded: set[str] = set()


def hook(*lists: str) -> Callable[[H], H]:
    """Register a hook under the name of its class, for these job lists: `probe`, `refine_recipe`, `execution`,
    `evaluation`, or one of your own."""

    def register(found: H) -> H:
        found.lists = lists
        _hooks[found.__name__] = found
        return found

    return register


def component(factory: str, type_: str) -> Callable[[C], C]:
    """Register what a factory makes for `type: type_`."""

    def register(found: C) -> C:
        _components[factory, type_] = found
        return found

    return register


def job_list(key: str, name: str, after: str) -> None:
    """Register a job list: `key` in the file, run after the list with the key `after`, for hooks that name `name`."""
    ordered = [(k, n) for k, n in _lists.items() if k != key]
    place = [k for k, _ in ordered].index(after) + 1
    ordered.insert(place, (key, name))
    _lists.clear()
    _lists.update(ordered)


def job_lists() -> dict[str, str]:
    """Key in the file -> name of the list, in the order of work."""
    _load()
    return dict(_lists)


def find_hook(name: str) -> type[Hook]:
    """The hook of this name. SandboxError with the nearest name."""
    _load()
    if name in _hooks:
        return _hooks[name]
    mend = nearest(name, _hooks) or "`juicesql sandbox hooks` lists them"
    raise SandboxError.of("unknown-hook", f"there is no hook `{name}`", mend)


def find_component(factory: str, type_: str) -> type[Component]:
    """What `factory` makes for `type_`. SandboxError with the nearest type."""
    _load()
    if (factory, type_) in _components:
        return _components[factory, type_]
    types = [t for f, t in _components if f == factory]
    mend = nearest(type_, types) or f"types of {factory}: {', '.join(sorted(types)) or 'none'}"
    raise SandboxError.of("unknown-type", f"{factory} has no type `{type_}`", mend)


def hooks() -> Iterator[type[Hook]]:
    """Every hook, by name."""
    _load()
    for _, found in sorted(_hooks.items()):
        yield found


def components() -> Iterator[tuple[str, str, type[Component]]]:
    """Factory, type and class of every component."""
    _load()
    for (factory, type_), found in sorted(_components.items()):
        yield factory, type_, found


def load_project(root: Path) -> None:
    """Import the project's own modules, `sandbox_*.py` in its folder, which register what they define."""
    for path in sorted(root.glob("sandbox_*.py")):
        name = f"juicesql_project.{path.stem}"
        spec = spec_from_file_location(name, path)
        if str(path) in _loaded or spec is None or spec.loader is None:
            continue
        module = module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception as error:
            del sys.modules[name]
            message = f"cannot import {path.name}: {type(error).__name__}: {error}"
            raise SandboxError.of("bad-module", message, "mend the file, or move it out of the project") from error
        _loaded.add(str(path))


def _load() -> None:
    """Import the modules that register things; those of other packages by their entry points."""
    others = [e.value for e in entry_points(group="juicesql.sandbox")]
    for name in (*_SHIPPED, *others):
        if name not in _loaded:
            _loaded.add(name)
            import_module(name)
