"""Stat `image_text_similarity`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from ._clip import Clip, clip_folder
from ._rows import Flips, chunked


@stat(
    "image_text_similarity(text VARCHAR, images VARCHAR[], hf_clip VARCHAR := 'openai/clip-vit-base-patch32', "
    "horizontal_flip BOOLEAN := false, vertical_flip BOOLEAN := false, reduce_mode VARCHAR := 'avg', "
    "image_special_token VARCHAR := '<__dj__image>', eoc_special_token VARCHAR := '<|__dj__eoc|>', "
    "trust_remote_code BOOLEAN := false) -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=clip_folder,
)
class ImageTextSimilarity:
    """How well each part of a text and its images belong together under a CLIP model, one value a chunk with images.

    The text is cut into chunks at every `eoc_special_token`; each `image_special_token` in a chunk stands for the next
    image of the list. The value of a chunk is the model's `logits_per_text` / 100, the average ('avg'), 'max' or 'min'
    (`reduce_mode`) over its images: the cosine between -1 and 1 for the models of OpenAI, whose scale is 100. What the
    chunk says without special tokens is read up to the model's limit (77 tokens), the rest is cut off; a chunk that
    says nothing is compared as the empty text. Images are turned as EXIF says, and mirrored if a flip is asked for.

    `hf_clip` is a folder or a name on the hub, of the CLIP family (ChineseCLIP, SigLIP...). The images and texts of
    many rows go through the model together; that moves a value by less than 1e-5. No images: an empty list. An image
    that cannot be read, or another number of images than of tokens, is an error of the row; `trust_remote_code` lets
    the model's folder bring code, which is then executed.

    Usual cut: >= 0.1 for any chunk. Source: Data-Juicer's image_text_similarity_filter; CLIP (Radford and others 2021,
    "Learning Transferable Visual Models From Natural Language Supervision"). Data-Juicer ignores images that no token
    stands for.
    """

    def __init__(self, hf_clip: str, trust_remote_code: bool) -> None:
        self.clip = Clip(hf_clip, trust_remote_code)

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
        flips = Flips(horizontal_flip, vertical_flip)
        rows = chunked(text, images, image_special_token, eoc_special_token)
        return self.clip.similarities(rows, lambda path: [flips.image(path)], reduce_mode)
