"""Stat `quality_score`."""

import numpy as np
import pyarrow as pa

from juicesql.api import kernel, map_utf8, stat

from ._chars import longest_row, lowered
from ._grams import row_grams, token_kinds
from ._quality import load_model, model_file


@stat(
    "quality_score(text VARCHAR, model VARCHAR := 'quality') -> DOUBLE",
    assets=lambda model: [model_file(model)],
)
def quality_score(text: pa.StringArray, model: str) -> pa.DoubleArray:
    """Probability, 0 to 1, that the text is of the good kind that a model was trained on.

    You train the model on two folders or files, good text and bad: `juicesql models train-quality GOOD BAD --out NAME`.
    `model` is that NAME (a file in `quality/` of the models folder) or a path. It is a logistic regression; its
    features are the n-grams of `hashed_ngrams`, each counted once: score = 1 / (1 + exp(-(bias + sum of their weights /
    sqrt(number of different n-grams)))). Empty text, and any without a visible character, has only the bias:
    1 / (1 + exp(-bias)).

    Usual cut: > 0.5; GPT-3 keeps some bad text too, as `keep_pareto(quality_score(text), text)` does. Source: the
    quality classifier of GPT-3 (Brown and others 2020, appendix A). Data-Juicer's tool of this name (its `doc_score`)
    runs outside of its operators, on Spark, and counts words that are split on blanks only; here a punctuation mark or
    a Chinese character is a word too, so Chinese needs no tokenizer.
    """
    found = load_model(model)
    logits = map_utf8(_logits, text, np.float64, found.weights, found.bias, found.ngrams, token_kinds(), lowered())
    return pa.array(np.exp(-np.logaddexp(0, -logits.to_numpy())))


@kernel
def _logits(data, offsets, out, weights, bias, ngrams, kinds, lower):
    dims = len(weights)
    ids = np.empty(longest_row(offsets) * ngrams + 1, np.int32)
    last = np.zeros(ngrams, np.uint64)
    seen = np.zeros(dims // 8 + 1, np.uint8)
    for row in range(len(out)):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        count = row_grams(data, start, stop, dims, kinds, lower, last, seen, ids, 0)
        total = 0.0
        for k in range(count):
            total += float(weights[ids[k]])
        out[row] = bias + (total / np.sqrt(count) if count else 0.0)
