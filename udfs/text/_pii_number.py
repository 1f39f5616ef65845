"""Card numbers and IBANs in text, by their checksums."""

import numpy as np

from juicesql.api import kernel

from ._pii_bytes import digits_end, ends_apart, is_digit, is_word, starts_apart

# First four digits (from, to) and number of digits (from, to) of the networks that use them.
ISSUERS = np.array(
    [
        (2200, 2204, 16, 19),  # Mir
        (2221, 2720, 16, 16),  # Mastercard
        (3000, 3059, 14, 19),  # Diners Club
        (3095, 3095, 14, 19),
        (3400, 3499, 15, 15),  # American Express
        (3528, 3589, 16, 19),  # JCB
        (3600, 3699, 14, 19),  # Diners Club
        (3700, 3799, 15, 15),  # American Express
        (3800, 3999, 14, 19),  # Diners Club
        (4000, 4999, 13, 13),  # Visa
        (4000, 4999, 16, 16),
        (4000, 4999, 19, 19),
        (5018, 5018, 13, 19),  # Maestro
        (5020, 5020, 13, 19),
        (5038, 5038, 13, 19),
        (5100, 5599, 16, 16),  # Mastercard
        (5893, 5893, 13, 19),  # Maestro
        (6011, 6011, 16, 19),  # Discover
        (6200, 6299, 16, 19),  # UnionPay
        (6304, 6304, 13, 19),  # Maestro
        (6440, 6599, 16, 19),  # Discover, RuPay
        (6759, 6759, 13, 19),  # Maestro
        (6761, 6763, 13, 19),
        (8100, 8171, 16, 19),  # UnionPay
    ],
    np.int64,
)

# Characters of an IBAN by country: the registry of ISO 13616.
IBAN_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
    "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 "
    "KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 "
    "PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 "
    "UA29 VA22 VG24 XK20 YE30"
)


def _length_table():
    table = np.zeros((26, 26), np.int64)
    for entry in IBAN_LENGTHS.split():
        table[ord(entry[0]) - 65, ord(entry[1]) - 65] = int(entry[2:])
    return table


LENGTHS = _length_table()


@kernel
def card(data, i, run_end, first, stop, digits):
    """End of the card number that begins with the digits `data[i:run_end]`, or -1. `digits` has room for 19."""
    run = run_end - i
    if run == 4:
        end, count = _grouped(data, i, run_end, first, stop, digits)
    elif 13 <= run <= 19:
        end, count = run_end, run
        _copy_digits(data, i, run_end, digits, 0)
        if run == 13 and _ean_sum(digits) % 10 == 0:  # the bar code of a product or a book
            return -1
    else:
        return -1
    if end < 0 or not starts_apart(data, i, first) or not ends_apart(data, end, stop):
        return -1
    return end if _luhn(digits, count) and _is_issued(digits, count) else -1


@kernel
def _grouped(data, i, end, first, stop, digits):
    """End and number of the digits of groups 4-4-.., 4-6-5 or 4-6-4 with one kind of separator, space or hyphen.

    -1 when such a group stands before, or more digits behind, except for an expiry date such as ` 12/27`.
    """
    if end == stop or (data[end] != 0x20 and data[end] != 0x2D):
        return -1, 0
    separator = data[end]
    if i - 1 > first and data[i - 1] == separator and is_digit(data[i - 2]):
        return -1, 0
    _copy_digits(data, i, end, digits, 0)
    count, second, last = 4, 0, 4
    while end + 1 < stop and data[end] == separator and is_digit(data[end + 1]):
        after = digits_end(data, end + 1, min(end + 8, stop))
        size = after - end - 1
        if count >= 13 and size == 2 and after < stop and data[after] == 0x2F:
            break
        if second == 0:
            second = size
            fits = size == 4 or size == 6
        elif second == 6:
            fits = count == 10 and (size == 4 or size == 5)
        else:
            fits = last == 4 and size <= 4 and count + size <= 19
        if not fits:
            return -1, 0
        _copy_digits(data, end + 1, after, digits, count)
        count, last, end = count + size, size, after
    return (end, count) if count >= 13 else (-1, 0)


@kernel
def _copy_digits(data, i, stop, digits, at):
    for k in range(stop - i):
        digits[at + k] = int(data[i + k]) - 0x30


@kernel
def _ean_sum(digits):
    total = 0
    for k in range(13):
        total += digits[k] * (3 if k % 2 else 1)
    return total


@kernel
def _luhn(digits, count):
    """Whether the last digit is the check digit of ISO/IEC 7812."""
    total = 0
    for k in range(count):
        d = digits[count - 1 - k] * (2 if k % 2 else 1)
        total += d - 9 if d > 9 else d
    return total % 10 == 0


@kernel
def _is_issued(digits, count):
    prefix = ((digits[0] * 10 + digits[1]) * 10 + digits[2]) * 10 + digits[3]
    for k in range(len(ISSUERS)):
        if ISSUERS[k, 0] <= prefix <= ISSUERS[k, 1] and ISSUERS[k, 2] <= count <= ISSUERS[k, 3]:
            return True
    return False


@kernel
def iban(data, i, first, stop):
    """End of the IBAN whose country code begins at byte `i`, or -1; both check digits are there."""
    if i > first and is_word(data[i - 1]):
        return -1
    if not (0x41 <= data[i] <= 0x5A and 0x41 <= data[i + 1] <= 0x5A):
        return -1
    length = LENGTHS[int(data[i]) - 0x41, int(data[i + 1]) - 0x41]
    grouped = i + 4 < stop and data[i + 4] == 0x20
    end, remainder = i, 0
    for k in range(length):
        if grouped and k % 4 == 0 and k > 0:
            if end == stop or data[end] != 0x20:
                return -1
            end += 1
        if end == stop or not (is_digit(data[end]) or 0x41 <= data[end] <= 0x5A):
            return -1
        if k >= 4:
            remainder = _append(remainder, data[end])
        end += 1
    for k in range(i, i + 4):
        remainder = _append(remainder, data[k])
    if remainder != 1 or (end < stop and is_word(data[end])):
        return -1
    return end


@kernel
def _append(remainder, b):
    """The remainder modulo 97 once the character is written behind the number; letters are 10 to 35."""
    d = int(b)
    return (remainder * 10 + d - 0x30) % 97 if d <= 0x39 else (remainder * 100 + d - 0x37) % 97
