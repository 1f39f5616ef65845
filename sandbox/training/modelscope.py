"""Trains through ModelScope in a process of its own: `python -m juicesql.sandbox.training.modelscope SETTINGS.json`.

What ModelScope logs is the log of the job; one JSON line behind `juicesql: ` at the end says where the model is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .run import run_child, tell


def train(given: Mapping[str, Any]) -> None:
    """Build the trainer by its name as ModelScope documents it, and run it."""
    work = Path(given["work_dir"])
    os.environ["MS_DATASETS_CACHE"] = os.environ["HF_DATASETS_CACHE"] = str(Path(given["work"]) / "cache")
    import torch
    from modelscope.msdatasets import MsDataset  # type: ignore[import-not-found, unused-ignore]
    from modelscope.trainers import build_trainer  # type: ignore[import-not-found, unused-ignore]

    torch.set_num_threads(given["threads"])

    def load(path: str) -> Any:
        return MsDataset.load("json", data_files=path, split="train")

    def modified(configuration: Any) -> Any:
        configuration.merge_from_dict(given["modifications"])
        return configuration

    arguments = {
        "model": given["model_name"],
        "train_dataset": load(given["dataset"]),
        "eval_dataset": load(given["eval_dataset"]) if given["eval_dataset"] else None,
        "work_dir": str(work),
        "cfg_modify_fn": modified,
        "seed": given["seed"],
    }
    if given["model_revision"]:
        arguments["model_revision"] = given["model_revision"]
    if given["trust_remote_code"]:
        arguments["trust_remote_code"] = True
    if given["device"]:
        arguments["device"] = given["device"]
    trainer = build_trainer(name=given["trainer_name"], default_args=arguments)
    trainer.train()
    held = trainer.evaluate() if given["eval_dataset"] else {}
    numbers = {f"eval_{name}": float(value) for name, value in (held or {}).items() if isinstance(value, int | float)}
    output = work / "output"  # where its CheckpointHook puts what pipelines load
    model = str(output if output.is_dir() else work)
    tell("done", model=model, steps=int(trainer.iter), samples=given["samples"], **numbers)


if __name__ == "__main__":
    sys.exit(run_child(train, sys.argv[1]))
