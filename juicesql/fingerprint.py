"""Fingerprints of code: what a stored stat value depends on besides its arguments.

The fingerprint of a function covers its bytecode and constants (not its docstring, comments or line numbers), its
defaults and closure, and, as far as they are reached by name, the helpers, classes, constants and tables of the same
distribution. Other packages count by name and version. Not covered: files read and attributes set at run time.
"""

from __future__ import annotations

import dis
import hashlib
import importlib.util
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SCALARS = (str, bytes, int, float, complex, bool, type(None), type(Ellipsis))


def fingerprint(*roots: Any) -> str:
    """Hex SHA-256 over the roots and everything local that they reach."""
    digest = hashlib.sha256()
    tops = {"juicesql"} | {_top(getattr(r, "__module__", None) or "") for r in roots}
    walk = _Walk(frozenset(tops))
    for root in roots:
        for piece in walk.pieces(root):
            digest.update(piece.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _top(module: str) -> str:
    return module.partition(".")[0]


class _Walk:
    def __init__(self, tops: frozenset[str]) -> None:
        self.tops = tops
        self.seen: set[int] = set()
        self.alive: list[Any] = []  # ids stay unique while the objects live

    def pieces(self, value: Any) -> Iterator[str]:
        for inner in (getattr(value, "py_func", None), getattr(value, "__wrapped__", None)):
            if isinstance(inner, types.FunctionType):  # inside a kernel, a dispatcher or a cache
                value = inner
        if isinstance(value, _SCALARS):
            yield f"{type(value).__name__}:{value!r}"
        elif id(value) in self.seen:
            yield f"seen:{getattr(value, '__qualname__', type(value).__name__)}"
        else:
            self.seen.add(id(value))
            self.alive.append(value)
            yield from self._object(value)

    def _object(self, value: Any) -> Iterator[str]:
        if isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif isinstance(value, types.CodeType):
            yield from self._code(value, documented=False)
        elif isinstance(value, types.ModuleType):
            yield from self._module(value)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, (tuple, list)):
            yield type(value).__name__
            for item in value:
                yield from self.pieces(item)
        elif isinstance(value, (set, frozenset)):
            yield f"set:{sorted(map(repr, value))}"
        elif isinstance(value, dict):
            yield "dict"
            for key in sorted(value, key=repr):
                yield repr(key)
                yield from self.pieces(value[key])
        elif isinstance(value, re.Pattern):
            yield f"pattern:{value.pattern!r}:{value.flags}"
        elif type(value).__name__ == "ndarray":
            yield f"array:{value.dtype}:{value.shape}:{hashlib.sha256(value.tobytes()).hexdigest()}"
        elif isinstance(value, Path):
            yield f"path:{value}"
        else:
            yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value).__qualname__)}"

    def _function(self, function: types.FunctionType) -> Iterator[str]:
        if _top(function.__module__ or "") not in self.tops:
            yield self._foreign(function.__module__, function.__qualname__)
            return
        yield f"def:{function.__name__}"
        yield from self._code(function.__code__, documented=function.__doc__ is not None)
        yield from self.pieces(function.__defaults__)
        yield from self.pieces(function.__kwdefaults__)
        for cell in function.__closure__ or ():
            yield from self.pieces(cell.cell_contents)
        for name in sorted(set(_names(function.__code__))):
            if name in function.__globals__:
                yield f"global:{name}"
                yield from self.pieces(function.__globals__[name])
        for module in _relative_imports(function):
            yield from self._module_file(module)

    def _code(self, code: types.CodeType, documented: bool) -> Iterator[str]:
        yield f"code:{code.co_code.hex()}:{code.co_names}:{code.co_varnames}:{code.co_freevars}"
        constants = code.co_consts[1:] if documented else code.co_consts
        for value in constants:
            yield from self._code(value, _has_doc(value)) if isinstance(value, types.CodeType) else self.pieces(value)

    def _class(self, cls: type) -> Iterator[str]:
        if _top(cls.__module__) not in self.tops:
            yield self._foreign(cls.__module__, cls.__qualname__)
            return
        yield f"class:{cls.__qualname__}"
        for base in cls.__bases__:
            yield from self.pieces(base)
        for name, member in sorted(vars(cls).items()):
            member = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
            if name in ("__doc__", "__module__", "__dict__", "__weakref__", "__juicesql__", "__qualname__"):
                continue
            yield f"member:{name}"
            yield from self.pieces(member)

    def _module(self, module: types.ModuleType) -> Iterator[str]:
        if _top(module.__name__) in self.tops and module.__spec__ is not None:
            yield from self._module_file(module.__name__)
        else:
            yield self._foreign(module.__name__, "")

    def _module_file(self, name: str) -> Iterator[str]:
        spec = importlib.util.find_spec(name)
        source = Path(spec.origin).read_bytes() if spec and spec.origin else b""
        yield f"module:{name}:{hashlib.sha256(source).hexdigest()}"

    def _foreign(self, module: str | None, qualname: str) -> str:
        top = sys.modules.get(_top(module or ""))
        return f"foreign:{module}.{qualname}:{getattr(top, '__version__', '')}"


def _has_doc(code: types.CodeType) -> bool:
    first = code.co_consts[0] if code.co_consts else None
    return isinstance(first, str) and code.co_name != "<lambda>" and first not in code.co_names and _is_def(code)


def _is_def(code: types.CodeType) -> bool:
    """A nested def keeps its docstring in the first constant and never loads it."""
    return not any(i.opname == "LOAD_CONST" and i.arg == 0 for i in dis.get_instructions(code))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _names(value)


def _relative_imports(function: types.FunctionType) -> Iterator[str]:
    """Modules that the body of the function imports relatively (`from ._helper import x`)."""
    package = function.__globals__.get("__package__") or ""
    level: Any = 0
    before: list[Any] = []
    for step in dis.get_instructions(function.__code__):
        if step.opname == "IMPORT_NAME" and len(before) >= 2 and isinstance(level := before[-2], int) and level > 0:
            yield importlib.util.resolve_name("." * level + str(step.argval), package)
        before.append(step.argval if step.opname == "LOAD_CONST" else None)
