"""A corpus of real text for the benchmarks, built once from what the machine and its distribution already offer.

Prose comes from Debian documentation packages (English, and about forty other languages), the rest from Python
sources. Nothing is generated: a document is a piece of a real file, cut at a line end, 500 to 10,000 characters long.
One document in twenty is an exact copy of an earlier one. Order and content follow from the files and `SEED` alone.

A corpus of several blocks cuts the same files at other places in each block, so that a large corpus is not the small
one repeated.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import html
import json
import math
import random
import re
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SEED = 20260
BLOCK_DOCUMENTS = 100_000
COPIES_SHARE = 0.05
CODE_SHARE = 0.35  # at least; more when the machine has little prose
SHORTEST, LONGEST, TYPICAL = 500, 10_000, 1_900
PACKAGES = (
    "linux-doc-6.1",
    "python3.11-doc",
    "gnome-user-docs",
    "libreoffice-help-zh-cn",
    "libreoffice-help-ja",
    "libreoffice-help-ru",
    "libreoffice-help-de",
)

_NOISE = re.compile(r"<(script|style|header|head|aside|nav|form)\b.*?</\1\s*>|<!--.*?-->", re.S | re.I)
_TAG = re.compile(r"<[^>]{0,5000}>")
_BLANK_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")


@dataclass(frozen=True)
class Document:
    """One piece of a file; `piece` counts from 0 within the file."""

    source: str
    path: str
    piece: int
    text: str


def plain_text(markup: str) -> str:
    """The words of an HTML or XML page: no tags, scripts or navigation, character references resolved."""
    return _BLANK_LINES.sub("\n\n", html.unescape(_TAG.sub("", _NOISE.sub("", markup)))).strip()


def as_is(text: str) -> str:
    return text


READERS: dict[str, Callable[[str], str]] = {
    ".txt": as_is,
    ".rst": as_is,
    ".yaml": as_is,
    ".py": as_is,
    ".page": plain_text,
    ".html": plain_text,
}


def wanted(path: Path) -> str | None:
    """The suffix that says how to read `path`, or None; the kernel's HTML is its .rst again and is left out."""
    name = path.name.removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix == ".html" and "libreoffice" not in str(path):
        return None
    return suffix if suffix in READERS else None


def read(path: Path, suffix: str) -> str:
    """The text of one file; empty when it is not UTF-8."""
    raw = path.read_bytes()
    try:
        text = (gzip.decompress(raw) if path.name.endswith(".gz") else raw).decode("utf-8")
    except (UnicodeDecodeError, OSError, EOFError):
        return ""
    return READERS[suffix](text)


def pieces(text: str, rng: random.Random) -> Iterator[str]:
    """Cut `text` at line ends into pieces of log-normal length; a remainder too short for a document is left out."""
    begin = 0
    while len(text) - begin >= SHORTEST:
        length = int(rng.lognormvariate(math.log(TYPICAL), 0.6))
        end = begin + min(max(length, SHORTEST), LONGEST)
        line_end = text.find("\n", end, begin + LONGEST)
        if line_end >= 0:
            end = line_end + 1
        elif end < len(text) <= begin + LONGEST:
            end = len(text)
        yield text[begin:end]
        begin = end


def documents(source: str, root: Path, files: Iterable[Path], block: int) -> Iterator[Document]:
    """Every document of `files`, in their order."""
    for path in files:
        suffix = wanted(path)
        if suffix is None:
            continue
        name = path.relative_to(root).as_posix()
        rng = random.Random(f"{SEED}/{block}/{source}/{name}")
        text = read(path, suffix)
        if block:
            text = text[rng.randrange(TYPICAL) :]
        for number, piece in enumerate(pieces(text, rng)):
            yield Document(source, name, number, piece)


def fetch_packages(work: Path) -> dict[str, Path]:
    """Download and unpack the documentation packages that can be had; folder by package name with version."""
    roots = {}
    downloads = work / "debs"
    downloads.mkdir(parents=True, exist_ok=True)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        return roots
    for package in PACKAGES:
        if not list(downloads.glob(f"{package}_*.deb")):
            subprocess.run(["apt-get", "download", package], cwd=downloads, capture_output=True, check=False)
        for archive in sorted(downloads.glob(f"{package}_*.deb"))[:1]:
            folder = downloads / archive.stem
            if not folder.exists():
                subprocess.run(["dpkg-deb", "-x", str(archive), str(folder)], check=True)
            roots[archive.stem.replace("%3a", ":").removesuffix("_all")] = folder
    return roots


