"""Mapper `extract_html_tables`."""

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import mapper

from ._tables import TABLE, Tables


@mapper("extract_html_tables(text VARCHAR) -> VARCHAR[]", runs_on="process")
def extract_html_tables(text: pa.StringArray) -> list[list[str]]:
    """Extract the tables of an HTML page as HTML, in the order of their start tags; nested ones also on their own.

    The HTML is written anew from what was read: every element closed, entities decoded except those of `&`, `<` and
    `>`, attributes in order of their names, and white space alone between two tags as one newline or space. No table,
    or an empty text, gives an empty list. `extract_tables_from_html` gives the texts of the cells.

    Source: Data-Juicer's extract_tables_from_html_mapper with `retain_html_tags`, which calls Beautiful Soup over the
    HTML parser of Python's standard library. The tables are the same.
    """
    holds = pc.match_substring_regex(text, TABLE).to_pylist()
    pages = text.to_pylist()
    return [_tables(page) if found else [] for page, found in zip(pages, holds, strict=True)]


def _tables(page: str) -> list[str]:
    reader = Tables(page, write=True)
    return ["".join(reader.written[table.start : table.end]) for table in reader.tables]
