"""Data pools: rows of a source cut, combined, repeated, drawn, joined and scored."""
