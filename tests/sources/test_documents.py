"""Documents: which files are one, the text of docx and pdf files, and files that would stop a run."""

from __future__ import annotations

import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from juicesql.sources import documents, extraction

from .conftest import Reading

needs_docx = pytest.mark.skipif(find_spec("docx") is None, reason="python-docx is not installed")
needs_pdf = pytest.mark.skipif(find_spec("pdfplumber") is None, reason="pdfplumber is not installed")


def a_docx() -> bytes:
    import docx

    document = docx.Document()
    document.add_heading("Title")
    document.add_paragraph("One é 表.\tTab")
    document.add_paragraph("  ")
    table = document.add_table(3, 3)
    for r, row in enumerate(table.rows):
        for c, cell in enumerate(row.cells):
            cell.text = f"r{r}\nc{c}"
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 2).merge(table.cell(2, 2)).text = "high"
    nested = table.cell(2, 0).add_table(1, 1)
    nested.cell(0, 0).text = "inner"
    document.add_paragraph("After.")
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def a_pdf(*pages: str, trailer: str = "") -> bytes:
    """A PDF of pages of Helvetica; each is the operators that show its text."""
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, page in enumerate(pages):
        font = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {font} /Contents {5 + 2 * i} 0 R >>")
        objects.append(f"<< /Length {len(page)} >>\nstream\n{page}\nendstream")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    xref = len(out)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n{rows}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>".encode()
    return out + f"\nstartxref\n{xref}\n%%EOF".encode()


def shown(*lines: str) -> str:
    moves = "".join(f"({line}) Tj 0 -20 Td " for line in lines)
    return f"BT /F1 12 Tf 72 720 Td {moves}ET"


GRID = "".join(f"{x} 400 m {x} 500 l S " for x in (72, 172, 272)) + "".join(
    f"72 {y} m 272 {y} l S " for y in (400, 450, 500)
)
CELL = "BT /F1 12 Tf 80 420 Td (in a table) Tj ET "


def test_source_code_and_names_without_suffix(reading: Reading) -> None:
    for name in ("a.c++", "b.F90", "c.smali", "Dockerfile", "sub/Makefile", "sub/x.psm1"):
        reading.write(f"d/{name}", name)
    reading.write("d/notes", "no")
    assert [r["text"] for r in reading.rows("d")] == [
        "Dockerfile", "a.c++", "b.F90", "c.smali", "sub/Makefile", "sub/x.psm1",
    ]  # fmt: skip


def test_a_makefile_beside_data_is_no_document(reading: Reading) -> None:
    reading.write("d/a.jsonl", '{"a": 1}\n')
    reading.write("d/Makefile", "all:")
    assert reading.rows("d") == [{"a": 1}]


@needs_docx
def test_docx_has_paragraphs_and_tables_in_order(reading: Reading) -> None:
    reading.write("a.docx", a_docx())
    table = ["wide\tr0 c2", "r1 c0\tr1 c1\thigh", "r2 c0 inner\tr2 c1\t"]
    assert reading.rows("a.docx")[0]["text"].split("\n") == ["Title", "One é 表.\tTab", *table, "After."]


@needs_pdf
def test_pdf_has_pages_without_tables_and_numbers(reading: Reading) -> None:
    pages = [shown("First page", "of 2"), shown("In the year 2002", "2"), shown(" "), GRID + CELL + shown("Before")]
    reading.write("a.PDF", a_pdf(*pages))
    assert reading.rows("a.PDF")[0]["text"] == "First page\nof 2\nIn the year 2002\nBefore"


