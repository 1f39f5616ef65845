"""The peer, py-data-juicer, in an environment of its own under `work/`, and how to call it.

The peer installs what an operator needs when it first meets it. That happens here, in one run on a handful of
documents before anything is timed: what it would fetch is installed beforehand where it is known (torch, which it
imports without using it for text, in the version whose CPU build is small where there is one; ray; ftfy and
selectolax in the versions we use; what its text operators need for parity.py and functions.py), and whatever is still
missing it installs itself during that run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

VERSION = "1.6.1"
FIRST = ("torch==2.13.0",)
THEN = (f"py-data-juicer=={VERSION}", "aiohttp", "ray==2.60.0", "ftfy==6.3.1", "selectolax==1.0.2")
OF_OPERATORS = (
    *("opencc==1.4.2", "beautifulsoup4==4.15.0", "nltk==3.10.4", "nlpaug==1.1.11", "nlpcda==2.5.8", "kenlm==0.3.0"),
    *("sentencepiece==0.2.3", "fasttext-predict==0.9.2.4", "spacy==3.8.18", "spacy-pkuseg==1.0.2"),
    *("transformers==5.23.0", "tokenizers==0.23.3", "safetensors==0.8.0"),
)


def peer_python(work: Path) -> Path:
    return work / "peer-venv" / "bin" / "python"


def ensure(work: Path) -> Path:
    """Make the environment unless it is there; returns its Python."""
    python = peer_python(work)
    ready = work / "peer-venv" / "ready.json"
    wanted = [*FIRST, *THEN, *OF_OPERATORS]
    if ready.exists() and json.loads(ready.read_text()) == wanted:
        return python
    print(f"making {work / 'peer-venv'} (about 2 GB)", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", str(work / "peer-venv")], check=True)
    for requirements in (FIRST, (*THEN, *OF_OPERATORS)):
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *requirements], check=True)
    ready.write_text(json.dumps(wanted))
    return python


def code_folders(work: Path) -> list[Path]:
    """Where the peer's environment keeps Python sources: pinned packages, so the same text on every machine."""
    return sorted((work / "peer-venv" / "lib").glob("python*/site-packages"))


def command(work: Path, config: Path, source: Path, export: Path, processes: int) -> list[str]:
    """The peer's command line; paths and processes override what the YAML says."""
    return [
        str(work / "peer-venv" / "bin" / "dj-process"),
        "--config",
        str(config),
        "--dataset_path",
        str(source),
        "--export_path",
        str(export),
        "--np",
        str(processes),
    ]


def write_config(template: Path, path: Path, with_fix: bool) -> Path:
    """A copy of the YAML at `path`, without `fix_unicode_mapper` when asked."""
    lines = template.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if with_fix or "fix_unicode_mapper" not in line))
    return path


def clean_environment(home: Path) -> dict[str, str]:
    """This process's environment with every per-user folder moved below `home`, so that what stays can be counted."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "XDG_", "NUMBA_"))}
    return kept | {"HOME": str(home), "TMPDIR": str(temporary)}
