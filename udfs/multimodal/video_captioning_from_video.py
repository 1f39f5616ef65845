"""Mapper `video_captioning_from_video`."""

from pathlib import Path

import pyarrow as pa

from juicesql.api import Partly, Sampling, mapper

from ._captioning import Task, captioned
from ._captions import VideoCaptioner
from ._rows import Flips


def _assets(hf_video_blip: str, trust_remote_code: bool, **_others: object) -> list[Path]:
    return [VideoCaptioner(hf_video_blip, trust_remote_code).folder()]


@mapper(
    "video_captioning_from_video(text VARCHAR, videos VARCHAR[], "
    "hf_video_blip VARCHAR := 'kpyu/video-blip-opt-2.7b-ego4d', caption_num INTEGER := 1, "
    "keep_candidate_mode VARCHAR := 'random_any', keep_original_sample BOOLEAN := true, prompt VARCHAR := NULL, "
    "frame_sampling_method VARCHAR := 'all_keyframes', frame_num INTEGER := 3, horizontal_flip BOOLEAN := false, "
    "vertical_flip BOOLEAN := false, max_new_tokens INTEGER := 128, seed INTEGER := 0, "
    "video_special_token VARCHAR := '<__dj__video>', eoc_special_token VARCHAR := '<|__dj__eoc|>', "
    "trust_remote_code BOOLEAN := false) -> VARCHAR[]",
    runs_on="device",
    extra="models",
    assets=_assets,
    frames=lambda frame_sampling_method, frame_num, **_: Sampling(frame_sampling_method, frame_num),
)
class VideoCaptioningFromVideo:
    """Captions of a text's videos by Video-BLIP, which sees their frames together, as new texts: a list to UNNEST.

    The list has the text itself (`keep_original_sample`), then the new texts: the special tokens of each chunk, with a
    caption between blanks after each `video_special_token`, and `eoc_special_token` behind; chunks without special
    tokens are left out. For each video `caption_num` candidates are drawn, of which `keep_candidate_mode` keeps a
    random one ('random_any'), the one whose SimHash (window 2) is nearest to that of the chunk's words
    ('similar_one_simhash'), or 'all', each in a new text of its own. A text without videos has no new ones.

    Frames are all key frames ('all_keyframes'), or with 'uniform' `frame_num` of them spread evenly, the first and the
    last included; they are mirrored if a flip is asked for. The query tokens of the model look at all sampled frames of
    a video at once. A caption continues `prompt`, or nothing; each token is drawn at temperature 0.7 from the likeliest
    of the first 50 that have 0.9 of the probability together, where tokens that stand there already are made less
    likely (penalty 1.5), up to `max_new_tokens`. Blanks around a caption are removed. What is drawn depends on the
    text, the place of the video in it and `seed`, so a rerun gives the same captions; in another batch, rounding may
    change a draw. `hf_video_blip` is a folder or a name on the hub, of a Video-BLIP, whose weights are those of a
    Blip2ForConditionalGeneration; it runs in float16 on a GPU, the videos of many rows together. A video that cannot be
    read, or another number of videos than of tokens, is an error of the row; `trust_remote_code` lets the model's
    folder bring code, which is then executed.

    Source: Data-Juicer's video_captioning_from_video_mapper; Video-BLIP (K. P. Yu 2023), a BLIP-2 (Li and others 2023)
    that was trained on videos of Ego4D. Data-Juicer draws within 4 beams and without a seed, repeats the prompt in the
    caption, and puts the captions of a chunk with several videos behind its first token, the last video first. Its
    `prompt_key`, a prompt for each row, is left out.
    """

    def __init__(self, hf_video_blip: str, prompt: str | None, trust_remote_code: bool) -> None:
        self.captioner = VideoCaptioner(hf_video_blip, trust_remote_code, prompt)

    def __call__(
        self,
        text: pa.StringArray,
        videos: pa.ListArray,
        caption_num: int,
        keep_candidate_mode: str,
        keep_original_sample: bool,
        frame_sampling_method: str,
        frame_num: int,
        horizontal_flip: bool,
        vertical_flip: bool,
        max_new_tokens: int,
        seed: int,
        video_special_token: str,
        eoc_special_token: str,
    ) -> Partly:
        task = Task(
            caption_num, keep_candidate_mode, keep_original_sample, max_new_tokens, seed, video_special_token,
            eoc_special_token,
        )  # fmt: skip
        flips = Flips(horizontal_flip, vertical_flip)
        return captioned(
            text, videos, self.captioner, lambda path: flips.frames(path, frame_sampling_method, frame_num), task
        )
