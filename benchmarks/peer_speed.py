"""Throughput of the peer's operators. Runs in the peer's environment on one core.

Usage: peer-venv/bin/python peer_speed.py SAMPLES.json

Reads jobs of functions.py from stdin, a JSON line each, and answers each with a line on stdout. An operator gets
batches of rows (or single rows, where it takes no batches) directly, as many as fit into the time, the best of three
rounds in CPU seconds; the first rows are not timed.
"""

from __future__ import annotations

import json
import os
import sys
import time


def caller(operator):
    """A function that runs the operator on one batch of texts."""
    from data_juicer.ops import Filter
    from data_juicer.utils.constant import Fields

    def rows(batch):
        return [{"text": text, Fields.stats: {}, Fields.meta: {}} for text in batch]

    if isinstance(operator, Filter):
        if operator.is_batched_op():
            return lambda batch: operator.compute_stats_batched({"text": batch, Fields.stats: [{} for _ in batch]})
        return lambda batch: [operator.compute_stats_single(row) for row in rows(batch)]
    if operator.is_batched_op():
        return lambda batch: operator.process_batched({"text": list(batch)})
    return lambda batch: [operator.process_single(row) for row in rows(batch)]


def speed(call, texts, rows, seconds):
    batches = [texts[i : i + rows] for i in range(0, len(texts), rows)]
    call(batches[0][:50])
    rates = []
    for _ in range(3):
        started, size = time.process_time(), 0
        for batch in batches:
            call(batch)
            size += sum(len(text.encode()) for text in batch)
            if time.process_time() - started > seconds:
                break
        rates.append(size / 1e6 / (time.process_time() - started))
    return max(rates)


def answer(found):
    print(f"answer {json.dumps(found)}", flush=True)


def main():
    with open(sys.argv[1]) as handle:
        given = json.load(handle)
    os.sched_setaffinity(0, {given["core"]})
    from data_juicer.ops import OPERATORS
    from loguru import logger

    logger.remove()
    answer("ready")
    for line in sys.stdin:
        job = json.loads(line)
        texts = given["samples"][job["sample"]][: job["rows"]]
        try:
            operator = OPERATORS.modules[job["peer"]](**job["peer_parameters"])
            answer({"speed": speed(caller(operator), texts, job["peer_rows"], given["seconds"])})
        except Exception as error:
            answer({"failed": f"{type(error).__name__}: {error}"[:300]})


if __name__ == "__main__":
    main()
