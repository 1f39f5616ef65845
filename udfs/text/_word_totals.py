"""What the word stats count: the white-space words of one text."""

from juicesql.api import kernel

from ._chars import decode
from ._layout import LETTER, SPACE


@kernel
def word_totals(data, i, stop, flags):
    """Words between white space, their characters, the characters of the longest, and how many hold a letter."""
    words = chars = longest = lettered = here = letters = 0
    while i < stop:
        c = int(data[i])
        if c < 0x80:
            i += 1
        else:
            c, i = decode(data, i)
        flag = int(flags[c])
        if not flag & SPACE:
            here += 1
            letters |= flag & LETTER
        elif here:
            words += 1
            chars += here
            longest = max(longest, here)
            lettered += letters != 0
            here = letters = 0
    if here:
        words += 1
        chars += here
        longest = max(longest, here)
        lettered += letters != 0
    return words, chars, longest, lettered
