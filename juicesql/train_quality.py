"""Trains the model of `quality_score`: logistic regression over the features that `hashed_ngrams` gives.

Equal texts count once and the held-out part is chosen by content, so no text is on both sides, and the order of rows
and files decides nothing: the same texts, settings and seed give the same file, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import Function
from juicesql.call import apply
from juicesql.errors import JuiceError
from juicesql.models import Model, write_manifest
from juicesql.registry import Registry
from juicesql.sources import SourceSpec, open_source

FORMAT = 1
TRAINED = "trained_text"  # the chosen column, beside one that may be called text
NAME = re.compile(r"\w[\w.-]*")
STRENGTH = 10.0  # scikit-learn's C; 1, 10 and 100 tell 97.9, 98.9 and 99.0 % of the SpamAssassin mails right
PARETO = 9.0  # GPT-3's alpha
Matrix = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Settings:
    """How to train. `limit` rows of each input are read at most; 0: all."""

    column: str = "text"
    dims: int = 1 << 18
    ngrams: int = 2
    holdout: float = 0.2
    seed: int = 42
    limit: int = 0


@dataclass
class Texts:
    """One input: the n-grams of each different text by the digest of the text."""

    grams: dict[bytes, Matrix] = field(default_factory=dict)
    rows: int = 0
    unreadable: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class Measured:
    """What the model does to the held-out texts. A text is kept by the label when its score is above 0.5; `pareto_*`
    are the shares that are expected to be kept by score > 1 - pareto(9)."""

    accuracy: float
    auc: float
    precision: float
    recall: float
    label_good_kept: float
    label_bad_kept: float
    pareto_good_kept: float
    pareto_bad_kept: float


@dataclass(frozen=True)
class Trained:
    """A model: its weights and bias, and how it came about."""

    weights: Matrix
    bias: float
    settings: Settings
    texts: dict[str, int]
    measured: Measured
    inputs_sha256: str


def train(good: str, bad: str, settings: Settings) -> Trained:
    """Train on two inputs, each anything that a recipe's source may be.

    SourceError when an input cannot be read; JuiceError when one has too few texts or scikit-learn is missing.
    """
    _check(settings)
    sides = [_read(path, settings) for path in (bad, good)]
    in_both = sides[0].grams.keys() & sides[1].grams.keys()
    digests = [sorted(side.grams.keys() - in_both) for side in sides]
    for path, found in zip((bad, good), digests, strict=True):
        if len(found) < 2:
            message = f"`{path}` has {len(found)} different texts that say anything and are not in the other input"
            raise JuiceError.of("too-few-texts", message, "give at least two of each kind; thousands make a model")
    held = np.concatenate([_held_out(found, settings) for found in digests])
    labels = np.repeat([0, 1], [len(found) for found in digests])
    grams = [side.grams[d] for side, found in zip(sides, digests, strict=True) for d in found]
    features = _matrix(grams, settings.dims)
    weights, bias = _fit(features[~held], labels[~held], settings.seed)
    scores = _probability(features[held] @ weights.astype(np.float64) + bias)
    whole = hashlib.sha256(b"".join(hashlib.sha256(b"".join(found)).digest() for found in digests)).hexdigest()
    counts = {"good": len(digests[1]), "bad": len(digests[0]), "held_out": int(held.sum()), "in_both": len(in_both)}
    counts |= {"repeated": sum(s.rows - len(s.grams) for s in sides), "unreadable": sum(s.unreadable for s in sides)}
    counts |= {"bytes": sum(s.bytes for s in sides)}
    return Trained(weights, bias, settings, counts, _measure(scores, labels[held]), whole)


def _check(settings: Settings) -> None:
    if not 0 < settings.holdout < 1:
        raise JuiceError.of("bad-setting", f"the held-out share is {settings.holdout}", "give a number like 0.2")
    if find_spec("sklearn") is None:
        raise JuiceError.of("no-library", "training needs scikit-learn", "pip install 'juicesql[quality]'")


def _read(path: str, settings: Settings) -> Texts:
    """The features of an input. Texts are let go as soon as theirs are known."""
    side = Texts()
    function = Registry().get("hashed_ngrams")
    for texts, bad in _batches(path, settings):
        side.unreadable += bad
        for text, grams in zip(texts.to_pylist(), _grams(function, texts, settings), strict=True):
            content = text.encode()
            side.rows += 1
            side.bytes += len(content)
            if len(grams):
                side.grams[hashlib.sha256(content).digest()] = grams
    return side


def _batches(path: str, settings: Settings) -> Iterator[tuple[pa.StringArray, int]]:
    source = open_source(SourceSpec((path,), columns={TRAINED: settings.column}))
    left = settings.limit or None
    for morsel in source.morsels():
        loaded = morsel.load()
        texts = loaded.table.column(TRAINED).cast(pa.string()).drop_null().combine_chunks()
        texts = texts.slice(0, left) if left is not None else texts
        yield texts, len(loaded.errors)
        left = left and left - len(texts)
        if left == 0:
            return


def _grams(function: Function, texts: pa.StringArray, settings: Settings) -> Iterator[Matrix]:
    found = apply(function, [texts], {"ngrams": settings.ngrams, "dims": settings.dims})
    ids, ends = found.values.to_numpy(), found.offsets.to_numpy()
    return (ids[start:end].copy() for start, end in pairwise(ends))


def _held_out(digests: list[bytes], settings: Settings) -> Matrix:
    """Which texts of a side are only for measuring: those with the lowest digests of seed and text."""
    seed = str(settings.seed).encode()
    order = np.argsort([hashlib.sha256(seed + d).digest() for d in digests])
    count = len(digests)
    held = np.zeros(count, bool)
    held[order[: min(max(1, round(settings.holdout * count)), count - 1)]] = True
    return held


def _matrix(grams: list[Matrix], dims: int) -> Any:
    """One row a text: 1 / sqrt(n) for each of its n different n-grams."""
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped,import-not-found,unused-ignore]

    sizes = np.array([len(g) for g in grams])
    values = np.repeat(1 / np.sqrt(sizes), sizes)
    return csr_matrix((values, np.concatenate(grams), np.append(0, np.cumsum(sizes))), shape=(len(grams), dims))


def _fit(features: Any, labels: Matrix, seed: int) -> tuple[Matrix, float]:
    """Weights and bias. Both kinds weigh the same, however many texts each has."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1000, random_state=seed)
    model.fit(features, labels)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def _probability(logits: Matrix) -> Matrix:
    return np.asarray(np.exp(-np.logaddexp(0, -logits)))


