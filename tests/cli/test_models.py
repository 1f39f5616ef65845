"""`juicesql models`: a local server stands for the internet, under the allowance that exists for tests."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from juicesql import downloads, models
from juicesql.cli.models import app
from juicesql.errors import JuiceError
from juicesql.registry import Registry

CONTENT = b"weights" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def zipped(names: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return out.getvalue()


PAGES = {
    "/m.bin": CONTENT,
    "/pack.zip": zipped({"pack/a.txt": b"a", "pack/sub/b.txt": b"b", "other/c.txt": b"c"}),
    "/climbing.zip": zipped({"pack/../../evil.txt": b"e"}),
    "/bomb.zip": zipped({"pack/zeros": b"\0" * 10_000_000}),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        target = {"/moved.bin": "/m.bin", "/round": "/round", "/to-file": "file:///etc/passwd"}.get(self.path)
        if target:
            self.send_response(302)
            self.send_header("Location", target)
            self.end_headers()
            return
        page = {**PAGES, "/cut.bin": CONTENT, "/unsized.bin": CONTENT}.get(self.path)
        self.send_response(200 if page else 404)
        if page and self.path != "/unsized.bin":
            self.send_header("Content-Length", str(len(page) + 9 * (self.path == "/cut.bin")))
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    monkeypatch.setenv("JUICESQL_MODELS_CACHE", str(folder))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUICESQL_ALLOW_PRIVATE_DOWNLOADS", "1")


def known(monkeypatch: pytest.MonkeyPatch, *entries: models.Model) -> None:
    monkeypatch.setattr(models, "catalog", lambda: {m.name: m for m in entries})


def names(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_catalog_is_complete() -> None:
    functions = set(Registry().names())
    for model in models.catalog().values():
        assert set(model.used_by) <= functions, model.name
        assert bool(model.url) != bool(model.hub), model.name
        assert model.about and model.used_by, model.name
        assert not model.url or model.url.startswith("https://"), model.name
        assert not model.sha256 or re.fullmatch("[0-9a-f]{64}", model.sha256), model.name


def test_list(shell, home: Path) -> None:
    lines = shell("models", "list").out.splitlines()
    assert any(line.startswith("lid.176.bin ") and "not here" in line for line in lines)
    home.mkdir()
    (home / "fr.sp.model").write_bytes(b"put here by hand")
    listed = {m["name"]: m for m in shell("models", "list", "--json").json}
    assert listed["fr.sp.model"]["here"] and listed["fr.sp.model"]["bytes"] == 16
    assert listed["fr.sp.model"]["origin"].endswith("/fr.sp.model")
    assert not listed["Qwen/Qwen2.5-0.5B"]["here"]


def test_pull_verify_and_rm(shell, server: str, home: Path, private: None, monkeypatch: pytest.MonkeyPatch) -> None:
    known(monkeypatch, models.Model("m", "a model", ("f",), url=f"{server}/moved.bin", sha256=DIGEST, place="in/m.bin"))
    assert shell("models", "pull", "m").out.strip() == str(home / "in/m.bin")
    assert names(home) == ["in/m.bin", "in/m.bin.manifest.json"]
    told = json.loads((home / "in/m.bin.manifest.json").read_text())
    assert told["files"] == [{"name": "", "bytes": len(CONTENT), "sha256": DIGEST}]
    assert shell("models", "verify").out == "m is right\n"
    (home / "in/m.bin").write_bytes(b"x" + CONTENT[1:])
    answer = shell("models", "verify", "m", "--json")
    assert answer.code == 1 and "was changed" in answer.json[0]["wrong"][0]
    assert shell("models", "rm", "m").code == 0
    assert names(home) == []
    assert shell("models", "verify", "m").code == 1
    assert "is not here" in shell("models", "rm", "m").err


def test_pull_does_not_download_again(shell, server: str, home: Path, private: None) -> None:
    shell("models", "pull", f"{server}/m.bin")
    before = (home / "m.bin").stat().st_mtime_ns
    assert shell("models", "pull", f"{server}/m.bin", "--json").json["bytes"] == len(CONTENT)
    assert (home / "m.bin").stat().st_mtime_ns == before
    listed = {m["name"]: m for m in shell("models", "list", "--json").json}
    assert listed["m.bin"]["origin"] == f"{server}/m.bin"
    assert "error[other-origin]" in shell("models", "pull", f"{server}/elsewhere/m.bin").err
    assert "error[wrong-digest]" in shell("models", "pull", f"{server}/m.bin", "--sha256", "0" * 64).err
    assert shell("models", "rm", "m.bin").code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["/m.bin", "--sha256", "0" * 64], "wrong-digest"),
        (["/m.bin", "--max-size", "5KB"], "too-large"),
        (["/unsized.bin", "--max-size", "5KB"], "too-large"),
        (["/cut.bin"], "no-download"),
        (["/none.bin"], "no-download"),
        (["/round"], "no-download"),
        (["/to-file"], "refused-address"),
        (["/"], "refused-address"),
    ],
)
def test_a_failed_pull_leaves_nothing(
    shell, server: str, home: Path, private: None, words: list[str], code: str
) -> None:
    answer = shell("models", "pull", server + words[0], *words[1:])
    assert answer.code == 1
    assert answer.err.startswith(f"error[{code}]")
    assert names(home) == []


def test_a_size_is_not_needed(shell, server: str, home: Path, private: None) -> None:
    assert shell("models", "pull", f"{server}/unsized.bin").code == 0
    assert (home / "unsized.bin").read_bytes() == CONTENT


@pytest.mark.parametrize(
    "url",
    ["http://example.org/m.bin", "https://127.0.0.1/m.bin", "https://localhost/m.bin", "https://[::1]/m.bin",
     "https://10.0.0.7/m.bin", "https://169.254.169.254/m.bin", "https://[::ffff:192.168.0.1]/m.bin",
     "https://100.64.0.1/m.bin", "https://2130706433/m.bin", "ftp://example.org/m.bin", "file:///etc/passwd"],
)  # fmt: skip
def test_private_and_unsafe_addresses_are_refused(shell, home: Path, url: str) -> None:
    answer = shell("models", "pull", url)
    assert answer.code == 1
    assert answer.err.startswith("error[refused-address]"), answer.err
    assert names(home) == []


def test_a_redirect_is_judged_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: str, private: None) -> None:
    answers = iter([True, False])
    monkeypatch.setattr(downloads, "allows_private", lambda: next(answers, False))
    with pytest.raises(JuiceError, match="refused-address"):
        downloads.fetch(f"{server}/moved.bin", tmp_path / "m.bin", 1 << 20)


def test_archives_are_unpacked(shell, server: str, home: Path, private: None, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = partial(models.Model, about="a", used_by=("f",), inside="pack")
    good = entry("pack", url=f"{server}/pack.zip", place="data/pack")
    known(monkeypatch, good, *(entry(n, url=f"{server}/{n}.zip") for n in ("climbing", "bomb")))
    assert shell("models", "pull", "pack").code == 0
    assert names(home) == ["data/pack.manifest.json", "data/pack/a.txt", "data/pack/sub/b.txt"]
    (home / "data/pack/new.txt").write_text("n")
    (home / "data/pack/a.txt").unlink()
    wrong = shell("models", "verify", "pack", "--json").json[0]["wrong"]
    assert [w.split("/")[-1] for w in wrong] == ["a.txt is missing", "new.txt was not there when the model came"]
    assert shell("models", "rm", "pack").code == 0
    for name, code in (("climbing", "bad-archive"), ("bomb", "too-large")):
        assert f"error[{code}]" in shell("models", "pull", name, "--max-size", "1MB").err
    assert names(home.parent) == []


def test_rm_keeps_to_what_was_pulled(shell, home: Path, tmp_path: Path) -> None:
    home.mkdir()
    (home / "lid.176.bin").write_bytes(b"by hand")
    assert "error[not-ours]" in shell("models", "rm", "lid.176.bin").err
    assert "is not the file of the catalog" in shell("models", "verify", "lid.176.bin").out
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "keep.txt").write_text("k")
    (home / "linked").symlink_to(outside)
    (home / "linked.manifest.json").write_text(
        json.dumps({"name": "linked", "about": "", "used_by": [], "url": "", "files": []})
    )
    assert "error[not-ours]" in shell("models", "rm", "linked").err
    for name in ("../outside", "..", "/etc", "quality/../../outside"):
        assert shell("models", "rm", name).code == 1
    assert (outside / "keep.txt").exists()


def test_the_hub_offline_is_one_clear_error(shell, home: Path) -> None:
    pytest.importorskip("huggingface_hub")
    answer = shell("models", "pull", "Qwen/Qwen2.5-0.5B")
    assert answer.code == 1
    assert answer.err.startswith("error[no-download] Qwen/Qwen2.5-0.5B")
    assert "Traceback" not in answer.err
    assert not models.find("Qwen/Qwen2.5-0.5B").here


def test_models_of_the_hub_are_seen_checked_and_removed(shell, home: Path) -> None:
    pytest.importorskip("huggingface_hub")
    text, weights = b'{"a": 1}', b"w" * 100
    git = hashlib.sha1(b"blob 8\0" + text).hexdigest()
    folder = home / "hub/models--acme--tiny"
    for blob, name, content in ((git, "config.json", text), (hashlib.sha256(weights).hexdigest(), "m.bin", weights)):
        (folder / "blobs").mkdir(parents=True, exist_ok=True)
        (folder / "snapshots/abc").mkdir(parents=True, exist_ok=True)
        (folder / "blobs" / blob).write_bytes(content)
        (folder / "snapshots/abc" / name).symlink_to(f"../../blobs/{blob}")
    (folder / "refs").mkdir()
    (folder / "refs/main").write_text("abc")
    assert shell("models", "verify", "acme/tiny").out == "acme/tiny is right\n"
    assert shell("models", "pull", "acme/tiny").out.strip() == str(folder / "snapshots/abc")  # offline, and here
    (folder / "blobs" / git).write_bytes(b"changed!")
    assert shell("models", "verify", "acme/tiny").code == 1
    assert shell("models", "rm", "acme/tiny").out == "removed acme/tiny: 108 B freed\n"
    assert names(home) == []


def test_train_quality(shell, home: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    for kind, word in (("good", "reads well and"), ("bad", "BUY NOW !!!")):
        (tmp_path / kind).mkdir()
        for i in range(20):
            (tmp_path / kind / f"{i}.txt").write_text(f"text {i} {word} ends {i * i}")
    told = shell(
        "models", "train-quality", tmp_path / "good", tmp_path / "bad", "--out", "mail", "--dims", "2^10", "--json"
    )
    assert told.code == 0, told.err
    assert told.json["texts"] == {
        "good": 20, "bad": 20, "held_out": 8, "in_both": 0, "repeated": 0, "unreadable": 0,
        "bytes": told.json["texts"]["bytes"],
    }  # fmt: skip
    assert told.json["held_out"]["accuracy"] == 1.0
    assert told.json["bytes"] == (home / "quality/mail.safetensors").stat().st_size < 6000
    listed = {m["name"]: m for m in shell("models", "list", "--json").json}
    assert listed["quality/mail"]["used_by"] == ["quality_score"]
    assert shell("models", "verify", "quality/mail").code == 0
    (tmp_path / "r.sql.j2").write_text(
        f"{{{{ config(source='{tmp_path}/good') }}}}\nwith kept as (\n"
        "    select * from source\n"
        "    where quality_score(text, model := 'mail') > 0.5 and keep_pareto(0.999, text)\n)\nselect * from kept\n"
    )
    result = shell("run", tmp_path / "r.sql.j2", "--project", tmp_path, "--json").json
    assert result["kept"] >= 18
    assert "quality/mail" in shell("models", "rm", "quality/mail").out
    assert "train-quality GOOD BAD --out mail" in shell("run", tmp_path / "r.sql.j2", "--project", tmp_path).err


def test_train_quality_to_a_path_in_words(shell, home: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    for kind in ("good", "bad"):
        (tmp_path / f"{kind}.jsonl").write_text("\n".join(json.dumps({"body": f"{kind} {i}"}) for i in range(10)))
    words = ("models", "train-quality", tmp_path / "good.jsonl", tmp_path / "bad.jsonl", "--column", "body")
    answer = shell(*words, "--out", tmp_path / "here.safetensors", "--limit", "8", "--ngrams", "1")
    assert answer.code == 0, answer.err
    assert "8 good texts, 8 bad" in answer.out
    assert "on the 4 texts held out: accuracy 1.0000, AUC 1.0000, precision 1.0000, recall 1.0000" in answer.out
    assert (tmp_path / "here.safetensors").is_file() and names(home) == []
    assert shell(*words, "--out", "../x").code == 1
    assert shell(*words, "--dims", "many").code == 2
    assert "error[bad-parameter]" in shell(*words, "--dims", "1000").err


def test_the_commands_import_nothing_heavy() -> None:
    code = """
import sys
from juicesql.cli import main
try:
    main(["models", "list"])
except SystemExit as stopped:
    assert not stopped.code
print([m for m in ("duckdb", "numba", "sklearn", "torch", "scipy") if m in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_the_page_names_every_command_and_option() -> None:
    import typer

    page = (Path(__file__).parents[2] / "docs/models.md").read_text("utf-8")
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        assert f"juicesql models {name}" in page, name
        assert command.help and all(p.help for p in command.params if hasattr(p, "help")), name
        for option in (o for p in command.params for o in p.opts if o.startswith("--") and o != "--help"):
            assert f"`{option}" in page, f"{name} {option}"
    for model in models.catalog():
        assert f"`{model}`" in page, model
