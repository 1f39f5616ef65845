"""Fingerprints of code: what a stored stat value depends on besides its arguments.

The fingerprint of a function covers its bytecode and constants (not its docstring, comments, line numbers or the name
of its module), its defaults and closure, and, as far as they are reached by name, the helpers, classes, objects,
constants and tables of the same distribution, all by their content. Other packages count by name and version. An object
whose content cannot be told refuses the fingerprint, unless its class has a `__fingerprint__`: what its work needs,
as an attribute or a method. Not covered: files read and attributes set at run time.
"""

from __future__ import annotations

import copyreg
import dis
import enum
import functools
import hashlib
import importlib.util
import logging
import operator
import re
import sys
import threading
import types
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, WeakValueDictionary

from juicesql import versions
from juicesql.errors import FunctionError

CORE = "juicesql"
_SCALARS = (str, bytes, int, float, complex, bool, type(None), type(Ellipsis))
# They guard, report or speed up work and decide no value.
_WITHOUT_CONTENT = (
    type(threading.Lock()), type(threading.RLock()), threading.local, threading.Event, logging.Logger,
    WeakKeyDictionary, WeakValueDictionary, WeakSet,
)  # fmt: skip
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType, types.WrapperDescriptorType)
_MADE_BY_PYTHON = frozenset({
    "__doc__", "__module__", "__dict__", "__weakref__", "__juicesql__", "__qualname__", "__annotations__",
    "__annotate__", "__annotate_func__", "__annotations_cache__", "__firstlineno__", "__static_attributes__",
    "__dataclass_fields__", "__dataclass_params__", "__abstractmethods__", "_abc_impl", "__parameters__", "__slots__",
    "_member_map_", "_value2member_map_", "_unhashable_values_",
})  # fmt: skip


