"""Search over the thresholds of a recipe, or over the settings of whole pipelines.

`check` and `search` are for the pipeline. While a trial runs jobs, the pipeline passes its watcher through `heard`, so
that what a training reports can end the trial.
"""

from .result import SearchResult
from .searching import check, search, writes
from .trials import Pruned, Trial
from .watching import heard

__all__ = ["Pruned", "SearchResult", "Trial", "check", "heard", "search", "writes"]
