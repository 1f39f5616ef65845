"""Cuts that move by a model's feedback: planted thresholds are found, random feedback moves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from juicesql.sandbox.base import Ahead, Context
from juicesql.sandbox.errors import SandboxError
from juicesql.sandbox.hooks.refine_recipe_via_model_feedback import RefineRecipeViaModelFeedbackHook
from juicesql.sandbox.refining.feedback import (
    Feedback,
    FeedbackRule,
    chance,
    parting,
    read_feedback,
    refine_by_feedback,
)

from tests.sandbox.refining import World, make_world

WHERE = "number(text) between -9 and 9 and whole(text) between 0 and 100"
ROWS = 400


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    draw = np.random.default_rng(1)
    made = [
        {"x": repr(float(x)), "n": int(n)}
        for x, n in zip(draw.normal(size=ROWS), draw.integers(0, 90, ROWS), strict=True)
    ]
    return make_world(tmp_path_factory.mktemp("feedback"), made)


def feedback(world: World, loss: np.ndarray, sign: int = 1) -> Feedback:
    table = pa.table({"sample_id": np.arange(ROWS), "worse": sign * loss})
    return Feedback(table, "loss" if sign > 0 else "reward", "minimize" if sign > 0 else "maximize")


def values(world: World) -> tuple[np.ndarray, np.ndarray]:
    return np.array([float(r["x"]) for r in world.rows]), np.array([r["n"] for r in world.rows])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_planted_threshold_is_found(world: World, sign: int) -> None:
    """Loss is worse below x = -0.8 only: the lower bound goes there, and nothing else moves."""
    x, _ = values(world)
    loss = np.random.default_rng(2).normal(size=ROWS) + 3 * (x < -0.8)
    found = refine_by_feedback(*world.measured(WHERE), feedback(world, sign * loss, sign))
    (move,) = found.moves
    assert (move.stat, move.operator) == ("number", ">=") and move.new == pytest.approx(-0.8, abs=0.05)
    dropped = x < move.new
    name = "loss" if sign > 0 else "reward"
    assert move.facts[f"{name}_kept"] == pytest.approx(sign * loss[~dropped].mean())
    assert move.facts[f"{name}_dropped"] == pytest.approx(sign * loss[dropped].mean())
    assert move.facts["tail"] == dropped.sum() and found.kept_after == ROWS - dropped.sum()


def test_z_is_that_of_scipy_and_the_greatest(world: World) -> None:
    stats = pytest.importorskip("scipy.stats")
    _, n = values(world)
    loss = np.round(np.random.default_rng(4).normal(size=ROWS) + 0.03 * n, 1)  # ties
    (move,) = refine_by_feedback(*world.measured(WHERE), feedback(world, loss)).moves
    assert (move.stat, move.operator) == ("whole", "<=")

    def z(limit: int) -> float:
        kept, dropped = loss[n <= limit], loss[n > limit]
        ranks = stats.rankdata(np.concatenate([kept, dropped]))
        spread = ranks.var(ddof=1) * len(kept) * len(dropped) / ROWS
        return float((ranks[len(kept) :].sum() - len(dropped) * (ROWS + 1) / 2) / np.sqrt(spread))

    fitting = [v for v in range(90) if 8 <= (n > v).sum() <= ROWS / 2]
    assert move.facts["z"] == pytest.approx(max(map(z, fitting))) and z(move.new) == pytest.approx(move.facts["z"])


def test_random_feedback_moves_nothing(world: World) -> None:
    prepared, run = world.measured(WHERE)
    for seed in range(6):
        found = refine_by_feedback(prepared, run, feedback(world, np.random.default_rng(seed).exponential(size=ROWS)))
        assert not found.moves and found.diff == ""
        assert all("too little" in u.reason for u in found.untouched)


def test_chance_is_an_upper_bound() -> None:
    """Against 4,000 draws of the greatest rank statistic of independent data."""
    draw = np.random.default_rng(0)
    count, low, high = 200, 10, 100
    ranks = draw.permuted(np.tile(np.arange(1.0, count + 1), (4000, 1)), axis=1)
    sizes = np.arange(low, high + 1)
    sums = ranks.cumsum(axis=1)[:, low - 1 : high]
    z = (sums - sizes * (count + 1) / 2) / np.sqrt(sizes * (count - sizes) * (count + 1) / 12)
    greatest = z.max(axis=1)
    for level in (2.5, 3.0, 3.5):
        seen, said = (greatest >= level).mean(), chance(level, low / count, high / count, len(sizes))
        assert seen <= said * 1.1 + 0.002 and said <= 4 * seen + 0.01
    assert chance(0.5, 0.1, 0.5, 9) == 1 and chance(3, 0.3, 0.3, 1) == pytest.approx(0.00135, abs=1e-5)


@pytest.mark.parametrize("operator", [">=", ">", "<=", "<"])
@pytest.mark.parametrize("near", [1e-12, 0.3, 7.0])
def test_the_number_parts_as_the_bound_does(operator: str, near: float) -> None:
    low, high = 3.21, 3.21 + near
    dropped, kept = (low, high) if operator in (">=", ">") else (high, low)
    number = parting(dropped, kept, operator, False)
    assert eval(f"{kept!r} {operator} {number!r}") and not eval(f"{dropped!r} {operator} {number!r}")


def test_files(tmp_path: Path, world: World) -> None:
    path = tmp_path / "l.jsonl"
    path.write_text('{"sample_id": 0, "loss": 1}\n{"sample_id": 0, "loss": 3}\n{"sample_id": 1, "loss": null}\n')
    assert read_feedback(path).table.to_pylist() == [{"sample_id": 0, "worse": 2.0}]
    path.write_text('{"sample_id": 9999, "reward": 1, "score": 2}\n')
    found = read_feedback(path)
    assert (found.goal, found.table["worse"][0].as_py()) == ("maximize", -1.0)
    with pytest.raises(SandboxError, match="none of the analysis"):
        refine_by_feedback(*world.measured(WHERE), found)
    with pytest.raises(SandboxError, match="good or bad"):
        read_feedback(path, "score")
    with pytest.raises(SandboxError, match="no column `loss`"):
        read_feedback(path, "loss")
    with pytest.raises(SandboxError, match="cannot read"):
        read_feedback(tmp_path / "none.parquet")
    with pytest.raises(SandboxError, match="bad-setting"):
        refine_by_feedback(*world.measured(WHERE), found, FeedbackRule(min_kept=1.5))


def test_the_hook(world: World, tmp_path: Path, make_context: Callable[..., Context]) -> None:
    from dataclasses import replace

    x, _ = values(world)
    losses = tmp_path / "losses.jsonl"
    loss = np.random.default_rng(2).normal(size=ROWS) + 3 * (x > 0.9)
    losses.write_text("".join(json.dumps({"sample_id": i, "loss": float(v)}) + "\n" for i, v in enumerate(loss)))
    (world.root / "r.sql.j2").write_text(f"select * from source where {WHERE}\n")
    recipe = {"recipe": str(world.root / "r.sql.j2"), "source": str(world.root / "data.jsonl")}
    extra: dict[str, Any] = {"path_feedback_recipe": str(tmp_path / "new.sql.j2"), "min_kept": 0.7}
    context = make_context(
        tmp_path, "RefineRecipeViaModelFeedbackHook", extra, recipe, {"infer": {"losses": str(losses)}}
    )
    context = replace(context, project=world.root)
    hook = RefineRecipeViaModelFeedbackHook(context.job)
    assert [p.code for p in hook.problems(Ahead(world.root))] == ["no-feedback"]
    result = hook.run(context)
    json.dumps(result)
    assert result["moved"] == 1 and result["moves"][0]["new"] == pytest.approx(0.9, abs=0.05)
    assert world.run(Path(result["recipe"]).read_text()).kept == result["kept_after"] < result["kept_before"]
    context.results.add(replace(context.job, meta_name="infer"), {"source_fingerprint": "of other data"})
    with pytest.raises(SandboxError, match="other rows"):
        hook.run(context)
