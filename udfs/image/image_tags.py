"""Stat `image_tags`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from .._vision import image_values
from ..multimodal._zero_shot import Tagger, tagger_folder


@stat(
    "image_tags(images VARCHAR[], tags VARCHAR[] := NULL, hf_clip VARCHAR := 'openai/clip-vit-base-patch32', "
    "min_probability DOUBLE := 0.2, template VARCHAR := 'a photo of a {tag}', trust_remote_code BOOLEAN := false) "
    "-> VARCHAR[][]",
    runs_on="device",
    extra="models",
    assets=tagger_folder,
)
class ImageTags:
    """Those of your own tags that fit each image, by a CLIP model without training: the likeliest first.

    For each of `tags` the sentence `template` is compared with the image; the softmax of the model's logits over all of
    them gives a probability, and the tags that reach `min_probability` are listed. Probabilities of one image are 1
    together, so the tags should exclude each other, with one for everything else: `['cat', 'dog', 'something else']`.
    No images: an empty list. An image that cannot be read is an error of the row. The images of many rows go through
    the model together; `trust_remote_code` lets the model's folder bring code, which is then executed.

    Usual cut: `list_has_any(flatten(image_tags(images, tags := [...])), ['cat'])`. Source: CLIP (Radford and others
    2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1, with its template).
    Data-Juicer tags with RAM++ only, which is `image_tagging` here.
    """

    def __init__(self, tags: tuple[str, ...] | None, hf_clip: str, template: str, trust_remote_code: bool) -> None:
        self.tagger = Tagger(hf_clip, trust_remote_code, tags, template)

    def __call__(self, images: pa.ListArray, min_probability: float) -> Partly:
        return image_values(images, self.tagger, lambda found: self.tagger.chosen(found, min_probability))
