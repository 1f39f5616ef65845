"""`python -m juicesql.sandbox.metrics.child TASK.json`: measures files, and writes what it found as JSON.

It prints how far it is as lines of JSON. A file that cannot be read is counted and named, and ends nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from juicesql.errors import JuiceError
from juicesql.limits import time_limit

from . import media
from .backbones import Backbone, open_backbone
from .inception import ClassShares, Moments, frechet_distance, kernel_distance, precision_recall
from .running import PREFIX
from .temporal import Flicker, consistency

Array = np.ndarray[Any, Any]
OF_PICTURES = {"fid": "frechet", "kid": "kernel", "is": "classes", "pr": "manifold"}
OF_CLIPS = {"fvd": "frechet", "kvd": "kernel", "isv": "classes", "prv": "manifold"}
FAMILIES = OF_PICTURES | OF_CLIPS
NAMED = 20  # files that could not be read, in the answer


@dataclass
class Files:
    """Files that are read one after the other, each within its time; those that cannot be read are noted."""

    paths: list[str]
    seconds: float
    read: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def each(self, read: Callable[[str], Iterable[Any]]) -> Iterator[tuple[str, Any]]:
        """What `read` yields of each file. A file that fails half-way has given what came before."""
        for done, path in enumerate(self.paths, 1):
            try:
                for item in self._within(read, path):
                    yield path, item
                self.read += 1
            except (ValueError, OSError, TimeoutError, MemoryError) as error:
                self.failed[path] = f"{type(error).__name__}: {error}"
            say({"done": done, "total": len(self.paths)})

    def _within(self, read: Callable[[str], Iterable[Any]], path: str) -> Iterator[Any]:
        """The time runs only while the file is read, not while a model works on what it gave."""
        items: Iterator[Any] | None = None
        while True:
            with time_limit(self.seconds, 1):
                items = iter(read(path)) if items is None else items
                item = next(items, None)
            if item is None:
                return
            yield item

    def answer(self, prefix: str = "") -> dict[str, Any]:
        return {
            f"{prefix}files": self.read,
            f"{prefix}errors": len(self.failed),
            f"{prefix}unreadable": dict(list(self.failed.items())[:NAMED]),
        }


@dataclass
class Collected:
    """What the metrics need of one set of files."""

    moments: Moments = field(default_factory=Moments)
    rows: list[Array] = field(default_factory=list)
    shares: ClassShares = field(default_factory=ClassShares)

    @property
    def features(self) -> Array:
        return np.concatenate(self.rows) if self.rows else np.zeros((0, 1))


def inception(task: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the features of the generated and the real files, and compare them."""
    backbone = open_backbone(task["model"], task["trust_remote_code"], task["frames"])
    metrics = task["metrics"] or ["fvd" if backbone.length else "fid"]
    _check_kind(metrics, backbone, task)
    found: dict[str, Any] = {}
    ops = {FAMILIES[m] for m in metrics}
    sets: dict[str, Collected] = {}
    for name, skipped in (("generated", set()), ("real", {"classes"})):
        if ops - skipped:
            files = Files(_ordered(task[name], task), task["seconds_per_file"])
            sets[name] = _collect(files, backbone, task, ops - skipped)
            found |= files.answer("" if name == "generated" else "real_") | {
                f"{name}_samples": sets[name].moments.count
            }
    for metric in metrics:
        try:
            found |= _measured(metric, sets, task)
        except ValueError as error:
            broken = found["errors"] + found.get("real_errors", 0)
            mend = f"{broken} files could not be read" if broken else "give more files"
            raise JuiceError.of("too-few-samples", f"{metric}: {error}", mend) from error
    return found


def _ordered(paths: list[str], task: Mapping[str, Any]) -> list[str]:
    """All files as they are; where only some samples are taken, files in an order that the seed draws."""
    return np.random.default_rng(task["seed"]).permutation(paths).tolist() if task["samples"] else paths


def _check_kind(metrics: list[str], backbone: Backbone, task: Mapping[str, Any]) -> None:
    known = OF_CLIPS if backbone.length else OF_PICTURES
    kind, other = ("clips", "pictures") if backbone.length else ("pictures", "clips")
    if wrong := [m for m in metrics if m not in known]:
        message = f"{task['model']} is a model of {kind}, and {', '.join(wrong)} takes one of {other}"
        raise JuiceError.of("bad-model", message, f"of this model ask for {', '.join(known)}, or give another")
    if backbone.length and task["kind"] == "images":
        raise JuiceError.of("bad-model", f"{task['model']} is a model of clips, and the files are images", "")


