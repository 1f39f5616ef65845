"""Mapper `extract_tables_from_html`."""

import pyarrow as pa
import pyarrow.compute as pc

from juicesql.api import mapper

from ._tables import TABLE, Tables


@mapper(
    "extract_tables_from_html(text VARCHAR, include_header BOOLEAN := true) -> VARCHAR[][][]",
    runs_on="process",
)
def extract_tables_from_html(text: pa.StringArray, include_header: bool) -> list[list[list[list[str]]]]:
    """Extract the tables of an HTML page as texts: a list of tables, each a list of rows, each a list of cells.

    A cell is a `td` or `th` directly in a `tr`; its text is every piece of text in it, each stripped of white space at
    its ends and put together without a separator; comments, scripts, styles, templates and ruby notes are left out.
    Rows without cells and tables without rows are left out. `include_header := false` drops the rows that have a `th`.
    A nested table appears inside its outer cell, its rows among those of the outer table, and as a table of its own. No
    table, or an empty text, gives an empty list. `extract_html_tables` gives the HTML of the tables instead.

    Source: Data-Juicer's extract_tables_from_html_mapper, which calls Beautiful Soup over the HTML parser of Python's
    standard library. That one writes into `meta.html_tables` (`tables_field_name`); here the recipe names the column:
    `select *, extract_tables_from_html(text) as html_tables`. The cells are the same, broken mark-up included: cells
    whose end tags are left out are nested. Where cells inside cells would repeat the text of the page more than 100
    times, this one reports an error for the row.
    """
    holds = pc.match_substring_regex(text, TABLE).to_pylist()
    pages = text.to_pylist()
    return [_tables(page, include_header) if found else [] for page, found in zip(pages, holds, strict=True)]


def _tables(page: str, include_header: bool) -> list[list[list[str]]]:
    tables = []
    for table in Tables(page, write=False).tables:
        rows = [row.cells for row in table.rows if row.cells and (include_header or not row.header)]
        if rows:
            tables.append([["".join(cell) for cell in cells] for cells in rows])
    return tables
