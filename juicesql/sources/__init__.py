"""Any input as an ordered stream of morsels: `open_source(SourceSpec(inputs=("docs/*.jsonl.gz",))).morsels()`."""

from juicesql.sources.model import FileInfo, Loaded, Morsel, RowError, Source, SourceSpec
from juicesql.sources.opening import open_source

__all__ = ["FileInfo", "Loaded", "Morsel", "RowError", "Source", "SourceSpec", "open_source"]
