"""Stat `image_pair_similarity`."""

import pyarrow as pa

from juicesql.api import Partly, stat

from ..multimodal._clip import Clip, clip_folder
from ._images import open_image


@stat(
    "image_pair_similarity(images VARCHAR[], hf_clip VARCHAR := 'openai/clip-vit-base-patch32', "
    "trust_remote_code BOOLEAN := false) -> DOUBLE",
    runs_on="device",
    extra="models",
    assets=clip_folder,
)
class ImagePairSimilarity:
    """Cosine similarity of the features of two images under a CLIP model: whether they show similar things.

    Between -1 and 1; 1 for the same image twice. Images are turned as EXIF says. `hf_clip` is a folder or a name on the
    hub, of the CLIP family; the images of many rows go through it together, which moves a value by less than 1e-5. No
    images: NULL. Any other number than two, or an image that cannot be read, is an error of the row;
    `trust_remote_code` lets the model's folder bring code, which is then executed.

    Usual cut: between 0.1 and 1. Source: Data-Juicer's image_pair_similarity_filter, which writes a list of this one
    number and refuses the same path twice; CLIP (Radford and others 2021, "Learning Transferable Visual Models From
    Natural Language Supervision").
    """

    def __init__(self, hf_clip: str, trust_remote_code: bool) -> None:
        self.clip = Clip(hf_clip, trust_remote_code)

    def __call__(self, images: pa.ListArray) -> Partly:
        rows = images.to_pylist()
        failures = {i: f"there are {len(row)} images, not two" for i, row in enumerate(rows) if len(row) not in (0, 2)}
        pairs = {i: row for i, row in enumerate(rows) if len(row) == 2}
        paths = list(dict.fromkeys(path for row in pairs.values() for path in row))
        vectors, problems = self.clip.pictures(paths, lambda path: [open_image(path)])
        failures |= {i: problems[path] for i, row in pairs.items() for path in reversed(row) if path in problems}
        return Partly(
            [self._cosine(vectors, row) if i not in failures else None for i, row in enumerate(rows)], failures
        )

    def _cosine(self, vectors: dict, row: list[str]) -> float | None:
        return float(vectors[row[0]][0] @ vectors[row[1]][0]) if row else None
