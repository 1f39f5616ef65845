"""Personal data is found as the plain definition says; scores equal those of the packages that own the models."""

from __future__ import annotations

import ipaddress
import itertools
import random
import string
import subprocess
import sys
from pathlib import Path

import definitions as plain
import pytest
from definitions_pii import LENGTHS, find, luhn, mod97, redact
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text import _profanity
from juicesql.udfs.text._pii import KINDS
from juicesql.udfs.text._pii_number import ISSUERS
from juicesql.udfs.text._profanity import load_model

from juicesql.errors import FunctionError

some = settings(max_examples=150, deadline=None)


def with_check_digits(country: str, rest: str) -> str:
    return f"{country}{98 - mod97(country + '00' + rest):02d}{rest}"


def in_groups(digits: str, mark: str) -> str:
    return mark.join(digits[i : i + 4] for i in range(0, len(digits), 4))


@st.composite
def iban_texts(draw) -> str:
    country = draw(st.sampled_from(sorted(LENGTHS)))
    rest = draw(st.text(string.digits + string.ascii_uppercase, min_size=30, max_size=30))[: LENGTHS[country] - 4]
    return in_groups(with_check_digits(country, rest), draw(st.sampled_from(["", " "])))


@st.composite
def card_texts(draw) -> str:
    low, high, shortest, longest = map(int, draw(st.sampled_from(ISSUERS.tolist())))
    size = draw(st.integers(shortest, longest))
    body = (str(draw(st.integers(low, high))) + draw(st.text(string.digits, min_size=19, max_size=19)))[: size - 1]
    digits = next(body + d for d in string.digits if luhn(body + d))
    return in_groups(digits, draw(st.sampled_from(["", " ", "-"])))


FRAGMENTS = [
    *" .,-/+:()@_%='\"xXé中\n\t\u00a00123456789", "..", "::", " - ", "a@b.co", "@x.org", "A.b+c@D-e.Com.", "m@2x.png",
    "@q.xn--p1ai", "1.2.3.4", "192.168.0.1", "1.22.3.4", "256.1.1.1", "version ", "Chrome/", "v", "2001:db8::1", "fe80::",
    "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8", "2001:", "abcd", "+1 ", "+49 ", "+44", "(0)", "(212) ", "212", "555", "0123",
    "555-0123", "(212) 555-0123", "212-555-0123", "212.555.0123", "1-800-555-0123", "+1 212 555 0123", "+33 1 23 45 67 89",
    "(+49) 30 123456", "138-0013-8000", "+86 138 0013 8000", "4111 1111 1111 1111", "4111111111111111", "3782-822463-10005",
    " 12/27", "1111", "4111", "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "DE", "3704", "12:30", "2023-10-12",
    "978-0-306-40615-7", "4006381333931",
]  # fmt: skip
personal = st.one_of(
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), iban_texts(), card_texts()), max_size=14).map("".join),
    st.lists(st.sampled_from([*"0123456789 -.+()", "212", "55", "+1", "4111"]), max_size=40).map("".join),
    st.text("0123456789abcdefF::..@ g_", max_size=50),
    plain.texts,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(personal, min_size=1, max_size=6))
def test_finds_counts_and_redaction(texts: list[str]) -> None:
    expected = [find(t) for t in texts]
    assert plain.call("find_pii", texts) == expected
    assert plain.call("pii_count", texts) == [len(hits) for hits in expected]
    assert plain.call("redact_pii", texts) == [redact(t, hits, None) for t, hits in zip(texts, expected, strict=True)]
    assert plain.call("redact_pii", texts, repl="é") == [
        redact(t, hits, "é") for t, hits in zip(texts, expected, strict=True)
    ]
    assert [plain.call("find_pii", [t])[0] for t in texts] == expected


@some
@given(personal, st.sets(st.sampled_from(KINDS)))
def test_kinds_are_looked_for_by_themselves(text: str, kinds: set[str]) -> None:
    assert plain.call("find_pii", [text], kinds=sorted(kinds)) == [find(text, tuple(kinds))]


@some
@given(card_texts(), iban_texts(), st.integers(0, 40), st.integers(1, 9))
def test_a_changed_digit_is_no_card_and_no_iban(card: str, iban: str, place: int, step: int) -> None:
    for text, kind in ((card, "credit_card"), (iban, "iban")):
        found = [hit["value"] for hit in plain.call("find_pii", [f"no {text}."], kinds=[kind])[0]]
        assert found == [text] or (kind == "credit_card" and len(text) == 13)
        places = [i for i, c in enumerate(text) if c.isdigit()]
        i = places[place % len(places)]
        changed = f"no {text[:i]}{(int(text[i]) + step) % 10}{text[i + 1 :]}."
        assert plain.call("find_pii", [changed], kinds=[kind]) == [[]]


