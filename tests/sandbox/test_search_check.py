"""Every wrong key and name of `hpo_config` is told at once, before anything runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from juicesql.sandbox.base import Job
from juicesql.sandbox.search import check, writes
from juicesql.sandbox.search.names import PEER, from_peer
from juicesql.sandbox.search.parameters import every_choice, read_parameter
from juicesql.sandbox.search.scores import score

from juicesql.errors import JuiceError

pytest.importorskip("optuna")

GOOD = {"metric": {"name": "kept"}, "parameters": {"text_len.max": {"min": 1, "max": 9}}, "recipe": "recipe.sql.j2"}
RECIPE = """{{ config(source="docs.jsonl") }}
with a as (select * from source where text_len(text) between 5 and 60),
b as (select * from a where text_len(text) >= {{ var('short', 7) }} and lang_score(text, 'en') >= 0.1)
select * from b
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs.jsonl").write_text(json.dumps({"text": "a word"}) + "\n")
    (tmp_path / "recipe.sql.j2").write_text(RECIPE)
    (tmp_path / "juicesql.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WANDB_MODE", raising=False)


def _train(**extra: Any) -> Job:
    return Job("TrainModelHook", "train", None, extra, "execution", "anonymous", 1)


def _process() -> Job:
    return Job("ProcessDataHook", "process", {"recipe": "recipe.sql.j2"}, {}, "execution", "anonymous", 0)


def _told(hpo: dict[str, Any], *jobs: Job) -> list[tuple[str, str]]:
    return [(p.message.removeprefix("hpo_config."), p.mend) for p in check(hpo, jobs)]


def _few(hpo: dict[str, Any], *jobs: Job) -> str:
    return "\n".join(f"{m} -> {mend}" for m, mend in _told(hpo, *jobs))


def test_a_good_search_has_no_problem() -> None:
    assert _told(GOOD) == []
    assert _told({**GOOD, "recipe": ""}, _process()) == []  # that of the first job
    assert list(writes({**GOOD, "write": "best.sql.j2"})) == [Path("best.sql.j2")]


def test_all_wrong_keys_at_once() -> None:
    told = _few({"methd": "grid", "metric": {"nam": "kept"}, "parallel": "two", "parameters": {
        "a": {"mim": 1, "max": 2}, "b": {"distribution": "unifrm"}, "c": 3, "d": {"values": []},
        "e": {"distribution": "normal"}, "f": {"min": 2, "max": 1}, "g": {"distribution": "log_uniform_values", "min": 0,
        "max": 1}, "h": {"distribution": "q_uniform", "min": 1.1, "max": 1.9}}})  # fmt: skip
    for expected in (
        "methd is no setting -> did you mean `method`?", "metric.nam is no setting -> did you mean `name`?",
        "metric.name is missing -> give text", "parallel is 'two' -> give a whole number",
        "parameters.a: mim is no setting of it -> did you mean `min`?", "parameters.a: min is None -> give a number",
        "parameters.b: there is no distribution unifrm -> did you mean `uniform`?", "parameters.c is 3 -> write",
        "parameters.d: values is []", "parameters.e: the distribution normal is not searched here",
        "parameters.f: min is 2, max 1", "parameters.g: min is 0, which has no logarithm",
        "parameters.h: no multiple of 1 lies between 1.1 and 1.9",
    ):  # fmt: skip
        assert expected in told


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"metrics": [{"name": "kept"}]}, "metric is missing or given twice"),
        ({"metric": None}, "metric is missing"),
        ({"method": "grid", "parameters": {"text_len.max": {"min": 0.5, "max": 2}}}, "has no list of values"),
        ({"early_terminate": {"type": "hyperband"}}, "give either min_iter or max_iter"),
        ({"sweep_max_count": 0}, "sweep_max_count is 0"),
        ({"recipe": "recip.sql.j2"}, "there is no recipe recip.sql.j2"),
        ({"parameters": {"text_len": {"min": 1, "max": 2}}}, "may be 3 thresholds"),
        ({"parameters": {"text_len.max": {"value": "x"}}}, "thresholds are numbers"),
        ({"parameters": {"shorte": {"value": 3}}}, "did you mean `short`?"),
        ({"parameters": {"short": {"value": 3}, "b.1.min": {"value": 3}}}, "b.1.min and short are the same threshold"),
        ({"metric": {"name": "avg(text_le)"}}, "did you mean `text_len`?"),
        ({"metric": {"name": "avg(text_len) from 'x.csv'"}}, "is neither a stat nor an aggregate"),
        ({"tracker": "wandb", "parallel": 2}, "an agent of wandb runs one trial at a time"),
    ],
)
def test_what_is_wrong(change: dict[str, Any], expected: str) -> None:
    given = {k: v for k, v in {**GOOD, **change}.items() if v}
    if change.get("sweep_max_count") == 0:
        given["sweep_max_count"] = 0
    assert expected in _few(given)