@needs_docx
@needs_pdf
def test_broken_encrypted_and_endless_files_cost_their_own_row(reading: Reading, monkeypatch) -> None:
    monkeypatch.setattr(documents, "Extractor", lambda: extraction.Extractor(seconds=2))
    good = a_docx()
    reading.write("d/1.docx", good)
    reading.write("d/2.docx", good[: len(good) // 2])
    reading.write("d/3.docx", b"")
    endless = "".join(f"{x % 600} {x // 600} m {x % 600} 700 l S " for x in range(40_000))
    reading.write("d/4.pdf", a_pdf(endless))
    locked = "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]"
    reading.write("d/5.pdf", a_pdf(shown("secret"), trailer=locked % ("00" * 32, "11" * 32)))
    reading.write("d/6.pdf", b"%PDF-1.4\nno more")
    reading.write("d/7.txt", "still here")
    reading.write("d/8.docx", good)
    rows, errors = reading.both("d")
    assert [r["path"] for r in rows] == ["d/1.docx", "d/7.txt", "d/8.docx"]
    assert [(e[0], e[1]) for e in errors] == [
        (1, "d/2.docx"),
        (2, "d/3.docx"),
        (3, "d/4.pdf"),
        (4, "d/5.pdf"),
        (5, "d/6.pdf"),
    ]
    assert all(e[3].startswith("no text can be taken out of it: ") for e in errors)
    assert errors[2][3].endswith("more than 2 seconds of work")
    assert errors[3][3].endswith("it is encrypted; save it without a password")


@needs_docx
def test_a_file_that_unpacks_to_too_much_is_refused(reading: Reading, monkeypatch) -> None:
    monkeypatch.setattr(documents, "Extractor", lambda: extraction.Extractor(memory=300 << 20))
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(a_docx())) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, b"<x>" + bytes(300 << 20) if name == "word/document.xml" else data)
    reading.write("d/a.docx", stream.getvalue())
    reading.write("d/b.docx", a_docx())
    rows, errors = reading.both("d")
    assert [r["path"] for r in rows] == ["d/b.docx"]
    assert "too much memory" in errors[0][3]


def test_big_files(reading: Reading, monkeypatch) -> None:
    monkeypatch.setattr(documents, "MAX_FILE", 100)
    monkeypatch.setattr(documents, "check_libraries", lambda files: None)
    reading.write("a.docx", b"x" * 101)
    assert reading.both("a.docx")[1][0][3] == "the document is over 0 MiB"


def test_a_missing_library_is_named_before_the_run(reading: Reading, monkeypatch) -> None:
    monkeypatch.setattr(extraction, "find_spec", lambda name: None)
    reading.write("d/a.pdf", b"")
    reading.write("d/b.docx", b"")
    message = reading.refuse("d")
    assert "`d/a.pdf` needs pdfplumber" in message and "`d/b.docx` needs python-docx" in message
    assert "pip install 'juicesql[documents]'" in message


@needs_docx
def test_children_end_with_their_work(reading: Reading) -> None:
    with extraction.Extractor() as extractor:
        assert "Title" in extractor.text("docx", a_docx())
        child = extractor._child
    assert child is not None and child.returncode is not None


def test_the_reader_is_not_shadowed_by_the_users_files(reading: Reading, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docx.py").write_text("raise SystemExit('run')")
    reading.write("a.docx", b"")
    if find_spec("docx"):
        assert "BadZipFile" in reading.both("a.docx")[1][0][3]


def test_empty_source(reading: Reading) -> None:
    assert reading.rows("empty:2#question, answer") == [{"question": None, "answer": None}] * 2
    assert reading.rows("empty:1") == [{"text": None}]
    assert len(reading.rows("0.5 empty:20000#a 2 empty:3#b")) == 10_006
    assert [m.rows for m in reading.open("empty:20000").morsels(max_rows=8192)] == [8192, 8192, 3616]
    assert reading.open("empty:5").fingerprint != reading.open("empty:6").fingerprint


@pytest.mark.parametrize("text", ["empty:", "empty:0", "empty:x", "empty:-1", "empty:3#", "empty:3#a,,b"])
def test_bad_empty_sources(reading: Reading, text: str) -> None:
    if text == "empty:3#":
        assert reading.rows(text) == [{"text": None}] * 3
    else:
        assert "error[bad-empty-source]" in reading.refuse(text)
