"""Brings together what a sheet of samples shows: their stories, their rows as the source has them, their media."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from juicesql.errors import JuiceError, Problem, StoreError
from juicesql.origin import may_name_files
from juicesql.project import Project, open_project
from juicesql.replay import Changed, recorded, replay
from juicesql.reread import Rows, reread_rows
from juicesql.runs import RunRecord, find_run
from juicesql.store import Store
from juicesql.thumbnails import KINDS, Thumbnail, Thumbnailer, can_make
from juicesql.trace import Story, trace

MOST_MEDIA = 12  # files of a sample that are shown
MOST_BYTES = 24 << 20  # of all pictures of a sheet
_KINDS = frozenset(KINDS.values())
_BY_NAME = KINDS | {name.removesuffix("s"): kind for name, kind in KINDS.items()}

_KEPT = "select sample_id from verdicts where run_id = ? and verdict = 'kept' order by sample_id limit ?"
_GONE = """
select sample_id from verdicts where run_id = ? and verdict <> 'kept'
order by row_number() over (partition by verdict, cut order by sample_id), sample_id limit ?
"""


@dataclass(frozen=True)
class MediaItem:
    """A file that a sample names. `values` are those that stats gave for it alone, by their SQL.

    `file` is where it is: empty when it may not be opened.
    """

    column: str
    kind: str  # image, video, audio
    path: str
    values: Mapping[str, Any]
    thumbnail: Thumbnail | None  # None: not made; the sheet's notes say why
    file: str = ""


@dataclass(frozen=True)
class Card:
    """One sample. `row` is None where the source cannot be read again; `media_left` are files beyond the limit."""

    story: Story
    row: Mapping[str, Any] | None
    texts: tuple[str, ...]  # columns of the row that are shown as text
    media: tuple[MediaItem, ...] = ()
    media_left: int = 0
    media_columns: tuple[str, ...] = ()
    changes: tuple[Changed, ...] = ()  # what mappers made of it


@dataclass(frozen=True)
class Sheet:
    run_id: str
    recipe: str
    source: str
    started: datetime
    rows_in: int
    kept: int
    dropped: int
    duplicates: int
    errors: int
    cards: tuple[Card, ...]
    notes: tuple[str, ...] = ()  # what is missing, and why
    hints: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Without the pictures."""
        facts = {k: v for k, v in self.__dict__.items() if k != "cards"}
        return {**facts, "samples": [_card_facts(card) for card in self.cards]}


@dataclass
class _Gallery:
    """Makes each thumbnail once, until the pictures have reached their limit."""

    make: Thumbnailer
    room: int = field(default_factory=lambda: MOST_BYTES)
    able: bool = field(default_factory=can_make)
    made: dict[tuple[str, str], Thumbnail] = field(default_factory=dict)
    left_out: int = 0

    def thumbnail(self, kind: str, path: str) -> Thumbnail | None:
        if not self.able:
            return None
        found = self.made.get((kind, path)) or (self.make(kind, path) if self.room > 0 else None)
        if found is None:
            self.left_out += 1
            return None
        self.made[kind, path] = found
        self.room -= found.bytes
        return found


def show(
    name: str = "latest",
    sample_ids: Sequence[int] = (),
    *,
    project: str | Path | None = None,
    first: int = 3,
    most_media: int = MOST_MEDIA,
    confined: bool = False,
    changes: bool = True,
) -> Sheet:
    """The sheet of some samples of a run; without ids the first that stayed, and of those that went some of each cut.

    `name` is a run id, `latest`, or a recipe (then its newest run). StoreError when there is no such run, or when the
    run had no such samples. Rows and media are read again from the source; where that fails, a note says so. With
    `confined`, no file outside of the media root is opened, even if the recipe allows it, and no machine is asked.
    What mappers changed is found again for every sample, unless `changes` is off.
    """
    near = Path(name) if Path(name).exists() else None
    found = open_project(Path(project) if project else None, near=near)
    with Store(found.root).open(read_only=True, closed=True) as con:
        run = find_run(con, name, found, analyses=True)
        ids = list(dict.fromkeys(sample_ids)) or _chosen(con, run, first)
        traced = con.execute("select 1 from changes where run_id = ? limit 1", [run.run_id]).fetchone() is not None
    stories = _stories(run, found, ids)
    rows, notes = _rows(run, found, ids, remote=not confined)
    made, why = replay(run, {s.place.sample_id: s for s in stories}, rows.columns, rows.rows) if changes else ({}, "")
    if confined:
        rows = replace(rows, media=replace(rows.media, confined=True))
    with Thumbnailer(rows.media) as make:
        gallery = _Gallery(make)
        maker = _CardMaker(rows, gallery, most_media)
        cards = tuple(
            replace(maker.card(s), changes=made.get(s.place.sample_id) or recorded(s)) for s in stories
        )  # fmt: skip
    if not gallery.able and any(card.media for card in cards):
        notes.append("Media are listed by name only. To see them: pip install 'juicesql[media]'")
    if gallery.left_out:
        notes.append(f"{gallery.left_out} media are listed by name only: the sheet has {MOST_BYTES >> 20} MB of others")
    unchanged = traced and why and any(not card.changes for card in cards)
    hint = f"A run records changes of a step's first rows only; juicesql run --trace N records those of N. Here, {why}."
    return Sheet(
        run.run_id, run.recipe, run.source, run.started, run.rows_in, run.kept, run.dropped, run.duplicates,
        run.errors, cards, tuple(notes), (hint,) if unchanged else (),
    )  # fmt: skip


