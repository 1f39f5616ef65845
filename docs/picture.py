"""Draws docs/funnel.svg, the picture of the README, from the newest run in a stats database.

make run && .venv/bin/python docs/picture.py [demo/stats.duckdb]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import duckdb

HERE = Path(__file__).resolve().parent
LINE, LEFT, BAR, RIGHT = 26, 366, 420, 170  # pixels: height of a row, labels, longest bar, numbers
INK, QUIET, KEPT, DROPPED, PAPER = "#1f2328", "#6e7781", "#2f7d6d", "#e0714f", "#ffffff"


@dataclass(frozen=True)
class Row:
    """A line of the funnel: rows that came in and rows that left it."""

    label: str
    rows_in: int
    dropped: int


def read(database: Path) -> tuple[str, int, list[Row]]:
    """Heading, rows in and the funnel of the newest finished run."""
    with duckdb.connect(str(database), read_only=True) as con:
        newest = "select * from runs where status = 'done' order by started desc limit 1"
        run, rows_in, source, seconds = con.execute(
            f"select run_id, rows_in, source, seconds from ({newest})"
        ).fetchone()
        by_verdict = "select verdict, count(*) from verdicts where run_id = ? group by verdict"
        counts = dict(con.execute(by_verdict, [run]).fetchall())
        cuts = con.execute(
            "select sql, rows_in, dropped from cuts where run_id = ? order by position", [run]
        ).fetchall()
    rows = [Row("unreadable rows", rows_in, counts.get("error", 0)), *(Row(*cut) for cut in cuts)]
    last = rows[-1].rows_in - rows[-1].dropped
    rows.append(Row("exact duplicates", last, counts.get("duplicate", 0)))
    return f"{source}: {rows_in:,} rows in, {counts['kept']:,} kept, in {seconds:.1f} s", rows_in, rows


def draw(heading: str, total: int, rows: list[Row]) -> str:
    """The funnel as SVG: for each line what stays (green) and what it takes away (red)."""
    width, height = LEFT + BAR + RIGHT, LINE * (len(rows) + 3)
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-size="13" '
        'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace">',
        f"<title>{escape(heading)}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}" stroke="#d0d7de"/>',
        f'<text x="20" y="32" fill="{INK}" font-weight="600">{escape(heading)}</text>',
        *(mark for i, row in enumerate(rows) for mark in _line(row, LINE * (i + 2), total)),
        "</svg>",
        "",
    ])  # fmt: skip


def _line(row: Row, top: int, total: int) -> Iterator[str]:
    left = row.rows_in - row.dropped
    stays, goes = BAR * left / total, max(BAR * row.dropped / total, 1.5 if row.dropped else 0)
    yield f'<text x="20" y="{top + 17}" fill="{INK}">{escape(row.label)}</text>'
    yield f'<rect x="{LEFT}" y="{top + 4}" width="{stays:.1f}" height="17" fill="{KEPT}"/>'
    yield f'<rect x="{LEFT + stays:.1f}" y="{top + 4}" width="{goes:.1f}" height="17" fill="{DROPPED}"/>'
    x = LEFT + BAR + 18
    yield f'<text x="{x + 52}" y="{top + 17}" fill="{DROPPED}" text-anchor="end">-{row.dropped:,}</text>'
    yield f'<text x="{x + 128}" y="{top + 17}" fill="{QUIET}" text-anchor="end">{left:,}</text>'


def main(database: str = "demo/stats.duckdb") -> None:
    out = HERE / "funnel.svg"
    out.write_text(draw(*read(Path(database))), "utf-8")
    print(f"{out}: {out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
