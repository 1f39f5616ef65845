"""Kernels give the same values compiled and as plain Python, which is how the first small call runs."""

from __future__ import annotations

import sys

import pyarrow as pa
import pytest

from juicesql.assets import asset_digest
from juicesql.call import apply
from juicesql.errors import FunctionError
from juicesql.kernels import SMALL_BYTES, kernel
from juicesql.registry import Registry
from juicesql.signature import constant

TEXTS = [
    "Plain text, with words; more words and words.\n\tTabs\r\nand lines\x0bof all kinds\u2028here.",
    "ΟΔΥΣΣΕΥΣ İstanbul straße “quoted” … café 北京 天气 很好 👩\u200d💻 e\u0301 １２３",
    "mail me@example.org or see https://example.org/a_(b)?c=1, www.example.com. &amp; <b> Ã©",
    "the the the the the the the the the the the the " * 3,
    "",
]
NUMBERS = [[0, 5], [3], [], [1, 40, 2], [9]]
OF_TYPE = {
    "VARCHAR": pa.array(TEXTS),
    "INTEGER[]": pa.array(NUMBERS, pa.list_(pa.int32())),
    "BIGINT[]": pa.array(NUMBERS, pa.list_(pa.int64())),
    "UBIGINT[]": pa.array(NUMBERS, pa.list_(pa.uint64())),
    "FLOAT[][]": pa.array([[[1, n, 2] for n in row] for row in NUMBERS], pa.list_(pa.list_(pa.float32()))),
}
REGISTRY = Registry()
KERNELS = [f.name for f in REGISTRY.all() if f.runs_on == "kernel"]


@pytest.mark.parametrize("name", KERNELS)
def test_compiled_equals_interpreted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function = REGISTRY.get(name)
    parameters = {a.name: constant(a.default) for a in function.signature.parameters}
    try:
        asset_digest(function, parameters)
    except FunctionError as error:
        pytest.skip(f"needs a model: {error}")
    ran = []
    original = kernel.compile
    monkeypatch.setattr(kernel, "compile", lambda self: ran.append(self.__name__) or original(self))

    every = [k for m in list(sys.modules.values()) for k in list(vars(m).values()) if isinstance(k, kernel)]
    for found in every:
        monkeypatch.setattr(found, "_compiled", None)
        monkeypatch.setattr(found, "_small_bytes", SMALL_BYTES)
    small = [OF_TYPE[a.type] for a in function.signature.columns]
    interpreted = apply(function, small, parameters)
    assert not ran or name.endswith("words_ratio")  # these build a table of a long word list
    for found in every:
        monkeypatch.setattr(found, "_small_bytes", 0)
    compiled = apply(function, small, parameters)
    assert ran
    assert interpreted.equals(compiled)
