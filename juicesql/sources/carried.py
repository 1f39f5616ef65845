"""Lines of JSON for a recipe that reads some of their columns: those under their types, the rest as it was written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from juicesql.sources import jsonpack, jsonscan
from juicesql.sources.jsonparse import no_object, parse_lines
from juicesql.sources.jsonvalues import DECODER, Misfit, Wider, decode_line, fit, refuse_unfit
from juicesql.sources.model import Bad, Kind, Parsed, SourceWidened

_HALF = re.compile("[\ud800-\udfff]")
LINE = "__line"  # the column of packed lines
Numbers = np.ndarray[Any, Any]
_SPACE = " \t\r\n"
_BEGINS = {"strings": b'"', "numbers": b"-0123456789", "booleans": b"tf", "lists": b"[", "objects": b"{"}


@dataclass(frozen=True)
class Carry:
    """What to make of the columns of JSON rows.

    `typed` columns get their type, `texts` travel as JSON text (NULL where a row has no such key). `actions` says for
    each of both what a packed line holds of it; without any, no line is packed. `others` keeps all other keys in it.
    With `closed` there may be no other keys.
    """

    typed: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    actions: Mapping[str, int] = field(default_factory=dict)
    others: bool = False
    closed: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        return self.typed + self.texts

    @property
    def packs(self) -> bool:
        return self.others or bool(self.actions)


@dataclass
class _Scanned:
    """Rows of one block: the bytes, where members stand, and which known column each is."""

    data: Numbers
    members: Numbers
    firsts: Numbers
    slots: Numbers
    bad: dict[int, str]
    kinds: list[Kind] = field(default_factory=list)


def parse_carried(data: bytes, schema: pa.Schema, carry: Carry) -> Parsed:
    """The rows of a block of lines. `schema` has the known columns; SourceWidened for a value without a place in it."""
    found = _scan(data, carry.known)
    if carry.closed:
        _refuse_unknown(found)
    rows = found.firsts.size - 1
    spans = np.empty((max(len(carry.known), 1), rows, 2), np.int64)
    jsonpack.find_spans(found.members, found.firsts, found.slots, spans)
    told = np.zeros((len(spans), rows), np.bool_)
    columns: dict[str, pa.Array] = {}
    others = []
    for slot, name in enumerate(carry.known):
        if name in carry.texts:
            columns[name] = _copied(found.data, spans[slot])
        elif pa.types.is_string(schema.field(name).type):
            columns[name] = _texts(found, spans[slot], told[slot], name)
        else:
            others.append(name)
    columns |= _typed(found, {n: _copied(found.data, spans[carry.known.index(n)]) for n in others}, schema)
    if carry.packs:
        columns[LINE] = _packed(found, carry, told)
    names = [n for n in schema.names if n in columns]
    good = np.array([r for r in range(rows) if r not in found.bad], np.int64) if found.bad else np.arange(rows)
    arrays = [columns[n].take(pa.array(good)) if found.bad else columns[n] for n in names]
    table = pa.table(arrays, names=names) if names else pa.table({"__none": pa.nulls(len(good))})
    bad = tuple(Bad(r, message) for r, message in sorted(found.bad.items()))
    return Parsed(table, pa.array(good), bad, tuple(found.kinds))


def _refuse_unknown(found: _Scanned) -> None:
    """SourceWidened for a key that is not among the columns. One that cannot be, costs its row."""
    for member in np.flatnonzero(found.slots < 0):
        start, end = found.members[member, :2]
        key = found.data[start:end].tobytes().decode()
        if "\\" not in key or not _HALF.search(json.loads(f'"{key}"')):
            raise SourceWidened(f"the key {key} is not in the sample of the columns")
        row = int(np.searchsorted(found.firsts, member, "right")) - 1
        found.bad.setdefault(row, f"the key {key} holds half a surrogate pair, which names no column")


def _bounds(data: Numbers) -> Numbers:
    """(start, end) of each line that is not blank."""
    newlines = np.flatnonzero(data == 10)
    ends = newlines if data.size and data[-1] == 10 else np.append(newlines, data.size)
    bounds = np.stack([np.append(0, newlines + 1)[: ends.size], ends], axis=1).astype(np.int64)
    first = data[np.minimum(bounds[:, 0], max(data.size - 1, 0))] if data.size else np.zeros(0, np.uint8)
    filled = (bounds[:, 1] > bounds[:, 0]) & (first > 32)
    for r in np.flatnonzero(~filled):
        filled[r] = bool(data[bounds[r, 0] : bounds[r, 1]].tobytes().strip(b" \t\r"))
    return bounds[filled]


def _scan(block: bytes, known: Sequence[str]) -> _Scanned:
    data = np.frombuffer(block, np.uint8)
    bounds = _bounds(data)
    members = np.empty((int(np.count_nonzero(data == 58)) + 1, jsonscan.MEMBER), np.int64)
    firsts, odd = np.zeros(len(bounds) + 1, np.int64), np.zeros(len(bounds), np.bool_)
    if not _is_utf8(block):
        odd[:] = [not _is_utf8(block[a:b]) for a, b in bounds]
    broken = odd.copy()
    depth, keys = jsonscan.MAX_DEPTH, jsonscan.KEYS
    room = np.empty(depth, np.int64), np.empty(depth, np.int64), np.empty(keys, np.int64)
    count = jsonscan.scan_lines(data, bounds, members, firsts, odd, *room)
    slots = np.empty(count, np.int64)
    names = [json.dumps(n, ensure_ascii=False)[1:-1].encode(errors="surrogatepass") for n in known]
    offsets = np.cumsum([0, *map(len, names)]).astype(np.int64)
    jsonpack.find_slots(data, members, count, np.frombuffer(b"".join(names) or b"\0", np.uint8), offsets, slots)
    found = _Scanned(data, members[:count], firsts, slots, {})
    if odd.any() or broken.any():
        _look_again(found, block, bounds, odd | broken, known)
    return found


def _is_utf8(data: bytes) -> bool:
    offsets = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.StringArray.from_buffers(1, offsets, pa.py_buffer(data)).validate(full=True)
    except pa.ArrowException:
        return False
    return True


def _look_again(found: _Scanned, block: bytes, bounds: Numbers, odd: Numbers, known: Sequence[str]) -> None:
    """Rows that the kernel left are taken apart by Python, or told what is wrong with them."""
    members, slots, firsts = [], [], [0]
    for r, (start, end) in enumerate(bounds):
        if odd[r]:
            try:
                own = _members_of(block[start:end], int(start))
                members.append(np.array([m for m, _ in own], np.int64).reshape(-1, jsonscan.MEMBER))
                slots.append(np.array([known.index(k) if k in known else -1 for _, k in own], np.int64))
            except Misfit as misfit:
                found.bad[r] = str(misfit).encode(errors="backslashreplace").decode()
                members.append(np.empty((0, jsonscan.MEMBER), np.int64))
                slots.append(np.empty(0, np.int64))
        else:
            a, b = found.firsts[r], found.firsts[r + 1]
            members.append(found.members[a:b])
            slots.append(found.slots[a:b])
        firsts.append(firsts[-1] + len(slots[-1]))
    found.members, found.slots = np.concatenate(members), np.concatenate(slots)
    found.firsts = np.array(firsts, np.int64)


def _members_of(line: bytes, offset: int) -> list[tuple[tuple[int, int, int, int], str]]:
    """The members of one object with their keys. Misfit says why it is none, or what in it is no JSON."""
    value = decode_line(line)
    if not isinstance(value, dict):
        raise no_object(value)
    refuse_unfit(value)
    text = line.decode()

    def place(at: int) -> int:
        return offset + len(text[:at].encode())

    out, i = [], _skip(text, text.index("{") + 1)
    while text[i] != "}":
        key, after = DECODER.raw_decode(text, i)
        start = _skip(text, _skip(text, after) + 1)
        _, end = DECODER.raw_decode(text, start)
        out.append(((place(i + 1), place(after - 1), place(start), place(end)), key))
        i = _skip(text, end)
        i = _skip(text, i + 1) if text[i] == "," else i
    return out


def _skip(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _copied(data: Numbers, spans: Numbers) -> pa.Array:
    sizes = spans[:, 1] - spans[:, 0]
    out, offsets = np.empty(max(int(sizes.sum()), 1), np.uint8), np.zeros(len(spans) + 1, np.int32)
    jsonpack.copy_values(data, spans, out, offsets)
    return _strings(out, offsets, spans[:, 0] >= 0)


def _texts(found: _Scanned, spans: Numbers, told: Numbers, name: str) -> pa.Array:
    out = np.empty(max(int((spans[:, 1] - spans[:, 0]).sum()), 1), np.uint8)
    offsets = np.zeros(len(spans) + 1, np.int32)
    valid, broken = np.zeros(len(spans), np.bool_), np.zeros(len(spans), np.bool_)
    jsonpack.decode_texts(found.data, spans, out, offsets, valid, told, broken)
    for r in np.flatnonzero(broken):
        found.bad.setdefault(int(r), f"column `{name}` holds invalid UTF-8 or half a surrogate pair")
    found.kinds += _kinds(found.data, spans, name)
    return _strings(out, offsets, valid)


def _kinds(data: Numbers, spans: Numbers, name: str) -> list[Kind]:
    """The kinds of the values of a column, if any is no string."""
    there = spans[spans[:, 0] >= 0]
    first = data[there[:, 0]]
    if not np.any((first != ord('"')) & (first != ord("n"))):
        return []
    out = []
    for kind, begins in _BEGINS.items():
        rows = np.flatnonzero(np.isin(first, np.frombuffer(begins, np.uint8)))
        if rows.size:
            start, end = there[rows[0]]
            example = data[start : min(end, start + 40)].tobytes().decode(errors="ignore")
            out.append(Kind(name, kind, int(rows.size), example))
    return out


def _strings(out: Numbers, offsets: Numbers, valid: Numbers, kind: pa.DataType | None = None) -> pa.Array:
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    data = pa.py_buffer(out).slice(0, int(offsets[-1]))
    return pa.Array.from_buffers(kind or pa.string(), len(valid), [mask, pa.py_buffer(offsets), data])


def _packed(found: _Scanned, carry: Carry, told: Numbers) -> pa.Array:
    actions = np.array([carry.actions.get(n, jsonpack.DROP) for n in carry.known] or [jsonpack.DROP], np.int64)
    out = np.empty(found.data.size + 8 * len(found.slots) + 8, np.uint8)
    offsets = np.zeros(found.firsts.size, np.int32)
    jsonpack.pack_lines(found.data, found.members, found.firsts, found.slots, actions, told, carry.others, out, offsets)
    return _strings(out, offsets, np.ones(len(offsets) - 1, np.bool_), pa.binary())


def _typed(found: _Scanned, texts: Mapping[str, pa.Array], schema: pa.Schema) -> dict[str, pa.Array]:
    """Columns of other types than text: small documents of them alone, read as whole blocks are."""
    if not texts:
        return {}
    kinds = pa.schema([schema.field(n) for n in texts])
    for field_ in kinds:
        if pa.types.is_floating(field_.type):
            _check_rounding(field_.name, texts[field_.name])
    rows = len(next(iter(texts.values())))
    table = parse_lines(_documents(texts), rows, kinds) if rows else kinds.empty_table()
    if table is not None:
        return {n: _one(table[n]) for n in kinds.names}
    values = {n: list(_fitted(found, texts[n], n, kinds.field(n).type)) for n in kinds.names}
    return {n: pa.array(values[n], kinds.field(n).type) for n in kinds.names}


def _check_rounding(name: str, texts: pa.Array) -> None:
    """SourceWidened for a whole number that a DOUBLE does not hold exactly."""
    long = texts.filter(pc.match_substring_regex(texts, "^-?[0-9]{16,}$"))
    found = next((t for t in long.to_pylist() if abs(int(t)) > 2**53), None)
    if found is not None:
        raise SourceWidened(f"column `{name}` is DOUBLE by the sample, which does not hold {found[:40]} exactly")


def _documents(texts: Mapping[str, pa.Array]) -> bytes:
    """One object a row, of these columns."""
    parts: list[Any] = []
    for number, (name, array) in enumerate(texts.items()):
        parts += [("," if number else "{") + json.dumps(name) + ":", pc.fill_null(array, "null")]
    joined = pc.binary_join_element_wise(*parts, "}\n", "")
    end = int(np.frombuffer(joined.buffers()[1], np.int32)[len(joined)])
    return memoryview(joined.buffers()[2])[:end].tobytes()


def _fitted(found: _Scanned, texts: pa.Array, name: str, kind: pa.DataType) -> Iterator[Any]:
    for r, text in enumerate(texts.to_pylist()):
        try:
            yield None if text is None or r in found.bad else fit(decode_line(text.encode()), kind, name)
        except Wider as misfit:
            raise SourceWidened(str(misfit)) from None
        except Misfit as misfit:
            found.bad[r] = str(misfit).encode(errors="backslashreplace").decode()
            yield None


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
