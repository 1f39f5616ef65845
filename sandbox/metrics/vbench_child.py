"""`python vbench_child.py TASK.json`: runs the package vbench. It imports nothing of juicesql, so that it works in an
environment of another Python, which vbench needs for its old versions of other libraries."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main(path: str) -> None:
    """Evaluate by the documented interface of vbench 0.1.5; it writes NAME_eval_results.json into the output folder."""
    task = json.loads(Path(path).read_text("utf-8"))
    import torch

    vbench: Any = import_module("vbench")
    full_info = task["full_info"] or str(Path(vbench.__file__).parent / "VBench_full_info.json")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    judge = vbench.VBench(device, full_info, task["output"])
    judge.evaluate(
        videos_path=task["videos_path"],
        name=task["name"],
        dimension_list=task["dimension_list"],
        local=task["local"],
        mode="vbench_standard" if task["full_info"] else "custom_input",
    )


if __name__ == "__main__":
    main(sys.argv[1])
