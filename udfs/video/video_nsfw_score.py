"""Stat `video_nsfw_score`."""

import pyarrow as pa

from juicesql.api import Partly, Sampling, stat

from .._nsfw import nsfw_assets, nsfw_scorer
from .._vision import video_values


@stat(
    "video_nsfw_score(videos VARCHAR[], hf_nsfw_model VARCHAR := 'Falconsai/nsfw_image_detection', "
    "trust_remote_code BOOLEAN := false, frame_sampling_method VARCHAR := 'all_keyframes', "
    "frame_num INTEGER := 3, reduce_mode VARCHAR := 'avg') -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=nsfw_assets,
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoNsfwScore:
    """Probability that frames of each video are not safe for work (nudity, sex), between 0 and 1.

    A frame is scored as `image_nsfw_score` scores an image, with the models that `hf_nsfw_model` may name there.
    `reduce_mode` joins the values of the frames: 'avg', 'max' or 'min'. `frame_sampling_method` is 'uniform', which
    takes `frame_num` frames from the first to the last (with 1, the one in the middle), or 'all_keyframes', which takes
    all frames that a decoder can start from, however many. 0.0 for a video of which no frame can be had.

    Frames are turned as the file says. A video that is missing, broken or cut off is an error of its row. No videos: an
    empty list. The batch moves a value by less than 1e-5; on a GPU, where the model runs in half precision, values
    differ a little.

    Usual cut: <= 0.5 (0.34847191 in the DJ-SORA recipe). Source: Data-Juicer's video_nsfw_filter. Data-Juicer gives one
    score for each distinct video, and leaves frames as they are stored, without turning them.
    """

    def __init__(self, hf_nsfw_model: str, trust_remote_code: bool) -> None:
        self.scorer = nsfw_scorer(hf_nsfw_model, trust_remote_code)

    def __call__(self, videos: pa.ListArray, frame_sampling_method: str, frame_num: int, reduce_mode: str) -> Partly:
        return video_values(videos, self.scorer, Sampling(frame_sampling_method, frame_num), reduce_mode)
