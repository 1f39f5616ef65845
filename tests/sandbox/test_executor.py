"""The contract of executors, with one that a user makes: `_run` and `_watch_run` side by side over one log."""

from __future__ import annotations

import asyncio
import sys

import pytest
from juicesql.sandbox import registry
from juicesql.sandbox.errors import JobError
from juicesql.sandbox.executor import END, Executor
from juicesql.sandbox.registry import component

from .training_work import train, write_rows


@pytest.fixture
def users_own(monkeypatch):
    """An executor registered from outside, with a list of what happened in order."""
    registry.job_lists()  # loads what ships
    monkeypatch.setattr(registry, "_components", dict(registry._components))
    happened = []

    @component("ModelTrainExecutor", "users_own")
    class Own(Executor):
        def data_connector(self, dataset):
            target = self.context.folder / "connected.txt"
            target.write_text(dataset.read_text().upper())
            return target

        async def _run(self, run_type, run_obj=None):
            happened.append(run_type)
            print(self.data_connector(self.context.dataset()).read_text())
            for step in (1, 2, 3):
                print(f"step {step} loss {1 / step}")
                await asyncio.sleep(0.2)
                happened.append(f"ran {step}")
            await self.in_thread(lambda: print("from a thread"))
            await self.command([sys.executable, "-c", "print('from a program', end='')"])
            if self.context.results.latest("fail"):
                raise ValueError("the model is gone")

        def _watch_run(self, line):
            if line.startswith("step "):
                _, step, _, loss = line.split()
                happened.append(f"watched {step}")
                self.context.watched("loss", float(loss), int(step))

        def result(self):
            return {"model": str(self.context.folder), "train_loss": 1 / 3}

    return happened


def test_the_log_is_watched_while_it_runs_until_the_end_marker(users_own, make_context, tmp_path):
    data = write_rows(tmp_path / "a.jsonl", [{"text": "abc"}])
    context = make_context(tmp_path, extra={"type": "users_own"}, results={"process": {"dataset": data}})
    result = train(context)
    assert users_own == ["train", *(f"{word} {step}" for step in (1, 2, 3) for word in ("watched", "ran"))]
    assert context.watcher.series("job.loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    lines = [line for line in context.log.read_text().splitlines() if line]
    assert '{"TEXT": "ABC"}' in lines and "from a thread" in lines and lines[-2:] == ["from a program", END]
    assert result == {"model": str(context.folder), "train_loss": 1 / 3}


def test_what_it_raises_fails_the_job_with_the_last_lines_of_the_log(users_own, make_context, tmp_path):
    data = write_rows(tmp_path / "a.jsonl", [{"text": "abc"}])
    context = make_context(tmp_path, extra={"type": "users_own"}, results={"process": {"dataset": data, "fail": True}})
    with pytest.raises(JobError, match="the model is gone") as caught:
        train(context)
    assert "step 3 loss 0.3333333333333333" in caught.value.tail and "Traceback" not in str(caught.value)
    assert context.log.read_text().splitlines()[-1] == END
