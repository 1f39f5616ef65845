"""The corpus in a tiny form, from Python sources alone."""

import json
import random

import corpus


def build(tmp_path, monkeypatch, name="c.jsonl"):
    monkeypatch.setattr(corpus, "PACKAGES", ())
    path = tmp_path / name
    return path, corpus.build(path, 200, tmp_path)


def test_documents_copies_and_order(tmp_path, monkeypatch):
    path, facts = build(tmp_path, monkeypatch)
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert facts["documents"] == len(rows) == 200
    assert [row["meta"]["id"] for row in rows] == list(range(200))
    copies = [row for row in rows if row["meta"]["copy"]]
    assert len(copies) == facts["planted_copies"] == 10
    for copy in copies:
        earlier = [row["text"] for row in rows[: copy["meta"]["id"]]]
        assert copy["text"] in earlier
    assert all(500 <= len(row["text"]) <= 10_000 for row in rows)


def test_same_files_give_the_same_corpus(tmp_path, monkeypatch):
    _, first = build(tmp_path, monkeypatch)
    _, second = build(tmp_path, monkeypatch, "again.jsonl")
    assert first["sha256"] == second["sha256"]


def test_pieces_are_the_text_without_a_short_rest():
    text = "".join(f"line {number} of a text\n" for number in range(2_000))
    cut = list(corpus.pieces(text, random.Random(0)))
    assert text.startswith("".join(cut))
    assert len(text) - len("".join(cut)) < corpus.SHORTEST
    assert all(corpus.SHORTEST <= len(piece) <= corpus.LONGEST for piece in cut)
    assert all(piece.endswith("\n") for piece in cut)


def test_markup_becomes_text():
    page = (
        "<html><head><title>t</title></head><body><!-- c --><p>a &amp; <b>b</b></p>\n \n\n<script>x()</script>c</body>"
    )
    assert corpus.plain_text(page) == "a & b\n\nc"
