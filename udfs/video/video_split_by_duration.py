"""Mapper `video_split_by_duration`."""

from itertools import count

from juicesql.api import FunctionError, mapper

from ._clips import CLIPS, MOST_CLIPS, clips
from ._facts import Facts
from ._parts import Part, end_of, exact, frame_at, part_of


@mapper(
    "video_split_by_duration(videos VARCHAR[], split_duration DOUBLE := 10, overlap_duration DOUBLE := 0, "
    f"min_last_split_duration DOUBLE := 0, save_dir VARCHAR := '') -> {CLIPS}",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_split_by_duration(
    videos: list[str],
    split_duration: float,
    overlap_duration: float,
    min_last_split_duration: float,
    save_dir: str,
) -> list[dict[str, object]]:
    """Cuts each video into clips of `split_duration` seconds; the last one is what is left.

    A clip begins every `split_duration - overlap_duration` seconds, with the first frame that is shown then or later,
    until one reaches the end of the video. That one is left out when it is shorter than `min_last_split_duration`. A
    video that is not longer than `split_duration` is its own clip.

    The clips of all videos follow each other. A clip has the path of the `source`, the path of the `video` that was
    made, and where it begins and ends in the source, in seconds after the first frame: times of frames, so less than a
    frame after the times that were asked for. One row for each clip:

        select * exclude (clip), [clip.video] as videos
        from (select * exclude (videos), unnest(video_split_by_duration(videos, split_duration := 10)) as clip
              from source)

    Clips are MP4 files with the sound of their time. Pictures are compressed anew as H.264, exact to the frame, or
    copied where a clip begins and ends at key frames. Sound is copied, or made AAC where MP4 cannot hold it. Subtitles
    are left out. Files have names that are made of the content of the source, and lie in `save_dir`, or in the run's
    folder of produced media; a file that is there is not made again.

    No videos: an empty list. A file that is missing, broken, cut off, without video, of more than 2,000,000 frames or
    33,554,432 pixels is an error of its row. Source: Data-Juicer's video_split_by_duration_mapper, which cuts at key
    frames near the times or puts the frame that follows a clip at its end too, depending on its backend, and adds one
    row with all clips beside the original one (`union all` does that).
    """
    if not 0 <= overlap_duration < split_duration:
        message = f"split_duration is {split_duration:g}, overlap_duration {overlap_duration:g}"
        raise FunctionError.of("bad-parameter", message, "give a duration above 0 and an overlap below it")
    length, step = exact(split_duration), exact(split_duration) - exact(overlap_duration)
    shortest = exact(min_last_split_duration)

    def cut(path: str, facts: Facts) -> list[Part]:
        end = end_of(facts)
        total = (end - facts.times[0]) * facts.tick
        if total <= length:
            return [part_of(facts, facts.times[0], end)]
        if total / step > MOST_CLIPS:
            raise ValueError(f"{path} would give more than {MOST_CLIPS:,} clips")
        parts = []
        for start in (number * step for number in count()):
            last = start + length >= total
            if not last or total - start >= shortest:
                parts.append(part_of(facts, frame_at(facts, start), end if last else frame_at(facts, start + length)))
            if last:
                return [part for part in parts if part.start < part.end]
        return parts

    return clips(videos, cut, "video_split_by_duration", 2, save_dir)
