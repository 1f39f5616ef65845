"""The evaluator of generated videos by dimensions of VBench."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from juicesql.errors import Problem, nearest

from ..base import Ahead, Evaluator
from ..errors import SandboxError
from ..metrics import vbench_child
from ..metrics.media import listed
from ..metrics.running import run_child, run_command
from ..missing import missing_file, missing_library, missing_model
from ..registry import component

OWN = ("temporal_flickering", "subject_consistency", "background_consistency")
DIMENSIONS = (
    *OWN, "motion_smoothness", "dynamic_degree", "aesthetic_quality", "imaging_quality", "object_class",
    "multiple_objects", "human_action", "color", "spatial_relationship", "scene", "temporal_style", "appearance_style",
    "overall_consistency",
)  # fmt: skip


@dataclass(frozen=True)
class VBenchSettings:
    """Which videos are judged by what."""

    dimension_list: tuple[str, ...] = ("temporal_flickering",)
    videos_path: str | None = None  # a folder of videos; by default the newest `outputs`
    subject_model: str | None = None  # for subject_consistency: an image encoder, DINO ViT-B/16 in VBench
    background_model: str | None = None  # for background_consistency: CLIP ViT-B/32 in VBench
    media_key: str = ""  # the column of paths where the videos are named by a dataset, by default `videos`
    prefer: Literal["own", "vbench"] = "own"  # who computes what both can
    python: str | None = None  # an interpreter that has the package vbench; by default this one
    prompt_path: str | None = None  # VBench_full_info.json: videos are named PROMPT-0.mp4 ...; without, any names do
    result_dir: str | None = None  # where the package writes; by default the folder of the job
    eval_name: str = "vbench"
    load_ckpt_from_local: bool = False  # the package takes its weights from VBENCH_CACHE_DIR
    batch_size: int = 16
    seconds_per_file: float = 600.0  # the most that one video may take, with the models of consistency
    trust_remote_code: bool = False

    @property
    def models(self) -> dict[str, str]:
        """Own dimension -> the model that it takes, of those that are asked for."""
        named = {"subject_consistency": self.subject_model, "background_consistency": self.background_model}
        return {d: m for d, m in named.items() if m and d in self.own}

    @property
    def own(self) -> list[str]:
        """The dimensions that are computed here."""
        able = {"temporal_flickering": True, "subject_consistency": self.subject_model}
        able["background_consistency"] = self.background_model
        return [d for d in self.dimension_list if self.prefer == "own" and able.get(d)]

    @property
    def by_package(self) -> list[str]:
        return [d for d in self.dimension_list if d not in self.own]


class _VBench(Evaluator):
    Settings = VBenchSettings

    @classmethod
    def problems(cls, settings: VBenchSettings, ahead: Ahead) -> Iterator[Problem]:
        for name in settings.dimension_list:
            if name not in DIMENSIONS:
                mend = nearest(name, DIMENSIONS) or f"known dimensions: {', '.join(DIMENSIONS)}"
                yield Problem("unknown-dimension", f"VBench has no dimension `{name}`", mend)
        yield from missing_library("av", extra="media")
        if min(settings.seconds_per_file, settings.batch_size) <= 0 or not settings.dimension_list:
            mend = "give numbers above 0, and a dimension"
            yield Problem("bad-setting", "seconds_per_file, batch_size or dimension_list is 0 or empty", mend)
        if settings.models:
            yield from missing_library("torch", "transformers")
        for model in settings.models.values():
            yield from missing_model(model, ahead)
        yield from missing_file(settings.videos_path, ahead, "videos_path")
        yield from missing_file(settings.prompt_path, ahead, "prompt_path")
        yield from missing_file(settings.python, ahead, "python")
        if not settings.videos_path and not ahead.has("outputs"):
            yield Problem("no-media", "there are no videos to judge", "give videos_path, or generate in an earlier job")
        if settings.by_package and not settings.python and find_spec("vbench") is None:
            names = ", ".join(settings.by_package)
            mend = "pip install vbench in an environment of its own and give its interpreter as `python`"
            if missing := [d for d in settings.by_package if d in OWN[1:]]:
                mend += f"; for {' and '.join(missing)} an image encoder as subject_model or background_model does too"
            yield Problem("missing-package", f"{names}: the package vbench is not installed", mend)

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        settings: VBenchSettings = self.settings
        given = settings.videos_path or self.context.results.latest("outputs", self.context.job.pipeline)
        if not given:
            raise SandboxError.of("no-media", "there are no videos to judge", "give videos_path")
        videos = Path(given)
        found: dict[str, Any] = {}
        details: dict[str, Any] = {}
        if settings.own:
            told = {**vars(settings), "models": settings.models, "dimensions": settings.own}
            told["videos"] = listed(videos, "videos", settings.media_key)
            answer = run_child(self.context, "temporal", told)
            found |= answer.pop("scores")
            kept = self._kept(answer.pop("videos"))
            details = {**answer, "video_scores": str(kept)}
        if settings.by_package:
            found |= self._package(videos)
        by = {d: "juicesql" if d in settings.own else "vbench" for d in settings.dimension_list}
        return {**found, "mean_score": sum(found.values()) / len(found), "computed_by": by, **details}

    def _kept(self, scores: dict[str, dict[str, float]]) -> Path:
        """A file with the scores of each video."""
        path = self.context.folder / "videos.jsonl"
        lines = [json.dumps({"video": video, **found}) for video, found in scores.items()]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path

    def _package(self, videos: Path) -> dict[str, float]:
        """Scores by the package, in an interpreter that has it."""
        settings: VBenchSettings = self.settings
        out = Path(settings.result_dir) if settings.result_dir else self.context.folder / "vbench"
        out.mkdir(parents=True, exist_ok=True)
        told = {
            "videos_path": str(videos.absolute()), "dimension_list": settings.by_package, "name": settings.eval_name,
            "full_info": str(Path(settings.prompt_path).absolute()) if settings.prompt_path else None,
            "output": str(out.absolute()), "local": settings.load_ckpt_from_local,
        }  # fmt: skip
        task = self.context.folder / "vbench.task.json"
        task.write_text(json.dumps(told, indent=2), "utf-8")
        self.context.progress.stage(f"vbench of {self.context.job.meta_name}")
        words = [settings.python or sys.executable, os.path.abspath(vbench_child.__file__), str(task)]
        run_command(self.context, words)
        results: dict[str, Any] = json.loads((out / f"{settings.eval_name}_eval_results.json").read_text("utf-8"))
        return {d: float(results[d][0]) for d in settings.by_package}


@component("DataEvaluator", "vbench")
class VBench(_VBench):
    """The same as `vbench_video_evaluator`."""


@component("DataEvaluator", "vbench_video_evaluator")
class VBenchVideo(_VBench):
    """Scores of generated videos in dimensions of VBench, 0 to 1 each, and their mean.

    Computed here: `temporal_flickering`, and with an image encoder of yours `subject_consistency` and
    `background_consistency`; `computed_by` says so. All others are left to the package vbench, which may be installed
    in an environment of its own (`python`). A video that cannot be read counts in `errors` and is named in
    `unreadable`. Source: Huang and others, arXiv 2311.17982.
    """