def test_ipv6_forms_equal_those_of_ipaddress() -> None:
    random.seed(5)
    groups = ["0", "1", "db8", "2001", "fe80", "ffff", "ff02", "12345", "g", "", "", "1.2.3.4", "1.2.3.256"]
    texts = [":".join(random.choices(groups, k=random.randint(2, 9))) for _ in range(20_000)]
    texts += [
        ipaddress.IPv6Address(random.getrandbits(128) >> random.choice([0, 80, 112])).exploded for _ in range(999)
    ]
    got = plain.call("find_pii", texts, kinds=["ip"])
    assert got == [find(t, ("ip",)) for t in texts]
    assert sum(bool(hits) for hits in got) > 500


def test_long_hostile_text_takes_linear_time() -> None:
    for piece in (
        "@",
        "a@",
        "a@b.",
        "1",
        "1.",
        "1:",
        "::",
        "+1",
        "(212",
        "4111 ",
        "DE89 ",
        ".",
        "-a",
        "+1-2",
        "a@b.co",
    ):
        text = piece * (1_000_000 // len(piece))
        assert len(plain.call("redact_pii", [text], repl="")[0]) <= len(text)


def test_an_unknown_kind_is_explained() -> None:
    with pytest.raises(FunctionError) as caught:
        plain.call("find_pii", ["a"], kinds=["mail"])
    assert caught.value.problems[0].code == "bad-parameter"


@some
@given(st.lists(st.one_of(plain.texts, st.text("Σσİéa_ fuckSHIT", max_size=30)), min_size=1, max_size=5))
def test_profanity_score_equals_that_of_the_package(texts: list[str]) -> None:
    package = pytest.importorskip("profanity_check")
    assert plain.call("profanity_score", texts) == pytest.approx(package.predict_prob(texts), abs=1e-9)


def test_profanity_score_over_the_whole_vocabulary() -> None:
    package = pytest.importorskip("profanity_check")
    random.seed(7)
    known = load_model()
    words = [known.words[a:b].tobytes().decode() for a, b in itertools.pairwise(known.offsets.tolist())]
    assert len(set(words)) == 15_442
    cased = [random.choice([w, w.upper(), w.title()]) for w in random.sample(words, len(words))]
    texts = [random.choice(" \n-'").join(cased[i : i + random.randint(1, 30)]) for i in range(0, len(cased), 4)]
    assert plain.call("profanity_score", texts) == pytest.approx(package.predict_prob(texts), abs=1e-9)


def test_a_changed_model_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("profanity_check")
    for name in _profanity.SHA256:
        (tmp_path / name).write_bytes(b"\x80\x04N.")
    monkeypatch.setattr(_profanity, "model_files", lambda: [tmp_path / name for name in _profanity.SHA256])
    with pytest.raises(FunctionError) as caught:
        load_model.__wrapped__()
    assert caught.value.problems[0].code == "bad-model"


def test_loading_the_profanity_model_imports_no_pickled_code() -> None:
    pytest.importorskip("profanity_check")
    code = """if True:
        import sys
        from juicesql.udfs.text._profanity import load_model
        load_model()
        assert not {"profanity_check", "joblib", "sklearn"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_content_type_equals_that_of_the_package() -> None:
    magika = pytest.importorskip("magika").Magika()
    here = Path(__file__).parent
    texts = [p.read_text("utf-8") for p in sorted(here.parent.rglob("*.*")) if p.suffix in (".py", ".yml", ".sql")][:60]
    texts += [
        "",
        " ",
        "short",
        "12345678",
        " " * 8 + "1234567",
        " " * 4095 + "é",
        " " * 5000 + "hello world",
        "é" * 3000,
    ]
    texts += ["word " * 3000 + "\n" * 5000, "<html><body>Hi there</body></html>", *plain.PIECES]
    expected = [magika.identify_bytes(t.encode()).prediction for t in texts]
    got = plain.call("content_type", texts)
    assert [(g["label"], g["kind"]) for g in got] == [(e.output.label, e.output.group) for e in expected]
    assert [g["score"] for g in got] == pytest.approx([e.score for e in expected], abs=1e-5)
    assert [plain.call("content_type", [t])[0] for t in texts[:5]] == got[:5]
