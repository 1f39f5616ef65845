"""Mapper `video_remove_watermark`."""

import numpy as np

from juicesql.api import FunctionError, Sampling, mapper

from .._produced import produced
from ._frames import video_frames
from ._watermark import boxes, mask_by_diversity, mask_by_value, painted, regions
from ._write import repainted, rewrite


def _frames(frame_num: int, **_: object) -> Sampling:
    return Sampling("uniform", frame_num)


@mapper(
    "video_remove_watermark(videos VARCHAR[], roi_strings VARCHAR[] := ['0,0,0.1,0.1'], roi_type VARCHAR := 'ratio', "
    "frame_num INTEGER := 10, min_frame_threshold INTEGER := 7, detection_method VARCHAR := 'pixel_value', "
    "save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
    frames=_frames,
)
def video_remove_watermark(
    videos: list[str],
    roi_strings: list[str],
    roi_type: str,
    frame_num: int,
    min_frame_threshold: int,
    detection_method: str,
    save_dir: str,
) -> list[str]:
    """Paints over marks that stay in their place in each video, and gives the paths of the new files.

    Marks are looked for in regions, `roi_strings`, each written 'x1,y1,x2,y2', '(x1,y1,x2,y2)' or '[x1,y1,x2,y2]' with
    the left, top, right and bottom edge: shares of width and height with 'ratio' as `roi_type`, pixels with 'pixel',
    of the picture as it is shown. `frame_num` frames at equal distances are looked at:
    - 'pixel_value': Otsu's threshold parts the bright from the dark pixels of a region; those that do not fill most of
      its upper and left edge are the mark, where that is so in at least `min_frame_threshold` of the frames;
    - 'pixel_diversity': Otsu's threshold parts the pixels that change from those that stay; those that stay are the
      mark. It needs two frames at least.
    The mark, wider by two pixels on each side, is made up from the pixels around it in every frame (Navier-Stokes, 3
    pixels wide). A video in which no mark is found keeps its path.

    New files are MP4 with H.264 (rate factor 18), frames at the times of the source. Sound is copied, or made AAC where
    MP4 cannot hold it; subtitles are left out. Files have names that are made of the content of the source, and lie in
    `save_dir`, or in the run's folder of produced media; a file that is there is not made again. No videos: an empty
    list. A file that is missing, broken, cut off or without video is an error of its row, and so is a region without a
    pixel.

    Source: Data-Juicer's video_remove_watermark_mapper, which loses the sound. Its `roi_key`, regions of their own for
    each sample, is left out.
    """
    if detection_method not in ("pixel_value", "pixel_diversity"):
        raise FunctionError.of(
            "bad-parameter", f"detection_method is {detection_method!r}", "use pixel_value or pixel_diversity"
        )
    by_value = detection_method == "pixel_value"
    if frame_num < (1 if by_value else 2):
        raise FunctionError.of("bad-parameter", f"frame_num is {frame_num}", "give at least 2, or 1 for pixel_value")
    found = regions(roi_strings, roi_type)

    def mask_of(path: str) -> np.ndarray:
        frames = video_frames(path, "uniform", frame_num)
        height, width = frames[0].shape[:2]
        areas = boxes(found, roi_type, width, height)
        return mask_by_value(frames, areas, min_frame_threshold) if by_value else mask_by_diversity(frames, areas)

    def made(path: str) -> str:
        mask = mask_of(path)
        if not mask.any():
            return path

        def write(target: str) -> None:
            rewrite(path, target, repainted(lambda pixels: painted(pixels, mask)), upright=True)

        settings = {"regions": found, "type": roi_type, "frames": frame_num, "method": detection_method}
        settings["least"] = min_frame_threshold if by_value else 0
        return produced("video_remove_watermark", 2, [path], settings, ".mp4", write, save_dir)

    paths = {path: made(path) for path in dict.fromkeys(videos)}
    return [paths[path] for path in videos]
