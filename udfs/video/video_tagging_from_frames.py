"""Stat `video_tagging_from_frames`."""

import pyarrow as pa

from juicesql.api import Partly, Sampling, stat

from .._vision import frame_values
from ..image._ram import Ram, ram_files
from ._frame_tags import by_frames


@stat(
    "video_tagging_from_frames(videos VARCHAR[], model VARCHAR := 'ram_plus_swin_large_14m.pth', "
    "frame_sampling_method VARCHAR := 'all_keyframes', frame_num INTEGER := 3, input_size INTEGER := 384) "
    "-> VARCHAR[][]",
    runs_on="device",
    extra="models",
    assets=ram_files,
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoTaggingFromFrames:
    """Tags of what each video shows, by RAM++ over sampled frames: those of most frames first, of 4,585 English words.

    A frame has a tag when its probability is above the tag's own threshold. The tags of a video's frames are counted;
    of those that as many frames have, the one that was found first comes first. Frames are all key frames
    ('all_keyframes'), or with 'uniform' `frame_num` of them spread evenly, the first and the last included, each
    resized to `input_size` pixels square. No videos: an empty list. A video that cannot be read is an error of the row.
    The frames of many rows go through the model together.

    `model` is a file with the published weights: a path, or its name in the folder of models (`juicesql models pull`).
    Its lists of tags and thresholds, ram_tag_list.txt and ram_tag_list_threshold.txt, lie beside it or in that folder.

    Usual cut: `list_has_any(flatten(video_tagging_from_frames(videos)), ['people'])`; `list_has_all` for all of some
    tags. Source: Data-Juicer's video_tagging_from_frames_mapper and _filter; RAM++ (Huang and others 2023, "Open-Set
    Image Tagging with Multi-Grained Text Supervision"). Data-Juicer gives a list with one empty list to rows without
    videos, and an empty tag to frames that have none.
    """

    def __init__(self, model: str, input_size: int) -> None:
        self.ram = Ram(model, input_size)

    def __call__(self, videos: pa.ListArray, frame_sampling_method: str, frame_num: int) -> Partly:
        return frame_values(videos, self.ram, Sampling(frame_sampling_method, frame_num), by_frames)
