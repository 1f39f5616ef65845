"""Finds functions, Jinja macros and recipes: builtins, packages and the user's project come in by the same loader.

A function lives in the file of its name (`udfs/text/alnum_ratio.py`, `macros/text/text_len.sql`), so the index is a
list of file names and nothing is imported until it is used. Names that begin with `_` are private helpers.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import entry_points
from pathlib import Path
from typing import cast

from juicesql.api import Function, Kind
from juicesql.errors import FunctionError, JuiceError, Problem, nearest
from juicesql.fingerprint import fingerprint
from juicesql.restricted import Bounds
from juicesql.signature import NAME, parse_signature

_PROJECT = "juicesql_project_"  # how the packages of project folders are called
_HEADER = re.compile(r"^--\s*(stat|mapper|macro):\s*(.+)$", re.M)


@dataclass(frozen=True)
class Root:
    """A folder that is searched, and the package name under which its Python files are imported."""

    path: Path
    package: str


class Registry:
    """Every function that a recipe may call. Give the project's folder to see its own `udfs/` and `macros/`."""

    def __init__(self, project: Path | None = None, bounds: Bounds | None = None) -> None:
        self.project, self.bounds = project, bounds
        self._functions: dict[str, Function] = {}
        self._identities: dict[str, str] = {}

    @cached_property
    def roots(self) -> tuple[Root, ...]:
        found = list(_package_roots("juicesql.functions"))
        if self.project:
            package = _project_package(self.project)
            own = [self.project / d for d in ("udfs", "macros") if (self.project / d).is_dir()]
            taken = {root.path.resolve() for root in found}  # in juicesql's own source tree they are the builtins
            found += [Root(folder, f"{package}.{folder.name}") for folder in own if folder.resolve() not in taken]
        return tuple(found)

    @cached_property
    def index(self) -> dict[str, tuple[Root, Path]]:
        """Function name -> where its file is. Two files of one name are refused."""
        found: dict[str, tuple[Root, Path]] = {}
        problems = []
        for root, path in self._files(".py", ".sql"):
            name = path.name.split(".")[0]
            if name in found:
                message = f"`{name}` is defined twice: {found[name][1]} and {path}"
                problems.append(Problem("duplicate-function", message, "rename one of the two files", str(path)))
            elif not NAME.fullmatch(name):
                problems.append(
                    Problem(
                        "bad-name",
                        f"{path.name!r} is no function name",
                        "use a-z, 0-9 and _, or begin with _",
                        str(path),
                    )
                )
            found[name] = (root, path)
        if problems and self.project and (self.project / "juicesql" / "__init__.py").is_file():
            message = (
                f"{self.project} is a checkout of juicesql, but this is the juicesql of {Path(__file__).parents[1]}"
            )
            mend = f"install that checkout, `pip install --editable {self.project}`, or work in another --project"
            raise FunctionError.of("another-checkout", message, mend)
        if problems:
            raise FunctionError(problems)
        return found

    @cached_property
    def jinja_macros(self) -> dict[str, Path]:
        """Macro file name -> path of each `*.sql.j2` in a macros folder."""
        return {path.name.split(".")[0]: path for _, path in self._files(".sql.j2")}

    def is_shipped(self, path: Path) -> bool:
        """Whether a file comes with a package, rather than with the project."""
        own = self.project and any(path.is_relative_to(self.project / d) for d in ("udfs", "macros"))
        return not own or path.is_relative_to(Path(__file__).parents[1])

    def names(self) -> list[str]:
        return sorted(self.index)

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def get(self, name: str) -> Function:
        """The function of this name; FunctionError with the nearest name when there is none."""
        if name not in self._functions:
            if name not in self.index:
                mend = nearest(name, self.index) or "`juicesql functions` lists all"
                raise FunctionError.of("unknown-function", f"`{name}` is not a stat, mapper or macro", mend)
            root, path = self.index[name]
            self._functions[name] = _load_sql(path) if path.suffix == ".sql" else _load_python(root, path)
        return self._functions[name]

    def of_project(self, name: str) -> bool:
        """Whether a function is code of the project folder, not of an installed package."""
        return self.index[name][0].package.startswith(_PROJECT)

    def all(self) -> Iterator[Function]:
        return map(self.get, self.names())

    def identity(self, name: str) -> str:
        """Fingerprint of everything that a value of this function depends on besides arguments and parameters."""
        if name not in self._identities:
            function = self.get(name)
            if function.runs_on == "sql":
                called = {w.lower() for w in re.findall(r"\w+(?=[\s\"]*\()", function.sql)}
                used = sorted(w for w in called if w != name and w in self)
                body = _without_comments(function.sql)
                parts = [body, str(function.version), *(self.identity(w) for w in used)]
            else:
                code = self._code(function)
                parts = [code, str(function.version), function.signature.returns]
            self._identities[name] = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return self._identities[name]

    def _code(self, function: Function) -> str:
        try:
            return fingerprint(function.implementation, opaque=function.versioned)
        except FunctionError as error:
            problems = [replace(p, file=str(function.file)) for p in error.problems]
            raise FunctionError(problems) from error

    def _files(self, *endings: str) -> Iterator[tuple[Root, Path]]:
        for root in self.roots:
            for path in sorted(root.path.rglob("*")):
                hidden = any(part.startswith(("_", ".")) for part in path.relative_to(root.path).parts)
                ending = "".join(path.suffixes)
                if ending in endings and not hidden and path.is_file():
                    yield root, path


