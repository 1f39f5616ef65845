"""Telephone numbers in text: international ones, North American ones, and mobile ones of China, Japan and Korea."""

import numpy as np

from juicesql.api import kernel

from ._pii_bytes import digits_end, ends_apart, is_digit, is_word, number_at, starts_apart

# Country calling codes in use (ITU-T E.164 list of assigned codes); no code begins another.
COUNTRY_CODES = (
    "1 7 20 27 30-34 36 39-41 43-49 51-58 60-66 81 82 84 86 90-95 98 211-213 216 218 220-258 260-269 290 291 297-299 "
    "350-359 370-378 380-383 385-387 389 420 421 423 500-509 590-599 670 672-683 685-692 850 852 853 855 856 880 886 "
    "960-968 970-977 992-996 998"
)
# Digits with the country code, where the plan of a country fixes them; elsewhere 9 to 15.
COUNTRY_DIGITS = {
    1: (11, 11), 7: (11, 11), 30: (12, 12), 31: (11, 11), 33: (11, 11), 34: (11, 11), 41: (11, 11), 44: (11, 12),
    45: (10, 10), 47: (10, 10), 48: (11, 11), 61: (11, 11), 86: (11, 13), 91: (12, 12), 351: (12, 12), 420: (12, 12),
}  # fmt: skip


def _country_table():
    table = np.zeros((1000, 2), np.int64)
    for entry in COUNTRY_CODES.split():
        low, _, high = entry.partition("-")
        for code in range(int(low), int(high or low) + 1):
            table[code] = COUNTRY_DIGITS.get(code, (9, 15))
    return table


COUNTRIES = _country_table()


