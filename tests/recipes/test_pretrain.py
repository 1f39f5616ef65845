"""The published recipes keep good prose, and drop each made document by the cut that it was made for."""

from __future__ import annotations

import json
from itertools import chain, count, islice, pairwise, product
from pathlib import Path

import duckdb
import pytest
from juicesql.udfs.text._lists import SHIPPED

import juicesql

PROSE = """\
The river rises in the hills above the old mill and runs south for almost ninety miles.
Farmers who settled there in the last century planted apples, pears and a few rows of hardy vines.
Most of their orchards have since been cut down, but some of the stone walls can still be seen.
A narrow road follows the water as far as the bridge, where it meets the railway line to the coast.
Visitors often stop at the small museum that a retired teacher opened in her former classroom.
She collects tools, letters and photographs, and she is happy to explain what each of them was for.
In spring the valley floods, so nobody builds close to the banks any more.
Herons wait in the shallows, and with some luck you may watch an otter slip under the roots.
The local council would like to be ready before the next high water comes.
Until then, walkers should keep to the upper path, which stays dry throughout the year."""
GERMAN = """\
Der Fluss entspringt in den Hügeln oberhalb der alten Mühle und fließt fast neunzig Meilen nach Süden.
Die Bauern, die sich dort niederließen, pflanzten Äpfel, Birnen und ein paar Reihen robuster Reben.
Die meisten ihrer Obstgärten wurden seitdem gerodet, aber einige Mauern kann man noch sehen.
Eine schmale Straße folgt dem Wasser bis zur Brücke, wo sie auf die Eisenbahn zur Küste trifft.
Besucher halten oft an dem kleinen Museum, das eine Lehrerin im Ruhestand eröffnet hat.
Sie sammelt Werkzeuge, Briefe und Fotos, und sie erklärt gern, wozu alles diente.
Ein Schild trägt die Worte "the end of the line".
"""
LINES = PROSE.splitlines()
LETTERS = "bcdfghjklm"


def plain_words(number: int) -> list[str]:
    """Words of five letters, none twice, with two stopwords among them."""
    made = islice(map("".join, product(LETTERS, "aeiou", LETTERS, "aeiou", LETTERS)), number - 2)
    return ["the", "of", *made]


def grouped(words: list[str], size: int, joint: str) -> list[str]:
    return [joint.join(words[i : i + size]) for i in range(0, len(words), size)]


def text_of(words: list[str], size: int = 12) -> str:
    """Sentences of so many words, one a line."""
    return "\n".join(f"{s[0].upper()}{s[1:]}." for s in grouped(words, size, " "))


def phrase_often(n: int, times: int) -> str:
    """300 words, in which a phrase of n words stands so many times, each time with another word behind it."""
    words = plain_words(300 - n * (times - 1))
    phrase, rest = words[20 : 20 + n], words[20 + n :]
    pieces = [[*phrase, rest[i]] for i in range(times)]
    return " ".join([*words[:20], *chain(*pieces), *rest[times:]])


def phrases_again(n: int, share: float) -> str:
    """300 words, in which so large a share of the characters stands in phrases of n words that are said again."""
    times = round(share * 6 * 300 / (5 * n))
    words = plain_words(300 - n * times)
    again = [[*words[10 + (n + 1) * i :][:n], words[-1 - i]] for i in range(times)]
    return " ".join([*words[: len(words) - times], *chain(*again)])


def insert(word: str, share: float) -> str:
    """The prose with a further word after so large a share of its words."""
    number, every = count(), round(1 / share)
    return "\n".join(" ".join(f"{w} {word}" if next(number) % every == 0 else w for w in x.split()) for x in LINES)


def some_again(pieces: list[str], number: int) -> list[str]:
    """The pieces, with so many of them a second time, each behind another piece than the first time."""
    behind = {len(pieces) - 1 - 2 * i: pieces[i] for i in range(number)}
    return [*chain(*([piece, behind[i]] if i in behind else [piece] for i, piece in enumerate(pieces)))]


