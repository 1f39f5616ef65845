"""What the deduplication benchmark plants, how it judges, and what it draws, in a tiny form."""

import json
import random
from xml.etree import ElementTree

import dedup_page
import numpy as np
import planted
import plot
import pytest
from dedup_score import Shingles, Truth, score


def plain_jaccard(a, b):
    one, two = ({tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (a.split(), b.split()))
    return len(one & two) / len(one | two)


def plain_distance(a, b):
    """The least number of words to replace, delete or insert."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row = row, [i]
        for j, y in enumerate(b, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y)))
    return row[-1]


@pytest.mark.parametrize("kind", ["generated", "chinese"])
def test_corpus_is_the_same_again_and_the_truth_fits(kind, tmp_path):
    if kind == "chinese":
        pytest.importorskip("jieba")
    corpus = planted.build(kind, 60, tmp_path, 20)
    rows = [json.loads(line) for line in corpus.path.read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [str(number) for number in range(60)]
    assert len(corpus.families) == 60 and len(set(corpus.families)) == 42
    digest = corpus.facts["sha256"]
    corpus.delete()
    assert not list(tmp_path.iterdir())
    assert planted.build(kind, 60, tmp_path, 20).facts["sha256"] == digest


def test_edits_are_as_many_as_said():
    words = [f"w{i} " for i in range(200)]
    for share in (0.0, 0.1, 0.3):
        copy = planted.edited(words, share, ["other "], random.Random(3))
        assert plain_distance(words, copy) == pytest.approx(200 * share, abs=1)


def test_sentences_are_swapped():
    words = ["One. ", "Two ", "more. ", "Three"]
    swaps = {"".join(planted.swapped(words, random.Random(seed))) for seed in range(20)}
    assert swaps == {"Two more. One. Three", "One. ThreeTwo more. "}
    assert planted.swapped(["one ", "two"], random.Random(0)) == ["one ", "two"]


def test_similarity_is_that_of_the_definition():
    draw = random.Random(5)
    texts = [" ".join(draw.choices("abc", k=draw.randrange(5, 40))) for _ in range(60)]
    found = Shingles(text.split() for text in texts)
    for a in range(60):
        others = np.array([b != a for b in range(60)])
        expected = [plain_jaccard(texts[a], texts[b]) for b in range(60)]
        assert [found.jaccard(a, b) for b in range(60)] == expected
        assert found.nearest(a, others) == max(e for b, e in enumerate(expected) if b != a)
    assert Shingles([["a"], ["a"], ["a", "b"]]).jaccard(0, 1) == 1
    assert Shingles([["a"], ["a"], ["a", "b"]]).jaccard(0, 2) == 0


def words(first, last):
    return " ".join(f"w{i}" for i in range(first, last))


def test_score_of_a_small_example():
    texts = [
        words(0, 100),  # 0: the original of family 0
        words(0, 92),  # 1: 88 of 96 shingles
        words(0, 76),  # 2: 72 of 96 with 0, 72 of 88 with 1
        words(200, 300),  # 3: family 1
        words(250, 300),  # 4: of family 1, 46 of 96
        words(400, 500),  # 5: alone
        words(400, 490),  # 6: of a family of its own, but 86 of 96 with 5
        words(600, 700),  # 7: alone
    ]
    truth = Truth(texts, [0, 0, 0, 1, 1, 2, 3, 4], "english")
    assert [(a, b, round(s, 3)) for a, b, s in truth.pairs] == [
        (0, 1, 0.917),
        (0, 2, 0.75),
        (1, 2, 0.818),
        (3, 4, 0.479),
    ]
    found = score(truth, [0, 1, 3, 5])  # 2 is similar, 4 only related, 6 similar, 7 neither
    assert (found.kept, found.dropped) == (4, 4)
    assert found.recall == {"0.7 to 0.8": 1.0, "0.8 to 0.9": 1.0, "0.9 to 1.0": 0.0}
    assert found.pairs == {"0.7 to 0.8": 1, "0.8 to 0.9": 1, "0.9 to 1.0": 1}
    assert (found.precision, found.strict_precision) == (0.75, 0.5)
    nothing = score(truth, range(8))
    assert (nothing.dropped, nothing.precision, nothing.strict_precision) == (0, None, None)


def test_a_text_is_similar_by_either_kind_of_tokens():
    code = ["f(a,b)" * 3 + f" g{i} = h(x{i}, y{i})" for i in range(2)]
    texts = [" ; ".join(code), " ; ".join(code).replace(", ", ",")]
    assert score(Truth(texts, [0, 1], "english"), [0]).strict_precision == 1


def test_shares_are_not_rounded_up():
    assert [dedup_page.share(v) for v in (None, 1.0, 0.99999, 0.5)] == ["-", "1", "0.9999", "0.5000"]


def test_chart_is_svg_with_a_mark_for_each_point():
    points = [(10_000, 4.0), (100_000, 12.0), (2_000_000, 200.0)]
    series = [plot.Series("a & b", points, "a"), plot.Series("line", points, "c", dashed=True)]
    drawn = ElementTree.fromstring(plot.svg("<heading>", [plot.Chart("seconds", "documents", series)]))
    name = "{http://www.w3.org/2000/svg}"
    assert len(list(drawn.iter(f"{name}circle"))) == 3 and len(list(drawn.iter(f"{name}polyline"))) == 2
    texts = [text.text for text in drawn.iter(f"{name}text")]
    assert {"<heading>", "a & b", "10k", "1M", "2M", "1", "100"} <= set(texts)
    width, height = map(float, drawn.get("viewBox").split()[2:])
    for circle in drawn.iter(f"{name}circle"):
        assert 0 < float(circle.get("cx")) < width and 0 < float(circle.get("cy")) < height