def _measure(scores: Matrix, labels: Matrix) -> Measured:
    from sklearn.metrics import roc_auc_score

    good, kept = labels == 1, scores > 0.5
    pareto = (2 - scores) ** -PARETO  # the chance that a number drawn from pareto(9) is above 1 - score
    shares = [float(a[b].mean()) for a in (kept, pareto) for b in (good, ~good)]
    precision = float(good[kept].mean()) if kept.any() else 0.0
    return Measured(float((kept == good).mean()), float(roc_auc_score(labels, scores)), precision, shares[0], *shares)


def write_model(trained: Trained, path: Path) -> None:
    """Write the model as one safetensors file, whole or not at all. Its metadata holds everything but the weights."""
    about = {"format": FORMAT, **asdict(trained.settings), "texts": trained.texts, "held_out": asdict(trained.measured)}
    about["inputs_sha256"] = trained.inputs_sha256
    bias, weights = np.array([trained.bias], "<f8").tobytes(), trained.weights.astype("<f4").tobytes()
    head = {
        "__metadata__": {"juicesql": json.dumps(about, sort_keys=True)},
        "bias": {"dtype": "F64", "shape": [1], "data_offsets": [0, len(bias)]},
        "weights": {
            "dtype": "F32",
            "shape": [trained.settings.dims],
            "data_offsets": [len(bias), len(bias) + len(weights)],
        },
    }
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(len(text).to_bytes(8, "little") + text + bias + weights)
    partial.replace(path)


def save(trained: Trained, out: str) -> Path:
    """Write the model to a path that ends in .safetensors, or under a name in the models folder."""
    if out.endswith(".safetensors"):
        path = Path(out).expanduser()
        write_model(trained, path)
        return path
    if not NAME.fullmatch(out):
        raise JuiceError.of("bad-name", f"{out!r} is no name for a model", "use letters, digits, _, - and .")
    model = Model(
        f"quality/{out}", "quality classifier, trained here", ("quality_score",), place=f"quality/{out}.safetensors"
    )
    write_model(trained, model.path)
    write_manifest(model)
    return model.path
