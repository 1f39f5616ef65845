"""Values that the peer's own operators compute. Runs in the peer's environment.

Usage: peer-venv/bin/python peer_values.py ASKED.json

ASKED.json has `texts` and `checks`: each the fields of a Check that the peer needs and the file to write its values
to, in the order of the texts. An operator that raises gives `{"error": ...}` for that text, or for all of them when
it cannot be made.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from data_juicer.ops import OPERATORS, Filter
from data_juicer.utils.constant import Fields
from loguru import logger


def value(operator, reads: str, text: str) -> object:
    """What the operator makes of one text, by whichever of the two entry points it has."""
    row = {"text": text, Fields.stats: {}, Fields.meta: {}}
    if isinstance(operator, Filter):
        if operator.is_batched_op():
            batch = operator.compute_stats_batched({name: [cell] for name, cell in row.items()})
            return batch[Fields.stats][0][reads]
        return operator.compute_stats_single(row)[Fields.stats][reads]
    if reads.startswith("meta."):
        return operator.process_single(row)[Fields.meta][reads.removeprefix("meta.")]
    texts = operator.process_batched({"text": [text]})["text"]
    return texts if reads == "texts" else texts[0]


def values(check: dict, texts: list[str]) -> list[object]:
    try:
        operator = OPERATORS.modules[check["operator"]](**check["parameters"])
    except Exception as error:
        return [{"error": f"{type(error).__name__}: {error}"}] * len(texts)
    found = []
    for text in texts:
        try:
            found.append(plain(value(operator, check["reads"], text)))
        except Exception as error:  # the peer's own faults are part of what is compared
            found.append({"error": f"{type(error).__name__}: {error}"[:300]})
    return found


def plain(found: object) -> object:
    """Numbers and lists as JSON has them."""
    return found.tolist() if hasattr(found, "tolist") else found


def main() -> None:
    logger.remove()
    asked = json.loads(Path(sys.argv[1]).read_text())
    for check in asked["checks"]:
        path = Path(check["path"])
        part = path.with_suffix(".part")
        part.write_text(json.dumps(values(check, asked["texts"][: check["most"]])))
        part.replace(path)


if __name__ == "__main__":
    main()
