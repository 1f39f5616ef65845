"""Plain Python definition of the personal data that `find_pii`, `pii_count` and `redact_pii` find."""

from __future__ import annotations

import ipaddress
import re

from juicesql.udfs.text._pii import KINDS
from juicesql.udfs.text._pii_number import IBAN_LENGTHS, ISSUERS
from juicesql.udfs.text._pii_phone import COUNTRIES

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


def apart(text: str, begin: int, end: int, extension: bool = False) -> bool:
    return not re.search(r"[\w+]\Z|\d[,./-]\Z", text[:begin], re.A) and ends(text, end, extension)


def ends(text: str, end: int, extension: bool) -> bool:
    after = text[end:]
    return bool(extension and re.match(r"[xX]\d", after, re.A)) or not re.match(r"\w|[,.-]\d", after, re.A)


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
