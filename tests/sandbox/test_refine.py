"""Refined recipes: the bounds against numpy on the raw values, the rows kept against real runs, the text by tokens."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from juicesql.sandbox.errors import SandboxError
from juicesql.sandbox.refining.hook import draw
from juicesql.sandbox.refining.refine import Rule, outward, refine
from juicesql.sandbox.refining.thresholds import Refined

from tests.sandbox.refining import World, make_world

NUMBER = re.compile(r"(?:-\s*)?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def rows(count: int = 200, seed: int = 3) -> list[dict[str, Any]]:
    draw = np.random.default_rng(seed)
    made = [
        {
            "x": repr(float(x)), "n": int(n), "kind": str(draw.choice(["a", "b"])), "pad": "." * int(draw.integers(40)),
            "items": [float(v) for v in draw.normal(5, 2, draw.integers(0, 4))],
        }
        for x, n in zip(draw.normal(-2, 3, count), draw.integers(0, 90, count), strict=True)
    ]  # fmt: skip
    made[7]["x"] = "nan"
    made[8]["x"] = "inf"
    made[9] |= {"x": "none", "n": None}
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("refine"), rows())


def refined(world: World, where: str, rule: Rule | None = None, **variables: Any) -> Refined:
    return refine(*world.measured(where, **variables), rule)


def numbers(world: World, name: str) -> np.ndarray:
    if name == "items":
        return np.array([v for r in world.rows for v in r["items"]])
    values = [r[name] for r in world.rows]
    found = np.array([float(v) for v in values if v not in (None, "none")])
    return found[np.isfinite(found)]


def news(found: Refined) -> list[float]:
    return [m.new for m in found.moves]


def reasons(found: Refined) -> list[str]:
    return [u.reason for u in found.untouched]


def tokens(text: str) -> list[str]:
    return re.findall(r"\s+|[^\s\w]|\w+", NUMBER.sub("0", text))


def test_sigma_is_numpy(world: World) -> None:
    found = refined(world, "number(text) between -3 and 8.5 and whole(text) >= 10 and whole(text) < 70", Rule(k=1.25))
    x, n = numbers(world, "x"), numbers(world, "n")
    low, high = x.mean() - 1.25 * x.std(ddof=1), x.mean() + 1.25 * x.std(ddof=1)
    floor, ceil = n.mean() - 1.25 * n.std(ddof=1), n.mean() + 1.25 * n.std(ddof=1)
    assert news(found) == [pytest.approx(low, rel=1e-5), pytest.approx(high, rel=1e-5), np.floor(floor), np.ceil(ceil)]
    assert found.moves[0].new <= low and found.moves[1].new >= high  # rounded so that nothing more is dropped
    assert all(isinstance(m.new, int) for m in found.moves[2:])
    assert found.moves[0].facts == {
        "values": 197, "mean": pytest.approx(x.mean()), "std": pytest.approx(x.std(ddof=1)), "k": 1.25,
        "least": x.min(), "greatest": x.max(),
    }  # fmt: skip
    assert [m.stat for m in found.moves] == ["number", "number", "whole", "whole"]


def test_robust_and_percentile_are_numpy(world: World) -> None:
    where = "number(text) >= -3.0 and number(text) <= 8"
    x = numbers(world, "x")
    median = np.median(x)
    mad = 1.4826 * np.median(np.abs(x - median))
    found = refined(world, where, Rule("robust", 2))
    assert news(found) == pytest.approx([median - 2 * mad, median + 2 * mad], rel=1e-5)
    found = refined(world, where, Rule("percentile", low=5, high=97.5))
    assert news(found) == pytest.approx(np.percentile(x, [5, 97.5]), rel=1e-5)
    assert [m.facts["at"] for m in found.moves] == [5, 97.5]


def test_items_of_lists_count_one_by_one(world: World) -> None:
    found = refined(world, "any_between(many(text), 0, 10)", Rule(k=2))
    x = numbers(world, "items")
    assert news(found) == pytest.approx([x.mean() - 2 * x.std(ddof=1), x.mean() + 2 * x.std(ddof=1)], rel=1e-5)
    assert found.moves[0].facts["values"] == len(x)


def test_k_and_sides_of_one_stat(world: World) -> None:
    where = "number(text) between -9 and 9 and size(text) between {{ var('short', 2) }} and 9000"
    rule = Rule(k=3, stat_k={"number": 1, "var:short": 2}, sides="high", stat_sides={"short": "low"})
    found = refined(world, where, rule)
    x = numbers(world, "x")
    assert [(m.handle, m.facts["k"]) for m in found.moves] == [("1", 1.0), ("var:short", 2.0), ("2", 3.0)]
    assert found.moves[0].new == pytest.approx(x.mean() + x.std(ddof=1), rel=1e-5)
    assert reasons(found) == ["a bound on the low side"]
    assert news(refined(world, where, Rule(leave=("number", "size")))) == []
    with pytest.raises(SandboxError, match="did you mean `number`"):
        refined(world, where, Rule(leave=("nmber",)))


@pytest.mark.parametrize(
    "rule", [Rule(k=-1), Rule(k=float("nan")), Rule(stat_k={"number": -1}), Rule(low=99, high=1), Rule(high=101)]
)
def test_numbers_that_cannot_be(world: World, rule: Rule) -> None:
    with pytest.raises(SandboxError, match=r"error\[bad-"):
        refined(world, "number(text) >= 1", rule)


def test_what_is_left_and_why(world: World) -> None:
    found = refined(
        world,
        "number(text) >= -5 and kind(text) <> 'c' and whole(text) <> 3 and whole(text) + 1 > 0 "
        "and not (whole(text) > 1000) and (number(text) > -90 or size(text) > 3) and text <> '' "
        "and whole(text) <= {{ 4 * 250 }} and size(text) in (1, 2, 3)",
    )
    assert [m.stat for m in found.moves] == ["number"]
    assert reasons(found) == [
        "compares text", "is an equality", "bounds an expression", "stands inside OR, NOT or CASE",
        "stands inside OR, NOT or CASE", "stands inside OR, NOT or CASE", "compares no stat of single samples",
        "its number stands nowhere in the recipe by itself", "has no bound that is a number",
    ]  # fmt: skip


def test_a_bound_beside_is_null_moves(world: World) -> None:
    found = refined(world, "(number(text) is null or number(text) >= -5) and (size(text) >= 1)", Rule(k=1))
    assert [m.stat for m in found.moves] == ["number", "size"]


def test_too_few_or_equal_values(tmp_path: Path) -> None:
    made = [{"x": "1.5", "n": 0, "kind": "a", "items": []} for _ in range(9)]
    made[0]["n"] = 5
    world = make_world(tmp_path, made)
    where = "number(text) >= 1 and whole(text) <= 9 and any_between(many(text), 1, 2)"
    assert reasons(refined(world, where, Rule("robust"))) == [
        "all 9 values are the same", "more than half of the values are the same: the MAD is 0", "has no values",
        "has no values",
    ]  # fmt: skip
    assert [m.stat for m in refined(world, where).moves] == ["whole"]


def test_numbers_too_large(tmp_path: Path) -> None:
    world = make_world(tmp_path, [{"x": x, "n": 1} for x in ("1e308", "-1e308", "1.7e308", "3")])
    assert reasons(refined(world, "number(text) >= 1")) == ["the numbers are too large"]


def test_one_variable_for_two_bounds(world: World) -> None:
    x, n = numbers(world, "x"), numbers(world, "n")
    lowest = min(v.mean() - v.std(ddof=1) for v in (x, n))
    found = refined(world, "number(text) >= {{ var('t', -9.5) }} and whole(text) >= {{ var('t') }}", Rule(k=1), t=-9.5)
    assert news(found) == pytest.approx([lowest, lowest], rel=1e-5)  # the looser of both
    assert found.overridden == ("t",)
    both = refined(world, "number(text) >= {{ var('t', 1) }} and number(text) <= {{ var('t', 1) }} + 9", Rule(k=1))
    assert reasons(both)[0] == "the number serves elsewhere in the recipe too"
    turned = refined(world, "number(text) >= {{ var('t', 1) }} and whole(text) <= {{ var('t', 1) }}", Rule(k=1))
    assert set(reasons(turned)) == {"the number is a lower and an upper bound at once"}


@pytest.mark.parametrize(
    "other",
    [
        "{{ var('t', 5) }} <> 7",
        "whole(text) <> {{ var('t', 5) * 2 }}",
        "size(text) <> {{ 1 if var('t', 5) > 10 else 2 }}",
    ],
)
def test_a_variable_that_serves_elsewhere_stays(world: World, other: str) -> None:
    found = refined(world, "whole(text) >= {{ var('t', 5) }} and " + other, Rule(k=1))
    assert not found.moves
    assert any("serves elsewhere" in r or "bounds something else" in r for r in reasons(found))


def test_signs(world: World) -> None:
    where = (
        "number(text) >= {{ var('lo', -50) }} and number(text) <= -.25 and whole(text) >= - 7 "
        "and whole(text) >= -{{ var('m', 3) }} and size(text)>=-2"
    )
    found = refined(world, where, Rule(k=0.5))
    x, n = numbers(world, "x"), numbers(world, "n")
    size = np.floor(found.moves[-1].facts["mean"] - found.moves[-1].facts["std"] / 2)
    low, high = (
        outward(x.mean() - x.std(ddof=1) / 2, "low", False),
        outward(x.mean() + x.std(ddof=1) / 2, "high", False),
    )
    assert found.text == (
        f"select * from source where number(text) >= {{{{ var('lo', {low}) }}}} and number(text) <= {high} "
        f"and whole(text) >= {np.floor(n.mean() - n.std(ddof=1) / 2):.0f} "
        f"and whole(text) >= -{{{{ var('m', 3) }}}} and size(text)>={size:.0f}\n"
    )
    assert reasons(found) == ["a minus sign stands before the variable"]
    assert low < 0 and high < 0
    again = refine(*world.measured(found.text), Rule(k=0.5))
    assert not again.moves  # it is where it should be, and every number is still found


def test_what_is_kept_is_what_a_run_keeps(world: World) -> None:
    where = "number(text) between -4 and 3\n  and whole(text) >= {{ var('least', 20) }} -- few\n  and kind(text) = 'a'"
    found = refined(world, where, Rule("percentile", low=20, high=80))
    before, after = world.run(f"select * from source where {where}\n"), world.run(found.text)
    assert found.exact and (found.kept_before, found.kept_after) == (before.kept, after.kept)
    assert before.kept != after.kept and after.measured == 0
    removed = [x for x in found.diff.splitlines() if x.startswith("-") and not x.startswith("---")]
    assert len(removed) == 2 == len([x for x in found.diff.splitlines() if x.startswith("+") and x[1] != "+"])
    assert tokens(found.text) == tokens(f"select * from source where {where}\n")


def test_steps_that_are_not_counted(world: World) -> None:
    text = (
        "with kept as (select * from source where number(text) >= -4 and text <> 'q'),\n"
        "one as (from kept qualify row_number() over (partition by text order by sample_id) = 1)\nselect * from one\n"
    )
    found = refined(world, text)
    assert not found.exact and found.uncounted == ("one (drops duplicates)", "text <> 'q'")


def test_a_recorded_run_will_do(world: World) -> None:
    """Its stats are known for the rows that came as far; what is not known makes the numbers inexact or they hold."""
    from juicesql.runs import read_run
    from juicesql.store import Store

    text = "select * from source where number(text) >= -4 and whole(text) >= 10\n"
    done = world.run(text)
    with Store(world.root).open(read_only=True) as con:
        run = read_run(con, done.run_id)
    found = refine(world.prepared(world.root / "other.sql.j2"), run, Rule(k=1))
    assert found.kept_before == done.kept
    if found.exact:
        assert found.kept_after == world.run(found.text).kept


def random_recipe(seed: int) -> str:
    """Cuts with every way to write a number: signs, spaces, exponents, BETWEEN, variables, comments with numbers."""
    draw = random.Random(seed)
    defaults = [str(draw.randint(-50, 50)), f"{draw.uniform(-5, 5):.3f}"]

    def number() -> str:
        plain = draw.choice([str(draw.randint(0, 500)), f"{draw.uniform(0, 50):.3f}", "1e2", ".5", "2.", "1_0"])
        variable = draw.randrange(2)
        written = f"{{{{ var('v{variable}', {defaults[variable]}) }}}}"
        return draw.choice([plain, f"-{plain}", f"- {plain}", written])

    def cut() -> str:
        stat = draw.choice(["number", "whole", "size"])
        bound = draw.choice([f"{draw.choice(['>=', '>', '<=', '<'])}{draw.choice(['', '  '])}{number()}", " between "])
        if bound == " between ":
            bound += f"{number()} and {number()}"
        return f"{stat}(text){draw.choice(['', ' '])}{bound}{draw.choice(['', ' -- 3 is a guess >= 4', ' /* 12 */'])}"

    return "select * from source where " + "\n  and ".join(cut() for _ in range(5)) + "\n"


@pytest.mark.parametrize("seed", range(6))
def test_any_recipe_changes_in_its_numbers_only(world: World, seed: int) -> None:
    text = random_recipe(seed)
    found = refined(world, text, [Rule(k=0.4), Rule("robust", 0.7), Rule("percentile", low=30, high=60)][seed % 3])
    assert found.moves and tokens(found.text) == tokens(text)
    for old, new in zip(text.splitlines(), found.text.splitlines(), strict=True):
        assert old.partition("--")[2] == new.partition("--")[2]
    after = world.run(found.text)
    assert after.measured == 0
    assert found.exact and after.kept == found.kept_after


@settings(max_examples=200, phases=(Phase.explicit, Phase.generate))
@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["low", "high"]), st.booleans())
def test_rounding_drops_nothing_more(number: float, side: Any, whole: bool) -> None:
    found = outward(number, side, whole)
    assert found <= number if side == "low" else found >= number
    assert abs(found - number) <= (1 if whole else max(abs(number) * 1e-5, 5e-324))
    assert isinstance(found, int) == whole
    assert whole or abs(found) > 1e308 or float(f"{found:.6g}") == found


def test_a_bound_outside_of_the_values_says_that_it_is_off(world: World) -> None:
    values = numbers(world, "x")
    found = refined(world, "number(text) >= 0 and number(text) <= 1", Rule(k=50))
    least, greatest = (m for m in found.moves)
    assert least.new < values.min() and least.note == f"switches this bound off: the least value is {values.min():g}"
    assert greatest.new > values.max() and greatest.note.endswith(f"the greatest value is {values.max():g}")
    assert any(line.endswith(least.note) for line in draw(found))
    inside = refined(world, "number(text) >= 0 and number(text) <= 1", Rule(k=0.5))
    assert [m.note for m in inside.moves] == ["", ""]
    assert not any("switches" in line for line in draw(inside))
