"""Mapper `audio_ffmpeg_wrapped`."""

from juicesql.api import mapper

from .._filtergraph import wrapped


@mapper(
    "audio_ffmpeg_wrapped(audios VARCHAR[], filter_name VARCHAR := NULL, filter_kwargs VARCHAR := NULL, "
    "save_dir VARCHAR := '') -> VARCHAR[]",
    runs_on="process",
    rowwise=True,
    extra="media",
)
def audio_ffmpeg_wrapped(
    audios: list[str], filter_name: str | None, filter_kwargs: str | None, save_dir: str
) -> list[str]:
    """Puts each audio through one audio filter of FFmpeg, such as 'atempo', and gives the paths of the new files.

    `filter_kwargs` is a JSON object with the options of the filter, as in `audio_ffmpeg_wrapped(audios, 'atempo',
    '{"tempo": 1.5}')`; ffmpeg.org/ffmpeg-filters.html describes them. Without `filter_name` the paths stay as they are.
    The new file has the format of the old one and, where there is an encoder for it, its codec, else the usual codec of
    the format: so 24-bit WAV stays 24-bit, and Vorbis becomes Opus at 48 kHz. The pictures of a video file are kept as
    they are; titles and covers are not. The file is named by its content and put into `save_dir`, or the run's folder
    of produced media; it is made once.

    Filters that read or write files, take commands, have several inputs or may go on for ever (`amovie`, `arnndn`,
    `ladspa`, `ametadata`, `asendcmd`, `apad`, `aloop` and their like) are refused. A file that is missing, broken, cut
    off where its format can tell, or without sound is an error of its row, and so is a result of more than
    2,000,000,000 samples. No audios: an empty list.

    Source: Data-Juicer's audio_ffmpeg_wrapped_mapper. That one starts the ffmpeg program, reads its stdin, makes 16-bit
    of any WAV, and names files by the time; its `global_args`, `capture_stderr` and `overwrite_output` are for that
    program and are left out here.
    """
    return wrapped("audio_ffmpeg_wrapped", audios, "audio", filter_name, filter_kwargs, save_dir)
