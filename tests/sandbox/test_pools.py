"""Data pools, against their definitions in plain Python."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import fmean, stdev
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from juicesql.sandbox.base import Ahead, Component, Evaluator
from juicesql.sandbox.pipeline import check_sandbox, run_sandbox
from juicesql.sandbox.pools.cuts import ANALYSED, analysed_file, analysed_run, construct, cut_points, read_ratios
from juicesql.sandbox.pools.pool import Pool, Workshop, workshop
from juicesql.sandbox.pools.scale import downsample, duplicate
from juicesql.sandbox.pools.sets import cartesian_join, combine, merge
from juicesql.sandbox.registry import component, find_hook

from juicesql.analysis.analyze import analyze
from juicesql.errors import JuiceError, Problem

THIRDS = (1 / 3, 2 / 3)
few = settings(max_examples=12, deadline=None)


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workshop]:
    with workshop(tmp_path / "work", 1) as found:
        yield found


def written(path: Path, rows: list[dict[str, Any]]) -> Pool:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), "utf-8")
    return Pool(str(path), len(rows), path.stem)


def rows_of(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def ids(path: str | Path) -> list[int]:
    return [r["id"] for r in rows_of(path)]


# Construction


@pytest.mark.parametrize(
    ("rows", "ratios", "points"),
    [
        (9, THIRDS, [0, 3, 6, 9]),
        (10, THIRDS, [0, 3, 7, 10]),  # 3.33 + .5 -> 3, 6.67 + .5 -> 7
        (11, THIRDS, [0, 4, 7, 11]),
        (1, THIRDS, [0, 0, 1, 1]),
        (0, THIRDS, [0, 0, 0, 0]),
        (5, (0.5,), [0, 3, 5]),  # a half goes up, where round() would go to the even 2
    ],
)
def test_cut_points_by_hand(rows: int, ratios: tuple[float, ...], points: list[int]) -> None:
    assert cut_points(rows, ratios) == points


@pytest.mark.parametrize("given", [(), (0,), (1.0,), ("2/3", "1/3"), (0.5, 0.5), ("1/0",), ("a third",)])
def test_ratios_that_cut_nothing_are_refused(given: Any) -> None:
    with pytest.raises(JuiceError, match="split_ratios"):
        read_ratios(given)


def test_ratios_may_be_fractions() -> None:
    assert read_ratios(("1/3", 0.5)) == (1 / 3, 0.5)


@few
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(-3, 3)), st.lists(st.sampled_from([0.0, 0.5, 2.0]), max_size=3)),
        min_size=1, max_size=25,
    )
)  # fmt: skip
def test_each_stat_cuts_the_original_rows(values: list[tuple[int | None, list[float]]]) -> None:
    rows = [{"id": i, ANALYSED: {"x": x, "many": many, "lang": "en"}} for i, (x, many) in enumerate(values)]
    rows.append({"id": len(rows), ANALYSED: {"x": 0, "many": [1.0], "lang": "de"}})  # so that types are known
    keys = {
        "x": {r["id"]: r[ANALYSED]["x"] for r in rows if r[ANALYSED]["x"] is not None},
        "many": {r["id"]: fmean(r[ANALYSED]["many"] or [0]) for r in rows},
    }
    with TemporaryDirectory() as folder, workshop(Path(folder), 1) as work:
        source = written(Path(folder) / "web.jsonl", rows)
        made = construct(work, analysed_file(work, source.path), Path(folder) / "out", THIRDS, 1, 42)
        assert made.skipped == ("lang",)
        assert made.left_out == {"x": len(rows) - len(keys["x"]), "many": 0}
        for stat, by_id in keys.items():
            order = sorted(by_id, key=lambda i: (by_id[i], i))
            n = len(order)
            first, second = int(n * (1 / 3) + 0.5), int(n * (2 / 3) + 0.5)
            expected = [order[:first], order[first:second], order[second:]]
            mine = [p for p in made.pools if p.stat == stat]
            assert [ids(p.path) for p in mine] == [sorted(part) for part in expected]
            assert [p.rows for p in mine] == [len(part) for part in expected]
            assert [p.low for p in mine] == [min((by_id[i] for i in part), default=None) for part in expected]
            assert [p.high for p in mine] == [max((by_id[i] for i in part), default=None) for part in expected]
        (control,) = (p for p in made.pools if p.control)
        assert control.rows == len(set(ids(control.path))) == int(len(rows) / 3 + 0.5)


def test_pools_of_an_analysis_have_the_rows_of_the_source(tmp_path: Path) -> None:
    lines = [{"id": i, "text": "ab " * (i % 7) + "!", "meta": {"when": "2020-01-01T00:00:00Z"}} for i in range(20)]
    source = tmp_path / "web docs.jsonl"
    written(source, lines)
    with open(source, "a") as handle:
        handle.write('{"broken\n')
    recipe = tmp_path / "r.sql.j2"
    recipe.write_text(
        f"{{{{ config(source={str(source)!r}) }}}}\n"
        "select * from source where text_len(clean_links(text)) > 3 and lang_id(text).lang = 'en'\n"
    )
    found = analyze(recipe, project=tmp_path)
    with workshop(tmp_path / "work", 1) as work:
        data = analysed_run(work, tmp_path, found.run_id)
        made = construct(work, data, tmp_path / "out", THIRDS, 2, 42)
    assert made.rows == 20  # not the line that cannot be read
    assert made.skipped == ("lang_id.lang",)
    pools = [p for p in made.pools if p.stat == "text_len"]
    assert [p.name for p in pools] == ["text_len_low", "text_len_middle", "text_len_high"]
    expected = sorted(range(20), key=lambda i: (len("ab " * (i % 7) + "!"), i))
    assert [ids(p.path) for p in pools] == [sorted(expected[:7]), sorted(expected[7:13]), sorted(expected[13:])]
    assert rows_of(pools[0].path) == [lines[i] for i in sorted(expected[:7])]
    assert Path(pools[1].path) == tmp_path / "out/text_len/web_docs_text_len_1.jsonl"
    one, two = (set(ids(p.path)) for p in made.pools if p.control)
    assert len(one) == len(two) == 7
    assert one != two
    written(source, lines[:3])
    with workshop(tmp_path / "work", 1) as work, pytest.raises(JuiceError, match="is not what it was"):
        analysed_run(work, tmp_path, found.run_id)


def test_pools_of_an_analysed_sample_are_rows_of_the_sample(tmp_path: Path) -> None:
    source = tmp_path / "web.jsonl"
    written(source, [{"id": i, "text": "a" * i} for i in range(1, 40)])
    recipe = tmp_path / "r.sql.j2"
    recipe.write_text(f"{{{{ config(source={str(source)!r}) }}}}\nselect * from source where text_len(text) > 3\n")
    found = analyze(recipe, project=tmp_path, sample=12)
    with workshop(tmp_path / "work", 1) as work:
        made = construct(work, analysed_run(work, tmp_path, found.run_id), tmp_path / "out", THIRDS, 0, 1)
    low, middle, high = (ids(p.path) for p in made.pools)
    assert len(low) == len(middle) == len(high) == 4
    assert [low[0], high[-1]] == [made.pools[0].low, made.pools[2].high]


def test_unknown_stats_are_named(work: Workshop, tmp_path: Path) -> None:
    source = written(tmp_path / "a.jsonl", [{"id": 1, ANALYSED: {"text_len": 3}}])
    with pytest.raises(JuiceError, match="no stat text_lenn") as caught:
        analysed_file(work, source.path, ["text_lenn"])
    assert "text_len" in caught.value.problems[0].mend


# Combination


@few
@given(st.lists(st.lists(st.integers(0, 9), max_size=12), min_size=1, max_size=4))
def test_combinations_are_intersections(members: list[list[int]]) -> None:
    content = {i: {"id": i, "text": f"t{i % 3}", "tags": [i, None]} for i in range(10)}
    with TemporaryDirectory() as name, workshop(Path(name), 1) as work:
        folder = Path(name)
        sets = [[*ids_, 9] for ids_ in members]  # every pool has a row
        pools = [written(folder / f"web_p{n}.jsonl", [content[i] for i in s]) for n, s in enumerate(sets)]
        made = combine(work, pools, folder / "out", 15)
        expected = {}
        for size in range(1, len(sets) + 1):
            for ranks in combinations(range(len(sets)), size):
                expected["_".join(map(str, ranks))] = set.intersection(*(set(sets[r]) for r in ranks))
        assert [p.name for p in made.pools] == [f"top_{label}" for label in expected]
        prefix = "web" if len(sets) > 1 else "web_p0"
        for pool, (label, rows) in zip(made.pools, expected.items(), strict=True):
            assert Counter(ids(pool.path)) == Counter(rows)  # each content once
            assert Path(pool.path).name == f"{prefix}_top_{label}_num_{len(rows)}.jsonl"
            assert all(r == content[r["id"]] for r in rows_of(pool.path))


def test_rows_differ_in_any_column_and_numbers_of_two_files_are_compared(work: Workshop, tmp_path: Path) -> None:
    one = written(tmp_path / "a.jsonl", [{"id": 1, "x": 1}, {"id": 2, "x": 1}, {"id": 3, "x": 2}])
    two = written(tmp_path / "b.jsonl", [{"x": 1.0, "id": 1}, {"x": 2.5, "id": 3}])
    made = combine(work, [one, two], tmp_path / "out", 3)
    assert ids(made.pools[2].path) == [1]
    three = written(tmp_path / "c.jsonl", [{"x": 8.0, "id": 8}])
    assert combine(work, [one, three], tmp_path / "out", 3).empty == ("0_1",)


def test_too_many_combinations_are_refused(work: Workshop, tmp_path: Path) -> None:
    pools = [written(tmp_path / f"{n}.jsonl", [{"id": 1}]) for n in range(4)]
    with pytest.raises(JuiceError, match="4 pools have 15 combinations"):
        combine(work, pools, tmp_path / "out", 14)


# Scale


@few
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(0, 10), st.integers(0, 99))
def test_downsampling_draws_rows_of_each_pool(sizes: list[int], target: int, seed: int) -> None:
    with TemporaryDirectory() as name, workshop(Path(name), 1) as work:
        folder = Path(name)
        pools = [
            written(folder / f"p{n}.jsonl", [{"id": 10 * n + i} for i in range(size)]) for n, size in enumerate(sizes)
        ]
        made = downsample(work, pools, folder / "out", [target] if target else [], seed)
        for pool, drawn in zip(pools, made, strict=True):
            found = ids(drawn.path)
            assert drawn.rows == len(found) == min(pool.rows, target or min(sizes))
            assert found == sorted(set(found))
            assert set(found) <= set(ids(pool.path))
            assert Path(drawn.path).name == f"{pool.name}_{target or min(sizes)}.jsonl"


def test_draws_are_even_and_larger_ones_hold_smaller_ones(work: Workshop, tmp_path: Path) -> None:
    pool = written(tmp_path / "p.jsonl", [{"id": i} for i in range(40)])
    often = Counter[int]()
    for seed in range(100):
        small, large = downsample(work, [pool], tmp_path / str(seed), [10, 20], seed)
        assert set(ids(small.path)) <= set(ids(large.path))
        often.update(ids(small.path))
    # 40 rows, each expected 25 times of 100 with a standard deviation of 4.3; chi-square with 39 degrees of freedom
    chi_square = sum((often[i] - 25) ** 2 / (100 * 0.25 * 0.75) for i in range(40))
    assert chi_square < 73  # p = 0.001


def test_duplication_repeats_in_order_or_shuffled(work: Workshop, tmp_path: Path) -> None:
    pool = written(tmp_path / "p.jsonl", [{"id": i} for i in range(30)])
    once, twice = duplicate(work, [pool], tmp_path / "plain", [1, 2], False, 42)
    assert [Path(p.path).name for p in (once, twice)] == ["p_x1.jsonl", "p_x2.jsonl"]
    assert ids(once.path) == [*range(30)]
    assert ids(twice.path) == [*range(30), *range(30)]
    (mixed,) = duplicate(work, [pool], tmp_path / "mixed", [3], True, 42)
    assert Counter(ids(mixed.path)) == Counter([*range(30)] * 3)
    assert ids(mixed.path)[:30] != [*range(30)]
    assert len(set(ids(mixed.path)[:30])) < 30  # the copies are mixed with each other


def test_merging_keeps_pools_in_order(work: Workshop, tmp_path: Path) -> None:
    one = written(tmp_path / "web_a.jsonl", [{"id": 2}, {"id": 1}])
    two = written(tmp_path / "web_b.jsonl", [{"id": 2, "more": "x"}])
    made = merge(work, [one, two], tmp_path / "out")
    assert Path(made.path).name == "web_merged.jsonl"
    assert rows_of(made.path) == [{"id": 2, "more": None}, {"id": 1, "more": None}, {"id": 2, "more": "x"}]


def test_a_cartesian_join_has_every_pair(work: Workshop, tmp_path: Path) -> None:
    one = written(tmp_path / "a.jsonl", [{"id": 1, "q": "x"}, {"id": 2, "q": "y"}])
    two = written(tmp_path / "b.jsonl", [{"id": 7, "a": 0.5}, {"id": 8, "a": 1.5}, {"id": 9, "a": 2.5}])
    made = cartesian_join(work, one, two, tmp_path / "out", "_2", 6)
    assert rows_of(made.path) == [
        {"id": i, "q": q, "id_2": j, "a": a} for i, q in ((1, "x"), (2, "y")) for j, a in ((7, 0.5), (8, 1.5), (9, 2.5))
    ]
    with pytest.raises(JuiceError, match="6 pairs"):
        cartesian_join(work, one, two, tmp_path / "out", "_2", 5)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    chance = random.Random(1)
    rows = [{"id": i, "text": f"t{i % 5}", ANALYSED: {"x": chance.randint(0, 9)}} for i in range(3000)]
    source = written(tmp_path / "web.jsonl", rows)
    found = []
    for threads in (1, 4):
        out = tmp_path / str(threads)
        with workshop(out, threads) as work:
            made = construct(work, analysed_file(work, source.path), out / "cut", THIRDS, 1, 42)
            combine(work, made.pools[1:], out / "top", 7)
            downsample(work, made.pools, out / "drawn", [100], 42)
            duplicate(work, made.pools[:1], out / "more", [2], True, 42)
        found.append({str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*.jsonl"))})
    assert found[0] == found[1]
    assert len(found[0]) == 4 + 5 + 4 + 1  # x is in no part twice, so two of the seven combinations are empty


# Jobs


@dataclass(frozen=True)
class LearningSettings:
    """Of the stand-in that learns."""

    rate: float = 1.0
    seed: int = 0


class Learning(Component):
    """A stand-in for training: its model is the mean of a column, with noise that a seed decides."""

    Settings = LearningSettings

    def run(self, kind: str, subject: Any = None) -> dict[str, Any]:
        assert (kind, subject) == ("train", None)
        rows = rows_of(self.context.dataset())
        mean = fmean(r["x"] for r in rows) + self.settings.rate * self.settings.seed / 1000
        path = self.context.folder / "model.json"
        path.write_text(json.dumps(mean))
        self.context.watched("loss", mean, 1)
        return {"model": str(path), "steps": len(rows)}


class Judging(Evaluator):
    """A stand-in for evaluation: how far the model is from 100."""

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        assert eval_type == "model"
        return {"loss": abs(100 - json.loads(Path(self.context.model()).read_text())), "note": "text"}


class Counting(Evaluator):
    """A stand-in for an evaluator of data."""

    def run(self, eval_type: str, eval_obj: Any = None) -> dict[str, Any]:
        assert eval_type == "data"
        return {"x": fmean(r["x"] for r in rows_of(self.context.dataset()))}


@pytest.fixture
def stand_ins() -> Iterator[None]:
    from juicesql.sandbox import registry

    for factory, name, found in (
        ("ModelTrainExecutor", "stand-in", Learning), ("ModelEvaluator", "stand-in", Judging),
        ("DataEvaluator", "stand-in", Counting),
    ):  # fmt: skip
        component(factory, name)(found)
    yield
    for factory in ("ModelTrainExecutor", "ModelEvaluator", "DataEvaluator"):
        registry._components.pop((factory, "stand-in"))


def pools_in(folder: Path) -> list[dict[str, Any]]:
    made = []
    for name, values, control in (
        ("high", range(60, 90), False),
        ("low", range(30), False),
        ("random", range(0, 90, 3), True),
    ):
        pool = written(folder / f"{name}.jsonl", [{"id": i, "x": float(i)} for i in values])
        made.append(Pool(pool.path, pool.rows, name, "" if control else "x", None, control=control).to_dict())
    return made


def run(context: Any) -> dict[str, Any]:
    hook = find_hook(context.job.hook)(context.job)
    result = hook.run(context)
    assert json.loads(json.dumps(result)) == result
    assert all(isinstance(line, str) for line in hook.summary(result))
    return result


@pytest.mark.usefixtures("stand_ins")
def test_pools_are_trained_on_and_ranked(make_context: Any, tmp_path: Path) -> None:
    extra = {
        "train": {"type": "stand-in", "rate": 2}, "evaluate": {"type": "stand-in"}, "metric": "loss", "seeds": [1, 2, 3],
    }  # fmt: skip
    context = make_context(
        tmp_path, "ScorePoolsHook", extra, results={"cut": {"pools": pools_in(tmp_path)}}, meta_name="score"
    )
    assert list(find_hook("ScorePoolsHook")(context.job).problems(Ahead(keys={"cut": {"pools"}}))) == []
    result = run(context)
    assert [p["name"] for p in result["pools"]] == ["high", "random", "low"]
    best = result["ranking"][0]
    by_seed = {str(s): 100 - (74.5 + 0.002 * s) for s in (1, 2, 3)}  # the mean of 60..89 is 74.5
    assert best["by_seed"] == pytest.approx(by_seed)
    assert best["loss"] == pytest.approx(fmean(by_seed.values()))
    assert best["std"] == pytest.approx(stdev(by_seed.values()))
    assert best["difference"] == pytest.approx(74.5 - 43.5)  # 0, 3, ..., 87 has the mean 43.5
    assert [r["stat"] for r in result["ranking"]] == ["high", "random", "low"]
    assert best["others"]["train.steps"] == 30
    assert result["best"] == "high"
    assert result["dataset"] == str(tmp_path / "high.jsonl")
    assert context.watcher.query("score.high.loss") == pytest.approx(best["loss"])
    assert context.watcher.series("score.low.seed_2.loss") == [(1, 14.504)]
    assert not list(context.folder.rglob("model.json"))  # models that were scored are gone


@pytest.mark.usefixtures("stand_ins")
def test_pools_of_one_size_are_compared(make_context: Any, tmp_path: Path) -> None:
    pools = [str(written(tmp_path / f"{n}.jsonl", [{"id": i, "x": 1.0} for i in range(n)]).path) for n in (5, 20)]
    extra = {
        "train": {"type": "stand-in"}, "evaluate": {"type": "stand-in"}, "metric": "loss", "seeds": [1, 2],
        "samples": "smallest", "pools": pools, "keep_models": True,
    }  # fmt: skip
    context = make_context(tmp_path, "ScorePoolsHook", extra)
    result = run(context)
    assert [r["rows"] for r in result["ranking"]] == [5, 5]
    drawn = [ids(p) for p in sorted(context.folder.glob("20/*/drawn.jsonl"))]
    assert [len(d) for d in drawn] == [5, 5]
    assert drawn[0] != drawn[1]  # each seed draws anew
    assert len(list(context.folder.rglob("model.json"))) == 4


@pytest.mark.usefixtures("stand_ins")
@pytest.mark.parametrize("evaluate", [{"type": "stand-in"}, {"type": "stats", "metrics": {"x": "avg(x)"}}])
def test_data_alone_can_be_judged(make_context: Any, tmp_path: Path, evaluate: dict[str, Any]) -> None:
    extra = {"evaluate": evaluate, "metric": "x", "goal": "maximize"}
    result = run(make_context(tmp_path, "ScorePoolsHook", extra, results={"cut": {"pools": pools_in(tmp_path)}}))
    assert [r["x"] for r in result["ranking"]] == [74.5, 43.5, 14.5]
    assert [r["difference"] for r in result["ranking"]] == [31, 0, -29]


@pytest.mark.usefixtures("stand_ins")
def test_what_is_wrong_is_said_before_anything_runs(make_context: Any, tmp_path: Path) -> None:
    def problems(extra: dict[str, Any], hook: str = "ScorePoolsHook", keys: Any = None) -> list[Problem]:
        job = make_context(tmp_path, hook, extra).job
        return list(find_hook(hook)(job).problems(Ahead(keys=keys or {"cut": {"pools", "ranking"}})))

    good = {"train": {"type": "stand-in"}, "evaluate": {"type": "stand-in"}, "metric": "loss"}
    assert problems(good) == []
    assert "no type `stand-inn`" in problems(good | {"train": {"type": "stand-inn"}})[0].message
    assert "seeds are empty" in problems(good | {"seeds": []})[0].message
    assert "rat is no setting" in problems(good | {"train": {"type": "stand-in", "rat": 1}})[0].message
    assert problems(good, keys={"probe": {"run_id"}})[0].code == "no-pools"
    manipulate = "DataPoolManipulationHook"
    assert "missing-setting" in {p.code for p in problems({"type": "data_pool_duplication"}, manipulate)}
    cut = {"type": "data_pool_construction", "split_ratios": ["2/3", "1/3"]}
    assert {p.code for p in problems(cut, manipulate)} == {"no-run", "bad-ratios"}
    one = {"type": "data_pool_merging", "dataset_path": "nowhere.jsonl"}
    assert {p.code for p in problems(one, manipulate, {"probe": {"run_id"}})} == {"missing-pool"}
    assert problems({"type": "data_pool_ranking"}, "GeneralProbeHook", {"cut": {"pools"}})[0].code == "no-metrics"


def test_ranking_by_metrics_as_the_peer_has_them(make_context: Any, tmp_path: Path) -> None:
    paths = [str(written(tmp_path / f"{n}.jsonl", [{"id": 1}]).path) for n in "abc"]
    metrics = [{"loss": {"mean": v}, "rows": 1} for v in (2.0, 3.0, 2.0)]
    extra = {
        "type": "data_pool_ranking", "dataset_path": paths, "metrics": metrics, "ranking_keys": ["loss.mean"],
        "descending": False, "top_n": 2,
    }  # fmt: skip
    assert run(make_context(tmp_path, "GeneralProbeHook", extra))["paths"] == [paths[0], paths[2]]
    plain = {"type": "data_pool_ranking", "dataset_path": paths, "metrics": [1, 2, 3]}
    assert run(make_context(tmp_path, "GeneralProbeHook", plain))["paths"] == paths[::-1]
    with pytest.raises(JuiceError, match=r"no number loss\.median"):
        run(make_context(tmp_path, "GeneralProbeHook", extra | {"ranking_keys": ["loss.median"]}))


@pytest.mark.usefixtures("stand_ins")
def test_jobs_find_the_pools_of_jobs_before_them(make_context: Any, tmp_path: Path) -> None:
    results: dict[str, Any] = {"cut": {"pools": pools_in(tmp_path)}}

    def done(name: str, hook: str, **extra: Any) -> dict[str, Any]:
        results[name] = run(make_context(tmp_path, hook, extra, results=results, meta_name=name))
        return results[name]

    done("score", "ScorePoolsHook", train={"type": "stand-in"}, evaluate={"type": "stand-in"}, metric="loss")
    assert [p["name"] for p in done("top", "GeneralProbeHook", type="data_pool_ranking", top_n=2)["pools"]] == [
        "high", "low",
    ]  # fmt: skip
    both = done("both", "DataPoolManipulationHook", type="data_pool_combination", one_per_stat=False)
    assert [p["rows"] for p in both["pools"]] == [30, 30]
    assert both["empty"] == ["0_1"]
    assert both["ranked"] == ["high", "low"]
    whole = done("whole", "DataPoolManipulationHook", type="data_pool_merging")
    assert [r["id"] for r in rows_of(whole["dataset"])] == [*range(60, 90), *range(30)]
    small = done("small", "DataPoolManipulationHook", type="data_pool_downsampling", target_num_samples=[4, 8])
    assert [p["rows"] for p in small["pools"]] == [4, 8]
    more = done("more", "DataPoolManipulationHook", type="data_pool_duplication", duplicating_times=[1, 3])
    assert [(p["name"], p["rows"]) for p in more["pools"]] == [
        ("merged_4_x1", 4), ("merged_4_x3", 12), ("merged_8_x1", 8), ("merged_8_x3", 24),
    ]  # fmt: skip
    pair = {"dataset_path": [more["paths"][0], more["paths"][2]], "export_path": str(tmp_path / "pairs")}
    joined = done("pairs", "DataPoolManipulationHook", type="data_pool_cartesian_join", **pair)
    assert joined["pools"][0]["rows"] == 32
    assert os.listdir(tmp_path / "pairs") == [Path(joined["dataset"]).name]


def test_data_is_written_in_the_shapes_of_models(make_context: Any, tmp_path: Path) -> None:
    def done(kind: str, rows: list[dict[str, Any]], **extra: Any) -> Path:
        pool = written(tmp_path / "some.jsonl", rows)
        extra |= {"type": kind, "dataset_path": pool.path, "export_path": str(tmp_path / "out")}
        return Path(run(make_context(tmp_path, "GeneralDataExecutorHook", extra))["dataset"])

    videos = [{"videos": ["a.mp4", "b.mp4"], "text": "<__dj__video> A cat."}, {"videos": [], "text": "nothing"}]
    path = done("dj_to_easyanimate_video_dataset_conversion", videos)
    assert path.name == "some_ea_fmt.json"
    assert json.loads(path.read_text()) == [{"videos": ["a.mp4", "b.mp4"], "text": "A cat.", "file_path": "a.mp4"}]
    turns = [{"from": "human", "value": "Describe."}, {"from": "gpt", "value": "A dog."}]
    captions = [{"id": 1, "image": "a.jpg", "conversations": turns}]
    path = done("coco_caption_to_dj_conversion", captions)
    assert path.name == "some_dj_fmt.jsonl"
    assert rows_of(path) == [captions[0] | {"images": ["a.jpg"], "text": "<__dj__image> A dog."}]
    path = done("coco_caption_meta_generation", captions, data_root_path=str(tmp_path.parent))
    facts = {"root": "data/coco/", "data_augment": False, "repeat_time": 1, "length": 1}
    assert json.loads(path.read_text()) == {"some": facts | {"annotation": f"{tmp_path.name}/some.jsonl"}}
    with pytest.raises(JuiceError, match=r"row 0 of some\.jsonl has no image and answer"):
        done("coco_caption_to_dj_conversion", [{"image": "a.jpg", "conversations": turns[:1]}])


# Files


ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted((ROOT / "recipes_sql/sandbox").glob("[123]_*.yaml"))


def test_the_experiments_that_ship_are_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    assert [p.stem for p in EXPERIMENTS] == ["1_single_op", "2_multi_op", "3_duplicate"]
    monkeypatch.chdir(tmp_path)
    for name in ("pool", "heldout"):
        written(tmp_path / f"demo/sandbox/{name}.jsonl", [{"id": "a", "text": "some text", "meta": {"kind": "prose"}}])
    for path in EXPERIMENTS:
        assert check_sandbox(path, tmp_path).jobs
        head = path.read_text().split("project_name")[0]
        assert "minutes" in head  # how long it takes
        assert f"juicesql sandbox run recipes_sql/sandbox/{path.name}" in head


def test_the_example_of_the_docs_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("torch", "transformers", "accelerate"):
        pytest.importorskip(package)
    example = (ROOT / "docs/sandbox/pools.md").read_text().split("```yaml\n")[1].split("```")[0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lengths.yaml").write_text(example)
    (tmp_path / "lengths.sql.j2").write_text(
        "{{ config(source='web.jsonl') }}\nselect * from source where text_len(text) > 0\n"
    )
    for name in ("web", "heldout"):
        written(tmp_path / f"{name}.jsonl", [{"text": f"a document of {name} " * (1 + i % 9)} for i in range(40)])
    report = run_sandbox(tmp_path / "lengths.yaml", project=tmp_path)
    ranking = report.jobs[-1].result["ranking"]
    assert {r["pool"] for r in ranking} == {"text_len_low", "text_len_high"}
    assert all(0 < r["bits_per_byte"] < 20 for r in ranking)
    assert report.jobs[-1].result["dataset"] == ranking[0]["path"]
