"""Stat `video_frames_aesthetics_score`."""

import pyarrow as pa

from juicesql.api import Partly, Sampling, stat

from .._aesthetics import AestheticsPredictor, aesthetics_assets
from .._vision import video_values


@stat(
    "video_frames_aesthetics_score(videos VARCHAR[], hf_scorer_model VARCHAR := "
    "'shunk031/aesthetics-predictor-v2-sac-logos-ava1-l14-linearMSE', "
    "frame_sampling_method VARCHAR := 'uniform', frame_num INTEGER := 3, reduce_mode VARCHAR := 'avg') -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=aesthetics_assets,
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoFramesAestheticsScore:
    """How people would rate the look of frames of each video, as a model predicts it; around 0.5 for ordinary ones.

    A frame is rated as `image_aesthetics_scores` rates an image, by the model `hf_scorer_model`. `reduce_mode` joins
    the values of the frames: 'avg', 'max' or 'min'. `frame_sampling_method` is 'uniform', which takes `frame_num`
    frames from the first to the last (with 1, the one in the middle), or 'all_keyframes', which takes all frames that a
    decoder can start from, however many. 0.0 for a video of which no frame can be had.

    Frames are turned as the file says. A video that is missing, broken or cut off is an error of its row. No videos: an
    empty list. The batch moves a value by less than 1e-5; on a GPU, where the model runs in half precision, values
    differ a little.

    Usual cut: >= 0.4 (0.31767486 in the DJ-SORA recipe). Source: Data-Juicer's video_aesthetics_filter, with the models
    of simple-aesthetics-predictor. Data-Juicer gives one score for each distinct video, and leaves frames as they are
    stored, without turning them.
    """

    def __init__(self, hf_scorer_model: str) -> None:
        self.scorer = AestheticsPredictor(hf_scorer_model)

    def __call__(self, videos: pa.ListArray, frame_sampling_method: str, frame_num: int, reduce_mode: str) -> Partly:
        return video_values(videos, self.scorer, Sampling(frame_sampling_method, frame_num), reduce_mode)
