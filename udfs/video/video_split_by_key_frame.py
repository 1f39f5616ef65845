"""Mapper `video_split_by_key_frame`."""

from juicesql.api import mapper

from ._clips import CLIPS, clips
from ._parts import parts_of


@mapper(
    f"video_split_by_key_frame(videos VARCHAR[], save_dir VARCHAR := '') -> {CLIPS}",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_split_by_key_frame(videos: list[str], save_dir: str) -> list[dict[str, object]]:
    """Cuts each video at its key frames, the frames that are compressed by themselves: a clip begins with each.

    The clips of all videos follow each other. A clip has the path of the `source`, the path of the `video` that was
    made, and where it begins and ends in the source, in seconds after the first frame. One row for each clip:

        select * exclude (clip), [clip.video] as videos
        from (select * exclude (videos), unnest(video_split_by_key_frame(videos)) as clip from source)

    A video with one key frame is its own clip. Clips are MP4 files with the sound of their time. Where the source is
    an MP4, MOV or Matroska file, pictures are copied as they are compressed, which takes next to no time; where that
    cannot be done without loss they are compressed anew as H.264. Sound is copied, or made AAC where MP4 cannot hold
    it. Subtitles are left out. Files have names that are made of the content of the source, and lie in `save_dir`, or
    in the run's folder of produced media; a file that is there is not made again.

    No videos: an empty list. A file that is missing, broken, cut off, without video, of more than 2,000,000 frames or
    33,554,432 pixels is an error of its row. Source: Data-Juicer's video_split_by_key_frame_mapper, which compresses
    all clips anew, puts a frame that follows a clip at its end too, and adds one row with all clips beside the original
    one (`union all` does that).
    """
    name = "video_split_by_key_frame"
    return clips(videos, lambda path, facts: parts_of(facts, [time for time, _ in facts.keys]), name, 2, save_dir)
