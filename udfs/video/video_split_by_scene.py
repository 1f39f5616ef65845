"""Mapper `video_split_by_scene`."""

from juicesql.api import FunctionError, mapper

from ._clips import CLIPS, clips
from ._facts import Facts
from ._parts import Part, parts_of
from ._scenes import library, scene_detector, scene_starts


@mapper(
    "video_split_by_scene(videos VARCHAR[], detector VARCHAR := 'ContentDetector', threshold DOUBLE := 27.0, "
    "min_scene_len INTEGER := 15, weights DOUBLE[] := [1.0, 1.0, 1.0, 0.0], luma_only BOOLEAN := false, "
    "kernel_size INTEGER := NULL, window_width INTEGER := 2, min_content_val DOUBLE := 15.0, "
    f"fade_bias DOUBLE := 0.0, add_final_scene BOOLEAN := false, save_dir VARCHAR := '') -> {CLIPS}",
    runs_on="process",
    rowwise=True,
    extra="media",
    assets=lambda **_: library(),
)
def video_split_by_scene(
    videos: list[str],
    detector: str,
    threshold: float,
    min_scene_len: int,
    weights: list[float],
    luma_only: bool,
    kernel_size: int | None,
    window_width: int,
    min_content_val: float,
    fade_bias: float,
    add_final_scene: bool,
    save_dir: str,
) -> list[dict[str, object]]:
    """Cuts each video where the scene changes, found by a detector of PySceneDetect: one clip for each scene.

    - 'ContentDetector': a scene begins with a frame that differs from the one before by `threshold` or more: the mean
      difference of hue, saturation, brightness and edges (each 0 to 255), with `weights`; `luma_only` counts only
      brightness. `kernel_size` widens edges (an odd number; by the size of the picture when NULL).
    - 'AdaptiveDetector': as before, but the difference must be at least `min_content_val`, and `threshold` times the
      mean difference of `window_width` frames at either side (its own default is 3).
    - 'ThresholdDetector': a scene begins in the middle between a frame whose mean value is below `threshold` and the
      next that is not (its own default is 12); `fade_bias` moves that from -1, the first dark frame, to 1, the first
      bright one. With `add_final_scene` a darkness at the end is a scene too.
    No scene is shorter than `min_scene_len` frames, but the first and the last may be.

    The clips of all videos follow each other. A clip has the path of the `source`, the path of the `video` that was
    made, and where it begins and ends in the source, in seconds after the first frame. One row for each clip:

        select * exclude (clip), [clip.video] as videos
        from (select * exclude (videos), unnest(video_split_by_scene(videos)) as clip from source)

    A video of one scene is its own clip. Clips are MP4 files with the sound of their time. Pictures are compressed anew
    as H.264, exact to the frame, or copied where a scene begins and ends at key frames. Sound is copied, or made AAC
    where MP4 cannot hold it. Subtitles are left out. Files have names that are made of the content of the source, and
    lie in `save_dir`, or in the run's folder of produced media; a file that is there is not made again.

    No videos: an empty list. A file that is missing, broken, cut off, without video, of more than 2,000,000 frames or
    33,554,432 pixels is an error of its row. Source: PySceneDetect, as in Data-Juicer's video_split_by_scene_mapper,
    which answers a file that it cannot read with the name of a file that is not there, and replaces the videos of a
    sample by all their clips.
    """
    _check(weights, kernel_size, window_width)
    options = {
        "weights": weights,
        "luma_only": luma_only,
        "kernel_size": kernel_size,
        "window_width": window_width,
        "min_content_val": min_content_val,
        "fade_bias": fade_bias,
        "add_final_scene": add_final_scene,
    }
    scene_detector(detector, threshold, min_scene_len, options)  # a wrong name is told before a file is read

    def cut(path: str, facts: Facts) -> list[Part]:
        return parts_of(facts, scene_starts(path, scene_detector(detector, threshold, min_scene_len, options)))

    return clips(videos, cut, "video_split_by_scene", 2, save_dir)


def _check(weights: list[float], kernel_size: int | None, window_width: int) -> None:
    if len(weights) != 4 or not any(weights):
        mend = "give four: of hue, saturation, brightness and edges"
        raise FunctionError.of("bad-parameter", f"weights are {weights}", mend)
    if kernel_size is not None and (kernel_size < 3 or kernel_size % 2 == 0):
        raise FunctionError.of(
            "bad-parameter", f"kernel_size is {kernel_size}", "give an odd number from 3 on, or NULL"
        )
    if window_width < 1:
        raise FunctionError.of("bad-parameter", f"window_width is {window_width}", "give at least 1")
