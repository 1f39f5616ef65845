"""Mapper `clean_copyright`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._spans import copy, find, finish, word_table


@mapper("clean_copyright(text VARCHAR) -> VARCHAR")
def clean_copyright(text: pa.StringArray) -> pa.StringArray:
    """Remove the copyright notice of a source file.

    The first block comment `/* .. */`, wherever it stands, is cut out when it contains `copyright` (ASCII letters of
    either case); when it does not, the text stays as it is. In a text without any block comment the leading lines that
    are empty or begin with `//`, `#` or `--` are removed. Lines end at LF only. Empty text stays empty.

    As in Data-Juicer only one comment is cut, the newlines around it stay, and a shebang line or a Markdown heading at
    the top counts as a comment line. That one also takes the Turkish letters İ and ı for the i of the word.
    Source: Data-Juicer's clean_copyright_mapper, after RedPajama-Data v1 (Together Computer 2023), cleaning of GitHub
    code.
    """
    return rewrite_utf8(_clean_copyright, text, 1, word_table(("copyright",))[0])


@kernel
def _clean_copyright(data, offsets, out, out_offsets, word):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        begin, end = _block_comment(data, start, stop)
        if begin < 0:
            begin, end = start, _comment_lines_end(data, start, stop)
        elif not _holds_word(data, begin, end, word):
            end = begin
        if end > begin:
            at = copy(data, kept, begin, out, at)
            kept = end
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)


@kernel
def _block_comment(data, start, stop):
    """First byte of the first `/* .. */` and the byte after it, or -1 and -1."""
    i = find(data, start, stop, 0x2F)
    while i + 1 < stop and data[i + 1] != 0x2A:
        i = find(data, i + 1, stop, 0x2F)
    end = find(data, i + 2, stop, 0x2A)
    while end + 1 < stop:
        if data[end + 1] == 0x2F:
            return i, end + 2
        end = find(data, end + 1, stop, 0x2A)
    return -1, -1


@kernel
def _holds_word(data, begin, end, word):
    """Whether the lower-case ASCII word is there in any case."""
    length = len(word)
    for i in range(begin, end - length + 1):
        k = 0
        while k < length and data[i + k] | 0x20 == word[k]:
            k += 1
        if k == length:
            return True
    return False


@kernel
def _comment_lines_end(data, i, stop):
    """The byte after the leading lines that are empty or begin with a comment sign."""
    while i < stop:
        b = data[i]
        double = i + 1 < stop and data[i + 1] == b and (b == 0x2F or b == 0x2D)
        if not (double or b == 0x23 or b == 0x0A):
            break
        i = min(find(data, i, stop, 0x0A) + 1, stop)
    return i
