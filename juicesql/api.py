"""The public door for functions: what a file in `udfs/` may import from juicesql.

`@stat` declares a function that measures, `@mapper` one that changes a column. Where a function runs:

- `kernel`  releases the GIL (numba over Arrow buffers); called in the engine's own threads.
- `process` plain Python; runs in worker processes.
- `device`  a class that loads a model once; one owner per device, large batches.

The engine never passes a row with a NULL column: its result is NULL. It never passes an empty batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from juicesql.assets import hub_model, models_home
from juicesql.errors import FunctionError, nearest
from juicesql.kernels import cache_home, char_table, kernel, map_utf8, rewrite_utf8, text_array, utf8_buffers
from juicesql.media import Sampling, media_settings
from juicesql.signature import Signature, parse_signature

__all__ = [
    "Function",
    "FunctionError",
    "Partly",
    "Sampling",
    "cache_home",
    "char_table",
    "hub_model",
    "kernel",
    "map_utf8",
    "mapper",
    "media_settings",
    "models_home",
    "nearest",
    "rewrite_utf8",
    "stat",
    "text_array",
    "utf8_buffers",
]

Kind = Literal["stat", "mapper", "macro"]  # a macro is SQL that the engine leaves in place
RunsOn = Literal["sql", "kernel", "process", "device"]
Assets = Callable[..., Iterable[Path | str]]  # (**parameters) -> files and folders that are read, versions as strings
PLACES = ("kernel", "process", "device")  # that Python functions may name
MEDIA = ("images", "audios", "videos")  # columns of these names list files
Implementation = TypeVar("Implementation", bound=Callable[..., Any])


@dataclass(frozen=True)
class Partly:
    """What a function over batches returns when some rows failed: their values are ignored, their messages kept."""

    values: Any  # of all rows
    failures: Mapping[int, str]  # row -> what was wrong with it


Frames = Callable[..., Sampling]  # (**parameters) -> the frames that a function reads of each video


@dataclass(frozen=True)
class Function:
    """What the registry knows of one stat or mapper."""

    signature: Signature
    kind: Kind
    runs_on: RunsOn
    version: int
    doc: str
    implementation: Any = None  # a Python callable or class; None for a SQL macro
    rowwise: bool = False  # the callable takes the Python values of one row
    sql: str = ""  # the body of a SQL macro
    extra: str = ""  # the optional dependency group that it needs, such as "text"
    assets: Assets | None = None  # what it reads besides its arguments
    frames: Frames | None = None  # which frames of its videos it reads
    file: Path = Path()
    versioned: bool = False  # its author raises the version with changes that its code does not show

    @property
    def name(self) -> str:
        return self.signature.name

    @property
    def media(self) -> tuple[str, ...]:
        """The columns that list files: "images", "audios", "videos"."""
        return tuple(a.name for a in self.signature.columns if a.name in MEDIA)

    @property
    def makes_files(self) -> bool:
        """Whether its values are paths of files that it made: they are made again where they are gone."""
        return any(a.name == "save_dir" for a in self.signature.parameters)


def stat(
    signature: str,
    *,
    version: int | None = None,
    runs_on: RunsOn = "kernel",
    rowwise: bool = False,
    extra: str = "",
    assets: Assets | None = None,
    frames: Frames | None = None,
) -> Callable[[Implementation], Implementation]:
    """Declare a function that measures: one value a sample, or a list with one value per media item.

    `rowwise=True` means that the function takes the Python values of one row and returns one value.
    `assets(**parameters)` gives the files, folders and version strings that a value depends on besides the arguments:
    it is called when a recipe is planned, so it also finds out early that a model is missing.
    `frames(**parameters)` says which frames of its videos the function asks `video_frames` for: each video is then
    decoded once for all functions of the recipe.
    A value is kept under the content of the code that it came from. Where that reaches an object whose content cannot
    be told, the function is refused until it says a `version`, to be raised with each change of that object; a class
    can say instead what its objects depend on, as an attribute or method `__fingerprint__`.
    """
    return _declare("stat", signature, version, runs_on, rowwise, extra, assets, frames)


def mapper(
    signature: str,
    *,
    version: int | None = None,
    runs_on: RunsOn = "kernel",
    rowwise: bool = False,
    extra: str = "",
    assets: Assets | None = None,
    frames: Frames | None = None,
) -> Callable[[Implementation], Implementation]:
    """Declare a function that changes a column. A 1-to-N mapper returns a LIST, which the recipe UNNESTs."""
    return _declare("mapper", signature, version, runs_on, rowwise, extra, assets, frames)


def _declare(
    kind: Kind,
    signature: str,
    version: int | None,
    runs_on: RunsOn,
    rowwise: bool,
    extra: str,
    assets: Assets | None,
    frames: Frames | None,
) -> Callable[[Implementation], Implementation]:
    if runs_on not in PLACES:
        mend = nearest(str(runs_on), PLACES) or f"write one of {', '.join(PLACES)}"
        raise FunctionError.of("bad-declaration", f"`{signature}` runs on {runs_on!r}, which is no place", mend)

    def attach(implementation: Implementation) -> Implementation:
        doc = (implementation.__doc__ or "").strip()
        parsed = parse_signature(signature)
        declared = Function(
            parsed, kind, runs_on, version or 1, doc, implementation, rowwise, extra=extra, assets=assets,
            frames=frames, versioned=version is not None,
        )  # fmt: skip
        implementation.__juicesql__ = declared  # type: ignore[attr-defined]
        return implementation

    return attach
