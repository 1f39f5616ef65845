"""Stat `frame_brightness`: media.py puts this file into a project."""

from juicesql.udfs.video._frames import video_frames

from juicesql.api import Sampling, stat


@stat(
    "frame_brightness(videos VARCHAR[], frame_num INTEGER := 3) -> DOUBLE[]",
    runs_on="process",
    rowwise=True,
    frames=lambda frame_num, **_: Sampling("uniform", frame_num),
)
def frame_brightness(videos: list[str], frame_num: int) -> list[float]:
    """Mean of the values of all pixels of `frame_num` frames: what a model would read, without the model.

    Usual cut: none. Source: this benchmark.
    """
    frames = {path: video_frames(path, "uniform", frame_num) for path in videos}
    return [sum(float(f.mean()) for f in frames[path]) / len(frames[path]) for path in videos]
