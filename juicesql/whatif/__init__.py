"""What a finished run would have kept under other thresholds, answered from its measured values alone.

`gates` reads the cuts and whole-relation steps of a run's plan, `board` loads the values into memory, `counts` and
`bins` ask it, `recipe` writes moved thresholds back into the template. Nothing here needs a recipe function.
"""

from juicesql.whatif.bins import Bars, Bins, Histogram, histograms, numbers, prepare
from juicesql.whatif.board import Board, open_board
from juicesql.whatif.counts import Fate, MovedRow, Outcome, moved_rows, narrow_rows, outcome
from juicesql.whatif.gates import Funnel, Gate, Handle, Value, read_funnel
from juicesql.whatif.recipe import Rewritten, rewritten

__all__ = [
    "Bars", "Bins", "Board", "Fate", "Funnel", "Gate", "Handle", "Histogram", "MovedRow", "Outcome", "Rewritten",
    "Value", "histograms", "moved_rows", "narrow_rows", "numbers", "open_board", "outcome", "prepare", "read_funnel",
    "rewritten",
]  # fmt: skip