def fingerprint(*roots: Any, opaque: bool = False) -> str:
    """Hex SHA-256 over the roots and everything local that they reach.

    FunctionError for an object whose content cannot be told; with `opaque` it counts by the name of its class.
    """
    digest = hashlib.sha256()
    tops = {CORE} | {_top(getattr(r, "__module__", None) or "") for r in roots}
    walk = _Walk(frozenset(tops), opaque)
    for root in roots:
        for piece in walk.pieces(root):
            digest.update(piece.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _top(module: str) -> str:
    return module.partition(".")[0]


class _Walk:
    def __init__(self, tops: frozenset[str], opaque: bool) -> None:
        self.tops, self.opaque = tops, opaque
        self.seen: dict[int, int] = {}
        self.files: set[str] = set()
        self.alive: list[Any] = []  # ids stay unique while the objects live
        self.path: list[str] = []  # names on the way to the object, for errors

    def pieces(self, value: Any, name: str = "") -> Iterator[str]:
        if type(value) in _SCALARS:
            yield f"{type(value).__name__}:{value!r}"
        elif id(value) in self.seen:
            yield f"seen:{self.seen[id(value)]}"
        else:
            self.seen[id(value)] = len(self.seen)
            self.alive.append(value)
            self.path.append(name)
            yield from self._object(value)
            self.path.pop()

    def _object(self, value: Any) -> Iterator[str]:
        hook = getattr(type(value), "__fingerprint__", None)
        if hook is not None:
            yield f"told:{type(value).__qualname__}"
            yield from self.pieces(value.__fingerprint__() if callable(hook) else value.__fingerprint__)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif isinstance(getattr(value, "py_func", None), types.FunctionType):  # a kernel, or what numba makes of one
            yield "compiled"
            yield from self.pieces(value.py_func)
            yield from self.pieces(getattr(value, "targetoptions", None))
        elif isinstance(value, functools._lru_cache_wrapper):
            yield from self.pieces(value.__wrapped__)
        elif isinstance(value, types.CodeType):
            yield from self._code(value, documented=False)
        elif isinstance(value, types.ModuleType):
            yield from self._module(value)
        elif isinstance(value, type):
            yield from self._class(value)
        else:
            yield from self._value(value)

    # Values

    def _value(self, value: Any) -> Iterator[str]:
        if type(value) in (tuple, list):
            yield f"{type(value).__name__}:{len(value)}"
            for item in value:
                yield from self.pieces(item)
        elif type(value) in (set, frozenset):
            yield f"{type(value).__name__}:{sorted(map(self._alone, value))}"
        elif type(value) in (dict, types.MappingProxyType):
            yield f"{type(value).__name__}:{len(value)}"
            yield from self._items(value)
        elif isinstance(value, re.Pattern):
            yield f"pattern:{value.pattern!r}:{value.flags}"
        elif type(value).__module__ == "numpy" and type(value).__name__ == "ndarray":
            yield from self._array(value)
        elif isinstance(value, PurePath):
            yield f"path:{self._relative(value)}"
        elif isinstance(value, enum.Enum):
            yield from self.pieces(type(value))
            yield f"member:{value.name}"
        elif isinstance(value, (staticmethod, classmethod)):
            yield type(value).__name__
            yield from self.pieces(value.__func__)
        elif isinstance(value, property):
            yield "property"
            yield from self.pieces((value.fget, value.fset, value.fdel))
        elif isinstance(value, functools.cached_property):
            yield "cached_property"
            yield from self.pieces(value.func)
        elif isinstance(value, types.MethodType):
            yield "method"
            yield from self.pieces((value.__func__, value.__self__))
        elif isinstance(value, (types.BuiltinFunctionType, types.MethodWrapperType)):
            yield from self._builtin(value)
        elif isinstance(value, _WITHOUT_CONTENT):
            yield f"object:{type(value).__name__}"
        else:
            yield from self._instance(value)

    def _alone(self, value: Any) -> str:
        """The content of a member of a set, whose order is no fact."""
        inner = _Walk(self.tops, self.opaque)
        inner.path = self.path
        return hashlib.sha256("\0".join(inner.pieces(value)).encode("utf-8", "surrogatepass")).hexdigest()

    def _items(self, mapping: Mapping[Any, Any]) -> Iterator[str]:
        for key, item in mapping.items():
            yield from self.pieces(key)
            yield from self.pieces(item, key if isinstance(key, str) else "")

    def _array(self, array: Any) -> Iterator[str]:
        yield f"array:{array.dtype}:{array.shape}"
        if array.dtype.hasobject:
            yield from self.pieces(array.tolist())
        else:
            yield hashlib.sha256(array.tobytes()).hexdigest()

    def _relative(self, path: PurePath) -> str:
        """A path inside a local package by its place there: where a package is installed decides no value."""
        places = [Path(p) for n, m in list(sys.modules.items()) if _top(n) in self.tops for p in _places(m)]
        inside = [path.relative_to(place).as_posix() for place in places if path.is_relative_to(place)]
        return min(inside, key=len) if inside else str(path)

    def _builtin(self, value: Any) -> Iterator[str]:
        owner = getattr(value, "__self__", None)
        if owner is None or isinstance(owner, types.ModuleType):
            yield self._foreign(getattr(value, "__module__", None), value.__qualname__)
        else:
            yield f"method:{value.__name__}"
            yield from self.pieces(owner)

    def _instance(self, value: Any) -> Iterator[str]:
        """An object by its class and its state, as it would be copied."""
        cls = type(value)
        yield "instance"
        yield from self.pieces(cls)
        if _top(cls.__module__) in self.tops and _has_plain_state(cls):
            for name in sorted(_state_names(value)):
                yield f"attribute:{name}"
                yield from self.pieces(getattr(value, name), name)
            if isinstance(value, (tuple, list, dict, set, frozenset)):
                plain = next(t for t in (tuple, list, dict, set, frozenset) if isinstance(value, t))
                yield from self.pieces(plain(value))
            return
        try:
            reduce = copyreg.dispatch_table.get(cls)
            parts = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:
            yield self._opaque(value)
            return
        if isinstance(parts, str):
            yield self._foreign(cls.__module__, parts)
            return
        maker, arguments, *rest = parts
        yield from self.pieces(maker)
        yield from self.pieces(tuple(a for a in arguments if a is not cls))
        for part in rest:  # state, items of a list, items of a dictionary
            yield from self.pieces(list(part) if isinstance(part, Iterator) else part)

    def _opaque(self, value: Any) -> str:
        named = f"{type(value).__module__}.{type(value).__qualname__}"
        if self.opaque:
            return f"opaque:{named}"
        where = ".".join(n for n in self.path if n) or "a constant"
        message = f"the content of `{where}`, a {named}, cannot be told, so a change of it would go unnoticed"
        mend = (
            f"make it inside the function, or say what `{where}` depends on by version=1, and raise that with a change"
        )
        raise FunctionError.of("no-fingerprint", message, mend)

    # Code

    def _function(self, function: types.FunctionType) -> Iterator[str]:
        module = str(function.__globals__.get("__name__", ""))
        if _top(module) not in self.tops:  # such as a wrapper that a library put around a function of ours
            yield self._foreign(module, function.__code__.co_qualname)
            cells = [_content(c) for c in function.__closure__ or ()]
            inner = [getattr(function, "__wrapped__", None), *cells]
            yield from self.pieces([f for f in inner if isinstance(f, (types.FunctionType, types.MethodType, type))])
            yield from self._registered(function)
            return
        yield f"def:{function.__name__}"
        yield from self._code(function.__code__, documented=function.__doc__ is not None)
        yield from self.pieces(function.__defaults__)
        yield from self.pieces(function.__kwdefaults__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield from self.pieces(_content(cell), name)
        for name in sorted(set(_names(function.__code__))):
            if name in function.__globals__:
                yield f"global:{name}"
                yield from self.pieces(function.__globals__[name], name)
        for imported in _imports(function.__code__, str(function.__globals__.get("__package__") or "")):
            yield from self._imported(imported)

    def _registered(self, function: types.FunctionType) -> Iterator[str]:
        """The functions for other types that `functools.singledispatch` keeps."""
        registry = getattr(function, "registry", None)
        if isinstance(registry, types.MappingProxyType):
            yield from self.pieces([registry[cls] for cls in sorted(registry, key=lambda c: c.__qualname__)])

    def _code(self, code: types.CodeType, documented: bool) -> Iterator[str]:
        yield f"code:{code.co_code.hex()}:{code.co_names}:{code.co_varnames}:{code.co_freevars}"
        constants = code.co_consts[1:] if documented else code.co_consts
        for value in constants:
            yield from self._code(value, _has_doc(value)) if isinstance(value, types.CodeType) else self.pieces(value)

    def _class(self, cls: type) -> Iterator[str]:
        if _top(cls.__module__) not in self.tops or (issubclass(cls, BaseException) and _is_core(cls.__module__)):
            yield self._foreign(cls.__module__, cls.__qualname__)
            return
        yield f"class:{cls.__qualname__}"
        for base in cls.__bases__:
            yield from self.pieces(base)
        if issubclass(cls, enum.Enum):
            yield from self.pieces([(m.name, m.value) for m in cls.__members__.values()])
        for name, member in sorted(vars(cls).items()):
            if name in _MADE_BY_PYTHON or isinstance(member, _SLOTS):
                continue
            yield f"member:{name}"
            yield from self.pieces(member, name)

    def _module(self, module: types.ModuleType) -> Iterator[str]:
        if _top(module.__name__) in self.tops and module.__spec__ is not None:
            yield from self._module_file(module.__name__)
        else:
            yield self._foreign(module.__name__, "")

    def _imported(self, name: str) -> Iterator[str]:
        """A module that code imports when it runs."""
        if _top(name) in self.tops:
            yield from self._module_file(name)
        elif _top(name) not in sys.stdlib_module_names:
            yield f"library:{_top(name)}:{versions.of_module(_top(name))}"

    def _module_file(self, name: str) -> Iterator[str]:
        """A local module by its text, and what it imports; the engine's own modules count by name."""
        if _is_core(name):
            yield f"core:{name}"
            return
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin or name in self.files:
            return
        self.files.add(name)
        source = Path(spec.origin).read_bytes()
        yield f"module:{hashlib.sha256(source).hexdigest()}"
        package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
        for imported in _imports(compile(source, spec.origin, "exec", dont_inherit=True), package):
            yield from self._imported(imported)

    def _foreign(self, module: str | None, qualname: str) -> str:
        top = _top(module or "")
        local = top in self.tops
        version = "" if local or not top or top in sys.stdlib_module_names else versions.of_module(top)
        return f"foreign:{'' if local else module}.{qualname}:{version}"


def _is_core(module: str) -> bool:
    """Whether a module is the engine's: its changes are no changes of a function."""
    return _top(module) == CORE and not module.startswith(f"{CORE}.udfs")


def _places(module: types.ModuleType | None) -> list[str]:
    return list(getattr(module, "__path__", None) or ())


def _has_plain_state(cls: type) -> bool:
    """Whether objects of a class are copied by their attributes, not in a way of their own."""
    return getattr(cls, "__reduce__", None) is getattr(object, "__reduce__", None)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not bound yet
        return None


def _state_names(value: Any) -> set[str]:
    slots = {s for c in type(value).__mro__ for s in _slots(c)}
    return {n for n in slots | set(getattr(value, "__dict__", ())) if hasattr(value, n)} - {"__dict__", "__weakref__"}


def _slots(cls: type) -> list[str]:
    named = cls.__dict__.get("__slots__", ())
    names = [named] if isinstance(named, str) else list(named)
    return [f"_{cls.__name__.lstrip('_')}{n}" if n.startswith("__") and not n.endswith("__") else n for n in names]


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


def _imports(code: types.CodeType, package: str) -> Iterator[str]:
    """Modules that the code and the code inside it import, by their whole names."""
    before: list[Any] = [None, None]
    for step in dis.get_instructions(code):
        if step.opname == "IMPORT_NAME":
            level, names = before[-2], before[-1] or ()
            level = operator.index(level or 0)
            base = importlib.util.resolve_name("." * level + str(step.argval), package) if level else str(step.argval)
            yield base
            yield from (f"{base}.{n}" for n in names if level and _is_module(f"{base}.{n}"))
        before = [before[-1], step.argval if step.opname in ("LOAD_CONST", "LOAD_SMALL_INT") else None]
    for value in code.co_consts:
        if isinstance(value, types.CodeType):
            yield from _imports(value, package)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, AttributeError, ValueError):
        return False
