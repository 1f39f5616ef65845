"""Shingles, MinHash bands, SimHash and Jaccard equal plain Python definitions, and MinHash finds what it should."""

import hashlib
import random
import re
import unicodedata

import definitions as plain
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.udfs.dedup._minhash import (
    RECALL,
    bands_and_rows,
    fast_signatures,
    peer_signatures,
)
from juicesql.udfs.text._grams import UNSPACED_RANGES

from juicesql.errors import FunctionError

U64 = (1 << 64) - 1
FNV_START, FNV_PRIME = 14695981039346656037, 1099511628211
SP_MODEL = "tests/models/en.sp.model"

some = settings(max_examples=150, deadline=None)
batches = st.lists(
    st.one_of(
        plain.texts,
        st.lists(st.sampled_from(["a ", "b ", "A ", "the ", "中", "文", ".", "x, ", "  ", "ΟΔΟΣ "]), max_size=60).map(
            "".join
        ),
    ),
    min_size=1,
    max_size=5,
)
modes = st.sampled_from(["auto", "space", "punctuation", "character"])
windows = st.sampled_from([1, 2, 3, 5, 20])


def lowered(text: str) -> str:
    """Lower case, character by character; the final sigma is a sigma and a dotted capital I is an i."""
    low = "".join(c.lower() if len(c.lower()) == 1 else "i" for c in text)
    return low.replace("ς", "σ")


def tokens(text: str, mode: str) -> list[str]:
    if mode == "space":
        return [t for t in text.split(" ") if t]
    if mode == "character":
        return list(text)
    if mode == "punctuation":
        parts = [""]
        for c in text:
            if unicodedata.category(c)[0] == "P":
                parts.append("")
            else:
                parts[-1] += c
        return parts if any(parts) else []
    spread = ""
    for c in text:
        word = unicodedata.category(c)[0] in "LNM"
        alone = word and any(first <= ord(c) <= last for first, last in UNSPACED_RANGES)
        spread += f"\0{c}\0" if alone else c if word else "\0"
    return [t for t in spread.split("\0") if t]


def shingles(parts: list[str], window: int) -> list[tuple[str, ...]]:
    window = min(window, len(parts))
    return [tuple(parts[i : i + window]) for i in range(len(parts) - window + 1)] if parts else []


def mix(h: int) -> int:
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & U64
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & U64
    return h ^ h >> 33


def shingle_hash(shingle: tuple[str, ...]) -> int:
    total = 0
    for token in shingle:
        h = FNV_START
        for c in token:
            h = (h ^ ord(c)) * FNV_PRIME & U64
        total = (total * 0x5851F42D4C957F2D + mix(h)) & U64
    return mix(total)


def fast_signature(hashes: list[int], size: int) -> list[int]:
    pairs = np.random.RandomState(42).randint(0, 1 << 32, (size, 2), np.uint32).tolist()
    return [min(((a | 1) * (h & 0xFFFFFFFF) + b) & 0xFFFFFFFF for h in hashes) for a, b in pairs]


def peer_signature(grams: list[str], size: int) -> list[int]:
    draw, prime, found = np.random.RandomState(42), (1 << 61) - 1, []
    hashes = [int.from_bytes(hashlib.sha1(g.encode()).digest()[:4], "little") for g in grams]
    for _ in range(size):
        a, b = int(draw.randint(1, prime, dtype=np.uint64)), int(draw.randint(0, prime, dtype=np.uint64))
        found.append(min(((h * a + b & U64) % prime) & 0xFFFFFFFF for h in hashes))
    return found


