"""Where the rows of a run came from: noted with the run, so that its samples are found again from any folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from juicesql.errors import JuiceError, SourceError
from juicesql.media import MediaSettings
from juicesql.project import open_project
from juicesql.sources import Source, SourceSpec, open_source
from juicesql.sources.inputs import REMOTE
from juicesql.thumbnails import KINDS

if TYPE_CHECKING:
    from juicesql.plan import Call
    from juicesql.registry import Registry

KEY = "input"  # of the plan as it is recorded
_SAMPLED = re.compile(r" \(\d+ rows sampled\)$")  # as analyze and sampling write them
_SAMPLED_FINGERPRINT = re.compile(r"-sample-\d+$")
_GONE = frozenset({"missing-file", "no-match", "nothing-to-read"})


@dataclass(frozen=True)
class Origin:
    """What a run read. Relative inputs and media begin at absolute folders, as they were in the run.

    `media` says which columns name files, of which kind, by the call that measured them.
    """

    inputs: tuple[str, ...]
    base: str = ""
    project: str = ""  # the project's folder then: what lay below it moves with it
    options: Mapping[str, Any] = field(default_factory=dict)  # the other fields of its SourceSpec
    media_root: str = ""  # empty: the folder of the source
    confined: bool = False
    media: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, spec: SourceSpec, project: Path, media_root: str, confined: bool, media: Mapping[str, Mapping[str, str]]
    ) -> Origin:
        options = {k: v for k, v in asdict(spec).items() if k not in ("inputs", "base")}
        return cls(spec.inputs, str(spec.base.absolute()), str(project), options, media_root, confined, media)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def remote(self) -> bool:
        """Whether reading it asks another machine."""
        return any(word.lower().startswith(REMOTE) for text in self.inputs for word in text.split())


def origin_of(plan: Mapping[str, Any], source: str) -> Origin:
    """That of a recorded run, by its plan; of one that noted none, what it called its source."""
    noted = plan.get(KEY)
    if not isinstance(noted, dict):
        return Origin((_SAMPLED.sub("", source),))
    try:
        options = _options(noted.get("options", {}))
        return Origin(**{**noted, "inputs": tuple(map(str, noted["inputs"])), "options": options})
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError.of(
            "no-input", f"the run's note of its source cannot be read: {error}", "run it again"
        ) from error


def _options(noted: Any) -> dict[str, Any]:
    """Those that this version knows, each of the type that it has there."""
    known = {f.name: f.default for f in fields(SourceSpec) if f.name not in ("inputs", "base")}
    found = {name: value for name, value in dict(noted).items() if name in known}
    for name, value in found.items():
        default = known[name]
        if isinstance(default, bool | int) and type(value) is not type(default):
            raise ValueError(f"{name} is {value!r}")
    return found


def reopen(origin: Origin, root: Path, fingerprint: str) -> Source:
    """The source as the run saw it, else the first that stands where it was, or where the project is now.

    SourceError when there is none. A changed source is told by its fingerprint.
    """
    first: Source | None = None
    failed: JuiceError | None = None
    for spec in _specs(origin, root):
        try:
            found = open_source(open_project(root).within(spec))
        except JuiceError as error:
            failed = failed or error
            continue
        if found.fingerprint == plain_fingerprint(fingerprint):
            return found
        first = first or found
    if first is None:
        raise _missing(origin, failed)
    return first


def plain_fingerprint(fingerprint: str) -> str:
    """That of the whole source, where a run measured a sample of it."""
    return _SAMPLED_FINGERPRINT.sub("", fingerprint)


def media_settings_of(origin: Origin, source: Source, root: Path) -> MediaSettings:
    """As in the run: relative names begin at the folder of the source, unless the recipe named another root."""
    first = source.files[0].path if source.files else ""
    near = str(Path(first).parent.absolute()) if "://" not in first else ""
    chosen = next((p for p in _moved(origin.media_root, origin, root) if Path(p).is_dir()), origin.media_root)
    return MediaSettings(root=chosen or near, confined=origin.confined)


def media_columns(call: Call, registry: Registry, columns: pa.Schema) -> dict[str, str]:
    """The columns of the source whose files a call measures, with their kind."""
    if not call.media:
        return {}
    declared = [a.name for a in registry.get(call.function).signature.columns]
    parts = call.lineage.removeprefix("files of ").split(", ")
    if len(parts) != len(declared):
        return {}
    files = {f.name for f in columns if may_name_files(f.type)}
    pairs = [(set(re.findall(r"\w+", p)) & files, KINDS[n]) for p, n in zip(parts, declared, strict=True) if n in KINDS]
    return {names.pop(): kind for names, kind in pairs if len(names) == 1}


def may_name_files(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or (pa.types.is_list(kind) and pa.types.is_string(kind.value_type)))


def _specs(origin: Origin, root: Path) -> Iterator[SourceSpec]:
    """The ways to name the source: as the run did, then below the folder where the project is now."""
    bases = _moved(origin.base, origin, root) or (str(root),)
    for base in bases:
        for inputs in _spelled(origin, root):
            yield SourceSpec(inputs, base=Path(base), **origin.options)


def _spelled(origin: Origin, root: Path) -> Iterator[tuple[str, ...]]:
    yield origin.inputs
    old = origin.project.rstrip("/")
    if old and old != str(root):
        moved = tuple(re.sub(rf"(?<!\S){re.escape(old)}(?=/)", lambda _: str(root), text) for text in origin.inputs)
        if moved != origin.inputs:
            yield moved


def _moved(folder: str, origin: Origin, root: Path) -> Sequence[str]:
    """A folder of then, and where it is when the project has moved with it."""
    if not folder:
        return ()
    old = Path(origin.project or folder)
    below = Path(folder).is_relative_to(old) and str(old) != str(root)
    return (folder, str(root / Path(folder).relative_to(old))) if below else (folder,)


def _missing(origin: Origin, error: JuiceError | None) -> JuiceError:
    name = " ".join(origin.inputs)
    if error is None:
        return SourceError.of("no-input", "the run had no source", "run the recipe again")
    if error.problems[0].code in _GONE:
        place = f" (from {origin.base})" if origin.base and not name.startswith("/") else ""
        message = f"`{name}`{place} is there no more: it was moved or removed since the run"
        return SourceError.of("missing-file", message, "put it back, or run the recipe where it is now")
    return error
