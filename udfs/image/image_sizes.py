"""Stat `image_sizes`."""

import os

from juicesql.api import stat

from .._media import open_file


@stat("image_sizes(images VARCHAR[]) -> BIGINT[]", runs_on="process", rowwise=True, extra="media")
def image_sizes(images: list[str]) -> list[int]:
    """Size of each image file in bytes.

    The files are not read, so one that is no picture has a size too; one that is missing is an error of its row. No
    images: an empty list.

    Usual cut: all_between(image_sizes(images), 1024, 20 * 1024 * 1024). Source: Data-Juicer's image_size_filter, which
    writes sizes as text such as '20MB' and reads '1.5KB' as 15 KiB.
    """
    sizes = {path: _size(path) for path in dict.fromkeys(images)}
    return [sizes[path] for path in images]


def _size(path: str) -> int:
    with open_file(path) as file:
        return os.fstat(file.fileno()).st_size
