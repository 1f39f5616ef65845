"""Reads the mappings in .yaml and .json files: small ones, of plain values, with the line of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from juicesql.errors import nearest

from .errors import SandboxError

LARGEST = 1 << 20
MOST_NODES = 100_000


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a .yaml or .json file. SandboxError when it cannot be read."""
    if path.suffix == ".json":
        try:
            found = json.loads(_text(path))
        except ValueError as error:
            raise SandboxError.of("bad-file", f"{path} is not JSON: {error}", "mend the file") from error
    else:
        found = plain(compose(path), path)
    if not isinstance(found, dict):
        raise SandboxError.of("bad-file", f"{path} holds no mapping", "write `name: value` lines")
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise SandboxError.of("large-file", f"{path} is larger than 1 MB", "configurations are small")
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        beside = [p.name for p in path.parent.glob("*.*")] if path.parent.is_dir() else []
        mend = nearest(path.name, beside) or "paths begin at the current directory"
        raise SandboxError.of("no-file", f"cannot read {path}: {error}", mend) from error


def compose(path: Path) -> Any:
    """The nodes of a YAML file, which know their lines. SandboxError when it cannot be read."""
    import yaml

    try:
        root = yaml.compose(_text(path), yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        cause = getattr(error, "problem", None) or "it is too deep"
        mend = "put a value with `: ` or ` #` into quotes"
        raise SandboxError.of(
            "bad-file", f"not YAML: {cause}", mend, path.name, mark.line + 1 if mark else None
        ) from error
    if _size(root, {}) > MOST_NODES:
        raise SandboxError.of("large-file", f"{path.name} has too many values", "configurations are small")
    return root


def _size(node: Any, known: dict[int, int]) -> int:
    """Values below a node, those of aliases counted as often as they are named."""
    if node is None or node.id == "scalar":
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # of a node inside itself
        below = [n for item in node.value for n in (item if node.id == "mapping" else (item,))]
        known[id(node)] = 1 + sum(_size(n, known) for n in below)
    return known[id(node)]


def plain(root: Any, path: Path) -> Any:
    """What the nodes of a file stand for."""
    import yaml

    try:
        return yaml.SafeLoader("").construct_document(root) if root is not None else {}
    except (yaml.YAMLError, ValueError, TypeError) as error:
        cause = getattr(error, "problem", None) or error
        raise SandboxError.of("bad-file", f"{path.name}: {cause}", "write plain values") from error


def lines_of(root: Any, above: tuple[Any, ...] = ()) -> dict[tuple[Any, ...], int]:
    """The line of each value, by the keys and places that lead to it."""
    found = {above: root.start_mark.line + 1} if root is not None else {}
    pairs: list[tuple[Any, Any]] = []
    if root is not None and root.id == "mapping":
        pairs = [(key.value, value) for key, value in root.value]
    elif root is not None and root.id == "sequence":
        pairs = list(enumerate(root.value))
    for key, value in pairs if len(above) < 6 else ():
        found |= lines_of(value, (*above, key))
    return found