def band_keys(signature: list[int], rows: int) -> list[int]:
    """A hash of each band; its lowest bits are some of each row, as many as fit, and all is told apart by the band."""
    keys, width = [], min(64 // rows, 32)
    for first in range(0, len(signature), rows):
        h, fields = first + 1, 0
        for i, value in enumerate(signature[first : first + rows]):
            h = mix(h ^ value) + 0x9E3779B97F4A7C15 & U64
            fields |= ((value * 0x9E3779B1 & 0xFFFFFFFF) >> 32 - width) << width * i
        own = width * rows
        keys.append((h >> own << own | fields) ^ mix(first + 1))
    return keys


def minhash_bands(text: str, mode: str, window: int, rows: int, bands: int) -> list[int]:
    hashes = [shingle_hash(s) for s in shingles(tokens(lowered(text), mode), window)]
    return band_keys(fast_signature(hashes, rows * bands), rows) if hashes else []


def simhash(hashes: list[int]) -> int:
    return sum(1 << j for j in range(64) if 2 * sum(h >> j & 1 for h in hashes) > len(hashes))


def grams(text: str, mode: str, window: int) -> list[str]:
    return [("" if mode == "character" else " ").join(s) for s in shingles(tokens(text, mode), window)]


def jaccard(a: str, b: str, mode: str = "auto", window: int = 5) -> float:
    left, right = (set(shingles(tokens(lowered(t), mode), window)) for t in (a, b))
    return len(left & right) / len(left | right) if left and right else 0.0


def call_pairs(pairs: list[tuple[str, str]], **parameters: object) -> list[object]:
    from juicesql.call import apply
    from juicesql.signature import constant

    function = plain.REGISTRY.get("shingle_jaccard")
    given_ = {a.name: parameters.get(a.name, constant(a.default)) for a in function.signature.parameters}
    columns = [pa.array(["before", *side], pa.string()).slice(1) for side in zip(*pairs, strict=True)]
    return apply(function, columns, given_).to_pylist()


@some
@given(batches, modes, windows)
def test_ngram_hashes(texts: list[str], mode: str, n: int) -> None:
    expected = [[*dict.fromkeys(map(shingle_hash, shingles(tokens(lowered(t), mode), n)))] for t in texts]
    assert plain.call("ngram_hashes", texts, n=n, tokenization=mode) == expected
    assert [plain.call("ngram_hashes", [t], n=n, tokenization=mode)[0] for t in texts] == expected


@some
@given(batches, modes, windows, st.sampled_from([1, 2, 3, 6, 70]))
def test_minhash_bands(texts: list[str], mode: str, window: int, rows: int) -> None:
    options = {"tokenization": mode, "window_size": window, "num_bands": 4, "num_rows_per_band": rows}
    options["num_permutations"] = 4 * rows
    expected = [minhash_bands(t, mode, window, rows, 4) for t in texts]
    assert plain.call("minhash_bands", texts, **options) == expected
    assert [plain.call("minhash_bands", [t], **options)[0] for t in texts] == expected


@some
@given(batches, st.sampled_from(["space", "punctuation", "character"]), windows)
def test_peer_bands_and_simhash(texts: list[str], mode: str, window: int) -> None:
    every = [grams(t.lower(), mode, window) for t in texts]
    options = {"tokenization": mode, "window_size": window, "hash": "peer", "num_bands": 2, "num_rows_per_band": 2}
    assert plain.call("minhash_bands", texts, **options) == [
        band_keys(peer_signature(g, 4), 2) if g else [] for g in every
    ]
    expected = [simhash([int.from_bytes(hashlib.md5(s.encode()).digest()[:8], "big") for s in g]) for g in every]
    assert plain.call("simhash", texts, tokenization=mode, window_size=window) == expected
    assert [plain.call("simhash", [t], tokenization=mode, window_size=window)[0] for t in texts] == expected


@some
@given(batches, windows)
def test_simhash_of_automatic_tokens(texts: list[str], window: int) -> None:
    expected = [simhash([shingle_hash(s) for s in shingles(tokens(lowered(t), "auto"), window)]) for t in texts]
    assert plain.call("simhash", texts, tokenization="auto", window_size=window) == expected


@some
@given(batches, modes, windows, st.data())
def test_shingle_jaccard(texts: list[str], mode: str, window: int, data: st.DataObject) -> None:
    of_texts = st.sampled_from([*texts, *(t.upper() for t in texts), *(f"{t} x" for t in texts)])
    pairs = data.draw(st.lists(st.tuples(of_texts, of_texts), min_size=1, max_size=12))
    for order in (pairs, sorted(pairs)):
        expected = [jaccard(a, b, mode, window) for a, b in order]
        assert call_pairs(order, tokenization=mode, window_size=window) == expected


@pytest.mark.parametrize("length", [*range(53, 60), *range(61, 67), 119, 120, 128, 100_000])
def test_digests_of_one_and_many_blocks(length: int) -> None:
    text = "x" * length
    expected = int.from_bytes(hashlib.md5(text.encode()).digest()[:8], "big")
    assert plain.call("simhash", [text, "a b", text]) == [expected, plain.call("simhash", ["a b"])[0], expected]
    signatures, _ = peer_signatures(pa.array([text]), "space", 5, 3)
    assert signatures[0].tolist() == peer_signature([text], 3)


def test_golden_signature_of_data_juicer() -> None:
    text = "the quick brown fox jumps over the lazy dog"
    signatures, counts = peer_signatures(pa.array([text]), "space", 5, 256)
    assert signatures[0, :5].tolist() == [186966786, 59101012, 343111293, 638598101, 286703813]
    assert counts.tolist() == [5]


def test_long_texts_and_long_windows() -> None:
    texts = ["word " * 3000, "中" * 3000, " ".join(map(str, range(2000)))]
    expected = [[*dict.fromkeys(map(shingle_hash, set(shingles(tokens(t, "auto"), 1000))))] for t in texts]
    found = plain.call("ngram_hashes", texts, n=1000)
    assert [*map(set, found)] == [*map(set, expected)]
    assert [*map(len, found)] == [1, 1, 1001]


def test_rows_and_bands_of_data_juicer() -> None:
    known = {(0.5, 256): (42, 6), (0.7, 256): (25, 10), (0.8, 256): (17, 15), (0.9, 256): (9, 28), (0.7, 128): (14, 9)}
    for (threshold, permutations), expected in known.items():
        assert bands_and_rows(threshold, permutations, None, None, peer=True) == expected


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.99, 1.0])
@pytest.mark.parametrize("permutations", [128, 256])
def test_rows_and_bands_find_the_pairs_at_the_threshold_and_no_band_is_too_many(threshold, permutations) -> None:
    bands, rows = bands_and_rows(threshold, permutations, None, None, peer=False)
    assert bands * rows <= permutations
    assert 1 - (1 - threshold**rows) ** bands >= RECALL > 1 - (1 - threshold**rows) ** (bands - 1)