def prose_pool(work: Path, block: int) -> list[Document]:
    """Every document of the documentation packages, in a fixed order."""
    pool = []
    for source, root in sorted(fetch_packages(work).items()):
        files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        pool += documents(source.split("_")[0], root, files, block)
    return pool


def code_roots(extra: Iterable[Path]) -> dict[str, Path]:
    return {"python": Path(sysconfig.get_paths()["stdlib"])} | {path.name: path for path in extra if path.is_dir()}


def code_pool(roots: dict[str, Path], count: int, block: int) -> list[Document]:
    """`count` documents from Python sources below `roots`, files taken in a shuffled but fixed order."""
    files = [
        (source, root, path)
        for source, root in sorted(roots.items())
        for path in sorted(root.rglob("*.py"))
        if source != "python" or "site-packages" not in path.parts
    ]
    random.Random(f"{SEED}/code").shuffle(files)
    pool: list[Document] = []
    for source, root, path in files:
        pool += documents(source, root, [path], block)
        if len(pool) >= count:
            break
    return pool[:count]


def with_copies(originals: list[Document], copies: int, rng: random.Random) -> list[tuple[Document, int]]:
    """`originals` with `copies` of them planted at random later places; each with the place of its original or -1."""
    placed: list[tuple[float, Document, int]] = [(place, doc, -1) for place, doc in enumerate(originals)]
    for place in rng.sample(range(len(originals)), copies):
        placed.append((rng.uniform(place + 0.5, len(originals)), originals[place], place))
    placed.sort(key=lambda item: item[0])
    return [(doc, original) for _, doc, original in placed]


def block_of(work: Path, roots: dict[str, Path], count: int, block: int) -> list[tuple[Document, int]]:
    """The documents of one block in their final order."""
    rng = random.Random(f"{SEED}/order/{block}")
    copies = round(count * COPIES_SHARE)
    prose = prose_pool(work, block)
    if len(prose) > (most := round((count - copies) * (1 - CODE_SHARE))):
        prose = rng.sample(prose, most)
    originals = prose + code_pool(roots, count - copies - len(prose), block)
    if len(originals) < count - copies:
        raise SystemExit(f"this machine has text for {len(originals)} documents only; ask for fewer with --docs")
    rng.shuffle(originals)
    return with_copies(originals, copies, rng)


def build(path: Path, count: int, work: Path, extra_code: Iterable[Path] = ()) -> dict[str, object]:
    """Write `count` documents to `path` unless they are there; returns the manifest kept beside it."""
    manifest = path.with_suffix(".manifest.json")
    if path.exists() and manifest.exists():
        return json.loads(manifest.read_text())
    roots = code_roots(extra_code)
    made: Counter[str] = Counter()
    digest, characters, number, copies = hashlib.sha256(), 0, 0, 0
    part = path.with_suffix(".part")
    with part.open("wb") as out:
        for block in range(math.ceil(count / BLOCK_DOCUMENTS)):
            for doc, original in block_of(work, roots, min(BLOCK_DOCUMENTS, count - number), block):
                meta = {"id": number, "source": doc.source, "path": doc.path, "piece": doc.piece, "copy": original >= 0}
                line = json.dumps({"text": doc.text, "meta": meta}, ensure_ascii=False).encode() + b"\n"
                digest.update(line)
                out.write(line)
                made[doc.source] += 1
                characters += len(doc.text)
                copies += original >= 0
                number += 1
    facts: dict[str, object] = {
        "documents": number,
        "bytes": part.stat().st_size,
        "characters": characters,
        "planted_copies": copies,
        "sources": dict(sorted(made.items())),
        "packages": sorted(fetch_packages(work)),
        "sha256": digest.hexdigest(),
    }
    manifest.write_text(json.dumps(facts, indent=1))
    part.replace(path)
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--docs", type=int, default=BLOCK_DOCUMENTS)
    parser.add_argument("--work", type=Path, default=Path(__file__).parent / "work")
    parser.add_argument("--code", type=Path, action="append", default=[], help="another folder of Python sources")
    arguments = parser.parse_args()
    json.dump(build(arguments.path, arguments.docs, arguments.work, arguments.code), sys.stdout, indent=1)


if __name__ == "__main__":
    main()
