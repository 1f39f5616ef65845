"""A small slice of the demo data: every kind of planted row, and enough real text around them."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

from juicesql.recipes_sql.demo import make_demo


def write_slice(path: Path) -> Path:
    """Write the slice as JSON lines; the same bytes each time."""
    real = [*islice(make_demo.topics(), 60), *islice(make_demo.standard_library(), 120)]
    real += islice(make_demo.packages(), 40)
    chance = random.Random(3)
    lines = [d.line() for d in real] + list(make_demo.planted(real, chance))
    chance.shuffle(lines)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path
