"""The part of a model of pictures that reads or writes words."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from juicesql.api import FunctionError

from .._vision import TransformersModel
from ..text._transformers import quiet


class PicturesAndWords(TransformersModel):
    """A model of transformers over pictures that has a tokenizer too."""

    @property
    def model(self) -> Any:
        return self.loaded[0]

    @cached_property
    def tokenizer(self) -> Any:
        import transformers

        folder = self.folder()
        given = {"local_files_only": True, "trust_remote_code": self.trusted}
        try:
            with quiet(transformers.utils.logging):
                return transformers.AutoTokenizer.from_pretrained(folder, **given)
        except Exception as error:  # many kinds: no such file, a broken one
            message = f"{folder}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            raise FunctionError.of("bad-model", message, "give the folder of a model with its tokenizer") from error
