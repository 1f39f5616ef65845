"""What makes an encoded file the same bytes in every run: for all that write sound and pictures."""

from __future__ import annotations

from typing import Any

CONTAINER = {"fflags": "+bitexact"}  # no times, no versions, no random numbers
X264 = {"mbtree": "0"}  # macroblock trees give other bytes at each run on some machines


def repeatable(context: Any) -> None:
    """Tell the encoder of a track, before it is opened, to work in one thread and to write nothing of itself."""
    from av.codec.context import Flags

    context.thread_count, context.thread_type = 1, "NONE"
    context.flags |= Flags.bitexact
