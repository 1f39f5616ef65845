"""Does every function give the peer's value? Prints each difference; exit code 1 when there is one.

Usage: python benchmarks/parity.py [--fresh] [--corpus N]

The values of the peer on the texts of tricky.py are kept in `work/golden.jsonl`; `--fresh` computes them again with
the peer's operators. `--corpus N` adds N documents of the benchmark's corpus. Counts must be equal, ratios within
1e-9, mapped text equal.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import corpus
import peer
import tricky

HERE = Path(__file__).resolve().parent
WORK = HERE / "work"
LISTS = HERE.parent / "udfs" / "text" / "_assets"
TOLERANCE = 1e-9

CALLS = {
    "text_len": "text_len(text)",
    "num_words": "num_words(text)",
    "alnum_ratio": "alnum_ratio(text)",
    "special_char_ratio": "special_char_ratio(text)",
    "avg_line_length": "avg_line_length(text)",
    "max_line_length": "max_line_length(text)",
    "char_rep_ratio_2": "char_rep_ratio(text, rep_len := 2)",
    "char_rep_ratio_5": "char_rep_ratio(text, rep_len := 5)",
    "char_rep_ratio_10": "char_rep_ratio(text, rep_len := 10)",
    "word_rep_ratio_1": "word_rep_ratio(text, rep_len := 1)",
    "word_rep_ratio_2": "word_rep_ratio(text, rep_len := 2)",
    "word_rep_ratio_10": "word_rep_ratio(text, rep_len := 10)",
    "stopwords_ratio_en": "stopwords_ratio(text, lang := 'en')",
    "stopwords_ratio_zh": (
        "stopwords_ratio(text, lang := 'zh', use_words_aug := true, words_aug_group_sizes := [2, 3])"
    ),
    "flagged_words_ratio_en": "flagged_words_ratio(text, lang := 'en')",
    "flagged_words_ratio_zh": "flagged_words_ratio(text, lang := 'zh')",
    "flagged_words_ratio_all": "flagged_words_ratio(text, lang := 'all')",
    "whitespace_normalization": "whitespace_normalization(text)",
    "clean_links": "clean_links(text)",
    "clean_email": "clean_email(text)",
    "fix_unicode": "fix_unicode(text)",
    "punctuation_normalization": "punctuation_normalization(text)",
    "clean_html": "clean_html(text)",
}


@dataclass(frozen=True)
class Difference:
    """One value that is not the peer's."""

    name: str
    text: str
    peer: object
    ours: object


def ask_peer(texts: Iterable[str], path: Path) -> None:
    """Write what the peer computes for `texts` to `path`."""
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    part = path.with_suffix(".part")
    environment = peer.clean_environment(WORK / "parity-home")
    command = [str(peer.ensure(WORK)), str(HERE / "peer_values.py"), str(LISTS)]
    with part.open("w") as out:
        subprocess.run(command, input=lines, stdout=out, env=environment, text=True, check=True)
    part.replace(path)


def golden(path: Path) -> list[dict[str, object]]:
    """Rows of text and the peer's values by the names of `CALLS`."""
    rows = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        rows.append({"text": row["text"], **row["stats"], **row["mappers"]})
    return rows


def raised(peers: object) -> bool:
    """Whether the peer's operator failed on this text: nothing is asked of us then, and the report says how often."""
    return isinstance(peers, dict)


def same(peers: object, ours: object) -> bool:
    """Equal, or ratios closer than the tolerance."""
    if isinstance(peers, float) and isinstance(ours, float):
        return math.isclose(peers, ours, rel_tol=0, abs_tol=TOLERANCE)
    return peers == ours and isinstance(peers, str) == isinstance(ours, str)


def our_values(texts: list[str]) -> Iterator[tuple[str, list[object] | str]]:
    """Our value of every text by name; a message instead of the values where the function cannot be called."""
    import pyarrow as pa

    import juicesql

    with juicesql.connect() as con:
        con.register("texts", pa.table({"place": range(len(texts)), "text": texts}))
        for name, call in CALLS.items():
            try:
                rows = con.execute(f"select {call} from texts order by place").fetchall()
            except Exception as error:  # a function that is not there yet is one line of the report, not its end
                yield name, f"{type(error).__name__}: {str(error).splitlines()[0]}"
            else:
                yield name, [row[0] for row in rows]


def compare(rows: list[dict[str, object]]) -> tuple[list[Difference], dict[str, str]]:
    """Every difference, and the functions that could not be asked."""
    differences, missing = [], {}
    for name, values in our_values([str(row["text"]) for row in rows]):
        if isinstance(values, str):
            missing[name] = values
            continue
        for row, ours in zip(rows, values, strict=True):
            if not raised(row[name]) and not same(row[name], ours):
                differences.append(Difference(name, str(row["text"]), row[name], ours))
    return differences, missing


def shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-90:]}"


def parts_that_differ(difference: Difference) -> str:
    """Two long mapped texts from their first difference on; other values whole."""
    peers, ours = difference.peer, difference.ours
    if not (isinstance(peers, str) and isinstance(ours, str)):
        return f"  peer {shown(peers)}\n  ours {shown(ours)}\n  text {shown(difference.text)}"
    pairs = zip(peers, ours, strict=False)
    at = next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(peers), len(ours)))
    begin = max(0, at - 20)
    return f"  at {at}\n  peer {shown(peers[begin : at + 60])}\n  ours {shown(ours[begin : at + 60])}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="ask the peer again")
    parser.add_argument("--corpus", type=int, default=0, metavar="N", help="also N documents of the corpus")
    parser.add_argument("--show", type=int, default=1000, help="differences to print for each function")
    arguments = parser.parse_args()
    WORK.mkdir(exist_ok=True)
    path = WORK / "golden.jsonl"
    if arguments.fresh or not path.exists():
        ask_peer(tricky.texts(LISTS), path)
    rows = golden(path)
    if arguments.corpus:
        source, more = WORK / "corpus-100000.jsonl", WORK / f"golden-corpus-{arguments.corpus}.jsonl"
        corpus.build(source, 100_000, WORK, peer.code_folders(WORK))
        if arguments.fresh or not more.exists():
            with source.open() as lines:
                ask_peer([json.loads(line)["text"] for line in islice(lines, arguments.corpus)], more)
        rows += golden(more)
    differences, missing = compare(rows)
    printed: Counter[str] = Counter()
    for difference in differences:
        printed[difference.name] += 1
        if printed[difference.name] <= arguments.show:
            print(f"{difference.name}\n{parts_that_differ(difference)}")
    print(f"{len(rows)} texts")
    for name in CALLS:
        values = [row[name] for row in rows]
        failed = sum(map(raised, values))
        distinct = len(set(map(str, values)))
        told = f"{printed[name]} differences in {len(values) - failed} texts, {distinct} distinct values"
        print(f"  {name:28} {missing.get(name) or told}" + (f"; the peer failed on {failed}" if failed else ""))
    return 1 if differences or missing else 0


if __name__ == "__main__":
    sys.exit(main())
