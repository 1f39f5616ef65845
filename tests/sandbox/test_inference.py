"""Models that answer prompts: transformers, a server of the OpenAI API, and EasyAnimate by a stand-in for its script."""

import contextlib
import json
import os
import textwrap
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from juicesql.sandbox.base import Ahead, Job
from juicesql.sandbox.hooks.infer_model import InferModelHook
from juicesql.sandbox.inference.openai_api import retry_after

from juicesql.errors import JuiceError

CHAIN = str(Path(__file__).parents[1] / "models" / "chain")


def infer(make_context, tmp_path, extra, **given):
    context = make_context(tmp_path, "InferModelHook", extra, **given)
    return InferModelHook(context.job).run(context), context


def lines(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def problems(extra):
    found = InferModelHook(Job("InferModelHook", "m", None, extra, "execution", "p", 0)).problems(Ahead())
    return [p.code for p in found]


# transformers


def test_greedy_by_hand(make_context, tmp_path):
    """Prompts of three lengths in one batch, padded on the left, in a real child process."""
    pytest.importorskip("transformers")
    given = [{"q": "the", "n": 1}, {"q": None, "n": 2}, {"q": "down dog cat", "n": 3}, {"q": "the dog", "n": 4}]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(g) + "\n" for g in given))
    extra = {"type": "huggingface", "model": CHAIN, "dataset_path": str(tmp_path / "p.jsonl"), "prompt_key": "q"}
    result, context = infer(make_context, tmp_path, {**extra, "infer_res_key": "response"})
    found = [(r["n"], r["prompt"], r["response"]) for r in lines(result["outputs"])]
    assert found == [
        (1, "the", "cat sat down"), (2, None, None), (3, "down dog cat", "sat down"), (4, "the dog", "sat down"),
    ]  # fmt: skip
    assert result["count"] == 3 and context.progress.last == 1
    assert "on c" in context.log.read_text()  # cpu or cuda, which the child says when the model is loaded


