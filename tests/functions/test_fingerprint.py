"""What a value depends on is in the fingerprint: an edit of any kind of object that a function reaches is seen."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from juicesql.errors import FunctionError
from juicesql.fingerprint import fingerprint
from juicesql.registry import Registry

MODULES = itertools.count()
IMPORTS = """
import collections, dataclasses, datetime, decimal, enum, fractions, functools, operator, re, types, typing, uuid
import numpy as np
import pyarrow as pa
from pathlib import Path
from juicesql.api import kernel
"""
# What stands before the function `f`, which reaches X, once as it is and once edited.
EDITS = {
    "number": ("X = 1", "X = 2"),
    "number of another type": ("X = 1", "X = 1.0"),
    "true and one": ("X = 1", "X = True"),
    "sign of zero": ("X = 0.0", "X = -0.0"),
    "text": ("X = 'a'", "X = 'b'"),
    "bytes": ("X = b'a'", "X = b'b'"),
    "bytearray": ("X = bytearray(b'a')", "X = bytearray(b'b')"),
    "tuple": ("X = (1, 2)", "X = (2, 1)"),
    "tuple and list": ("X = (1, 2)", "X = [1, 2]"),
    "nested list": ("X = [[1], [2]]", "X = [[1, 2], []]"),
    "the same list twice": ("a = [1]; b = [2]; X = [a, b, a]", "a = [1]; b = [2]; X = [a, b, b]"),
    "set": ("X = {'a', 'b'}", "X = {'a', 'c'}"),
    "frozenset of tuples": ("X = frozenset({(1, 2)})", "X = frozenset({(1, 3)})"),
    "value of a dict": ("X = {'a': 1}", "X = {'a': 2}"),
    "key of a dict": ("X = {'a': 1}", "X = {'b': 1}"),
    "order of a dict": ("X = {'a': 1, 'b': 2}", "X = {'b': 2, 'a': 1}"),
    "defaultdict": ("X = collections.defaultdict(int, a=1)", "X = collections.defaultdict(list, a=1)"),
    "counter": ("X = collections.Counter('aab')", "X = collections.Counter('abb')"),
    "deque": ("X = collections.deque([1, 2])", "X = collections.deque([1, 3])"),
    "mapping proxy": ("X = types.MappingProxyType({'a': 1})", "X = types.MappingProxyType({'a': 2})"),
    "namespace": ("X = types.SimpleNamespace(a=1)", "X = types.SimpleNamespace(a=2)"),
    "range": ("X = range(3)", "X = range(4)"),
    "slice": ("X = slice(1, 2)", "X = slice(1, 3)"),
    "fraction": ("X = fractions.Fraction(1, 3)", "X = fractions.Fraction(2, 3)"),
    "decimal": ("X = decimal.Decimal('1.0')", "X = decimal.Decimal('1.00')"),
    "date": ("X = datetime.date(2026, 1, 1)", "X = datetime.date(2026, 1, 2)"),
    "duration": ("X = datetime.timedelta(1)", "X = datetime.timedelta(2)"),
    "uuid": ("X = uuid.UUID(int=1)", "X = uuid.UUID(int=2)"),
    "path": ("X = Path('/a')", "X = Path('/b')"),
    "numpy integer": ("X = np.uint64(1)", "X = np.uint64(2)"),
    "numpy integer of another width": ("X = np.int64(1)", "X = np.int32(1)"),
    "numpy float": ("X = np.float64(1)", "X = np.float64(2)"),
    "array": ("X = np.array([1, 2])", "X = np.array([1, 3])"),
    "shape of an array": ("X = np.zeros((2, 3))", "X = np.zeros((3, 2))"),
    "array of objects": ("X = np.array(['a', None], object)", "X = np.array(['b', None], object)"),
    "ufunc": ("X = np.add", "X = np.multiply"),
    "arrow array": ("X = pa.array([1, 2])", "X = pa.array([1, 3])"),
    "arrow type": ("X = pa.int64()", "X = pa.int32()"),
    "flags of a pattern": ("X = re.compile('a')", "X = re.compile('a', re.I)"),
    "pattern": ("X = re.compile('a')", "X = re.compile('b')"),
    "member of an enum": ("class E(enum.Enum): A = 1\nX = E.A", "class E(enum.Enum): A = 2\nX = E.A"),
    "other member of an enum": ("class E(enum.Enum): A = 1; B = 2\nX = E.A", "class E(enum.Enum): A = 1; B = 2\nX = E.B"),
    "integer enum": ("class E(enum.IntEnum): A = 1\nX = E.A", "class E(enum.IntEnum): A = 2\nX = E.A"),
    "flag": ("class E(enum.Flag): A = 1; B = 2\nX = E.A", "class E(enum.Flag): A = 1; B = 2\nX = E.A | E.B"),
    "method of an enum": (
        "class E(enum.Enum):\n A = 1\n def g(self): return 1\nX = E.A", "class E(enum.Enum):\n A = 1\n def g(self): return 2\nX = E.A",
    ),
    "partial": ("def g(a): return a\nX = functools.partial(g, 1)", "def g(a): return a\nX = functools.partial(g, 2)"),
    "function in a partial": ("def g(a): return a\nX = functools.partial(g, 1)", "def g(a): return -a\nX = functools.partial(g, 1)"),
    "keyword of a partial": ("X = functools.partial(int, base=2)", "X = functools.partial(int, base=3)"),
    "getter": ("X = operator.itemgetter(1)", "X = operator.itemgetter(2)"),
    "builtin": ("X = min", "X = max"),
    "bound builtin": ("X = 'a'.join", "X = 'b'.join"),
    "bound method": (
        "class C:\n def g(self): return 1\nX = C().g", "class C:\n def g(self): return 2\nX = C().g",
    ),
    "method of an instance": (
        "class C:\n def g(self): return 1\nX = C()", "class C:\n def g(self): return 2\nX = C()",
    ),
    "attribute of an instance": (
        "class C:\n def __init__(self, a): self.a = a\nX = C(1)", "class C:\n def __init__(self, a): self.a = a\nX = C(2)",
    ),
    "slot of an instance": (
        "class C:\n __slots__ = ('a',)\n def __init__(self, a): self.a = a\nX = C(1)",
        "class C:\n __slots__ = ('a',)\n def __init__(self, a): self.a = a\nX = C(2)",
    ),
    "dataclass instance": (
        "@dataclasses.dataclass\nclass C:\n a: int\nX = C(1)", "@dataclasses.dataclass\nclass C:\n a: int\nX = C(2)",
    ),
    "default of a dataclass": (
        "@dataclasses.dataclass\nclass C:\n a: int = 1\nX = C", "@dataclasses.dataclass\nclass C:\n a: int = 2\nX = C",
    ),
    "factory of a dataclass": (
        "@dataclasses.dataclass\nclass C:\n a: list = dataclasses.field(default_factory=lambda: [1])\nX = C",
        "@dataclasses.dataclass\nclass C:\n a: list = dataclasses.field(default_factory=lambda: [2])\nX = C",
    ),
    "named tuple": (
        "class C(typing.NamedTuple):\n a: int\nX = C(1)", "class C(typing.NamedTuple):\n a: int\nX = C(2)",
    ),
    "method of a named tuple": (
        "class C(typing.NamedTuple):\n a: int\n def g(self): return 1\nX = C(1)",
        "class C(typing.NamedTuple):\n a: int\n def g(self): return 2\nX = C(1)",
    ),
    "list of a class of its own": ("class C(list): pass\nX = C([1])", "class C(list): pass\nX = C([2])"),
    "constant of a class": ("class C: a = 1\nX = C", "class C: a = 2\nX = C"),
    "method of a base": (
        "class B:\n def g(self): return 1\nclass C(B): pass\nX = C", "class B:\n def g(self): return 2\nclass C(B): pass\nX = C",
    ),
    "static method": (
        "class C:\n @staticmethod\n def g(): return 1\nX = C", "class C:\n @staticmethod\n def g(): return 2\nX = C",
    ),
    "class method": (
        "class C:\n @classmethod\n def g(cls): return 1\nX = C", "class C:\n @classmethod\n def g(cls): return 2\nX = C",
    ),
    "property": (
        "class C:\n @property\n def g(self): return 1\nX = C()", "class C:\n @property\n def g(self): return 2\nX = C()",
    ),
    "setter": (
        "class C:\n def s(self, v): self.v = v\n g = property(None, s)\nX = C",
        "class C:\n def s(self, v): self.v = -v\n g = property(None, s)\nX = C",
    ),
    "cached property": (
        "class C:\n @functools.cached_property\n def g(self): return 1\nX = C()",
        "class C:\n @functools.cached_property\n def g(self): return 2\nX = C()",
    ),
    "cached function": ("@functools.lru_cache\ndef X(): return 1", "@functools.lru_cache\ndef X(): return 2"),
    "helper": ("def X(): return 1", "def X(): return 2"),
    "helper of a helper": ("def g(): return 1\ndef X(): return g()", "def g(): return 2\ndef X(): return g()"),
    "default of a helper": ("def X(a=1): return a", "def X(a=2): return a"),
    "keyword default of a helper": ("def X(*, a=1): return a", "def X(*, a=2): return a"),
    "closure": ("def m(a): return lambda: a\nX = m(1)", "def m(a): return lambda: a\nX = m(2)"),
    "nested function": ("def X():\n def g(): return 1\n return g()", "def X():\n def g(): return 2\n return g()"),
    "comprehension": ("def X(): return [a + 1 for a in (1,)]", "def X(): return [a + 2 for a in (1,)]"),
    "decorator": (
        "def d(g):\n @functools.wraps(g)\n def w(): return g() + 1\n return w\n@d\ndef X(): return 1",
        "def d(g):\n @functools.wraps(g)\n def w(): return g() + 2\n return w\n@d\ndef X(): return 1",
    ),
    "argument of a decorator": (
        "def d(n):\n def e(g):\n  @functools.wraps(g)\n  def w(): return g() + n\n  return w\n return e\n@d(1)\ndef X(): return 1",
        "def d(n):\n def e(g):\n  @functools.wraps(g)\n  def w(): return g() + n\n  return w\n return e\n@d(2)\ndef X(): return 1",
    ),
    "single dispatch": (
        "@functools.singledispatch\ndef X(a): return 1\n@X.register\ndef _(a: int): return 1",
        "@functools.singledispatch\ndef X(a): return 1\n@X.register\ndef _(a: int): return 2",
    ),
    "kernel": ("@kernel\ndef X(a): return a", "@kernel\ndef X(a): return -a"),
    "constant of a kernel": (
        "B = np.uint64(3)\n@kernel\ndef X(a): return a * B", "B = np.uint64(5)\n@kernel\ndef X(a): return a * B",
    ),
    "generic alias": ("X = list[int]", "X = list[str]"),
    "ordered dict": ("X = collections.OrderedDict(a=1, b=2)", "X = collections.OrderedDict(b=2, a=1)"),
    "table of translations": ("X = str.maketrans('a', 'b')", "X = str.maketrans('a', 'c')"),
    "time zone": ("X = datetime.timezone.utc", "X = datetime.timezone(datetime.timedelta(hours=1))"),
    "complex": ("X = 1j", "X = 2j"),
}  # fmt: skip


def module(source: str) -> types.ModuleType:
    """A module of a distribution of its own."""
    made = types.ModuleType(f"edited.m{next(MODULES)}")
    sys.modules[made.__name__] = made  # where dataclasses look
    exec(
        compile(IMPORTS + source + "\ndef f(text): return X\ndef other(text): return 1\n", made.__name__, "exec"),
        vars(made),
    )
    return made


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_is_seen_by_who_reaches_it_and_by_nobody_else(kind: str) -> None:
    before, same, after = (module(text) for text in (EDITS[kind][0], EDITS[kind][0], EDITS[kind][1]))
    assert fingerprint(before.f) == fingerprint(same.f)
    assert fingerprint(before.f) != fingerprint(after.f)
    assert fingerprint(before.other) == fingerprint(after.other)


@pytest.mark.parametrize(
    "same",
    [
        ("def X():\n 'One manual.'\n return 1", "def X():\n 'Another.'\n return 1"),
        ("def X(): return 1", "# a comment\n\n\ndef X():\n    return 1"),
        ("class C:\n 'One.'\n def g(self):\n  'A.'\nX = C()", "\nclass C:\n 'Two.'\n def g(self):\n  'B.'\nX = C()"),
        ("import threading\nX = threading.Lock()", "import threading\nX = threading.Lock()"),
        ("class C:\n __fingerprint__ = 1\nX = C()", "class C:\n __fingerprint__ = 1\n def g(self): pass\nX = C()"),
    ],
)
def test_what_decides_no_value_is_not_in_it(same: tuple[str, str]) -> None:
    assert fingerprint(module(same[0]).f) == fingerprint(module(same[1]).f)


def test_an_object_says_by_itself_what_it_depends_on() -> None:
    text = "class C:\n def __init__(self, a): self.a = a\n def __fingerprint__(self): return self.a\nX = C({})"
    assert fingerprint(module(text.format(1)).f) != fingerprint(module(text.format(2)).f)


@pytest.mark.parametrize("opaque", ["open('/dev/null')", "(i for i in 'ab')", "sys._getframe()"])
def test_what_cannot_be_told_is_refused_or_counted_by_version(opaque: str) -> None:
    made = module(f"import sys\nclass C: pass\nX = C()\nX.handle = {opaque}")
    with pytest.raises(FunctionError, match=r"no-fingerprint.*`X.handle`(.|\n)*version"):
        fingerprint(made.f)
    assert fingerprint(made.f, opaque=True)


def test_the_error_names_the_way_to_the_object() -> None:
    made = module("X = {1: {'inner': [open('/dev/null')]}}")
    with pytest.raises(FunctionError, match=r"the content of `X.inner`, a _io\.TextIOWrapper"):
        fingerprint(made.f)


FUNCTION = '''"""Stat `edited`."""

from juicesql.api import stat
{imports}

@stat("edited(text VARCHAR) -> DOUBLE", runs_on="process", rowwise=True{version})
def edited(text: str) -> float:
    """A number."""
    {body}
'''


def identity(project: Path, name: str = "edited") -> str:
    return Registry(project).identity(name)


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("from ._help import FACTOR", "return FACTOR"),
        ("from . import _help", "return _help.FACTOR"),
        ("", "from ._help import FACTOR; return FACTOR"),
        ("", "from . import _help; return _help.FACTOR"),
        ("", "from ._between import told; return told()"),
        ("from . import _between", "return _between.told()"),
        ("from ._between import told", "return told()"),
    ],
)
def test_helpers_enter_however_they_are_imported(tmp_path: Path, imports: str, body: str) -> None:
    folder = tmp_path / "udfs"
    folder.mkdir()
    (folder / "edited.py").write_text(FUNCTION.format(imports=imports, body=body, version=""))
    (folder / "_between.py").write_text("from . import _help\n\n\ndef told() -> float:\n    return _help.FACTOR\n")
    (folder / "_help.py").write_text("FACTOR = 1.0\n")
    before = identity(tmp_path)
    assert identity(tmp_path) == before
    (folder / "_unused.py").write_text("FACTOR = 1.0\n")
    assert identity(tmp_path) == before
    (folder / "_help.py").write_text("FACTOR = 22.0\n")
    assert identity(tmp_path) != before


def test_a_version_stands_for_what_cannot_be_told(tmp_path: Path) -> None:
    folder = tmp_path / "udfs"
    folder.mkdir()
    file, imports = folder / "edited.py", "HANDLE = open('/dev/null')"
    file.write_text(FUNCTION.format(imports=imports, body="return HANDLE.fileno()", version=""))
    with pytest.raises(FunctionError, match=r"edited.py: the content of `HANDLE`"):
        identity(tmp_path)
    found = []
    for version in (1, 2):
        file.write_text(FUNCTION.format(imports=imports, body="return HANDLE.fileno()", version=f", version={version}"))
        found.append(identity(tmp_path))
    assert found[0] != found[1]


def test_a_sql_macro_enters_with_the_macros_that_it_calls(tmp_path: Path) -> None:
    folder = tmp_path / "macros"
    folder.mkdir()
    head = "-- stat: {0}(text VARCHAR) -> DOUBLE\n-- A number.\ncreate or replace macro {0}(text) as "
    (folder / "edited.sql").write_text(head.format("edited") + 'Inner_Part (text) + "second_part"(text);\n')
    (folder / "second_part.sql").write_text(head.format("second_part") + "1.0;\n")
    (folder / "inner_part.sql").write_text(head.format("inner_part") + "1.0;\n")
    seen = {identity(tmp_path)}
    (folder / "inner_part.sql").write_text(head.format("inner_part") + "2.0;\n")
    seen.add(identity(tmp_path))
    (folder / "second_part.sql").write_text(head.format("second_part") + "2.0;\n")
    seen.add(identity(tmp_path))
    assert len(seen) == 3


def test_the_version_of_a_library_enters(monkeypatch: pytest.MonkeyPatch) -> None:
    from juicesql import versions

    made = module("def X(text):\n import ftfy\n return ftfy.fix_text(text)")
    before = fingerprint(made.f)
    monkeypatch.setattr(versions, "of_module", lambda top: "0.0" if top == "ftfy" else "")
    assert fingerprint(made.f) != before


def test_an_edited_constant_compiles_a_kernel_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUICESQL_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "{}B = np.uint64({})\n\n\n@kernel\ndef times(a):\n    for i in range(len(a)):\n        a[i] *= B\n"
    for base in (3, 5):
        (tmp_path / f"of_{base}.py").write_text(text.format(IMPORTS, base))
        numbers = np.ones(20_000, np.uint64)
        importlib.import_module(f"of_{base}").times(numbers)
        assert numbers[0] == base
    assert len(list((tmp_path / "cache" / "kernels").iterdir())) == 2


def test_identities_of_functions_that_ship_hold_in_every_process_and_at_every_place() -> None:
    code = "from juicesql.registry import Registry; r = Registry(); print([r.identity(n) for n in {names}])"
    names = ["minhash_bands", "stopwords_ratio", "fix_unicode", "find_pii", "image_hash", "video_hash", "text_len"]
    said = {
        subprocess.run(
            [sys.executable, "-c", code.format(names=names)], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
