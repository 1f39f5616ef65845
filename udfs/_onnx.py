"""Models that are one file each, most of them ONNX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from juicesql.api import FunctionError, models_home


def model_file(name: str, *packaged: Path) -> Path:
    """The file of a model: a path, the name of a file in the folder of models, or else one that a package ships."""
    for place in (Path(name).expanduser(), models_home() / name, *packaged):
        if name and place.is_file():
            return place
    mend = f"`juicesql models pull {name}` where it knows that model, or give the path of a file"
    raise FunctionError.of("no-model", f"there is no model file {name!r}, neither here nor in {models_home()}", mend)


def session(file: Path) -> Any:
    """An onnxruntime session: on a GPU where onnxruntime can use one, unless `JUICESQL_DEVICE` is `cpu`."""
    try:
        import onnxruntime
    except ImportError as error:
        mend = "pip install 'juicesql[media]'"
        raise FunctionError.of("no-library", "onnxruntime is not installed", mend) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.enable_cpu_mem_arena = False  # it would keep the memory of the largest input
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", 0))
    wanted = ["CPUExecutionProvider"]
    if os.environ.get("JUICESQL_DEVICE") != "cpu":
        wanted.insert(0, "CUDAExecutionProvider")
    providers = [provider for provider in wanted if provider in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(file), options, providers)
    except Exception as error:  # onnxruntime has a class of its own for each kind of broken file
        cause = str(error).strip().partition("\n")[0]
        raise FunctionError.of("bad-model", f"{file}: {cause}", "give the path of an ONNX model") from error
