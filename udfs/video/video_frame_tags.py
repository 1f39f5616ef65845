"""Stat `video_frame_tags`."""

import pyarrow as pa

from juicesql.api import Partly, Sampling, stat

from .._vision import frame_values
from ..multimodal._zero_shot import Tagger, tagger_folder
from ._frame_tags import by_frames


@stat(
    "video_frame_tags(videos VARCHAR[], tags VARCHAR[] := NULL, hf_clip VARCHAR := 'openai/clip-vit-base-patch32', "
    "min_probability DOUBLE := 0.2, frame_sampling_method VARCHAR := 'all_keyframes', frame_num INTEGER := 3, "
    "template VARCHAR := 'a photo of a {tag}', trust_remote_code BOOLEAN := false) -> VARCHAR[][]",
    runs_on="device",
    extra="models",
    assets=tagger_folder,
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoFrameTags:
    """Those of your own tags that fit sampled frames of each video, by CLIP without training: of most frames first.

    For each of `tags` the sentence `template` is compared with a frame; the softmax of the model's logits over all of
    them gives a probability, and the frame has the tags that reach `min_probability`. Probabilities of one frame are 1
    together, so the tags should exclude each other, with one for everything else: `['cat', 'dog', 'something else']`.
    The tags of a video's frames are counted; of those that as many frames have, the one that was found first comes
    first. Frames are all key frames ('all_keyframes'), or with 'uniform' `frame_num` of them spread evenly, the first
    and the last included. No videos: an empty list. A video that cannot be read is an error of the row. The frames of
    many rows go through the model together; `trust_remote_code` lets the model's folder bring code, which is then
    executed.

    Usual cut: `list_has_any(flatten(video_frame_tags(videos, tags := [...])), ['cat'])`. Source: CLIP (Radford and
    others 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1, with its
    template). Data-Juicer tags with RAM++ only, which is `video_tagging_from_frames` here.
    """

    def __init__(self, tags: tuple[str, ...] | None, hf_clip: str, template: str, trust_remote_code: bool) -> None:
        self.tagger = Tagger(hf_clip, trust_remote_code, tags, template)

    def __call__(
        self, videos: pa.ListArray, min_probability: float, frame_sampling_method: str, frame_num: int
    ) -> Partly:
        return frame_values(
            videos,
            self.tagger,
            Sampling(frame_sampling_method, frame_num),
            lambda frames: by_frames([self.tagger.chosen(found, min_probability) for found in frames]),
        )
