"""Stat `image_watermark_prob`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from .._vision import SecondLabel, image_values, vision_folder


@stat(
    "image_watermark_prob(images VARCHAR[], hf_watermark_model VARCHAR := 'amrul-hzz/watermark_detector', "
    "trust_remote_code BOOLEAN := false) -> DOUBLE[]",
    runs_on="device",
    extra="models",
    assets=lambda hf_watermark_model, trust_remote_code: [vision_folder(hf_watermark_model, trust_remote_code)],
)
class ImageWatermarkProb:
    """Probability that each image bears a visible watermark, between 0 and 1.

    It is what an image classifier gives to its label number 1, "watermark" in the default model. `hf_watermark_model`
    is a folder or a name on the hub. `trust_remote_code := true` runs Python code that comes with the model.

    Images are turned as their EXIF orientation says. One that is missing, broken or above 134,217,728 pixels is an
    error of its row. No images: an empty list. The batch moves a probability by less than 1e-5; on a GPU, where the
    model runs in half precision, values differ a little.

    Usual cut: <= 0.8. Source: Data-Juicer's image_watermark_filter; the values of transformers' pipeline for images.
    Data-Juicer gives one probability for each distinct image.
    """

    def __init__(self, hf_watermark_model: str, trust_remote_code: bool) -> None:
        self.scorer = SecondLabel(hf_watermark_model, trust_remote_code)

    def __call__(self, images: pa.ListArray) -> Partly:
        return image_values(images, self.scorer)
