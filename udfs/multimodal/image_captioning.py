"""Mapper `image_captioning`."""

from pathlib import Path

import pyarrow as pa

from juicesql.api import Partly, mapper

from ..image._images import open_image
from ._captioning import Task, captioned
from ._captions import Captioner


def _assets(hf_img2seq: str, trust_remote_code: bool, **_others: object) -> list[Path]:
    return [Captioner(hf_img2seq, trust_remote_code).folder()]


@mapper(
    "image_captioning(text VARCHAR, images VARCHAR[], hf_img2seq VARCHAR := 'Salesforce/blip2-opt-2.7b', "
    "caption_num INTEGER := 1, keep_candidate_mode VARCHAR := 'random_any', keep_original_sample BOOLEAN := true, "
    "prompt VARCHAR := NULL, max_new_tokens INTEGER := 128, seed INTEGER := 0, "
    "image_special_token VARCHAR := '<__dj__image>', eoc_special_token VARCHAR := '<|__dj__eoc|>', "
    "trust_remote_code BOOLEAN := false) -> VARCHAR[]",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class ImageCaptioning:
    """Captions of a text's images by BLIP-2 as new texts, a list to UNNEST.

    The list has the text itself (`keep_original_sample`), then the new texts: the special tokens of each chunk, with a
    caption between blanks after each `image_special_token`, and `eoc_special_token` behind; chunks without special
    tokens are left out. For each image `caption_num` candidates are drawn, of which `keep_candidate_mode` keeps a
    random one ('random_any'), the one whose SimHash (window 2) is nearest to that of the chunk's words
    ('similar_one_simhash'), or 'all', each in a new text of its own. A text without images has no new ones.

    A caption continues `prompt`, or nothing; each token is drawn from the 50 likeliest, up to `max_new_tokens`. Blanks
    around a caption are removed. What is drawn depends on the text, the place of the image in it and `seed`, so a rerun
    gives the same captions; in another batch, rounding may change a draw. `hf_img2seq` is a folder or a name on the
    hub, of a Blip2ForConditionalGeneration; it runs in float16 on a GPU, the images of many rows together. An image
    that cannot be read, or another number of images than of tokens, is an error of the row; `trust_remote_code` lets
    the model's folder bring code, which is then executed.

    Source: Data-Juicer's image_captioning_mapper; BLIP-2 (Li and others 2023, "Bootstrapping Language-Image
    Pre-training with Frozen Image Encoders and Large Language Models"). Data-Juicer draws without a seed, repeats the
    prompt in the caption, and puts the captions of a chunk with several images behind its first token, the last image
    first. Its `prompt_key`, a prompt for each row, is left out.
    """

    def __init__(self, hf_img2seq: str, prompt: str | None, trust_remote_code: bool) -> None:
        self.captioner = Captioner(hf_img2seq, trust_remote_code, prompt)

    def __call__(
        self,
        text: pa.StringArray,
        images: pa.ListArray,
        caption_num: int,
        keep_candidate_mode: str,
        keep_original_sample: bool,
        max_new_tokens: int,
        seed: int,
        image_special_token: str,
        eoc_special_token: str,
    ) -> Partly:
        task = Task(
            caption_num, keep_candidate_mode, keep_original_sample, max_new_tokens, seed, image_special_token,
            eoc_special_token,
        )  # fmt: skip
        return captioned(text, images, self.captioner, lambda path: [open_image(path)], task)
