"""What a child process does with a model: `python -m juicesql.sandbox.inference.run TASK.json`.

The task names the rows (a Parquet file), the model and the files to write; the answer is written as JSON. Lines that
begin with `juicesql: ` say how far it is.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from juicesql.errors import JuiceError, nearest

from ..errors import SandboxError
from .child import PREFIX

ROWS = 256  # read, worked on and written at once
Task = Mapping[str, Any]
LOSSES = pa.schema([("sample_id", pa.int64()), ("loss", pa.float64()), ("tokens", pa.int32())])
REWARDS = pa.schema([("sample_id", pa.int64()), ("reward", pa.float64())])


def main(words: list[str]) -> int:
    """Do the task of a file. What is wrong is said in one line."""
    task = json.loads(Path(words[0]).read_text("utf-8"))
    try:
        answer = TASKS[task["task"]](task)
    except JuiceError as error:
        print("\n".join(map(str, error.problems)), flush=True)
        return 1
    except Exception as error:  # of many kinds: a model that cannot be loaded, memory, a library's own
        print(f"{type(error).__name__}: {str(error).strip()}", flush=True)
        return 1
    Path(task["answer"]).write_text(json.dumps(answer), "utf-8")
    return 0


def load(auto_class: str, task: Task) -> Any:
    """The model of a task."""
    from .language_model import Model

    found = Model(auto_class, task["model"], bool(task.get("trust_remote_code")), task.get("threads"))
    print(f"{task['model']} on {found.device}, {found.model.num_parameters():,} parameters", flush=True)
    return found


def batches(task: Task) -> Iterator[list[dict[str, Any]]]:
    """The rows of a task, some at a time, with a line for each time."""
    with pq.ParquetFile(task["rows"]) as file:
        total, done = file.metadata.num_rows, 0
        for batch in file.iter_batches(ROWS):
            yield batch.to_pylist()
            done += batch.num_rows
            print(PREFIX + json.dumps({"done": done, "total": total}), flush=True)


def losses(task: Task) -> dict[str, Any]:
    """The loss of each text: the mean of -ln p over its tokens, those of its query left out."""
    model = load("AutoModelForCausalLM", task)
    with pq.ParquetWriter(task["losses"], LOSSES) as writer:
        for rows in batches(task):
            spans = [model.span((r["text"] or "").strip(), (r.get("query") or "").strip()) for r in rows]
            costs = [
                c if (r["text"] or "").strip() else None
                for r, c in zip(rows, model.costs(spans, task["max_tokens"]), strict=True)
            ]
            values = [(r["sample_id"], c and c.loss, c and c.tokens) for r, c in zip(rows, costs, strict=True)]
            writer.write_table(pa.table([pa.array(v) for v in zip(*values, strict=True)], LOSSES))
    return {}


def rewards(task: Task) -> dict[str, Any]:
    """What a classifier says of each text: its only output, or the chance of the label that is named."""
    model = load("AutoModelForSequenceClassification", task)
    label = _label(model, task.get("label"))
    with pq.ParquetWriter(task["losses"], REWARDS) as writer:
        for rows in batches(task):
            some = [r for r in rows if r["text"]]
            found = model.outputs([r["text"] for r in some], task["max_tokens"]) if some else []
            of = {
                r["sample_id"]: v[0] if label is None else _chance(v, label) for r, v in zip(some, found, strict=True)
            }
            ids = [r["sample_id"] for r in rows]
            writer.write_table(pa.table([ids, [of.get(i) for i in ids]], REWARDS))
    return {}


def _label(model: Any, name: str | int | None) -> int | None:
    """The place of a label among the outputs; None for a model with one output."""
    labels = {int(i): str(n) for i, n in model.model.config.id2label.items()}
    if name is None and len(labels) == 1:
        return None
    if name is None:
        raise SandboxError.of("missing-setting", f"the model has {len(labels)} outputs", "give `label`, one of them")
    for place, known in labels.items():
        if str(name) in (str(place), known):
            return place
    mend = nearest(str(name), labels.values()) or f"labels: {', '.join(labels.values())}"
    raise SandboxError.of("unknown-label", f"the model has no label {name}", mend)


def _chance(outputs: list[float], label: int) -> float:
    from math import exp

    highest = max(outputs)
    weights = [exp(o - highest) for o in outputs]
    return weights[label] / sum(weights)


def held_out(task: Task) -> dict[str, Any]:
    """What texts cost as a whole: nats, tokens, UTF-8 bytes and how many texts there are."""
    from .language_model import Span, windows

    model = load("AutoModelForCausalLM", task)
    most = model.longest(task["max_tokens"])
    stride = min(task["stride"] or most - 1, most - 1)
    if stride < 1:
        raise SandboxError.of("bad-setting", f"windows of {most} tokens, {stride} apart", "give more of both")
    nats, tokens, size, texts = 0.0, 0, 0, 0
    for rows in batches(task):
        some = [r["text"] for r in rows if r["text"]]
        spans = [Span([*_start(model, ids, task), *ids]) for ids in model.encode(some)]
        costs = model.costs([w for span in spans for w in windows(span, most, stride)], most)
        nats, tokens = nats + sum(c.nats for c in costs), tokens + sum(c.tokens for c in costs)
        size, texts = size + sum(len(t.encode()) for t in some), texts + len(some)
    return {"nats": nats, "tokens": tokens, "bytes": size, "texts": texts}


def _start(model: Any, ids: list[int], task: Task) -> list[int]:
    """The token to put before a text, unless its tokenizer has put it there."""
    start: list[int] = model.start() if task["start_token"] else []
    return [] if ids[:1] == start else start


def choices(task: Task) -> dict[str, Any]:
    """Which choice the model finds likeliest after each query: by its probability, and by that a byte."""
    model = load("AutoModelForCausalLM", task)
    right = per_byte = texts = 0
    with open(task["outputs"], "w", encoding="utf-8") as file:
        for rows in batches(task):
            spans = [model.span(str(c), r["query"], task["separator"]) for r in rows for c in r["choices"]]
            costs = iter(model.costs(spans))
            for row in rows:
                nats = [next(costs).nats for _ in row["choices"]]
                each = [n / max(1, len(str(c).encode())) for n, c in zip(nats, row["choices"], strict=True)]
                answer = _place(row)
                told = {"choice": nats.index(min(nats)), "choice_norm": each.index(min(each))}
                right, per_byte = right + (told["choice"] == answer), per_byte + (told["choice_norm"] == answer)
                texts += 1
                file.write(json.dumps({"sample_id": row["sample_id"], "answer": answer, **told, "nats": nats}) + "\n")
    return {"right": right, "right_norm": per_byte, "rows": texts}


def _place(row: Mapping[str, Any]) -> int:
    """The place of the right choice, given as a number from 0 or as its text."""
    answer, given = row["answer"], list(row["choices"] or ())
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(given):
        return answer
    if answer in given:
        return given.index(answer)
    message = f"row {row['sample_id']}: the answer {answer!r} is none of {len(given)} choices"
    raise SandboxError.of("bad-answer", message, "give the place of the right choice, from 0, or its text")


def labels(task: Task) -> dict[str, Any]:
    """How often the likeliest label of a classifier is the right one."""
    model = load("AutoModelForSequenceClassification", task)
    known = {int(i): str(n) for i, n in model.model.config.id2label.items()}
    right = texts = 0
    with open(task["outputs"], "w", encoding="utf-8") as file:
        for rows in batches(task):
            found = model.outputs([str(r["query"]) for r in rows], None)
            for row, outputs in zip(rows, found, strict=True):
                place = outputs.index(max(outputs))
                good = str(row["answer"]) in (str(place), known[place])
                right, texts = right + good, texts + 1
                told = {"sample_id": row["sample_id"], "answer": row["answer"], "output": known[place], "right": good}
                file.write(json.dumps(told, ensure_ascii=False) + "\n")
    return {"right": right, "rows": texts}


def generate(task: Task) -> dict[str, Any]:
    """What the model writes after each prompt, as JSON lines."""
    import torch

    model = load("AutoModelForCausalLM", task)
    torch.manual_seed(task["seed"])
    params = {"max_new_tokens": 64, "do_sample": False, **task["sampling_params"]}
    stops = tuple(task["stop"])
    written = 0
    with open(task["outputs"], "w", encoding="utf-8") as file:
        for rows in batches(task):
            some = [r for r in rows if r["prompt"] is not None]
            asked = [str(r["prompt"]) for r in some]
            found = model.generate(asked, params, task["batch_size"], task["chat"])
            outputs = dict(zip((r["sample_id"] for r in some), (cut(f, stops) for f in found), strict=True))
            for row in rows:
                output = outputs.get(row["sample_id"])
                file.write(json.dumps({**row, task["infer_res_key"]: output}, ensure_ascii=False, default=str) + "\n")
                written += output is not None
    return {"rows": written}


def cut(text: str, stops: tuple[str, ...]) -> str:
    """A text up to the first of the words that end it."""
    return text[: min([len(text), *(text.index(s) for s in stops if s in text)])]


def pipeline(task: Task) -> dict[str, Any]:
    """What a pipeline of ModelScope says of each text."""
    from modelscope.pipelines import pipeline as make  # type: ignore[import-not-found, unused-ignore]

    model = make(task=task["pipeline_task"], model=task["model"], **task["pipeline_params"])
    with open(task["losses"], "w", encoding="utf-8") as file:
        for rows in batches(task):
            some = [r for r in rows if r["text"] is not None]
            found = model([r["text"] for r in some], **task["sampling_params"]) if some else []
            said = dict(zip((r["sample_id"] for r in some), found, strict=True))
            for row in rows:
                told = {"sample_id": row["sample_id"], "output": said.get(row["sample_id"])}
                for name in ("loss", "reward"):
                    if task[f"{name}_path"]:
                        told[name] = reach(told["output"], task[f"{name}_path"])
                file.write(json.dumps(told, ensure_ascii=False, default=_plain) + "\n")
    return {}


def reach(value: Any, path: str) -> float | None:
    """The number at a place inside mappings and lists, such as `scores.0`; None for no value at all."""
    if value is None:
        return None
    for part in path.split("."):
        try:
            value = value[int(part)] if not isinstance(value, Mapping) else value[part]
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise SandboxError.of(
                "no-value", f"an output has no {path}: {value!r}", "name a place that it has"
            ) from error
    return float(value)


def _plain(value: Any) -> Any:
    """Arrays as lists and their numbers as numbers, for JSON."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


TASKS: dict[str, Callable[[Task], dict[str, Any]]] = {
    f.__name__: f for f in (losses, rewards, held_out, choices, labels, generate, pipeline)
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