def test_batches_change_nothing(in_process, make_context, tmp_path):
    """A model with attention writes the same after a prompt in a padded batch as alone, and draws the same by a seed."""
    pytest.importorskip("transformers")
    from tests.sandbox.test_inference_probe import random_model

    model = str(random_model(tmp_path / "model"))
    (tmp_path / "p.txt").write_text("the\ncat sat down the dog\n\ndog dog dog\nsat down\n")
    extra = {"model": model, "dataset_path": str(tmp_path / "p.txt"), "sampling_params": {"max_new_tokens": 12}}
    texts = {}
    for size in (1, 4):
        result, _ = infer(make_context, tmp_path, {**extra, "batch_size": size})
        texts[size] = [r["output"] for r in lines(result["outputs"])]
    assert texts[1] == texts[4] and len(texts[1]) == 4
    extra["sampling_params"] = {"max_new_tokens": 12, "do_sample": True, "temperature": 2.0}
    drawn = [
        [r["output"] for r in lines(infer(make_context, tmp_path, {**extra, "seed": s})[0]["outputs"])]
        for s in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


def test_wrong_settings_of_transformers(tmp_path):
    assert problems({"model": str(tmp_path / "none"), "batch_size": 0}) == ["missing-file", "bad-setting"]
    assert problems({"sampling_param": {}}) == ["unknown-setting"]


# The OpenAI API


class Server:
    """A server whose answers a function gives: (body, how often this prompt was asked) -> status, headers, bytes."""

    def __init__(self, answer):
        self.asked, self.headers, self.paths = [], [], []
        self.most = self.running = 0
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    prompt = body.get("prompt") or body["messages"][-1]["content"]
                    server.asked.append(prompt)
                    server.headers.append(dict(self.headers))
                    server.paths.append(self.path)
                    server.running += 1
                    server.most = max(server.most, server.running)
                    times = server.asked.count(prompt)
                status, headers, content = answer(body, times)
                with lock:
                    server.running -= 1
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(OSError):  # who asked has gone
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = []

    def make(answer):
        made.append(Server(answer))
        return made[-1]

    yield make
    for server in made:
        server.http.shutdown()
        server.http.server_close()


def said(text):
    return 200, {}, json.dumps({"choices": [{"message": {"content": text}, "text": text}]}).encode()


def ask(make_context, tmp_path, server, prompts, **more):
    (tmp_path / "p.jsonl").write_text("".join(json.dumps({"prompt": p}) + "\n" for p in prompts))
    extra = {
        "type": "openai", "model": "m", "api_endpoint": server.url, "dataset_path": str(tmp_path / "p.jsonl"),
        "retry_seconds": 0.01, **more,
    }  # fmt: skip
    result, context = infer(make_context, tmp_path, extra)
    return result, [(r["output"], r["error"]) for r in lines(result["outputs"])], context


def test_chat(make_context, tmp_path, serve, monkeypatch):
    def answer(body, times):
        time.sleep(0.05)
        return said(f"{body['messages'][0]['content']} {body['messages'][-1]['content']} {body['temperature']}")

    server = serve(answer)
    monkeypatch.setenv("MY_KEY", "secret-1")
    result, found, context = ask(
        make_context, tmp_path, server, [f"é{i}" for i in range(12)] + [None], system_prompt="Be brief.",
        sampling_params={"temperature": 0.5}, api_key_env="MY_KEY", concurrency=3,
    )  # fmt: skip
    assert found == [(f"Be brief. é{i} 0.5", None) for i in range(12)] + [(None, None)]
    assert (result["count"], result["errors"]) == (13, 0)
    assert {h["Authorization"] for h in server.headers} == {"Bearer secret-1"}
    assert set(server.paths) == {"/v1/chat/completions"}
    assert 1 < server.most <= 3
    assert "secret-1" not in context.log.read_text() + Path(result["outputs"]).read_text()


def test_completions_and_alias(make_context, tmp_path, serve):
    server = serve(lambda body, times: said(body["prompt"] + "!"))
    _, found, _ = ask(make_context, tmp_path, server, ["a"], type="api", api="completions")
    whole = {"api_endpoint": server.url + "/completions", "response_path": "choices.0.text"}
    assert ask(make_context, tmp_path, server, ["b"], **whole)[1] == [("b!", None)]
    assert found == [("a!", None)] and set(server.paths) == {"/v1/completions"}
    assert "Authorization" not in server.headers[0]


def test_retries(make_context, tmp_path, serve):
    """429 with Retry-After, 503 without, then an answer: the wait is as long as was asked for."""

    def answer(body, times):
        return [(429, {"Retry-After": "1"}, b"slow down"), (503, {}, b""), said("at last")][times - 1]

    started = time.perf_counter()
    server = serve(answer)
    assert ask(make_context, tmp_path, server, ["a"])[1] == [("at last", None)]
    assert time.perf_counter() - started >= 1 and len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "times", "error"),
    [
        ((500, {}, b"broken\ninside"), 3, "HTTP 500: broken inside (3 tries)"),
        ((400, {}, b'{"error": "too long"}'), 1, 'HTTP 400: {"error": "too long"}'),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), 1, "HTTP 302: nothing"),
        ((200, {}, b"<html>"), 1, "the answer is not JSON: <html>"),
        ((200, {}, b"[" * 100_000), 1, None),
        ((200, {}, b"x" * 5000), 1, "the answer has more than 2,000 bytes"),
        ((200, {}, b'{"choices": []}'), 1, 'the answer has no choices.0.message.content: {"choices": []}'),
        (said(7), 1, "choices.0.message.content of the answer is no text: 7"),
        ((200, {"Content-Length": "90"}, b"{}"), 3, None),
    ],
)
def test_prompts_without_an_answer(make_context, tmp_path, serve, answer, times, error):
    """The prompt gets NULL and says why; the other one gets its answer."""
    server = serve(lambda body, _: said("fine") if body["messages"][-1]["content"] == "good" else answer)
    more = {"max_retry_num": 2, "max_bytes": 2000 if error else 200_000, "max_error_rate": 0.5, "timeout": 5}
    result, found, _ = ask(make_context, tmp_path, server, ["bad", "good"], **more)
    assert found[1] == ("fine", None)
    assert found[0][0] is None and (found[0][1] == error if error else found[0][1])
    assert server.asked.count("bad") == times
    assert (result["count"], result["errors"]) == (1, 1)


def test_too_many_errors(make_context, tmp_path, serve):
    """The job fails at the prompt that is one too many, without asking all."""
    server = serve(lambda body, _: (500, {}, b"down"))
    with pytest.raises(JuiceError, match=r"2 of 50 prompts got no answer, 1 may: HTTP 500: down") as caught:
        ask(make_context, tmp_path, server, map(str, range(50)), max_retry_num=0, max_error_rate=0.02, concurrency=2)
    assert len(server.asked) < 10 and "Traceback" not in str(caught.value)


def test_a_slow_server(make_context, tmp_path, serve):
    ended = threading.Event()
    server = serve(lambda body, _: (ended.wait(30), said("late"))[1])
    more = {"timeout": 0.3, "max_retry_num": 0, "max_error_rate": 1.0}
    found = ask(make_context, tmp_path, server, ["a"], **more)[1]
    ended.set()
    assert found[0][0] is None and "timed out" in found[0][1]


def test_retry_after():
    assert retry_after("7") == 7
    assert retry_after(formatdate(time.time() + 30, usegmt=True)) == pytest.approx(30, abs=2)
    assert retry_after(formatdate(time.time() - 30, usegmt=True)) == 0
    assert retry_after("soon") is None


