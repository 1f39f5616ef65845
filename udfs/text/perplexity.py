"""Stat `perplexity`."""

from pathlib import Path

import pyarrow as pa

from juicesql.api import FunctionError, stat

from ._tokens import cores, language_file, library, sentencepiece


def _files(lang: str, sp_model: str | None, kenlm_model: str | None) -> list[Path]:
    return [
        language_file(lang, sp_model, "sp_model", "sp.model"),
        language_file(lang, kenlm_model, "kenlm_model", "arpa.bin", "arpa"),
    ]


@stat(
    "perplexity(text VARCHAR, lang VARCHAR := 'en', sp_model VARCHAR := NULL, kenlm_model VARCHAR := NULL) -> DOUBLE",
    runs_on="device",
    extra="perplexity",
    assets=_files,
)
class Perplexity:
    """How surprised an n-gram language model is by the text: low for prose like its training text.

    The SentencePiece pieces of the text are joined by spaces; each line of the result is a sentence for KenLM.
    perplexity = 10 ** (-sum of log10 p(line, with begin and end) / sum of (pieces in the line + 1)), rounded to one
    decimal. Text without pieces, or empty: 0.

    The models are the files `sp_model` and `kenlm_model` (binary or ARPA), by default `<lang>.sp.model` and
    `<lang>.arpa.bin` or `<lang>.arpa` in the folder of models. Values compare only within one pair of models; those of
    Wikipedia in edugp/kenlm on the hub are what Data-Juicer takes. A NUL character is an unknown piece; Data-Juicer
    scores a text only up to it, which makes it too low.

    Usual cut: <= 1500. Source: Data-Juicer's perplexity_filter, after CCNet (Wenzek and others 2020).
    """

    def __init__(self, lang: str, sp_model: str | None, kenlm_model: str | None) -> None:
        kenlm = library("kenlm", "perplexity")
        pieces, ngrams = _files(lang, sp_model, kenlm_model)
        self.processor = sentencepiece(pieces)
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            self.score = kenlm.Model(str(ngrams), config).score
        except (OSError, RuntimeError) as error:
            mend = "give the path of a KenLM binary or ARPA file"
            raise FunctionError.of("bad-model", str(error), mend, str(ngrams)) from error

    def __call__(self, text: pa.StringArray) -> pa.DoubleArray:
        rows = self.processor.encode(text.to_pylist(), out_type=str, num_threads=cores())
        return pa.array([self._perplexity(" ".join(pieces)) for pieces in rows], pa.float64())

    def _perplexity(self, spaced: str) -> float:
        spaced = spaced.replace("\0", "\ufffd")  # KenLM reads a line up to a NUL; a piece with either is unknown to it
        lines = spaced.splitlines()  # one, unless the model leaves line breaks in its pieces
        length = sum(len(line.split()) + 1 for line in lines)
        return round(10.0 ** (-sum(map(self.score, lines)) / length), 1) if length else 0.0