LONG = [a + b + a for a, b in pairwise(plain_words(80))]
QUALITY = {
    "word_count(text)": "\n".join(LINES[:2]),
    "mean_word_length(text)": text_of([*LONG, "the", "of"]),
    "symbol_word_ratio(text, '#')": insert("#", 0.15),
    "symbol_word_ratio(text, ['...', '…'])": insert("so…", 0.15),
    "bullet_line_ratio(text)": "\n".join(f"- {line}" for line in LINES),
    "ellipsis_line_ratio(text)": PROSE.replace(".\n", "...\n", 4),
    "alpha_word_ratio(text)": "\n".join(f"{line} {i}11 {i}23 {i}35 {i}47 {i}59" for i, line in enumerate(LINES, 1)),
    "stopword_count(text)": text_of(plain_words(120)[2:]),
}
REPETITION = {
    "dup_line_ratio(text)": PROSE + "\nYes, and so on." * 8,
    "dup_para_ratio(text)": PROSE + "\n\nYes, and so on." * 5,
    "dup_line_char_ratio(text)": "\n".join(some_again(grouped(plain_words(240), 4, " "), 20)),
    "dup_para_char_ratio(text)": "\n\n".join(some_again(grouped(plain_words(76), 4, "\n"), 6)),
    "top_ngram_char_ratio(text, 2)": phrase_often(2, 34),
    "top_ngram_char_ratio(text, 3)": phrase_often(3, 20),
    "top_ngram_char_ratio(text, 4)": phrase_often(4, 13),
    "dup_ngram_char_ratio(text, 5)": phrases_again(5, 0.17),
    "dup_ngram_char_ratio(text, 6)": phrases_again(6, 0.15),
    "dup_ngram_char_ratio(text, 7)": phrases_again(7, 0.14),
    "dup_ngram_char_ratio(text, 8)": phrases_again(8, 0.13),
    "dup_ngram_char_ratio(text, 9)": phrases_again(9, 0.12),
    "dup_ngram_char_ratio(text, 10)": phrases_again(10, 0.11),
}
CODE = {
    "substring_count(text, '{')": PROSE + "\nThe function begins with a { and has no end.",
    "substring_count(LOWER(text), 'lorem ipsum')": PROSE + "\nLorem Ipsum is what printers write.",
}
FLAGGED = next(word for word in json.loads((SHIPPED / "flagged_words.json").read_text())["en"] if word.count(" ") == 1)
NOISE = "\nHome\nABOUT US NOW\n12 likes\n2021"
OWN = {
    "num_sentences(text)": "\n".join(LINES[:4]),
    "terminal_punct_line_ratio(text)": "\n".join(grouped(PROSE.split(), 13, " ")),
    "short_line_ratio(text, 30)": text_of(plain_words(80), 4),
    "dup_line_char_ratio(text, breaks := FALSE)": PROSE + "\n" + LINES[4],
    "newline_word_ratio(text)": text_of([*LONG[:42], *plain_words(80)], 3),
}
CASES = {
    "gopher": QUALITY | REPETITION,
    "refinedweb": REPETITION | QUALITY | {"noise_line_word_ratio(text)": PROSE + NOISE * 2},
    "c4": CODE | {"flagged_words_ratio(": PROSE.replace("otter", FLAGGED), "num_sentences(text)": "\n".join(LINES[:2])},
    "fineweb": REPETITION | QUALITY | CODE | OWN,
}


def run(recipe: str, texts: list[str], folder: Path, english: float) -> tuple[list[str], dict[int, str]]:
    """The texts that survive, and the cut that dropped each of the others by its place."""
    source = folder / "docs.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    out = folder / "out.jsonl"
    variables = {"english": english}
    result = juicesql.run(
        f"pretrain/{recipe}", source=str(source), export=str(out), project=folder, variables=variables
    )
    query = "select sample_id, sql from verdicts join cuts using (run_id, cut) where verdict = 'dropped' and run_id = ?"
    with duckdb.connect(result.stats_database, read_only=True) as con:
        dropped = dict(con.execute(query, [result.run_id]).fetchall())
    assert result.rows_in == len(texts) == result.kept + len(dropped)
    return [json.loads(line)["text"] for line in out.read_text().splitlines()], dropped


@pytest.mark.parametrize("recipe", CASES)
def test_each_document_falls_to_the_cut_it_was_made_for(recipe: str, tmp_path: Path) -> None:
    cases = CASES[recipe]
    kept, dropped = run(recipe, [*cases.values(), PROSE], tmp_path, english=0)
    assert kept == [PROSE]
    expected = dict(enumerate(cases))
    assert {i: sql for i, sql in dropped.items() if not sql.startswith(expected[i])} == {}


@pytest.mark.parametrize("recipe", CASES)
def test_english_stays(recipe: str, tmp_path: Path) -> None:
    kept, dropped = run(recipe, [GERMAN, PROSE], tmp_path, english=0.65)
    assert kept == [PROSE]
    assert dropped[0].startswith("lang_score(text, 'en')")


BAD_LINES = {
    "terminal_punct_line_ratio": "This line has no mark at its end",
    "ellipsis_line_ratio": "This line goes on and on...",
    "word_count": "Read more.",
    "max_word_length": f"This line has a word without an end {'x' * 1001}.",
    "javascript": "Please enable JavaScript to read this page.",
    "terms of use": "By reading you accept our Terms of Use here.",
    "privacy policy": "You should read our privacy policy before you go.",
    "cookie policy": "You should read our cookie policy before you go.",
    "uses cookies": "This site of ours uses cookies for the best results.",
    "use of cookies": "You agree to the use of cookies on these pages.",
    "use cookies": "As all the others do, we use cookies here.",
}


@pytest.mark.parametrize(
    ("recipe", "lines", "stay"),
    [
        ("c4", [*BAD_LINES.values(), ""], []),
        ("fineweb", [*BAD_LINES.values(), ""], ["terminal_punct_line_ratio", "ellipsis_line_ratio"]),
        ("refinedweb", NOISE.splitlines()[1:], []),
    ],
)
def test_lines_go_and_the_rest_of_the_page_stays(
    recipe: str, lines: list[str], stay: list[str], tmp_path: Path
) -> None:
    page = "\n".join([lines[0], *LINES, *lines[1:]])
    kept, _ = run(recipe, [page], tmp_path, english=0)
    assert kept == [
        "\n".join(line for line in page.splitlines() if line in LINES or line in [BAD_LINES[s] for s in stay])
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("c4", ["[citation needed]", "langdetect"]),
        ("fineweb", ["606", "458", "alpha_word_ratio", "num_sentences"]),
        ("gopher", ["datatrove", "not published"]),
        ("refinedweb", ["not published", "near_dedup"]),
    ],
)
def test_the_head_says_how_it_differs(name: str, said: list[str]) -> None:
    text = (Path(__file__).parents[2] / f"recipes_sql/pretrain/{name}.sql.j2").read_text("utf-8")
    head = text.partition("\nwith ")[0]
    assert all(word in head for word in said)
