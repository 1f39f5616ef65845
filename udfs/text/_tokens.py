"""Tokens: words as the pieces of a SentencePiece model, token counts of any tokenizer, and where their files are."""

import os
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, hub_model, models_home, nearest

from ._tokens_by_word import WordCounter, counts_by_word

TIKTOKEN = "tiktoken:"
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model")
TEXTS_AT_ONCE = 256  # what `tokenizers` keeps of a text until it is counted takes some hundred bytes a token

# A piece of an unusual model can hold a line break or tab. The word kernels split there, so it becomes another
# character that is stripped alike but does not separate words.
_NO_BREAKS = str.maketrans("\n\t ", "\x0b\x0c\x0d")


def sentencepiece_words(text: pa.StringArray, lang: str, model: str | None) -> list[list[str]]:
    """The SentencePiece pieces of each row, in order, with the U+2581 that marks where a word begins.

    The model is the file `model`, else `<lang>.sp.model` in the folder of models.
    """
    processor = sentencepiece(language_file(lang, model, "sp_model", "sp.model"))
    return processor.encode(text.to_pylist(), out_type=str, num_threads=1)


def tokenizer_assets(lang: str, tokenization: bool, sp_model: str | None, **_others: Any) -> list[Path | str]:
    """What the words of a stat depend on: the SentencePiece model, when it splits by one."""
    return [language_file(lang, sp_model, "sp_model", "sp.model")] if tokenization else []


def spaced_pieces(text: pa.StringArray, lang: str, model: str | None) -> pa.StringArray:
    """The rows with a space between their SentencePiece pieces: the word kernels then take each piece for a word."""
    return pa.array(map(_spaced, sentencepiece_words(text, lang, model)), pa.string())


def _spaced(pieces: list[str]) -> str:
    joined = " ".join(pieces)
    if "\n" in joined or "\t" in joined or joined.count(" ") >= len(pieces) > 0:
        return " ".join([piece.translate(_NO_BREAKS) for piece in pieces])
    return joined


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
    mend = f"`juicesql models pull {places[0].name}`, put {names} there, or give {parameter} := 'path'"
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


def tokenizer_file(name: str) -> Path:
    """The file of a tokenizer: `name` itself, or what the folder or hub repository of that name holds."""
    found = hub_model(name, TOKENIZER_FILES)
    places = [found / file for file in TOKENIZER_FILES] if found.is_dir() else [found]
    for place in places:
        if place.is_file():
            return place
    message = f"{found} holds neither tokenizer.json nor tokenizer.model"
    raise FunctionError.of("no-model", message, "give the path of a tokenizer file, or the name of another tokenizer")


def counter_assets(hf_tokenizer: str) -> list[Path | str]:
    """What token counts depend on: the tokenizer file; the ranks of a tiktoken encoding are fixed by its name."""
    return [hf_tokenizer] if hf_tokenizer.startswith(TIKTOKEN) else [tokenizer_file(hf_tokenizer)]


def token_counter(hf_tokenizer: str) -> Callable[[pa.StringArray], np.ndarray]:
    """A function that counts the tokens of each text, without special tokens around it, on the cores of the process."""
    if hf_tokenizer.startswith(TIKTOKEN):
        return _of_texts(_count_tiktoken(hf_tokenizer.removeprefix(TIKTOKEN)))
    file = tokenizer_file(hf_tokenizer)
    if file.suffix != ".json":
        return _of_texts(_count_sentencepiece(file))
    tokenizer = tokenizer_of(file)
    count = _count_tokenizers(tokenizer)
    return WordCounter(count) if counts_by_word(tokenizer) else _of_texts(count)


def _of_texts(count: Callable[[list[str]], list[int]]) -> Callable[[pa.StringArray], np.ndarray]:
    return lambda text: np.array(count(text.to_pylist()), np.int64)


def tokenizer_of(file: Path) -> Any:
    """The tokenizer of a tokenizer.json, which then neither cuts nor pads texts."""
    tokenizers = library("tokenizers", "tokenizers")
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises the base class
        raise FunctionError.of("bad-model", f"{file}: {error}", "give the path of a tokenizer.json") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _count_tokenizers(tokenizer: Any) -> Callable[[list[str]], list[int]]:
    def count(texts: list[str]) -> list[int]:
        counts: list[int] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            found = tokenizer.encode_batch_fast(texts[start : start + TEXTS_AT_ONCE], add_special_tokens=False)
            counts += map(len, found)
        return counts

    return count


def _count_sentencepiece(file: Path) -> Callable[[list[str]], list[int]]:
    processor = sentencepiece(file)

    def count(texts: list[str]) -> list[int]:
        return [len(ids) for ids in processor.encode(texts, out_type=int, num_threads=cores())]

    return count


def tiktoken_encoding(name: str) -> Any:
    """The encoding of this name; its ranks are downloaded by tiktoken when they are not in its cache."""
    tiktoken = library("tiktoken", "tokenizers")
    try:
        return tiktoken.get_encoding(name)
    except ValueError as error:
        mend = nearest(name, tiktoken.list_encoding_names()) or "use one of tiktoken.list_encoding_names()"
        raise FunctionError.of("no-model", f"tiktoken has no encoding {name!r}", mend) from error
    except OSError as error:
        mend = "download it where there is a network, and set TIKTOKEN_CACHE_DIR to the folder that holds it"
        raise FunctionError.of("no-model", f"the ranks of {name!r} could not be fetched: {error}", mend) from error


def _count_tiktoken(name: str) -> Callable[[list[str]], list[int]]:
    encoding = tiktoken_encoding(name)

    def count(texts: list[str]) -> list[int]:
        return [len(ids) for ids in encoding.encode_ordinary_batch(texts, num_threads=cores())]

    return count


def cores() -> int:
    """The cores that this process may use; `tokenizers` keeps to the same number by itself."""
    limit = os.environ.get("RAYON_NUM_THREADS", "")
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(limit) if limit.isdigit() and int(limit) else allowed
