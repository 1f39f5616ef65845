"""Mapper `video_ffmpeg_wrapped`."""

from juicesql.api import mapper

from .._filtergraph import wrapped


@mapper(
    "video_ffmpeg_wrapped(videos VARCHAR[], filter_name VARCHAR := NULL, filter_kwargs VARCHAR := NULL, "
    "save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def video_ffmpeg_wrapped(
    videos: list[str], filter_name: str | None, filter_kwargs: str | None, save_dir: str
) -> list[str]:
    """Puts each video through one video filter of FFmpeg, such as 'scale', and gives the paths of the new files.

    `filter_kwargs` is a JSON object with the options of the filter, as in
    `video_ffmpeg_wrapped(videos, 'scale', '{"w": 320, "h": -2}')`; ffmpeg.org/ffmpeg-filters.html describes them.
    Without `filter_name` the paths stay as they are. The new file has the format of the old one and the usual codec of
    that format (H.264 in MP4 and MKV, VP9 in WEBM, MPEG-4 in AVI). Pictures are turned as the file says before they are
    filtered, and keep their times unless the filter changes them. Sound is copied as it is, also by filters that change
    the length, such as 'trim'; subtitles are not. The file is named by its content and put into `save_dir`, or the
    run's folder of produced media; it is made once.

    Filters that read or write files, take commands, have several inputs, hold a whole film in memory or may go on for
    ever (`movie`, `subtitles`, `drawtext`, `lut3d`, `sendcmd`, `reverse`, `loop` and their like) are refused. A file
    that is missing, broken, cut off where its format can tell, or without pictures is an error of its row, and so is
    a result of more than 2,000,000 frames or 33,554,432 pixels. No videos: an empty list.

    Source: Data-Juicer's video_ffmpeg_wrapped_mapper. That one loses the sound, starts the ffmpeg program and names
    files by the time; its `global_args`, `capture_stderr` and `overwrite_output` are for that program and are left out.
    """
    return wrapped("video_ffmpeg_wrapped", videos, "video", filter_name, filter_kwargs, save_dir)
