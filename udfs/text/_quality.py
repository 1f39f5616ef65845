"""Files of quality models: a name or a path to weights. The format is safetensors, read with numpy alone.

`juicesql models train-quality` writes them: tensors `weights` (F32, one for each hashed n-gram) and `bias` (F64, one),
and in the header's metadata, under `juicesql`, JSON with `format`, `dims`, `ngrams` and what the training measured.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from juicesql.api import FunctionError, models_home

from ._grams import check_grams

FORMAT = 1
_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class QualityModel:
    """A logistic regression over hashed n-grams."""

    weights: np.ndarray
    bias: float
    ngrams: int


def model_file(model: str) -> Path:
    """The file of a model: `quality/NAME.safetensors` in the models folder, or a path."""
    named = models_home() / "quality" / f"{model}.safetensors"
    path = named if _NAME.fullmatch(model) and named.is_file() else Path(model).expanduser()
    if path.is_file():
        return path
    mend = f"train one: `juicesql models train-quality GOOD BAD --out {model}`, or give the path of a model file"
    raise FunctionError.of("no-model", f"there is no quality model {model!r}: neither {named} nor a file", mend)


def load_model(model: str) -> QualityModel:
    """The weights of a model; a changed file is read again."""
    path = model_file(model)
    status = path.stat()
    return _load(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _load(path: Path, changed: int, size: int) -> QualityModel:
    try:
        return _parse(path.read_bytes())
    except (ValueError, KeyError, TypeError) as error:
        mend = "train it again: `juicesql models train-quality GOOD BAD`"
        raise FunctionError.of("bad-model", f"{path} is no quality model: {error}", mend) from error


def _parse(content: bytes) -> QualityModel:
    length = int.from_bytes(content[:8], "little")
    head = json.loads(content[8 : 8 + length])
    about = json.loads(head["__metadata__"]["juicesql"])
    if about["format"] != FORMAT:
        raise ValueError(f"its format is {about['format']}, and this version reads {FORMAT}")
    check_grams(int(about["ngrams"]), int(about["dims"]))
    data = content[8 + length :]
    weights, bias = _tensor(data, head["weights"], "F32", about["dims"]), _tensor(data, head["bias"], "F64", 1)
    return QualityModel(weights, float(bias[0]), int(about["ngrams"]))


def _tensor(data: bytes, entry: dict, dtype: str, size: int) -> np.ndarray:
    start, end = entry["data_offsets"]
    width = int(dtype[1:]) // 8
    if entry["dtype"] != dtype or entry["shape"] != [size] or not 0 <= start <= end <= len(data):
        raise ValueError("a tensor is not what its header says")
    if end - start != size * width:
        raise ValueError("a tensor is cut short")
    return np.frombuffer(data[start:end], f"<f{width}")
