"""Mapper `remove_bibliography`."""

import pyarrow as pa

from juicesql.api import kernel, mapper, rewrite_utf8

from ._spans import copy, find, find_last, finish, word_at, word_table

BIBLIOGRAPHY = r"\bibliography{"
COMMANDS = (BIBLIOGRAPHY, r"\appendix", r"\begin{references}", r"\begin{REFERENCES}", r"\begin{thebibliography}")


@mapper("remove_bibliography(text VARCHAR) -> VARCHAR")
def remove_bibliography(text: pa.StringArray) -> pa.StringArray:
    r"""Remove the end of a LaTeX document from its bibliography or appendix on.

    The text is cut at the first of `\appendix`, `\begin{references}`, `\begin{REFERENCES}`, `\begin{thebibliography}`
    and `\bibliography{`, the last only when a `}` follows somewhere. A longer name such as `\appendixname` counts as
    well, as in Data-Juicer. Empty text stays empty.
    Source: Data-Juicer's remove_bibliography_mapper, after RedPajama-Data v1 (Together Computer 2023), cleaning of
    arXiv papers.
    """
    return rewrite_utf8(_remove_bibliography, text, 1, *word_table(COMMANDS))


@kernel
def _remove_bibliography(data, offsets, out, out_offsets, words, ends):
    at, kept = 0, int(offsets[0])
    for row in range(len(offsets) - 1):
        start, stop = int(offsets[row]), int(offsets[row + 1])
        last_brace = -2  # not looked for yet
        i = find(data, start, stop, 0x5C)
        while i < stop:
            word, after = word_at(data, i, stop, words, ends)
            if word == 0 and last_brace == -2:
                last_brace = find_last(data, after, stop, 0x7D)
            if word > 0 or (word == 0 and last_brace >= after):
                at = copy(data, kept, i, out, at)
                kept = stop
                break
            i = find(data, i + 1, stop, 0x5C)
        out_offsets[row + 1] = at + stop - kept
    return finish(data, offsets, kept, out, at)
