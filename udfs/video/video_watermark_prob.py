"""Stat `video_watermark_prob`."""

import pyarrow as pa

from juicesql.api import Partly, Sampling, stat

from .._vision import SecondLabel, video_values, vision_folder


@stat(
    "video_watermark_prob(videos VARCHAR[], hf_watermark_model VARCHAR := 'amrul-hzz/watermark_detector', "
    "trust_remote_code BOOLEAN := false, frame_sampling_method VARCHAR := 'all_keyframes', "
    "frame_num INTEGER := 3, reduce_mode VARCHAR := 'avg') -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=lambda hf_watermark_model, trust_remote_code, **_: [vision_folder(hf_watermark_model, trust_remote_code)],
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoWatermarkProb:
    """Probability that frames of each video bear a visible watermark, between 0 and 1.

    A frame is scored as `image_watermark_prob` scores an image, by the model `hf_watermark_model`. `reduce_mode` joins
    the values of the frames: 'avg', 'max' or 'min'. `frame_sampling_method` is 'uniform', which takes `frame_num`
    frames from the first to the last (with 1, the one in the middle), or 'all_keyframes', which takes all frames that a
    decoder can start from, however many. 0.0 for a video of which no frame can be had.

    Frames are turned as the file says. A video that is missing, broken or cut off is an error of its row. No videos: an
    empty list. The batch moves a value by less than 1e-5; on a GPU, where the model runs in half precision, values
    differ a little.

    Usual cut: <= 0.8 (0.96510297 in the DJ-SORA recipe). Source: Data-Juicer's video_watermark_filter. Data-Juicer
    gives one probability for each distinct video, and leaves frames as they are stored, without turning them.
    """

    def __init__(self, hf_watermark_model: str, trust_remote_code: bool) -> None:
        self.scorer = SecondLabel(hf_watermark_model, trust_remote_code)

    def __call__(self, videos: pa.ListArray, frame_sampling_method: str, frame_num: int, reduce_mode: str) -> Partly:
        return video_values(videos, self.scorer, Sampling(frame_sampling_method, frame_num), reduce_mode)
