"""Words as the pieces of a SentencePiece model, and the models that belong to a language."""

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from juicesql.api import FunctionError, models_home

# A piece of an unusual model can hold a line break or tab. The word kernels split there, so it becomes another
# character that is stripped alike but does not separate words.
_NO_BREAKS = str.maketrans("\n\t ", "\x0b\x0c\x0d")


def sentencepiece_words(text: pa.StringArray, lang: str, model: str | None) -> list[list[str]]:
    """The SentencePiece pieces of each row, in order, with the U+2581 that marks where a word begins.

    The model is the file `model`, else `<lang>.sp.model` in the folder of models.
    """
    processor = sentencepiece(language_file(lang, model, "sp_model", "sp.model"))
    return processor.encode(text.to_pylist(), out_type=str, num_threads=1)


def spaced_pieces(text: pa.StringArray, lang: str, model: str | None) -> pa.StringArray:
    """The rows with a space between their SentencePiece pieces: the word kernels then take each piece for a word."""
    rows = sentencepiece_words(text, lang, model)
    return pa.array([" ".join([p.translate(_NO_BREAKS) for p in pieces]) for pieces in rows], pa.string())


def language_file(lang: str, given: str | None, parameter: str, *endings: str) -> Path:
    """The model file `given`, else the first of `<lang>.<ending>` that is in the folder of models."""
    home = models_home()
    places = [Path(given).expanduser()] if given else [home / f"{lang}.{ending}" for ending in endings]
    for place in places:
        if place.is_file():
            return place
    if given:
        raise FunctionError.of("no-model", f"there is no file {given}", f"give {parameter} the path of a model file")
    names = " or ".join(place.name for place in places)
    mend = f"put {names} there (the hub has a set for many languages: edugp/kenlm), or give {parameter} := 'path'"
    raise FunctionError.of("no-model", f"there is no model for language {lang!r} in {home}", mend)


def library(name: str, extra: str) -> Any:
    """The module `name`, which the optional dependency group `extra` brings."""
    try:
        return import_module(name)
    except ImportError as error:
        raise FunctionError.of("no-library", f"{name} is not installed", f"pip install 'juicesql[{extra}]'") from error


def sentencepiece(file: Path) -> Any:
    """The SentencePiece processor of a model file, loaded once for its content."""
    status = file.stat()
    return _sentencepiece(str(file), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _sentencepiece(path: str, _changed: int, _size: int) -> Any:
    try:
        return library("sentencepiece", "tokenizers").SentencePieceProcessor(model_file=path)
    except (RuntimeError, OSError) as error:
        raise FunctionError.of("bad-model", f"{path}: {error}", "give the path of a SentencePiece model") from error
