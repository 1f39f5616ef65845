"""Every error that juicesql raises on purpose, and the exit codes of the command line.

JuiceError                 anything a person can mend; never shown as a traceback
├── RecipeError            the recipe cannot be read, rendered, resolved or planned (carries every problem found)
├── SourceError            the input cannot be read, or changed while it was read
├── FunctionError          a stat or mapper is declared wrongly or failed too often
├── StoreError             the stats database or the project folder is in use, damaged or of another version
├── ExportError            the output cannot be written or published
├── SuiteError             an expectation suite cannot be read, or names what is not there (carries every problem found)
├── GateError              the data do not meet their expectations: nothing was published
└── AccountingError        rows in != kept + dropped + duplicates + errors (a defect in juicesql itself)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILED = 1
    USAGE = 2
    RECIPE = 3
    SOURCE = 4
    TOO_MANY_ERRORS = 5
    STORE = 6
    EXPORT = 7
    GATE = 8
    INTERRUPTED = 130
    PIPE = 141  # nobody reads stdout any more


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it stands and how to mend it. Lines count from 1."""

    code: str
    message: str
    mend: str = ""
    file: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = self.file + (f":{self.line}" if self.line else "")
        head = f"error[{self.code}] " + (f"{where}: " if where else "") + self.message
        return head + (f"\n  mend: {self.mend}" if self.mend else "")


class JuiceError(Exception):
    """One or more problems that a person can mend."""

    exit_code = Exit.FAILED

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    @classmethod
    def of(cls, code: str, message: str, mend: str = "", file: str = "", line: int | None = None) -> Self:
        """An error of this class with a single problem."""
        return cls(Problem(code, message, mend, file, line))


class RecipeError(JuiceError):
    exit_code = Exit.RECIPE


class SourceError(JuiceError):
    exit_code = Exit.SOURCE


class FunctionError(JuiceError):
    exit_code = Exit.TOO_MANY_ERRORS


class StoreError(JuiceError):
    exit_code = Exit.STORE


class ExportError(JuiceError):
    exit_code = Exit.EXPORT


class SuiteError(JuiceError):
    exit_code = Exit.RECIPE


class GateError(JuiceError):
    """`report` has every check of the run, those that succeeded too."""

    exit_code = Exit.GATE
    report: Any = None


class AccountingError(JuiceError):
    exit_code = Exit.FAILED


def nearest(name: str, candidates: Iterable[str]) -> str:
    """The mend line for a misspelt name: `did you mean `x`?`, or an empty string when nothing is close."""
    close = difflib.get_close_matches(name.lower(), list(candidates), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""