def _package_roots(group: str) -> Iterator[Root]:
    for entry in sorted(entry_points(group=group), key=lambda e: (e.dist.name if e.dist else "", e.name)):
        spec = importlib.util.find_spec(entry.value)
        if spec is None:
            raise FunctionError.of(
                "missing-package", f"entry point {entry.name!r} names {entry.value!r}, which is missing"
            )
        for place in spec.submodule_search_locations or ():
            yield Root(Path(place), entry.value)


def recipe_roots() -> tuple[Root, ...]:
    """The folders of recipes that installed packages ship."""
    return tuple(_package_roots("juicesql.recipes"))


_loaded_as: dict[str, tuple[tuple[str, int, int], ...]] = {}


def _project_package(project: Path) -> str:
    """A package name of its own for each project folder, so that relative imports work in `udfs/`.

    When a file of the project changed since it was imported, all of its modules are imported again.
    """
    name = _PROJECT + hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:12]
    stats = [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in sorted((project / "udfs").rglob("*.py"))]
    if _loaded_as.get(name) != tuple(stats):
        for module in [m for m in sys.modules if m.startswith(name)]:
            del sys.modules[module]
        importlib.invalidate_caches()
        _loaded_as[name] = tuple(stats)
    if name not in sys.modules:
        package = types.ModuleType(name)
        package.__path__ = [str(project.resolve())]
        sys.modules[name] = package
    return name


@contextmanager
def _from_source(package: str) -> Iterator[None]:
    """Import the user's files without .pyc files, which miss a change within one second."""
    before = sys.dont_write_bytecode
    sys.dont_write_bytecode = before or package.startswith(_PROJECT)
    try:
        yield
    finally:
        sys.dont_write_bytecode = before


def _load_python(root: Root, path: Path) -> Function:
    module_name = ".".join([root.package, *path.relative_to(root.path).with_suffix("").parts])
    try:
        with _from_source(root.package):
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise _unloadable(error, path) from error
    name = path.stem
    declared = [m.__juicesql__ for m in vars(module).values() if _declared_in(m, module_name)]
    found = next((f for f in declared if f.name == name), None)
    if found is None:
        names = ", ".join(f.name for f in declared) or "nothing"
        message = f"{path.name} declares {names}, but a file declares the function of its own name"
        raise FunctionError.of("misplaced-function", message, f"declare `{name}` with @stat or @mapper", str(path))
    return _placed(found, path)


def _unloadable(error: BaseException, path: Path) -> FunctionError:
    """What is wrong with a file that cannot be imported, and on which of its lines."""
    lines = [t.lineno for t in traceback.extract_tb(error.__traceback__) if t.filename == str(path)]
    if isinstance(error, SyntaxError) and error.filename == str(path):
        lines.append(error.lineno)
    line = lines[-1] if lines else None
    if isinstance(error, JuiceError):
        return FunctionError([replace(p, file=p.file or str(path), line=p.line or line) for p in error.problems])
    mend = "mend the file"
    if isinstance(error, ImportError):
        mend = f"install {error.name}, or mend the file" if error.name else mend
    return FunctionError.of("broken-function", f"{type(error).__name__}: {error}", mend, str(path), line)


def _declared_in(member: object, module: str) -> bool:
    return hasattr(member, "__juicesql__") and getattr(member, "__module__", None) == module


def _load_sql(path: Path) -> Function:
    text = path.read_text("utf-8")
    header = _HEADER.search(text)
    if not header:
        message = "a SQL macro begins with `-- stat: name(arg TYPE) -> TYPE` (or mapper:, macro:)"
        raise FunctionError.of("bad-signature", message, "add that line", str(path))
    signature = parse_signature(header.group(2))
    if signature.name != path.name.split(".")[0]:
        message = f"{path.name} declares `{signature.name}`"
        raise FunctionError.of("misplaced-function", message, "name the file after its function", str(path))
    lines = [line for line in text[header.end() :].splitlines() if line.startswith("--")]
    doc = "\n".join(line[2:].removeprefix(" ") for line in lines)
    kind = cast(Kind, header.group(1))
    return Function(signature, kind, "sql", 1, doc, sql=text[header.start() :], file=path)


def _placed(function: Function, path: Path) -> Function:
    return replace(function, file=path)


def _without_comments(sql: str) -> str:
    return "\n".join(line.rstrip() for line in sql.splitlines() if not line.lstrip().startswith("--"))