def test_wrong_settings_of_the_api(tmp_path, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    extra = {"type": "openai", "api_endpoint": "file:///etc/passwd", "api_key_env": "NO_SUCH_KEY", "concurrency": 0}
    assert problems(extra) == ["no-model", "bad-setting", "no-key", "bad-setting"]
    assert problems({"type": "openai", "model": "m", "api_key": "sk-1"}) == ["unknown-setting"]


# EasyAnimate

# A stand-in for infer_lora.py, not EasyAnimate itself: it takes the same arguments, shows the same progress bar and
# writes files of the same names, empty of video.
STAND_IN = """
import argparse, json, os, sys, time
p = argparse.ArgumentParser()
for name in ("prompt_info_path", "config_path", "pretrained_model_name_or_path", "transformer_path", "lora_path",
             "mixed_precision", "save_path"):
    p.add_argument("--" + name)
for name in ("image_size", "chunks_num", "chunk_id", "batch_size", "video_num_per_prompt", "seed"):
    p.add_argument("--" + name, type=int)
a = p.parse_args()
prompts = [d["prompt_en"] for d in json.load(open(a.prompt_info_path))]
size = (len(prompts) - 1) // a.chunks_num + 1
mine = prompts[a.chunk_id * size : (a.chunk_id + 1) * size]
json.dump([vars(a), os.environ["CUDA_VISIBLE_DEVICES"], os.getcwd()], open(f"{a.save_path}/args{a.chunk_id}.json", "w"))
if a.seed == 13:
    sys.exit("RuntimeError: CUDA out of memory")
batches = [mine[i : i + a.batch_size] for i in range(0, len(mine), a.batch_size)]
for n, batch in enumerate(batches, 1):
    for i in range(a.video_num_per_prompt):
        for prompt in batch if a.seed != 14 else batch[1:]:
            open(f"{a.save_path}/{prompt}-{i}.mp4", "w").close()
    print(f"\\r{100 * n // len(batches)}%|###| {n}/{len(batches)} [00:01<00:00]", end="", file=sys.stderr, flush=True)
"""


@pytest.fixture
def easyanimate(tmp_path):
    home = tmp_path / "EasyAnimate"
    home.mkdir()
    (home / "infer_lora.py").write_text(textwrap.dedent(STAND_IN))
    prompts = tmp_path / "vbench.json"
    prompts.write_text(json.dumps([{"prompt_en": p, "dimension": ["color"]} for p in ("a red cat", "a dog", "rain")]))

    def make(gpu_num=1, seed=43):
        config = {"prompt_info_path": str(prompts), "gpu_num": gpu_num, "batch_size": 2, "video_num_per_prompt": 2}
        model = {"transformer_path": str(prompts), "pretrained_model_name_or_path": "PixArt"}
        train = {"model_path": model, "infer_config": {**config, "seed": seed}}
        return {"type": "easyanimate", "model_name": "easyanimate", "easyanimate_home": str(home), "train": train}

    return make


@pytest.mark.parametrize("gpus", [1, 2])
def test_easyanimate(make_context, tmp_path, easyanimate, gpus):
    extra = easyanimate(gpus)
    assert problems(extra) == []
    result, context = infer(make_context, tmp_path, extra, results={"train": {"model": "lora.safetensors"}})
    folder = Path(result["outputs"])
    names = {f"{p}-{i}.mp4" for p in ("a red cat", "a dog", "rain") for i in (0, 1)}
    assert {p.name for p in folder.glob("*.mp4")} == names
    assert (result["count"], result["prompts"], context.progress.last) == (6, 3, 1)
    for gpu in range(gpus):
        given, device, cwd = json.loads((folder / f"args{gpu}.json").read_text())
        assert (device, cwd) == (str(gpu), str(tmp_path / "EasyAnimate"))
        assert (given["chunks_num"], given["chunk_id"], given["image_size"]) == (gpus, gpu, 256)
        assert given["lora_path"] == os.path.abspath("lora.safetensors")


def test_easyanimate_that_fails(make_context, tmp_path, easyanimate):
    with pytest.raises(JuiceError, match="CUDA out of memory"):
        infer(make_context, tmp_path, easyanimate(2, seed=13))
    with pytest.raises(JuiceError, match=r"2 of 6 videos|4 of 6 videos"):
        infer(make_context, tmp_path, easyanimate(1, seed=14))


def test_wrong_settings_of_easyanimate(tmp_path, easyanimate):
    extra = easyanimate()
    extra["easyanimate_home"] = str(tmp_path / "elsewhere")
    extra["train"]["model_path"]["lora_path"] = str(tmp_path / "none.safetensors")
    extra |= {"env_name": str(tmp_path / "env"), "env_manager": "venv"}
    assert problems(extra) == ["missing-file", "missing-file", "no-program"]
    del extra["train"]["infer_config"]["prompt_info_path"]
    assert problems(extra) == ["missing-setting"]
