"""Stat `video_ocr_area_ratio`."""

from pathlib import Path

from juicesql.api import Sampling, stat

from .._ocr import detector_file, text_area_ratio
from ._frames import video_frames


def _assets(frame_sample_num: int, detector: str) -> list[Path]:
    return [detector_file(detector)]


@stat(
    "video_ocr_area_ratio(videos VARCHAR[], frame_sample_num INTEGER := 3, "
    "detector VARCHAR := 'ch_PP-OCRv4_det_infer.onnx') -> DOUBLE[]",
    runs_on="device",
    rowwise=True,
    extra="models",
    assets=_assets,
    frames=lambda frame_sample_num, **_: Sampling("uniform", frame_sample_num),
)
def video_ocr_area_ratio(videos: list[str], frame_sample_num: int, detector: str) -> list[float]:
    """Share of each video's picture that is text: the mean over `frame_sample_num` frames at equal distances.

    A frame gives the areas of the boxes around its lines of text, added up, over that of the frame; where boxes
    overlap, they count twice, so it may be above 1. `detector` is as in `image_text_area_ratio`: PP-OCR, packaged, or
    the weights of CRAFT, 'craft_mlt_25k.pth', which Data-Juicer uses through EasyOCR. Frames are turned as the file
    says.

    No videos: an empty list. A file that is missing, broken, cut off or without video is an error of its row. Needs
    juicesql[media] too.

    Usual cut: all_between(video_ocr_area_ratio(videos), 0, 0.1). Source: Data-Juicer's video_ocr_area_ratio_filter.
    """
    ratios = {}
    for path in dict.fromkeys(videos):
        found = [text_area_ratio(f, detector) for f in video_frames(path, "uniform", frame_sample_num)]
        ratios[path] = sum(found) / len(found)
    return [ratios[path] for path in videos]
