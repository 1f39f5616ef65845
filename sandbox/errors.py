"""Errors of the sandbox."""

from __future__ import annotations

from juicesql.errors import Exit, JuiceError


class SandboxError(JuiceError):
    """The configuration of an experiment is wrong (carries every problem found), or a job cannot do its work."""

    exit_code = Exit.RECIPE


class JobError(JuiceError):
    """A job failed; its log has the rest. `tail` are the last lines of that log."""

    exit_code = Exit.FAILED
    tail: tuple[str, ...] = ()
