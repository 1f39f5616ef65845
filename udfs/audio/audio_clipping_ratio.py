"""Stat `audio_clipping_ratio`."""

import numpy as np

from juicesql.api import stat

from ._audio import each, open_sound

FULL = 32766.5 / 32768  # of 16 bits, the highest value reaches it and no other


@stat("audio_clipping_ratio(audios VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def audio_clipping_ratio(audios: list[str]) -> list[float | None]:
    """Share of the samples of each audio that are at full scale: what was recorded too loud is cut off there.

    A sample of any channel counts when its absolute value is at least 32766.5 / 32768, which of 16 bits only the
    extreme values are. One or two such samples are left by bringing a file to full scale. Clipping that was made
    quieter afterwards, or went through a lossy codec, is not seen. NULL in place of an audio without samples. A file
    that is missing, broken, without sound, or cut off where its format can tell is an error of its row. No audios: an
    empty list.

    Usual cut: <= 0.001. Source: the common test for clipping; Data-Juicer has no such stat.
    """
    return each(audios, _share)


def _share(path: str) -> float | None:
    clipped, count = 0, 0
    with open_sound(path) as sound:
        for block in sound.blocks:
            clipped += int(np.count_nonzero(np.abs(block) >= FULL))
            count += block.size
    return clipped / count if count else None