def _collect(files: Files, backbone: Backbone, task: Mapping[str, Any], ops: set[str]) -> Collected:
    found = Collected(shares=ClassShares(task["splits"]))
    size = (task["height"], task["width"]) if task["height"] and task["width"] else None
    for inputs in _batches((item for _, item in files.each(_reader(backbone, task, size, len(files.paths)))), task):
        if ops & {"frechet", "kernel", "manifold"}:
            features = backbone.features(inputs)
            if not np.isfinite(features).all():
                raise JuiceError.of("bad-model", f"{task['model']} gives features that are not finite", "")
            found.moments.add(features)
            if ops & {"kernel", "manifold"}:
                found.rows.append(features.astype(np.float32))
        else:
            found.moments.count += len(inputs)
        if "classes" in ops:
            found.shares.add(backbone.probabilities(inputs))
    return found


def _reader(
    backbone: Backbone, task: Mapping[str, Any], size: tuple[int, int] | None, files: int
) -> Callable[[str], Iterable[Any]]:
    """What gives a model's inputs from a file: a picture, frames of a video one by one, or clips."""
    if task["kind"] == "images":
        return lambda path: [backbone.prepare([media.read_image(path)])]
    if not backbone.length:
        return lambda path: (backbone.prepare([f]) for f in media.spread(path, task["frames_per_video"], size))
    random = np.random.default_rng(task["seed"])
    number = -(-task["samples"] // files) if task["samples"] else task["clips_per_video"]
    return lambda path: map(backbone.prepare, media.clips(path, number, backbone.length, task["stride"], random, size))


def _batches(items: Iterable[Any], task: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Items in batches, at most `samples` of them."""
    batch: list[Any] = []
    for count, item in enumerate(items, 1):
        batch.append(item)
        if len(batch) == task["batch_size"] or count == task["samples"]:
            yield batch
            batch = []
        if count == task["samples"]:
            return
    if batch:
        yield batch


def _measured(metric: str, sets: Mapping[str, Collected], task: Mapping[str, Any]) -> dict[str, float]:
    kind = FAMILIES[metric]
    if kind == "classes":
        mean, spread = sets["generated"].shares.score()
        return {metric: mean, f"{metric}_std": spread}
    real, generated = sets["real"], sets["generated"]
    if kind == "frechet":
        return {metric: frechet_distance(real.moments, generated.moments)}
    if kind == "kernel":
        given = task["kernel_subsets"], task["kernel_subset_size"], task["seed"]
        mean, spread = kernel_distance(real.features, generated.features, *given)
        return {metric: mean, f"{metric}_std": spread}
    precision, recall = precision_recall(real.features, generated.features, task["neighbours"])
    return {"precision": precision, "recall": recall}


def temporal(task: Mapping[str, Any]) -> dict[str, Any]:
    """Flickering and consistency of videos, each file decoded once."""
    opened = {d: open_backbone(m, task["trust_remote_code"]) for d, m in task["models"].items()}
    if clips := [task["models"][d] for d, b in opened.items() if b.length]:
        raise JuiceError.of("bad-model", f"{clips[0]} is a model of clips", "give a model of pictures")
    files, scores, sums = Files(task["videos"], task["seconds_per_file"]), {}, {d: [0.0, 0] for d in task["dimensions"]}

    def read(path: str) -> Iterator[dict[str, tuple[float, int]]]:
        media.count_frames(path)
        yield _temporal(path, task, opened)

    for path, found in files.each(read):
        scores[path] = {d: total / count for d, (total, count) in found.items()}
        for dimension, (total, count) in found.items():
            sums[dimension][0] += total
            sums[dimension][1] += count
    if not scores:
        first = next(iter(files.failed.items()))
        raise JuiceError.of("no-media", f"no video could be read; {first[0]}: {first[1]}", "give videos of two frames")
    return {"scores": {d: total / count for d, (total, count) in sums.items()}, "videos": scores, **files.answer()}


def _temporal(path: str, task: Mapping[str, Any], opened: Mapping[str, Backbone]) -> dict[str, tuple[float, int]]:
    """Of one video the sum and the count of each dimension: VBench averages flickering over videos, consistency over
    frames."""
    flicker, rows = Flicker(), {d: list[Array]() for d in opened}
    for batch in _batches(media.frames(path), {"batch_size": task["batch_size"], "samples": 0}):
        if "temporal_flickering" in task["dimensions"]:
            for frame in batch:
                flicker.add(frame)
        for dimension, backbone in opened.items():
            rows[dimension].append(backbone.features([backbone.prepare([frame]) for frame in batch]))
    found = {d: consistency(np.concatenate(features)) for d, features in rows.items()}
    if "temporal_flickering" in task["dimensions"]:
        found["temporal_flickering"] = (flicker.score, 1)
    return found


def say(told: Mapping[str, Any]) -> None:
    print(PREFIX + json.dumps(told), flush=True)


def main(path: str) -> None:
    task = json.loads(Path(path).read_text("utf-8"))
    if task["threads"] and task.get("model", task.get("models")):
        import torch

        torch.set_num_threads(task["threads"])
    try:
        answer = {"inception": inception, "temporal": temporal}[task["task"]](task)
    except JuiceError as error:
        answer = {"problems": [vars(p) for p in error.problems]}
    Path(task["answer"]).write_text(json.dumps(answer, indent=2), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
