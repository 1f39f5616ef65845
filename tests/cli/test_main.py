"""What holds for every command: start-up, help, exit codes, errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from juicesql import __version__
from juicesql.cli import _BUILTIN

HEAVY = ("duckdb", "pyarrow", "numpy", "numba", "sqlglot", "torch", "jinja2")
_HELP = """
import sys
from juicesql.cli import main
heavy = sys.argv[1:]
try:
    main(["--help"])
except SystemExit as stopped:
    assert not stopped.code
print(" ".join(m for m in heavy if m in sys.modules), file=sys.stderr)
"""


def test_help_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", _HELP, *HEAVY], capture_output=True, text=True, check=True)
    assert "run" in done.stdout
    assert done.stderr.split() == []


def test_help_answers_at_once() -> None:
    """In seconds of the processor, which other programs do not take away."""
    script = Path(sys.executable).with_name("juicesql")
    seconds = []
    for _ in range(5):
        process = subprocess.Popen([script, "--help"], stdout=subprocess.DEVNULL)
        used = os.wait4(process.pid, 0)[2]
        seconds.append(used.ru_utime + used.ru_stime)
    assert min(seconds) < 0.5


@pytest.mark.parametrize("command", _BUILTIN)
def test_every_command_and_option_has_a_help_text(shell, command: str) -> None:
    answer = shell(command, "--help")
    assert answer.code == 0
    head, _, options = answer.out.partition("Options:")
    assert len(head.strip().splitlines()) >= 3
    entries = [line for line in options.splitlines() if line.startswith("  -")]
    assert entries
    for entry in entries:
        position = options.splitlines().index(entry)
        following = options.splitlines()[position + 1 : position + 2]
        own = entry.strip().split("  ", 1)
        assert len(own) == 2 or (following and following[0].startswith("      ")), entry


def test_version(shell) -> None:
    assert shell("--version").out.strip() == f"juicesql {__version__}"


def test_unknown_command_and_option_are_usage_errors(shell, project: Path) -> None:
    assert shell("rum").code == 2
    assert shell("run", "recipe.sql.j2", "--sauce", "x").code == 2


def test_a_misspelt_recipe_names_the_nearest(shell, project: Path) -> None:
    (project / "recipes_sql").mkdir()
    (project / "recipe.sql.j2").rename(project / "recipes_sql" / "english.sql.j2")
    answer = shell("run", "englihs")
    assert answer.code == 3
    assert "did you mean `english`?" in answer.err
    assert "Traceback" not in answer.err


def test_errors_are_json_too_when_asked(shell, project: Path) -> None:
    (project / "recipe.sql.j2").write_text("{{ config(source='data.jsonl') }}\nselect alnum_ration(text) from source\n")
    answer = shell("run", "recipe.sql.j2", "--json")
    assert answer.code == 3
    (problem,) = answer.json["error"]
    assert problem["code"] == "unknown-function"
    assert problem["line"] == 2
    assert "alnum_ratio" in problem["mend"]
    assert "error[unknown-function] recipe.sql.j2:2" in answer.err


def test_a_missing_source_has_its_exit_code(shell, project: Path) -> None:
    answer = shell("run", "recipe.sql.j2", "--source", "dat.jsonl")
    assert answer.code == 4
    assert "did you mean `data.jsonl`?" in answer.err


def test_the_functions_of_the_package_stay_when_their_modules_are_imported() -> None:
    code = """
import juicesql
from juicesql.running import prepare
from juicesql.connection import connect
import juicesql.explain
juicesql.connect(functions=[]).close()
assert juicesql.run.__name__ == "run" and not hasattr(juicesql.run, "prepare")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_exceptions_are_one_line(shell, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import juicesql.running  # noqa: F401

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by nought\nand more")

    monkeypatch.setattr(sys.modules["juicesql.running"], "run", broken)
    answer = shell("run", "recipe.sql.j2")
    assert answer.code == 1
    assert answer.err.splitlines() == [
        "error: ZeroDivisionError: by nought",
        "  set JUICESQL_DEBUG=1 for the traceback",
    ]
    monkeypatch.setenv("JUICESQL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        from juicesql.cli import main

        main(["run", "recipe.sql.j2"])


def hear_ctrl_c() -> None:
    """A program that is started in the background ignores it, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_with_130_and_marks_the_run(project: Path) -> None:
    (project / "udfs").mkdir()
    (project / "udfs" / "slow.py").write_text(
        "import time\nfrom juicesql.api import stat\n"
        '@stat("slow(text VARCHAR) -> DOUBLE", runs_on="process", rowwise=True)\n'
        'def slow(text):\n    "Waits."\n    time.sleep(0.5)\n    return 1.0\n'
    )
    (project / "recipe.sql.j2").write_text(
        "{{ config(source='data.jsonl', max_error_rate=1) }}\nselect * from source where slow(text) > 0\n"
    )
    script = Path(sys.executable).with_name("juicesql")
    command = [script, "run", "recipe.sql.j2", "--threads", "1"]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=hear_ctrl_c
    )
    for _ in range(100):
        time.sleep(0.1)
        if (project / "stats.duckdb").exists() and any((project / ".juicesql").glob("*-*")):
            break
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "Traceback" not in err


def test_a_command_of_another_package_is_found(shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    found = metadata.EntryPoint("hello", "tests_cli_hello:hello", "juicesql.commands")

    def hello() -> None:
        """Say hello."""
        print("hello")

    monkeypatch.setattr(metadata.EntryPoint, "load", lambda self: hello)
    monkeypatch.setattr(metadata, "entry_points", lambda group: [found] if group == "juicesql.commands" else [])
    answer = shell("hello")
    assert (answer.code, answer.out) == (0, "hello\n")


def test_errors_of_a_plugin_leave_the_rest_alone(shell, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    found = metadata.EntryPoint("ghost", "no_such_module_here:run", "juicesql.commands")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [found])
    answer = shell("--version")
    assert answer.code == 0
    assert "`ghost` is left out" in answer.err


def test_json_answers_parse(shell, project: Path) -> None:
    for words in (["functions", "--json"], ["functions", "text_len", "--json"], ["recipes", "--json"]):
        json.loads(shell(*words).out)