def _chosen(con: duckdb.DuckDBPyConnection, run: RunRecord, first: int) -> list[int]:
    return [r[0] for sql in (_KEPT, _GONE) for r in con.execute(sql, [run.run_id, first]).fetchall()]


def _stories(run: RunRecord, project: Project, ids: Iterable[int]) -> list[Story]:
    stories: list[Story] = []
    problems: list[Problem] = []
    for sample_id in ids:
        try:
            stories.append(trace(run.run_id, sample_id, project=project.root))
        except StoreError as error:
            problems += error.problems
    if problems:
        raise StoreError(problems)
    return stories


def _rows(run: RunRecord, project: Project, ids: Sequence[int], remote: bool) -> tuple[Rows, list[str]]:
    try:
        rows = reread_rows(run, project, ids, remote)
    except JuiceError as error:
        return Rows.none(), [f"The source cannot be read again, so texts and media are missing: {error.problems[0]}"]
    changed = "The source has changed since the run: rows and media are those of now, and may be of other samples."
    return rows, [changed] if rows.changed else []


class _CardMaker:
    def __init__(self, rows: Rows, gallery: _Gallery, most_media: int) -> None:
        self.rows, self.gallery, self.most_media = rows, gallery, most_media
        able = {f.name for f in rows.columns if may_name_files(f.type)}
        self.kinds = {f.name: _BY_NAME[f.name] for f in rows.columns if f.name in _BY_NAME and f.name in able}
        self.column_of: dict[str, str] = {}  # a call, as the author wrote it -> the column of the files it measures
        for sql, columns in rows.files.items():
            for column, kind in columns.items():
                if column in able and kind in _KINDS:
                    self.kinds.setdefault(column, kind)
                    self.column_of.setdefault(sql, column)

    def card(self, story: Story) -> Card:
        row = self.rows.rows.get(story.place.sample_id)
        if row is None:
            return Card(story, None, ())
        named = [(c, k, i, p) for c, k in self.kinds.items() for i, p in enumerate(_paths(row.get(c)))]
        values = {sql: value for step in story.steps for sql, value in _values(step).items()}
        items = [
            MediaItem(
                c, k, p, self._values_of(c, i, len(_paths(row[c])), values), self.gallery.thumbnail(k, p), self._file(p)
            )
            for c, k, i, p in named[: self.most_media]
        ]
        left = len(named) - len(items)
        return Card(story, row, self._texts(row), tuple(items), left, tuple(self.kinds))

    def _file(self, name: str) -> str:
        try:
            return self.rows.media.path(name)
        except (OSError, ValueError):
            return ""

    def _values_of(self, column: str, position: int, count: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """What stats with one value per file of the column gave for one of them."""
        fitting = {s: v for s, v in values.items() if self.column_of.get(s) == column and isinstance(v, list)}
        return {sql: value[position] for sql, value in fitting.items() if len(value) == count}

    def _texts(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """The column `text`, and others that are long; without any, the first column of text."""
        strings = [n for n, v in row.items() if isinstance(v, str) and n not in self.kinds]
        long = [n for n in strings if n == "text" or len(row[n]) > 200 or "\n" in row[n]]
        return tuple(sorted(long, key=lambda n: n != "text") or strings[:1])


def _paths(value: Any) -> list[str]:
    given = value if isinstance(value, list) else [] if value is None else [value]
    return ["" if v is None else str(v) for v in given]


def _values(step: Any) -> dict[str, Any]:
    measured = {name: value for cut in step.cuts for name, value in cut.values.items()}
    return measured | dict(step.stats)


def _card_facts(card: Card) -> dict[str, Any]:
    media = [
        {"column": m.column, "path": m.path, "kind": m.kind, "values": dict(m.values)}
        | ({"facts": dict(m.thumbnail.facts), "error": m.thumbnail.error} if m.thumbnail else {})
        for m in card.media
    ]
    changes = [asdict(c) for c in card.changes]
    return {**asdict(card.story), "changes": changes, "media": media, "media_left": card.media_left}
