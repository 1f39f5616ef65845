"""Stat `image_tagging`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from .._vision import image_values
from ._ram import Ram, ram_files


@stat(
    "image_tagging(images VARCHAR[], model VARCHAR := 'ram_plus_swin_large_14m.pth', input_size INTEGER := 384) "
    "-> VARCHAR[][]",
    runs_on="device",
    extra="models",
    assets=ram_files,
)
class ImageTagging:
    """Tags of what each image shows, by RAM++: things, places, actions and properties, of 4,585 English words.

    An image has a tag when its probability is above the tag's own threshold; tags come in the order of the model's
    list. The image is turned as EXIF says and resized to `input_size` pixels square. No images: an empty list. An image
    that cannot be read is an error of the row. The images of many rows go through the model together.

    `model` is a file with the published weights: a path, or its name in the folder of models (`juicesql models pull`).
    Its lists of tags and thresholds, ram_tag_list.txt and ram_tag_list_threshold.txt, lie beside it or in that folder.
    Without these files, `image_tags` finds tags of your own choice by CLIP.

    Usual cut: `list_has_any(flatten(image_tagging(images)), ['people'])`. Source: Data-Juicer's image_tagging_mapper;
    RAM++ (Huang and others 2023, "Open-Set Image Tagging with Multi-Grained Text Supervision"). Data-Juicer gives a
    list with one empty list to rows without images.
    """

    def __init__(self, model: str, input_size: int) -> None:
        self.ram = Ram(model, input_size)

    def __call__(self, images: pa.ListArray) -> Partly:
        return image_values(images, self.ram)
