"""Installs what the tests of models need: packages with real weights, and torch where it comes without CUDA.

On a machine without a GPU, torch is only installed when the package index offers a build that needs no CUDA packages;
otherwise it says so, and the tests that need torch are skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

WEIGHTS = Path(__file__).parent / "models.txt"
TORCH = ("torch==2.13.0", "transformers>=5,<6", "safetensors>=0.5", "accelerate>=1.1", "peft>=0.17")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq")


def needs_cuda() -> bool:
    """Whether installing torch would bring CUDA packages along."""
    command = [*PIP, "install", "--dry-run", "--report", "-", *TORCH]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    names = [item["metadata"]["name"] for item in json.loads(done.stdout)["install"]]
    return any(name.startswith(("nvidia", "cuda", "triton")) for name in names)


def install(*what: str) -> None:
    """Quietly: pip notes on stderr that the weights' own dependencies are absent, which is meant."""
    done = subprocess.run([*PIP, "install", *what], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)


def main() -> None:
    install("--no-deps", "-r", str(WEIGHTS))
    if shutil.which("nvidia-smi") is None and needs_cuda():
        print("torch is only offered with CUDA here: its tests are skipped unless you install a CPU build of it")
        return
    install(*TORCH)


if __name__ == "__main__":
    main()
