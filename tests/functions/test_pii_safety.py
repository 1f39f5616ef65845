"""Personal data is found as the plain definition says; scores equal those of the packages that own the models."""

from __future__ import annotations

import ipaddress
import itertools
import random
import re
import string
import subprocess
import sys
from pathlib import Path

import definitions as plain
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.text import _profanity
from juicesql.udfs.text._pii import KINDS
from juicesql.udfs.text._pii_number import IBAN_LENGTHS, ISSUERS
from juicesql.udfs.text._pii_phone import COUNTRIES
from juicesql.udfs.text._profanity import load_model

from juicesql.errors import FunctionError

some = settings(max_examples=150, deadline=None)
Span = tuple[int, int]
LENGTHS = {entry[:2]: int(entry[2:]) for entry in IBAN_LENGTHS.split()}
ASSIGNED = [
    ipaddress.IPv6Network(n) for n in ("2000::/3", "fc00::/7", "fe80::/10", "ff00::/8", "64:ff9b::/32", "::ffff:0:0/96")
]
NUMBERED = [
    "v",
    "ver",
    "vers",
    "version",
    "versions",
    "release",
    "rev",
    "revision",
    "build",
    "firmware",
    "section",
    "sec",
    "chapter",
    "clause",
]
LABELS = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
QUAD = re.compile(rf"(?<![\w.])(?<![A-Za-z][-/])(?!0){OCTET}(?:\.{OCTET}){{3}}(?!\w|\.\d|-[A-Za-z])", re.A)
NORTH_AMERICAN = re.compile(r"(?:1[-. ])?(?:\((\d{3})\)([-. ]?)|(\d{3})([-. ]))(\d{3})([-. ])(\d{4})(?!\d)", re.A)
MOBILE = re.compile(r"(?:1[3-9]\d|01[016-9]|0[5789]0)-\d{4}-\d{4}(?!\d)", re.A)


def emails(text: str) -> list[Span]:
    found, floor = [], 0
    for sign in re.finditer("@", text):
        before = re.search(r"[\w.%+-]*\Z", text[floor : sign.start()], re.A).group()
        local = before.split("..")[-1].lstrip(".%+-")
        length = domain_length(text[sign.end() :])
        if 1 <= len(local) <= 64 and not local.endswith(".") and length:
            found.append((sign.start() - len(local), sign.end() + length))
            floor = found[-1][1]
    return found


def domain_length(rest: str) -> int:
    for n in range(min(253, len(rest)), 0, -1):
        after = rest[n : n + 1]
        letters = re.fullmatch(LABELS + "[A-Za-z]{2,63}", rest[:n])
        encoded = re.fullmatch(LABELS + r"xn--[A-Za-z0-9-]{0,58}[A-Za-z0-9]", rest[:n], re.I) and after != "-"
        if (letters or encoded) and not re.match(r"\w", after, re.A):
            image = rest[:n].rpartition(".")[2].lower() in ("png", "jpg", "jpeg", "gif", "svg", "webp", "bmp")
            return 0 if image else n
    return 0


def ips(text: str) -> list[Span]:
    found = []
    for quad in QUAD.finditer(text):
        word = re.search(r"(?<![A-Za-z])([A-Za-z]+)[ \t-\r.:=\"']{0,32}\Z", text[: quad.start()])
        if not (word and word.group(1).lower() in NUMBERED) and len(quad.group()) > len("1.2.3.4"):
            found.append(quad.span())
    return sorted(found + [s for run in re.finditer(r"[0-9A-Fa-f:.]+", text) if (s := ipv6(text, *run.span()))])


def ipv6(text: str, begin: int, end: int) -> Span | None:
    run = text[begin:end]
    kept = run.rstrip(".")
    kept = kept[:-1] if re.search(r"[^:]:\Z", kept) and len(kept) > 2 else kept
    bare = kept[1:] if re.match(r":[^:]", kept) and len(kept) > 2 else kept
    if bare == kept and re.match(r"\w", text[begin - 1 : begin] if begin else "", re.A):
        return None
    if kept == run and re.match(r"\w", text[end : end + 1], re.A):
        return None
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return None
    begin += len(kept) - len(bare)
    return (begin, begin + len(bare)) if any(address in network for network in ASSIGNED) else None


def apart(text: str, begin: int, end: int, extension: bool = False) -> bool:
    return not re.search(r"[\w+]\Z|\d[,./-]\Z", text[:begin], re.A) and ends(text, end, extension)


def ends(text: str, end: int, extension: bool) -> bool:
    after = text[end:]
    return bool(extension and re.match(r"[xX]\d", after, re.A)) or not re.match(r"\w|[,.-]\d", after, re.A)


def phones(text: str) -> list[Span]:
    found: list[Span] = []
    for start in re.finditer(r"\+|\(|(?<!\d)\d", text, re.A):
        i = start.start()
        if found and i < found[-1][1]:
            continue
        span = international(text, i) if text[i] == "+" else national(text, i)
        if span:
            found.append(span)
    return found


def national(text: str, i: int) -> Span | None:
    american, mobile = NORTH_AMERICAN.match(text, i), MOBILE.match(text, i)
    if american:
        inside, _, area, between, exchange, last, _ = american.groups()
        marks = inside or ((between == ".") == (last == ".") and not between == last == " ")
        american = american if marks and allowed(inside or area, exchange) else None
    match = american or mobile
    return match.span() if match and apart(text, *match.span(), True) else None