@pytest.mark.parametrize(("size", "shared"), [(5, 4), (20, 10), (20, 18), (200, 160)])
def test_signatures_estimate_jaccard_as_ideal_ones_do(size: int, shared: int) -> None:
    """No bias, and the variance J (1 - J) / P of P independent permutations, within 4 standard errors."""
    pairs, permutations = 4000, 114
    draw = np.random.RandomState(size + shared)
    words = np.array([f"w{n}" for n in draw.permutation(pairs * (2 * size - shared))]).reshape(pairs, -1)
    sides = [pa.array(map(" ".join, part.tolist())) for part in (words[:, :size], words[:, size - shared :])]
    left, right = (fast_signatures(side, "auto", True, 1, permutations)[0] for side in sides)
    true = shared / (2 * size - shared)
    estimates = (left == right).mean(axis=1)
    ideal = true * (1 - true) / permutations
    assert abs(estimates.mean() - true) < 4 * (ideal / pairs) ** 0.5
    assert abs(estimates.var() / ideal - 1) < 4 * (2 / pairs) ** 0.5
    bands = (left == right).reshape(pairs, -1, 6).all(axis=2).any(axis=1).mean()
    expected = 1 - (1 - true**6) ** 19
    assert abs(bands - expected) < 4 * (expected * (1 - expected) / pairs) ** 0.5 + 1 / pairs


@pytest.mark.parametrize("script", ["english", "chinese"])
def test_near_duplicates_share_a_key(script: str) -> None:
    draw = random.Random(5)
    signs = [chr(0x4E00 + n) for n in range(3000)] if script == "chinese" else [f"word{n}" for n in range(3000)]
    pairs = []
    for _ in range(3000):
        a = draw.choices(signs, k=draw.randint(30, 200))
        edits = draw.uniform(0.01, 0.06)
        b = [draw.choice(signs) if draw.random() < edits else t for t in a]
        pairs.append(tuple(("" if script == "chinese" else " ").join(side) for side in (a, b)))
    similar = np.array(call_pairs(pairs))
    left, right = (plain.call("minhash_bands", list(side)) for side in zip(*pairs, strict=True))
    found = np.array([not set(a).isdisjoint(b) for a, b in zip(left, right, strict=True)])
    middle, high = (similar >= 0.7) & (similar < 0.8), (similar >= 0.8) & (similar < 0.9)
    assert middle.sum() > 400 < high.sum()
    assert found[middle].mean() >= 0.90
    assert found[high].mean() >= 0.99


