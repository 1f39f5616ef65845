"""Stat `audio_loudness`."""

import math

import numpy as np

from juicesql.api import stat

from ._audio import each, open_sound

QUIETEST = -200.0


@stat("audio_loudness(audios VARCHAR[]) -> DOUBLE[]", runs_on="process", rowwise=True, extra="media")
def audio_loudness(audios: list[str]) -> list[float | None]:
    """Mean level of each audio in dBFS: 20 * log10 of the root mean square of all samples of all channels.

    The largest sample is 1, so a square wave of full scale has 0 and a sine -3.01; digital silence, and whatever is
    below -200, has -200. It is the level of the signal, not how loud it seems: no frequency is weighted. NULL in place
    of an audio without samples. A file that is missing, broken, without sound, or cut off where its format can tell is
    an error of its row. No audios: an empty list.

    Usual cut: between -50 and -5. Source: the definition of dBFS by a square wave (IEC 61606-3 takes a sine, which
    gives 3.01 more); Data-Juicer has no such stat.
    """
    return each(audios, _level)


def _level(path: str) -> float | None:
    energy, count = 0.0, 0
    with open_sound(path) as sound:
        for block in sound.blocks:
            energy += float(np.vdot(block, block))
            count += block.size
    if not count:
        return None
    return max(10 * math.log10(energy / count), QUIETEST) if energy else QUIETEST
