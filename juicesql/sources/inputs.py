"""Input strings into weighted files: `0.5 a.jsonl 2 docs/*.txt` and what stands behind each path."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from juicesql.errors import SourceError, nearest
from juicesql.sources.contents import packed
from juicesql.sources.files import check_special, unreadable
from juicesql.sources.formats import Format, detect, override

REMOTE = ("hf://", "s3://", "s3a://", "gs://", "gcs://", "r2://", "az://", "http://", "https://")
# Files that describe a data set, or make it, and are no part of it.
DESCRIPTIONS = (
    *("readme", "license", "licence", "changelog", "citation", "notice", "dataset_infos", "dataset_info"),
    *("makefile", "dockerfile"),
)
# Data by their suffix, which describe data. `state.json` is one of them where it looks like it, see `_descriptions`.
DESCRIBING = (
    *("dataset_info.json", "dataset_infos.json", "dataset_dict.json"),
    *("dataset-metadata.json", "croissant.json"),
)


@dataclass(frozen=True)
class Input:
    """A path as the user wrote it, with its weight."""

    path: str
    weight: Fraction = Fraction(1)

    @property
    def scheme(self) -> str:
        """`remote`, `duckdb`, `empty` or `local`."""
        if self.path.lower().startswith(REMOTE):
            return "remote"
        return next((s for s in ("duckdb", "empty") if self.path.startswith(s + ":")), "local")


def parse(text: str, base: Path) -> list[Input]:
    """The weighted paths of one input string.

    >>> [(i.path, float(i.weight)) for i in parse("0.5 a.jsonl 2 b.parquet", Path("/nowhere"))]
    [('a.jsonl', 0.5), ('b.parquet', 2.0)]
    """
    text = text.strip()
    if not text:
        raise SourceError.of("empty-input", "an input is empty", "name a file, a folder, a glob or a URL")
    if not any(c.isspace() for c in text) or _there(text, base):
        return [Input(text)]
    found: list[Input] = []
    weight: Fraction | None = None
    words: list[str] = []
    for word in [*text.split(), None]:
        number = None if word is None else _weight(word)
        if word is not None and number is None:
            words.append(word)
            continue
        if words:
            found += [Input(p, Fraction(1) if weight is None else weight) for p in _paths(words, base)]
        elif weight is not None:
            raise SourceError.of("weight-without-path", f"a weight in `{text}` has no path", "write `WEIGHT PATH`")
        weight, words = number, []
    return found


def files(item: Input, base: Path, asked: str | None) -> list[tuple[str, Path, Format]]:
    """(name as the user would write it, path, format) of every file behind a local input, sorted."""
    path = base / item.path
    if path.is_file():
        return [(item.path, path, _format(item.path, path, asked))]
    if path.is_symlink() and not path.exists():
        raise unreadable(item.path, path, FileNotFoundError())
    if path.is_dir():
        return _chosen([os.path.join(item.path, name) for name in sorted(_walk(path))], base, item.path, asked)
    if path.exists():
        check_special(item.path, path)
    if glob.has_magic(item.path):
        found = sorted(glob.glob(item.path, root_dir=base, recursive=True))
        names = [n for n in found if not (base / n).is_dir()]
        if names:
            return _chosen(names, base, item.path, asked)
        if found:
            message = f"`{item.path}` matches only folders (`{found[0]}`)"
            raise SourceError.of("no-match", message, f"name what is in them: {found[0]}/*")
        raise SourceError.of("no-match", f"no file matches `{item.path}`", _neighbours(path.parent, path.name))
    raise SourceError.of("missing-file", f"`{item.path}` does not exist", _neighbours(path.parent, path.name))


def _weight(word: str) -> Fraction | None:
    try:
        weight = Fraction(word)
    except (ValueError, ZeroDivisionError):
        return None
    if weight <= 0:
        raise SourceError.of("bad-weight", f"the weight `{word}` is not above 0", "leave the input out")
    return weight


def _there(path: str, base: Path) -> bool:
    if path.startswith("duckdb:"):
        return (base / path.removeprefix("duckdb:").partition("#")[0]).exists()
    return (base / path).exists() or (glob.has_magic(path) and any(glob.iglob(path, root_dir=base, recursive=True)))


def _paths(words: list[str], base: Path) -> list[str]:
    """One path with spaces in it, or several paths."""
    whole = " ".join(words)
    apart = len(words) > 1 and not _there(whole, base)
    return words if apart and all(_there(w, base) or Input(w).scheme != "local" for w in words) else [whole]


def _format(name: str, path: Path, asked: str | None) -> Format:
    found = override(asked, name) if asked else detect(name)
    if found is None:
        told = packed(name, path)
        if told:
            raise SourceError.of("unknown-format", *told)
        message = f"`{name}` has no suffix that juicesql reads"
        raise SourceError.of("unknown-format", message, 'say what it is: format="jsonl"')
    return found


def _walk(folder: Path) -> Iterator[str]:
    for where, folders, names in os.walk(folder, onerror=_closed):
        folders[:] = [f for f in folders if not f.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield os.path.relpath(os.path.join(where, name), folder)


def _closed(error: OSError) -> None:
    message = f"the folder `{error.filename}` cannot be looked into: {error.strerror}"
    raise SourceError.of("unreadable-folder", message, f"chmod u+rx {shlex.quote(str(error.filename))}")


def _chosen(names: list[str], base: Path, asked_for: str, asked: str | None) -> list[tuple[str, Path, Format]]:
    """The readable files of a folder or glob: all data, or all documents."""
    known = [(n, f) for n in names if (f := detect(n)) is not None]
    if asked:
        wanted = [n for n, f in known if f.name == override(asked, n).name]
        known = [(n, override(asked, n)) for n in wanted or names]
    described = _descriptions([n for n, f in known if f.family == "data"], base)
    data = [(n, f) for n, f in known if f.family == "data" and n not in described]
    texts = [(n, f) for n, f in known if f.family == "text"]
    if data and texts:
        own = [(n, f) for n, f in texts if not Path(n).stem.lower().startswith(DESCRIPTIONS)]
        if own:
            message = f"`{asked_for}` mixes data ({data[0][0]}, ...) with documents ({own[0][0]}, ...)"
            mend = f'name one kind with a glob, or say format="txt" or format="{data[0][1].name}"'
            raise SourceError.of("mixed-formats", message, mend)
    left = [(n, p) for n in names if (p := packed(n, base / n)) and (not texts or data)]
    chosen = data or ([] if described else texts)
    if left and (not chosen or any(detect(n.rpartition(".")[0]) for n, _ in left)):
        n, (message, mend) = next(((n, p) for n, p in left if detect(n.rpartition(".")[0])), left[0])
        others = f"; or name the others: {os.path.dirname(n) or '.'}/*.{data[0][0].rpartition('.')[2]}" if data else ""
        raise SourceError.of("unread-file", message, mend + others)
    if not chosen:
        told = f" beside {', '.join(described)}, which only describe data" if described else ""
        message = f"`{asked_for}` holds no file that juicesql reads{told}"
        mend = "it reads jsonl, json, parquet, csv, tsv, docx, pdf and text files"
        raise SourceError.of("nothing-to-read", message, mend)
    return [(n, base / n, f) for n, f in chosen]


def _descriptions(names: list[str], base: Path) -> list[str]:
    """The files among these that describe data, and hold none: of a hub's data set, and manifests of juicesql."""
    here = set(names)
    found = [n for n in names if os.path.basename(n).lower() in DESCRIBING]
    for name in names:
        folder, file = os.path.split(name)
        others = [n for n in names if n.lower().endswith(".json") and os.path.basename(n).lower() not in DESCRIBING]
        beside = os.path.join(folder, "dataset_info.json") in here
        # A file of data may be called `state.json` too, so it has to look like the one that a saved data set has.
        if file.lower() == "state.json" and (beside or len(others) == 1 or _saved_state(base / name)):
            found.append(name)
        of = name.removesuffix(".manifest.json")
        if of != name and (base / of).exists():
            found.append(name)
    return found


def _saved_state(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return b'"_data_files"' in file.read(1 << 16)
    except OSError:
        return False


def _neighbours(folder: Path, name: str) -> str:
    while not folder.is_dir() and folder != folder.parent:
        name, folder = folder.name, folder.parent
    names = sorted(p.name for p in folder.iterdir() if not p.name.startswith("."))[:1000]
    close = nearest(name, names)
    return close or f"{folder} holds {', '.join(names[:5]) or 'nothing'}" + (", ..." if len(names) > 5 else "")
