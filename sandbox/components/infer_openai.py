"""The model executor `openai`, also called `api`: answers of a server that speaks the OpenAI API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from juicesql.errors import Problem

from ..base import Ahead
from ..executor import Executor
from ..inference.openai_api import Endpoint, NoAnswer, inside
from ..inference.prompts import InferSettings, outputs_file, write_prompts
from ..missing import missing_file
from ..registry import component

PATHS = {"chat": "/chat/completions", "completions": "/completions"}
PLACES = {"chat": "choices.0.message.content", "completions": "choices.0.text"}


@dataclass(frozen=True)
class OpenaiInferSettings(InferSettings):
    """What the executor may be told. `sampling_params` go into each request: temperature, max_tokens, seed."""

    api_endpoint: str = "https://api.openai.com/v1"  # where the API begins, or the whole address of its completions
    api: Literal["chat", "completions"] = "chat"  # which of the two to ask; an address that names one goes before
    api_key_env: str | None = None  # the environment variable that has the key; without one no key is sent
    system_prompt: str | None = None  # said before each prompt, for chat
    response_path: str | None = None  # the place of the text in an answer; by default that of the API
    concurrency: int = 8  # questions on their way at once
    max_retry_num: int = 5  # further tries after a refusal for now (408, 409, 425, 429, 5xx) or a lost connection
    retry_seconds: float = 1.0  # the wait before the second try, doubled for each further one; Retry-After goes before
    timeout: float = 60.0  # seconds for an answer
    max_bytes: int = 4 << 20  # of an answer
    max_error_rate: float = 0.0  # the share of prompts that may stay without an answer

    @property
    def url(self) -> str:
        """The address to ask."""
        base = self.api_endpoint.rstrip("/")
        return base if base.endswith("/completions") else base + PATHS[self.kind]

    @property
    def kind(self) -> str:
        """Which of the two APIs the address speaks."""
        base = self.api_endpoint.rstrip("/")
        if not base.endswith("/completions"):
            return self.api
        return "chat" if base.endswith("/chat/completions") else "completions"

    def body(self, model: str, prompt: str) -> dict[str, Any]:
        """What to send for a prompt."""
        if self.kind == "completions":
            return {"model": model, "prompt": prompt, **self.sampling_params}
        said = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return {"model": model, "messages": [*said, {"role": "user", "content": prompt}], **self.sampling_params}


@component("ModelInferExecutor", "openai")
class OpenaiInfer(Executor):
    """What a server that speaks the OpenAI API (vLLM, llama.cpp, OpenAI) answers to each prompt.

    A prompt that stays without an answer gets NULL and the column `error`; when more than `max_error_rate` of the
    prompts do, the job fails at once. A key comes from an environment variable only, and redirects are not followed.
    """

    Settings = OpenaiInferSettings

    @classmethod
    def problems(cls, settings: Any, ahead: Ahead) -> Iterator[Problem]:
        yield from missing_file(settings.dataset_path, ahead)
        if not settings.model:
            yield Problem("no-model", "no model is named", "give `model`, the name that the server knows it by")
        if urlsplit(settings.api_endpoint).scheme not in ("http", "https"):
            yield Problem(
                "bad-setting", f"api_endpoint is {settings.api_endpoint!r}", "begin it with https:// or http://"
            )
        if settings.api_key_env and not os.environ.get(settings.api_key_env):
            message = f"the environment variable {settings.api_key_env} is not set"
            yield Problem("no-key", message, "export it, or leave api_key_env out for a server without keys")
        if settings.concurrency < 1 or settings.max_retry_num < 0:
            yield Problem("bad-setting", "concurrency or max_retry_num is too small", "give 1 or more, and 0 or more")

    async def _run(self, run_type: str, run_obj: Any = None) -> None:
        settings, context = self.settings, self.context
        self.outputs = outputs_file(context, settings)
        prompts = write_prompts(context, settings)
        key = os.environ.get(settings.api_key_env) if settings.api_key_env else None
        endpoint = Endpoint(
            settings.url, key, settings.timeout, settings.max_bytes, settings.max_retry_num, settings.retry_seconds
        )
        self.count = self.errors = 0
        try:
            await self.in_thread(lambda: self._all(endpoint, context.model(settings.model), prompts))
        finally:
            endpoint.stopped.set()
            prompts.unlink(missing_ok=True)

    def _all(self, endpoint: Endpoint, model: str, prompts: Path) -> None:
        rows = pq.read_table(prompts).to_pylist()
        most = int(self.settings.max_error_rate * len(rows))
        print(f"{len(rows):,} prompts to {endpoint.url}")
        with ThreadPoolExecutor(self.settings.concurrency) as pool, open(self.outputs, "w", encoding="utf-8") as file:
            answers = pool.map(lambda row: self._answer(endpoint, model, row), rows)
            for row, (output, error) in zip(rows, answers, strict=True):
                told = {**row, self.settings.infer_res_key: output, "error": error}
                file.write(json.dumps(told, ensure_ascii=False, default=str) + "\n")
                self.count, self.errors = self.count + (error is None), self.errors + (error is not None)
                if error:
                    print(f"prompt {row['sample_id']}: {error}")
                if self.errors > most:
                    endpoint.stopped.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    message = f"{self.errors} of {len(rows)} prompts got no answer, {most} may: {error}"
                    raise self.failed(message)
                self.context.progress.share((self.count + self.errors) / len(rows))

    def _answer(self, endpoint: Endpoint, model: str, row: Mapping[str, Any]) -> tuple[str | None, str | None]:
        """The text and what was wrong."""
        if row["prompt"] is None or endpoint.stopped.is_set():
            return None, None if row["prompt"] is None else "stopped"
        path = self.settings.response_path or PLACES[self.settings.kind]
        try:
            return inside(endpoint.ask(self.settings.body(model, str(row["prompt"]))), path), None
        except NoAnswer as error:
            return None, str(error)

    def result(self) -> dict[str, Any]:
        return {"outputs": str(self.outputs), "count": self.count, "errors": self.errors}


component("ModelInferExecutor", "api")(OpenaiInfer)
