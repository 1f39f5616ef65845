"""Stat `audio_sizes`."""

import os

from juicesql.api import stat

from .._media import open_file
from ._audio import each


@stat("audio_sizes(audios VARCHAR[]) -> BIGINT[]", runs_on="process", rowwise=True)
def audio_sizes(audios: list[str]) -> list[int]:
    """Size of each audio file in bytes.

    The file is not read, so a broken one has a size too; one that is missing is an error of its row. No audios: an
    empty list.

    Usual cut: <= 1099511627776 (1 TB) is Data-Juicer's. Source: Data-Juicer's audio_size_filter; that one reads a
    bound of '1.5MB' as 15 MB.
    """
    return each(audios, _bytes)


def _bytes(path: str) -> int:
    with open_file(path) as file:
        return os.fstat(file.fileno()).st_size
