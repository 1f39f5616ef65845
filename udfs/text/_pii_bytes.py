"""Byte classes and steps shared by the finders of personal data. Bytes above 0x7F never belong to a find."""

from juicesql.api import kernel


@kernel
def is_digit(b):
    return 0x30 <= b <= 0x39


@kernel
def is_letter(b):
    return 0x41 <= b <= 0x5A or 0x61 <= b <= 0x7A


@kernel
def is_word(b):
    """ASCII letters, digits and the underscore."""
    return 0x61 <= b <= 0x7A or 0x30 <= b <= 0x39 or 0x41 <= b <= 0x5A or b == 0x5F


@kernel
def digits_end(data, i, stop):
    while i < stop and is_digit(data[i]):
        i += 1
    return i


@kernel
def number_at(data, i, stop):
    """The number that the digits `data[i:stop]` write."""
    number = 0
    for k in range(i, stop):
        number = number * 10 + int(data[k]) - 0x30
    return number


@kernel
def starts_apart(data, i, first):
    """Whether a number may begin at byte `i`: no word character or plus before it, no digit and one of `.,-/`."""
    if i == first:
        return True
    b = data[i - 1]
    if is_word(b) or b == 0x2B:
        return False
    return not (0x2C <= b <= 0x2F and i - 1 > first and is_digit(data[i - 2]))


@kernel
def ends_apart(data, i, stop):
    """Whether a number may end before byte `i`: no word character follows, nor one of `.,-` and a digit."""
    if i == stop:
        return True
    if is_word(data[i]):
        return False
    return not (0x2C <= data[i] <= 0x2E and i + 1 < stop and is_digit(data[i + 1]))
