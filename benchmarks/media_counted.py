"""Stat `frame_brightness`, and a list of the videos that are decoded: media.py puts this file into a project."""

from pathlib import Path

from juicesql.udfs.video import _frames

from juicesql.api import Sampling, stat

LIST = Path(__file__).resolve().parent.parent / "decoded.txt"


def _counted(decode):
    def count(path, *rest):
        with LIST.open("a") as out:  # a line is written at once, whoever else writes
            out.write(f"{path}\n")
        return decode(path, *rest)

    return count


_frames._decode = _counted(_frames._decode)


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
    frames = {path: _frames.video_frames(path, "uniform", frame_num) for path in videos}
    return [sum(float(f.mean()) for f in frames[path]) / len(frames[path]) for path in videos]
