"""Stat `image_aesthetics_scores`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from .._aesthetics import AestheticsPredictor, aesthetics_assets
from .._vision import image_values


@stat(
    "image_aesthetics_scores(images VARCHAR[], hf_scorer_model VARCHAR := "
    "'shunk031/aesthetics-predictor-v2-sac-logos-ava1-l14-linearMSE') -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=aesthetics_assets,
)
class ImageAestheticsScores:
    """How people would rate the look of each image, as a model predicts it; around 0.5 for ordinary photos.

    The model rates from 1 to 10, and a tenth of that is the score: a linear layer (version 1) or five of them, with or
    without activations (version 2), over CLIP's image embedding of length 1. `hf_scorer_model` is a folder or a name on
    the hub, one of `shunk031/aesthetics-predictor-v1-*` or `-v2-*`; which kind of head it has is read from its weights,
    and no code of the model is run.

    Images are turned as their EXIF orientation says. One that is missing, broken or above 134,217,728 pixels is an
    error of its row. No images: an empty list. The batch moves a score by less than 1e-5; on a GPU, where the encoder
    runs in half precision, scores differ a little.

    Usual cut: >= 0.5. Source: Data-Juicer's image_aesthetics_filter, with the models of simple-aesthetics-predictor
    (LAION-Aesthetics; Schuhmann 2022). Data-Juicer gives one score for each distinct image, and takes a tenth only
    where the name of the model holds "aesthetics-predictor".
    """

    def __init__(self, hf_scorer_model: str) -> None:
        self.scorer = AestheticsPredictor(hf_scorer_model)

    def __call__(self, images: pa.ListArray) -> Partly:
        return image_values(images, self.scorer)
