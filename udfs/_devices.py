"""Where models run: the device, its precision, and batches that its memory can hold."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from juicesql.api import FunctionError

Item = TypeVar("Item")
# What torch and onnxruntime say where memory is short, in errors of several classes.
_SHORT_OF_MEMORY = (
    "out of memory", "can't allocate memory", "not enough memory", "failed to allocate memory", "alloc_failed",
    "bad_alloc",
)  # fmt: skip
# The batch size that worked, by the object that owns the model and the name of the call.
_worked: WeakKeyDictionary[Any, dict[str, int]] = WeakKeyDictionary()


@lru_cache(maxsize=1)
def device() -> str:
    """`cuda` where a GPU is visible, else `cpu`; `JUICESQL_DEVICE` chooses another of torch's, such as `cpu` or `mps`.

    Where there are several GPUs, each worker sees one of them only (`CUDA_VISIBLE_DEVICES`), so `cuda` is its own.
    """
    import torch

    found = "cuda" if torch.cuda.is_available() else "cpu"
    wanted = os.environ.get("JUICESQL_DEVICE") or found
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:  # no such device, or torch is built without it
        mend = f"set it to {found!r}, or leave it out"
        cause = str(error).strip().partition("\n")[0]
        raise FunctionError.of("no-device", f"JUICESQL_DEVICE is {wanted!r}: {cause}", mend) from error
    return wanted


@contextmanager
def autocast() -> Iterator[None]:
    """Runs a model without gradients: on a GPU in mixed precision, on a CPU in the precision that the model has.

    Half precision is float16: the 8 bits of bfloat16 are coarse for scores that are compared with a threshold.
    """
    import torch

    on_gpu = device().startswith("cuda")
    with torch.inference_mode(), torch.autocast("cuda", dtype=torch.float16, enabled=on_gpu):
        yield


def batched(
    call: Callable[[Sequence[Item]], Sequence[Any]], items: Sequence[Item], first_size: int
) -> tuple[list[Any], dict[int, str]]:
    """Runs `call` over all items in batches that fit into memory: its values, and what went wrong by position.

    `call` is a method of the object that owns the model. It gets at most `first_size` items and gives one value for
    each. A batch that memory cannot hold is halved and tried again; the size that then works is kept for this model as
    long as the process lives, and batches never grow again. An item that does not fit alone has the value None and a
    message; the batches that were halved for its sake do not count.
    """
    sizes = _worked.setdefault(call.__self__, {})  # type: ignore[attr-defined]
    values: list[Any] = [None] * len(items)
    failures: dict[int, str] = {}
    halved: list[tuple[int, int]] = []  # where batches ended that did not fit, and the size at that time
    start, size = 0, min(first_size, sizes.get(call.__name__, first_size))
    while start < len(items):
        part = items[start : start + size]
        found = _unless_out_of_memory(call, part)
        if found is None and len(part) > 1:
            halved.append((start + len(part), size))
            size = len(part) // 2
            continue
        if found is None:
            failures[start] = "the model needs more memory for it than there is"
            size = next((before for stop, before in halved if start < stop), size)
        else:
            values[start : start + len(part)] = found
        start += len(part)
        sizes[call.__name__] = size
    return values, failures


def _unless_out_of_memory(call: Callable[[Sequence[Item]], Sequence[Any]], part: Sequence[Item]) -> list[Any] | None:
    """The values of a batch, or None; when it returns, nothing holds the memory of a failed batch any more."""
    try:
        found = list(call(part))
    except Exception as error:  # those of onnxruntime have no class in common with the others
        if not is_out_of_memory(error):
            raise
    else:
        if len(found) != len(part):
            raise ValueError(f"the model gave {len(found)} values for {len(part)} items")
        return found
    gc.collect()
    if "torch" in sys.modules:
        sys.modules["torch"].cuda.empty_cache()  # does nothing without a GPU
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """
    >>> is_out_of_memory(MemoryError()), is_out_of_memory(RuntimeError("CUDA error: out of memory"))
    (True, True)
    >>> is_out_of_memory(RuntimeError("expected 3 channels"))
    False
    """
    told = str(error).lower()
    return isinstance(error, MemoryError) or any(words in told for words in _SHORT_OF_MEMORY)
