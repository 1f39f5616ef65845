"""Punkt (Kiss and Strunk 2006, "Unsupervised Multilingual Sentence Boundary Detection"): does a period end a sentence?

The parameters of a language are four text files of NLTK's folder `punkt_tab`; the decisions are those of NLTK 3.10.
"""

import os
import sys
from functools import lru_cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

from juicesql.api import FunctionError, models_home, nearest

LANGUAGES = {
    "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish", "et": "estonian",
    "fi": "finnish", "fr": "french", "it": "italian", "ml": "malayalam", "nl": "dutch", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ru": "russian", "sl": "slovene", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
FILES = ("abbrev_types.txt", "collocations.tab", "ortho_context.tab", "sent_starters.txt")

# Marks that no word contains, the period apart, and runs that are one token.
MARKS = "[)\";}\\]*:@'({\\[\u2018\u2019\u201c\u201d\xab\xbb?!]"
RUN = r"(?:-{2,}|\.{2,}|(?:\.\s){2,}\.)"
WORD_END = rf"\s|$|{MARKS}|{RUN}"
TOKEN = rf"{RUN}|[^\s(\"`{{\[:;&#*@)}}\]\-,]\S*?(?={WORD_END}|,(?={WORD_END}))|\S"
NUMBER = r"-?[.,]?\d[\d,.-]*\.?"
INITIAL = r"[^\W\d]\."

# How a word was seen in training, the bits of ortho_context.tab: begins a sentence, inside one, unknown; upper, lower.
INSIDE_UPPER, UPPER = 4, 2 + 4 + 8
BEGINS_LOWER, LOWER = 16, 16 + 32 + 64
REMEMBERED = 100_000  # decisions, by context of fewer than LONG characters
LONG = 100


class Punkt:
    """The parameters of one language."""

    def __init__(self, folder: Path) -> None:
        import regex  # as NLTK does: the `\s` and `\w` of `re` are others

        self._tokens = regex.compile(TOKEN).findall
        self._number, self._initial = regex.compile(NUMBER).fullmatch, regex.compile(INITIAL).fullmatch
        abbreviations, collocations, contexts, starters = (_lines(folder / name) for name in FILES)
        self.abbreviations, self.starters = set(abbreviations), set(starters)
        self.collocations = {tuple(line.split("\t")) for line in collocations}
        self.contexts = {word: int(bits) for word, bits in (line.split("\t") for line in contexts)}
        self._decided: dict[str, bool] = {}

    def ends_sentence(self, context: str) -> bool:
        """Whether a sentence ends within the context: the word before a mark, the mark, and the token after it."""
        known = self._decided.get(context)
        if known is None:
            tokens = [token for line in context.split("\n") if line.strip() for token in self._tokens(line)]
            known = any(self._ends(a, b) for a, b in pairwise(tokens))
            if len(self._decided) >= REMEMBERED:
                self._decided.clear()
            if len(context) < LONG:
                self._decided[context] = known
        return known

    def _ends(self, token: str, following: str) -> bool:
        """Whether a sentence ends with `token`, which `following` comes after."""
        if not token.endswith("."):
            return token in ("?", "!")
        word, after = _bare(self._type(token)), self._type(following)
        if self._ends_alone(following):
            after = _bare(after)
        if (word, after) in self.collocations:
            return False
        ends, initial = self._ends_alone(token), self._initial(token)
        starts = self._starts(following, after)
        upper = following[0].isupper()
        spared = not ends and (not token.strip(".") or not token.endswith(".."))  # abbreviation or ellipsis
        if spared and not initial and (starts or (upper and after in self.starters)):
            return True
        if (initial or word == "##number##") and starts is False:
            return False
        if initial and starts is None and upper and not self.contexts.get(after, 0) & LOWER:
            return False
        return ends

    def _ends_alone(self, token: str) -> bool:
        """Whether the token looks like the end of a sentence, whatever comes after it."""
        if token in (".", "?", "!"):
            return True
        if token.endswith("..") or not token.endswith("."):
            return False
        word = token[:-1].lower()
        return word not in self.abbreviations and word.split("-")[-1] not in self.abbreviations

    def _type(self, token: str) -> str:
        low = token.lower()
        return "##number##" if self._number(low) else low

    def _starts(self, token: str, word: str) -> bool | None:
        """Whether the token begins a sentence, by the case it has here and had in training; None is unknown."""
        if token in (";", ":", ",", ".", "!", "?"):
            return False
        seen = self.contexts.get(word, 0)
        if token[0].isupper() and seen & LOWER and not seen & INSIDE_UPPER:
            return True
        if token[0].islower() and (seen & UPPER or not seen & BEGINS_LOWER):
            return False
        return None


def _bare(type_: str) -> str:
    return type_[:-1] if len(type_) > 1 and type_.endswith(".") else type_


def _lines(file: Path) -> list[str]:
    lines = file.read_text("utf-8").split("\n")
    return lines if lines[-1] else lines[:-1]


@lru_cache(maxsize=8)
def punkt(folder: Path) -> Punkt:
    """The parameters in the folder of a language, read once."""
    return Punkt(folder)


def punkt_folder(lang: str) -> Path:
    """Where the parameters of a language are: NLTK's folders, ours, then those of the package llama-index-core."""
    name = LANGUAGES.get(lang, lang)
    if name not in LANGUAGES.values():
        mend = nearest(lang, LANGUAGES) or f"use one of {', '.join(LANGUAGES)}"
        raise FunctionError.of("bad-parameter", f"Punkt has no language {lang!r}", mend)
    for place in nltk_places():
        folder = place / "tokenizers" / "punkt_tab" / name
        if all((folder / file).is_file() for file in FILES):
            return folder
    mend = "`juicesql models pull punkt_tab`, or pip install llama-index-core, which carries it"
    raise FunctionError.of("no-model", f"the Punkt parameters of {name} are not here", mend)


def nltk_places() -> list[Path]:
    """Folders of NLTK data: the search path that NLTK documents first. NLTK itself takes two seconds to import."""
    own = [Path(place) for place in os.environ.get("NLTK_DATA", "").split(os.pathsep) if place]
    own.append(Path.home() / "nltk_data")
    own += [Path(sys.prefix) / inside / "nltk_data" for inside in ("", "share", "lib")]
    own += [Path("/usr") / inside / "nltk_data" for inside in ("share", "local/share", "lib", "local/lib")]
    spec = find_spec("llama_index")  # only looked at
    packages = spec.submodule_search_locations or () if spec else ()
    return [*own, models_home() / "nltk", *(Path(p) / "core" / "_static" / "nltk_cache" for p in packages)]
