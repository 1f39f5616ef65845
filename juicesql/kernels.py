"""Kernels: numba functions over the offsets and UTF-8 bytes of Arrow string arrays, without the GIL.

A kernel is compiled on its first call and kept on disk under a name made from its code and the code of every kernel
that it calls, so a changed helper is never served from an old cache.
"""

from __future__ import annotations

import os
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

from juicesql.errors import StoreError

SMALL_BYTES = 16_384
_compile_lock = threading.RLock()
_interpreted = threading.local()


def cache_home() -> Path:
    """Where compiled kernels, tables and models are kept: `JUICESQL_CACHE_HOME`, default `~/.cache/juicesql`."""
    return Path(os.environ.get("JUICESQL_CACHE_HOME") or Path.home() / ".cache" / "juicesql")


def cache_folder(name: str = "") -> Path:
    """A folder of the cache home that can be written; StoreError that says how to choose another one."""
    folder = cache_home() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        message = f"the cache {folder} cannot be written: {error.strerror or error}"
        mend = "set JUICESQL_CACHE_HOME to a folder that you can write; compiled kernels and tables are kept there"
        raise StoreError.of("cache-home", message, mend) from error


class kernel:
    """Compile a plain Python function with numba (`nogil`, cached on disk) when it is first called.

    A kernel may call other kernels that its module names; they are compiled first. The first calls, while their data
    is small, are run by Python as it stands: a job of a few documents then ends before numba is even imported.
    """

    def __init__(self, py_func: Callable[..., Any]) -> None:
        self.py_func = py_func
        self.__name__ = py_func.__name__
        self.__doc__ = py_func.__doc__
        self.__module__ = py_func.__module__
        self._compiled: Any = None
        self._small_bytes = SMALL_BYTES  # what is left of the data that may be run as plain Python

    def __call__(self, *args: Any) -> Any:
        if self._compiled is None:
            if getattr(_interpreted, "inside", False):
                return self.py_func(*args)
            size = getattr(args[0], "size", SMALL_BYTES)
            if size < self._small_bytes:
                self._small_bytes -= size
                return _interpret(self.py_func, args)
            self.compile()
        return self._compiled(*args)

    def compile(self) -> Any:
        """The numba dispatcher of this kernel."""
        with _compile_lock:
            if self._compiled is None:
                self._compiled = _jit(self)
        return self._compiled


def _interpret(py_func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    """Run a kernel and those it calls as plain Python; integers wrap around as they do in machine code."""
    _interpreted.inside = True
    try:
        with np.errstate(over="ignore"):
            return py_func(*args)
    finally:
        _interpreted.inside = False


def _jit(target: kernel) -> Any:
    import types

    import numba

    config: Any = numba.config

    from juicesql.fingerprint import fingerprint

    py_func = target.py_func
    scope = dict(py_func.__globals__)
    for name in py_func.__code__.co_names:
        if isinstance(scope.get(name), kernel):
            scope[name] = scope[name].compile()
    bound = types.FunctionType(py_func.__code__, scope, py_func.__name__, py_func.__defaults__)
    bound.__module__, bound.__qualname__ = py_func.__module__, py_func.__qualname__
    before = config.CACHE_DIR
    config.CACHE_DIR = str(cache_folder(f"kernels/{fingerprint(py_func)[:16]}"))
    try:
        return numba.njit(nogil=True, cache=True, error_model="numpy")(bound)
    finally:
        config.CACHE_DIR = before


def utf8_buffers(array: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The bytes (uint8) and row offsets (int32, rows + 1) of a pyarrow StringArray without NULLs; both read-only.

    Always read-only, because numba compiles a kernel once more for writable arrays.
    """
    _, offsets, data = array.buffers()
    rows = np.frombuffer(offsets, np.int32, len(array) + 1, array.offset * 4)
    used = int(rows[-1])
    bytes_ = np.frombuffer(data, np.uint8, used) if used else np.zeros(1, np.uint8)
    bytes_.flags.writeable = rows.flags.writeable = False
    return bytes_, rows


def map_utf8(function: Callable[..., None], text: Any, dtype: Any, *args: Any) -> Any:
    """Call `function(data, offsets, out, *args)` once for the whole batch; `out` has one slot a row.

    Returns a pyarrow array of the numpy `dtype`.
    """
    import pyarrow as pa

    data, offsets = utf8_buffers(text)
    out = np.zeros(len(text), dtype)
    function(data, offsets, out, *args)
    return pa.array(out)


def rewrite_utf8(function: Callable[..., bool | None], text: Any, grow: int, *args: Any) -> Any:
    """Call `function(data, offsets, out, out_offsets, *args)` to write a new text for each row; returns a StringArray.

    `out` has room for `grow` bytes for each byte of the input. `function` fills `out_offsets` (int32, rows + 1); when
    it returns False (it changed no row), `text` itself is the result.
    """

    data, offsets = utf8_buffers(text)
    out = np.empty(max(1, int(offsets[-1] - offsets[0]) * grow), np.uint8)
    out_offsets = np.zeros(len(text) + 1, np.int32)
    if function(data, offsets, out, out_offsets, *args) is False:
        return text
    return text_array(out, out_offsets)


def text_array(out: np.ndarray[Any, Any], out_offsets: np.ndarray[Any, Any]) -> Any:
    """A StringArray over bytes and offsets (int32) that a kernel wrote; nothing is copied."""
    import pyarrow as pa

    used = pa.py_buffer(out).slice(0, int(out_offsets[-1]))
    return pa.StringArray.from_buffers(len(out_offsets) - 1, pa.py_buffer(out_offsets), used)


def char_table(name: str, build: Callable[[], np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    """A table with one entry for each of the 1,114,112 code points, built once per Unicode version and kept on disk.

    `name` must change when `build` does.
    """
    known = _tables.loaded.get(name)
    if known is None:
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        path = cache_home() / "tables" / f"{name}-ucd{unicodedata.unidata_version}-py{python}.npy"
        try:
            known = np.load(path, allow_pickle=False)
        except (OSError, ValueError):
            known = build()
            partial = (cache_folder("tables") / path.name).with_suffix(f".{os.getpid()}-{threading.get_ident()}.npy")
            np.save(partial, known)
            partial.replace(path)
        _tables.loaded[name] = known
    return known


class _Tables:
    """What was loaded."""

    __fingerprint__ = ()  # which tables were used so far decides no value; what builds them is reached by name

    def __init__(self) -> None:
        self.loaded: dict[str, np.ndarray[Any, Any]] = {}


_tables = _Tables()
