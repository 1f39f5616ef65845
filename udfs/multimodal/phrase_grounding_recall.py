"""Stat `phrase_grounding_recall`."""

from pathlib import Path

import pyarrow as pa

from juicesql.api import Partly, stat

from .._vision import vision_folder
from ._grounding import Grounder, Limits
from ._phrases import noun_phrases, phrase_assets
from ._rows import Flips, chunked, reduction


def _assets(hf_owlvit: str, tagger: str | None, trust_remote_code: bool, **_others: object) -> list[Path]:
    return [vision_folder(hf_owlvit, trust_remote_code), *phrase_assets(tagger)]


@stat(
    "phrase_grounding_recall(text VARCHAR, images VARCHAR[], hf_owlvit VARCHAR := 'google/owlvit-base-patch32', "
    "horizontal_flip BOOLEAN := false, vertical_flip BOOLEAN := false, reduce_mode VARCHAR := 'avg', "
    "iou_thr DOUBLE := 0.5, large_area_ratio_thr DOUBLE := 0.95, conf_thr DOUBLE := 0.0, tagger VARCHAR := NULL, "
    "image_special_token VARCHAR := '<__dj__image>', eoc_special_token VARCHAR := '<|__dj__eoc|>', "
    "trust_remote_code BOOLEAN := false) -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class PhraseGroundingRecall:
    """Share of the things that a part of a text names which OWL-ViT finds in its images: one value a chunk with images.

    The text is cut into chunks at every `eoc_special_token`; each `image_special_token` in a chunk stands for the next
    image of the list. The distinct noun phrases of what the chunk says (a determiner, adjectives, nouns, by English
    part-of-speech tags, in lower case, without punctuation) are looked for in each of its images. Of as many boxes as
    there are phrases, the likeliest first, one counts for its phrase when that has none yet, its probability is above
    `conf_thr`, it takes at most `large_area_ratio_thr` of the image, and overlaps no counted box by more than `iou_thr`
    (intersection over union). The value is the share of phrases with a box, the average ('avg'), 'max' or 'min'
    (`reduce_mode`) over the images; 1 for a chunk without phrases. Images are turned as EXIF says, and mirrored if a
    flip is asked for.

    `hf_owlvit` is a folder or a name on the hub, of an OwlViTForObjectDetection; the images of many rows go through it
    together. The words are those of NLTK, its sentences those of `sentence_split`; `tagger` is the folder of NLTK's
    averaged_perceptron_tagger_eng, which is looked for in NLTK's own folders and in the folder of models. No images: an
    empty list. An image that cannot be read, or another number of images than of tokens, is an error of the row;
    `trust_remote_code` lets the model's folder bring code, which is then executed.

    Usual cut: >= 0.1 for any chunk. Source: Data-Juicer's phrase_grounding_recall_filter, with the phrases of GLIP (Li
    and others 2022); OWL-ViT (Minderer and others 2022, "Simple Open-Vocabulary Object Detection with Vision
    Transformers"). After a chunk without phrases, Data-Juicer compares later chunks with the wrong images.
    """

    def __init__(self, hf_owlvit: str, trust_remote_code: bool) -> None:
        self.grounder = Grounder(hf_owlvit, trust_remote_code)

    def __call__(
        self,
        text: pa.StringArray,
        images: pa.ListArray,
        horizontal_flip: bool,
        vertical_flip: bool,
        reduce_mode: str,
        iou_thr: float,
        large_area_ratio_thr: float,
        conf_thr: float,
        tagger: str | None,
        image_special_token: str,
        eoc_special_token: str,
    ) -> Partly:
        reduce = reduction(reduce_mode)
        rows = chunked(text, images, image_special_token, eoc_special_token)
        phrases = noun_phrases((said for said, _ in rows), tagger)
        flips, limits = Flips(horizontal_flip, vertical_flip), Limits(iou_thr, large_area_ratio_thr, conf_thr)
        found, problems = self.grounder.recalls(rows, phrases, flips, limits)
        return rows.scored(lambda said, paths: reduce([found[said, path] for path in paths]), problems)