def test_a_stat_that_a_probe_may_measure_is_no_problem() -> None:
    wanted = {**GOOD, "metric": {"name": "avg(alnum_ratio)"}, "parameters": {"short": {"value": 3}}}
    assert _told(wanted) == []


def test_settings_and_metrics_of_jobs() -> None:
    hpo = {"metric": {"name": "train.loss"}, "parameters": {"train.extra_configs.lr": {"values": ["1e-4", 0.1]}}}
    assert _told(hpo, _process(), _train()) == []
    assert _told({**hpo, "parameters": {**hpo["parameters"], "short": {"value": 3}}}, _process(), _train()) == []
    lost = {**hpo, "parameters": {"trian.extra_configs.lr": {"value": 1}}}
    assert "is no setting of a job -> did you mean `train.extra_configs`?" in _few(lost, _train())
    assert "is no number that a job gives" in _few({**hpo, "metric": {"name": "text_len"}}, _train())
    assert "trials that run jobs go one after another" in _few({**hpo, "parallel": 2}, _train())


def test_a_sweep_needs_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert "a sweep needs wandb's server, and WANDB_MODE is offline -> unset WANDB_MODE" in _few(
        {**GOOD, "tracker": "wandb"}
    )


def test_names_of_the_peer_stand_in_its_table() -> None:
    """Each pair of operator and stat is one of the table of operators."""
    page = (Path(__file__).parents[2] / "docs" / "from-data-juicer.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    for operator, stat in PEER.items():
        assert any(line.startswith(f"| {operator} |") and f"{stat}(" in line for line in rows), operator
    assert from_peer("language_id_score_filter.min_score") == "lang_score.min"
    assert from_peer("word_repetition_filter.rep_len") == "word_repetition_filter.rep_len"


def test_distributions() -> None:
    """Ranges as wandb defines them; values by hand."""
    problems: list[Any] = []

    def made(**given: Any) -> Any:
        return read_parameter("x", given, problems)

    assert made(min=1, max=3).codes == (1, 2, 3)  # whole bounds: whole numbers
    assert made(min=1.0, max=3).codes is None
    step = made(distribution="q_uniform", min=0.1, max=0.5, q=0.2)
    assert [step.decode(c) for c in step.codes] == [0.2, 0.4]  # multiples of q
    logs = made(distribution="q_log_uniform_values", min=256, max=1024, q=256)
    assert [logs.decode(c) for c in logs.codes] == [256, 512, 768, 1024]
    exponents = made(distribution="log_uniform", min=0, max=1)
    assert (exponents.low, exponents.high) == (1.0, pytest.approx(2.718281828))
    assert made(distribution="log_uniform_values", min="1e-4", max=0.1).low == 1e-4  # YAML gives a text
    assert made(min=0.0, max=1.0).decode(0.123456789) == 0.123457  # what can be read in a recipe
    names = made(values=["b", "a"])
    assert [names.decode(c) for c in names.codes] == ["b", "a"]
    assert not problems
    other = read_parameter("y", {"values": [5, 7]}, problems)
    assert other and list(every_choice([names, other])) == [{"x": a, "y": b} for a in (0, 1) for b in (0, 1)]


@pytest.mark.parametrize(
    "metric",
    ["(select 1)", "avg(q) from 'x'", "avg(read_text('/etc/passwd'))", "max(getenv('HOME'))", "q + 1", "sum(q) over ()",
     "avg(q); drop table x", "avg(q), avg(q)", "histogram(q)", "avg(q) where true", "1", "", "current_setting('x')",
     "avg((select max(q) from rows))", "max((from read_csv('x')))", "lang", "s"],
)  # fmt: skip
def test_expressions_that_are_refused(metric: str) -> None:
    types = {"q": "DOUBLE", "s": "VARCHAR", "lang": "STRUCT(lang VARCHAR, score DOUBLE)"}
    with pytest.raises(JuiceError):
        score(metric, types)