def test_short_texts_match_only_texts_of_equal_tokens() -> None:
    texts = ["Yes.", "yes", "No", "yes no", "no yes", "是", "是的", "...", "", "😀"]
    keys = [set(k) for k in plain.call("minhash_bands", texts)]
    for a, ka in zip(texts, keys, strict=True):
        for b, kb in zip(texts, keys, strict=True):
            same = tokens(lowered(a), "auto") == tokens(lowered(b), "auto") != []
            assert ka.isdisjoint(kb) != same


def test_lower_case_and_pattern() -> None:
    text, lower = "Page 12: The CAT sat on the mat", "page : the cat sat on the mat"
    for name, options in [
        ("minhash_bands", {}),
        ("simhash", {}),
        ("minhash_bands", {"hash": "peer", "tokenization": "space"}),
    ]:
        same = plain.call(name, [lower], **options, lowercase=False)
        assert plain.call(name, [text], **options, ignore_pattern=r"\d+") == same
        assert plain.call(name, [re.sub(r"\d+", "", text)], **options, lowercase=False) != same
    assert call_pairs([(text, lower)], ignore_pattern=r"\d+") == [1.0]
    assert call_pairs([(text, lower)], ignore_pattern=r"\d+", lowercase=False) == [
        jaccard("Page : The CAT sat on the mat", "x")
    ]


def test_pieces_of_a_sentencepiece_model() -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    model = sentencepiece.SentencePieceProcessor(model_file=SP_MODEL)
    text = "The cat. a cat the cat on the cat a cat"
    pieces = model.encode(text.lower(), out_type=str)
    options = {"tokenization": "sentencepiece", "tokenizer_model": SP_MODEL, "window_size": 2}
    hashes = [shingle_hash(s) for s in shingles(pieces, 2)]
    assert plain.call("minhash_bands", [text, ""], **options, num_bands=2, num_rows_per_band=2) == [
        band_keys(fast_signature(hashes, 4), 2), []
    ]  # fmt: skip
    joined = ["".join(s) for s in shingles(pieces, 2)]
    assert plain.call("minhash_bands", [text], **options, num_bands=2, num_rows_per_band=2, hash="peer") == [
        band_keys(peer_signature(joined, 4), 2)
    ]
    assert call_pairs([(text, text.upper())], **options) == [1.0]


def test_pieces_of_a_tokenizer_file(tmp_path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    options = {"tokenization": "sentencepiece", "tokenizer_model": str(tmp_path), "window_size": 1}
    assert call_pairs([("a b", "A x"), ("", "")], **options) == [1 / 3, 0.0]


def test_mistakes_in_parameters_are_explained() -> None:
    for name, options in [
        ("minhash_bands", {"tokenization": "words"}),
        ("minhash_bands", {"window_size": 0}),
        ("minhash_bands", {"jaccard_threshold": 0.0}),
        ("minhash_bands", {"jaccard_threshold": 1.5}),
        ("minhash_bands", {"num_permutations": 0}),
        ("minhash_bands", {"jaccard_threshold": 0.01, "num_permutations": 8}),
        ("minhash_bands", {"num_bands": 10}),
        ("minhash_bands", {"num_bands": 64, "num_rows_per_band": 8}),
        ("minhash_bands", {"hash": "md5"}),
        ("minhash_bands", {"hash": "peer"}),
        ("minhash_bands", {"tokenization": "sentencepiece"}),
        ("simhash", {"tokenization": "sentencepiece"}),
        ("ngram_hashes", {"n": 0}),
        ("ngram_hashes", {"tokenization": "sentencepiece"}),
    ]:
        with pytest.raises(FunctionError) as caught:
            plain.call(name, ["a b"], **options)
        assert caught.value.problems[0].code == "bad-parameter"


def test_a_missing_tokenizer_is_found_when_a_recipe_is_planned(tmp_path) -> None:
    assets = plain.REGISTRY.get("minhash_bands").assets
    assert assets(tokenization="auto", tokenizer_model=None, window_size=5) == []
    assert [*map(str, assets(tokenization="sentencepiece", tokenizer_model=SP_MODEL))] == [SP_MODEL]
    for model, code in ((None, "bad-parameter"), (str(tmp_path / "no.model"), "no-model")):
        with pytest.raises(FunctionError) as caught:
            assets(tokenization="sentencepiece", tokenizer_model=model)
        assert caught.value.problems[0].code == code
