"""Stat `video_frames_text_similarity`."""

import pyarrow as pa

from juicesql.api import Partly, Sampling, stat

from ._clip import Clip, clip_folder
from ._rows import Flips, chunked


@stat(
    "video_frames_text_similarity(text VARCHAR, videos VARCHAR[], hf_clip VARCHAR := 'openai/clip-vit-base-patch32', "
    "frame_sampling_method VARCHAR := 'all_keyframes', frame_num INTEGER := 3, horizontal_flip BOOLEAN := false, "
    "vertical_flip BOOLEAN := false, reduce_mode VARCHAR := 'avg', video_special_token VARCHAR := '<__dj__video>', "
    "eoc_special_token VARCHAR := '<|__dj__eoc|>', trust_remote_code BOOLEAN := false) -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=clip_folder,
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoFramesTextSimilarity:
    """How well each part of a text and the frames of its videos belong together under a CLIP model, one value a chunk.

    The text is cut into chunks at every `eoc_special_token`; each `video_special_token` in a chunk stands for the next
    video of the list. The value of a chunk is the model's `logits_per_text` / 100, the average ('avg'), 'max' or 'min'
    (`reduce_mode`) over the sampled frames of all its videos: the cosine between -1 and 1 for the models of OpenAI,
    whose scale is 100. Frames are all key frames ('all_keyframes'), or with 'uniform' `frame_num` of them spread
    evenly, the first and the last included; they are mirrored if a flip is asked for. What the chunk says without
    special tokens is read up to the model's limit (77 tokens), the rest is cut off.

    `hf_clip` is a folder or a name on the hub, of the CLIP family; for Chinese texts one of ChineseCLIP. The frames and
    texts of many rows go through the model together; that moves a value by less than 1e-5. No videos: an empty list. A
    video that cannot be read, or another number of videos than of tokens, is an error of the row; `trust_remote_code`
    lets the model's folder bring code, which is then executed.

    Usual cut: >= 0.1 for any chunk. Source: Data-Juicer's video_frames_text_similarity_filter; CLIP (Radford and others
    2021, "Learning Transferable Visual Models From Natural Language Supervision"). Data-Juicer gives 0 where no frame
    can be decoded, and ignores videos that no token stands for.
    """

    def __init__(self, hf_clip: str, trust_remote_code: bool) -> None:
        self.clip = Clip(hf_clip, trust_remote_code)

    def __call__(
        self,
        text: pa.StringArray,
        videos: pa.ListArray,
        frame_sampling_method: str,
        frame_num: int,
        horizontal_flip: bool,
        vertical_flip: bool,
        reduce_mode: str,
        video_special_token: str,
        eoc_special_token: str,
    ) -> Partly:
        flips = Flips(horizontal_flip, vertical_flip)
        rows = chunked(text, videos, video_special_token, eoc_special_token)
        return self.clip.similarities(
            rows, lambda path: flips.frames(path, frame_sampling_method, frame_num), reduce_mode
        )
