"""The small project of the engine's tests, attacked here."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from ..engine.conftest import Workbench, bench

__all__ = ["Within", "Workbench", "bench"]

Within = Callable[[float], "contextmanager[None]"]  # type: ignore[type-arg]


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"still at work after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def within() -> object:
    """`with within(5):` fails when what stands in it takes longer."""
    return _within
