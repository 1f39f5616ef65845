"""Stat `image_text_matching_score`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from ._matching import Matcher, blip_folder
from ._rows import Flips, chunked, reduction


@stat(
    "image_text_matching_score(text VARCHAR, images VARCHAR[], hf_blip VARCHAR := 'Salesforce/blip-itm-base-coco', "
    "horizontal_flip BOOLEAN := false, vertical_flip BOOLEAN := false, reduce_mode VARCHAR := 'avg', "
    "image_special_token VARCHAR := '<__dj__image>', eoc_special_token VARCHAR := '<|__dj__eoc|>', "
    "trust_remote_code BOOLEAN := false) -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=blip_folder,
)
class ImageTextMatchingScore:
    """Probability, by BLIP's matching head, that a part of a text describes its images: one value a chunk with images.

    The text is cut into chunks at every `eoc_special_token`; each `image_special_token` in a chunk stands for the next
    image of the list. For each image, text and image go through the model together, and the softmax of the two logits
    of its head gives the probability that they match; the value of a chunk is the average ('avg'), 'max' or 'min'
    (`reduce_mode`) over its images, between 0 and 1. What the chunk says without special tokens is read up to the
    model's limit (512 tokens), the rest is cut off. Images are turned as EXIF says, and mirrored if a flip is asked
    for.

    `hf_blip` is a folder or a name on the hub of a BlipForImageTextRetrieval. The pairs of many rows go through the
    model together; that moves a value by less than 1e-5. No images: an empty list. An image that cannot be read, or
    another number of images than of tokens, is an error of the row; `trust_remote_code` lets the model's folder bring
    code, which is then executed.

    Usual cut: >= 0.003 for any chunk. Source: Data-Juicer's image_text_matching_filter; BLIP (Li and others 2022,
    "Bootstrapping Language-Image Pre-training for Unified Vision-Language Understanding and Generation"). Data-Juicer
    ignores images that no token stands for.
    """

    def __init__(self, hf_blip: str, trust_remote_code: bool) -> None:
        self.matcher = Matcher(hf_blip, trust_remote_code)

    def __call__(
        self,
        text: pa.StringArray,
        images: pa.ListArray,
        horizontal_flip: bool,
        vertical_flip: bool,
        reduce_mode: str,
        image_special_token: str,
        eoc_special_token: str,
    ) -> Partly:
        reduce = reduction(reduce_mode)
        rows = chunked(text, images, image_special_token, eoc_special_token)
        found, problems = self.matcher.probabilities(rows, Flips(horizontal_flip, vertical_flip))
        return rows.scored(lambda said, paths: reduce([found[said, path] for path in paths]), problems)