def allowed(area: str, exchange: str) -> bool:
    fine = all(re.fullmatch(r"[2-9](?!11)\d\d", code) for code in (area, exchange))
    return fine and area[1] != "9" and area not in ("200", "300", "400")


def international(text: str, i: int) -> Span | None:
    if re.search(r"[\w+]\Z", text[:i], re.A):
        return None
    digits = re.match(r"\d{0,16}", text[i + 1 :], re.A).group()
    codes = [digits[:n] for n in (1, 2, 3) if digits[:1] != "0" and len(digits) >= n and COUNTRIES[int(digits[:n])][1]]
    if not codes:
        return None
    least, most = COUNTRIES[int(codes[0])]
    begin, end, counted, loose = i, i + 1 + len(digits), digits, False
    if digits == codes[0] and text[max(0, i - 1) : i] == "(" and text[end : end + 1] == ")":
        begin, end, loose = i - 1, end + 1, True
    elif digits == codes[0] and (area := re.match(r"[ -]?\((\d{1,5})\)(?=[ -]?\d)", text[end:], re.A)):
        end, loose = end + area.end(), True
        counted += "" if area.group(1) == "0" else area.group(1)
    separators = ""
    while group := re.match(r"([ .-]?)(\d{1,16})", text[end:], re.A):
        mark, more = group.groups()
        after = text[end + group.end() :]
        if (not mark and not loose) or len(counted + more) > most:
            break
        if set(separators + (mark or "none")) - {"."} and "." in separators + mark:
            break
        if mark == " " and (len(more) == 1 or re.match(r"[:/]\d", after, re.A)):
            break
        separators, counted, end, loose = separators + (mark or "-"), counted + more, end + group.end(), False
    if not least <= len(counted) <= most or separators == "." or not ends(text, end, True):
        return None
    return None if codes[0] == "1" and not allowed(counted[1:4], counted[4:7]) else (begin, end)


def luhn(digits: str) -> bool:
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d // 10 + d % 10 for d in doubled) % 10 == 0


def is_card(digits: str) -> bool:
    return luhn(digits) and any(a <= int(digits[:4]) <= b and c <= len(digits) <= d for a, b, c, d in ISSUERS)


def cards(text: str) -> list[Span]:
    found: list[Span] = []
    for run in re.finditer(r"\d{4,}", text, re.A):
        begin, end = run.span()
        if found and begin < found[-1][1]:
            continue
        digits = run.group()
        if len(digits) == 4:
            begin, end, digits = grouped(text, begin)
        elif len(digits) == 13 and sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10 == 0:
            continue
        if 13 <= len(digits) <= 19 and apart(text, begin, end) and is_card(digits):
            found.append((begin, end))
    return found


def grouped(text: str, begin: int) -> tuple[int, int, str]:
    mark = text[begin + 4 : begin + 5]
    if mark not in (" ", "-") or re.search(rf"\d{mark}\Z", text[:begin], re.A):
        return begin, begin, ""
    groups, end = [text[begin : begin + 4]], begin + 4
    while more := re.match(rf"{mark}(\d+)", text[end:], re.A):
        expiry = len(more.group(1)) == 2 and text[end + 3 : end + 4] == "/"
        if expiry and len("".join(groups)) >= 13:
            break
        groups.append(more.group(1))
        end += more.end()
    sizes = [len(g) for g in groups]
    fours = all(s == 4 for s in sizes[:-1]) and sizes[-1] <= 4
    return begin, end, "".join(groups) if fours or sizes in ([4, 6, 5], [4, 6, 4]) else ""


def ibans(text: str) -> list[Span]:
    found: list[Span] = []
    for head in re.finditer(r"(?<!\w)[A-Z]{2}\d\d", text, re.A):
        n = LENGTHS.get(head.group()[:2], 0)
        grouped = text[head.end() : head.end() + 1] == " "
        pattern = (
            r"[A-Z0-9]{4} " * ((n - 1) // 4) + rf"[A-Z0-9]{{{(n - 1) % 4 + 1}}}" if grouped else f"[A-Z0-9]{{{n}}}"
        )
        match = re.compile(pattern + r"(?!\w)", re.A).match(text, head.start()) if n else None
        if match and mod97(match.group()) == 1 and not (found and head.start() < found[-1][1]):
            found.append(match.span())
    return found


def mod97(iban: str) -> int:
    bare = iban.replace(" ", "")
    return int("".join(str(int(c, 36)) for c in bare[4:] + bare[:4])) % 97


FINDERS = dict(zip(KINDS, (emails, ips, phones, cards, ibans), strict=True))


def find(text: str, kinds: tuple[str, ...] = KINDS) -> list[dict[str, object]]:
    spans = [(b, -e, i, k) for i, k in enumerate(KINDS) if k in kinds for b, e in FINDERS[k](text)]
    kept: list[dict[str, object]] = []
    end = 0
    for begin, minus_end, _, kind in sorted(spans):
        if begin >= end:
            end = -minus_end
            kept.append({"kind": kind, "start": begin + 1, "length": end - begin, "value": text[begin:end]})
    return kept


def redact(text: str, hits: list[dict[str, object]], repl: str | None) -> str:
    for hit in reversed(hits):
        tag = f"<{hit['kind'].upper()}>" if repl is None else repl
        text = text[: hit["start"] - 1] + tag + text[hit["start"] - 1 + hit["length"] :]
    return text


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