@kernel
def international(data, plus, first, stop):
    """Start and end of the number with a country code behind the plus at byte `plus`, or -1, -1."""
    if plus > first and (is_word(data[plus - 1]) or data[plus - 1] == 0x2B):
        return -1, -1
    end = digits_end(data, plus + 1, min(plus + 17, stop))
    count, number = end - plus - 1, number_at(data, plus + 1, end)
    country = _country(data, plus + 1, end)
    if country < 0 or count > COUNTRIES[country, 1]:
        return -1, -1
    begin, loose = plus, False  # loose: behind a bracket the separator may be missing
    if plus > first and data[plus - 1] == 0x28 and country == number and end < stop and data[end] == 0x29:
        begin, end, loose = plus - 1, end + 1, True
    elif country == number:
        bracket, area_end = _area(data, end, stop)
        if bracket > 0:
            if area_end - bracket > 1 or data[bracket] != 0x30:  # (0) is only dialled within the country
                count, number = count + area_end - bracket, _append(number, data, bracket, area_end)
            end, loose = area_end + 1, True
    end, count, number = _groups(data, end, stop, loose, COUNTRIES[country, 1], count, number)
    if count < COUNTRIES[country, 0] or count > COUNTRIES[country, 1] or not _ends(data, end, stop):
        return -1, -1
    if country == 1 and not _is_north_american(number // 10_000_000 % 1000, number // 10_000 % 1000):
        return -1, -1
    return begin, end


@kernel
def _country(data, i, end):
    """The country code that the digits begin with, or -1."""
    code = 0
    for k in range(i, min(end, i + 3)):
        code = code * 10 + int(data[k]) - 0x30
        if code == 0:
            return -1
        if COUNTRIES[code, 1]:
            return code
    return -1


@kernel
def _append(number, data, i, stop):
    for k in range(i, stop):
        number = number * 10 + int(data[k]) - 0x30
    return number


@kernel
def _area(data, i, stop):
    """Start and end of one to five digits in brackets, a space or hyphen before and behind at most; or -1, -1."""
    if i < stop and (data[i] == 0x20 or data[i] == 0x2D):
        i += 1
    if i == stop or data[i] != 0x28:
        return -1, -1
    end = digits_end(data, i + 1, min(i + 7, stop))
    if not 1 <= end - i - 1 <= 5 or end == stop or data[end] != 0x29:
        return -1, -1
    after = end + 1
    if after < stop and (data[after] == 0x20 or data[after] == 0x2D):
        after += 1
    return (i + 1, end) if after < stop and is_digit(data[after]) else (-1, -1)


@kernel
def _groups(data, end, stop, loose, most, count, number):
    """Add the groups of digits behind `end`, while there are at most `most` digits: the end, the digits, the number.

    The separators are single spaces and hyphens, or two or more dots: with one dot the count is 0.
    """
    separators = dots = 0
    while end < stop:
        separator = data[end]
        i = end
        if separator == 0x20 or separator == 0x2D or separator == 0x2E:
            i += 1
        elif not loose:
            break
        after = digits_end(data, i, min(i + 16, stop))
        size = after - i
        mixed = dots != separators if separator == 0x2E else dots > 0
        if size == 0 or count + size > most or mixed:
            break
        if separator == 0x20 and (size == 1 or _is_time_or_date(data, after, stop)):
            break
        dots += separator == 0x2E
        separators += 1
        count, number = count + size, _append(number, data, i, after)
        end, loose = after, False
    return end, (0 if dots == 1 else count), number


@kernel
def _is_time_or_date(data, after, stop):
    return after + 1 < stop and (data[after] == 0x3A or data[after] == 0x2F) and is_digit(data[after + 1])


@kernel
def _ends(data, end, stop):
    """Whether the number may end here; `x123` is an extension."""
    if end + 1 < stop and data[end] | 32 == 0x78 and is_digit(data[end + 1]):
        return True
    return ends_apart(data, end, stop)


@kernel
def _is_north_american(area, exchange):
    """Whether both may stand in a number of the North American plan: 2 to 9 first, no N11; no N9X and no 200 to 400."""
    return (
        200 <= area <= 999
        and 200 <= exchange <= 999
        and area % 100 != 11
        and exchange % 100 != 11
        and area // 10 % 10 != 9
        and (area % 100 != 0 or area >= 500)
    )


@kernel
def national(data, i, first, stop):
    """End of the number without a country code that begins at byte `i`, a digit or a bracket; or -1."""
    if not starts_apart(data, i, first):
        return -1
    end = _north_american_end(data, i, stop)
    if end < 0:
        end = _mobile_end(data, i, stop)
    return end if end > 0 and _ends(data, end, stop) else -1


@kernel
def _north_american_end(data, i, stop):
    """`(NXX) NXX-XXXX`, `NXX-NXX-XXXX`, `NXX.NXX.XXXX`, with `1` and a separator before it or not."""
    if i + 2 < stop and data[i] == 0x31 and _is_separator(data[i + 1]):
        i += 2
    bracket = i < stop and data[i] == 0x28
    i += bracket
    if digits_end(data, i, min(i + 4, stop)) != i + 3:
        return -1
    area, i = number_at(data, i, i + 3), i + 3
    if bracket:
        if i == stop or data[i] != 0x29:
            return -1
        i += 1
    between = data[i] if i < stop and _is_separator(data[i]) else 0
    if between:
        i += 1
    elif not bracket:
        return -1
    if digits_end(data, i, min(i + 4, stop)) != i + 3 or i + 3 >= stop or not _is_separator(data[i + 3]):
        return -1
    exchange, last = number_at(data, i, i + 3), data[i + 3]
    if not bracket and ((between == 0x2E) != (last == 0x2E) or (between == 0x20 and last == 0x20)):
        return -1
    i += 4
    if digits_end(data, i, min(i + 5, stop)) != i + 4 or not _is_north_american(area, exchange):
        return -1
    return i + 4


@kernel
def _is_separator(b):
    return b == 0x2D or b == 0x2E or b == 0x20


@kernel
def _mobile_end(data, i, stop):
    """Hyphenated 3-4-4 digits: 13x to 19x (China), 010, 011, 016 to 019 (Korea), 050, 070, 080 or 090 (Japan)."""
    if i + 13 > stop or data[i + 3] != 0x2D or data[i + 8] != 0x2D:
        return -1
    for k in range(13):
        if k != 3 and k != 8 and not is_digit(data[i + k]):
            return -1
    code = number_at(data, i, i + 3)
    if i + 13 < stop and is_digit(data[i + 13]):
        return -1
    china, korea = 130 <= code <= 199, code == 10 or code == 11 or 16 <= code <= 19
    return i + 13 if china or korea or code == 50 or code == 70 or code == 80 or code == 90 else -1
