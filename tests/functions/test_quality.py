"""Quality: features equal their plain definition, the model file is safe to read, and training gives what scoring uses."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import definitions as plain
import numpy as np
import pyarrow as pa
import pytest
from definitions_quality import hashed_ngrams
from hypothesis import given, settings

from juicesql.call import apply
from juicesql.connection import connect
from juicesql.errors import FunctionError, JuiceError
from juicesql.kernels import kernel
from juicesql.registry import Registry

HARD = [
    "",
    "\n\n",
    "a\r\nb\x85c\u2028d\x1ce",
    "İstanbul ΣΑΣ",
    "a\xa0b\u3000c",
    "👩\u200d💻",
    "e\u0301a 𝒜𝒷",
    "a\x00b",
    "don't",
    "10,5 %",
]


@settings(max_examples=150, deadline=None)
@given(plain.texts)
def test_features_equal_their_definition(text: str) -> None:
    for ngrams, dims in ((1, 1 << 18), (2, 64), (3, 1024)):
        assert plain.call("hashed_ngrams", [text, "x"], ngrams=ngrams, dims=dims)[0] == hashed_ngrams(
            text, ngrams, dims
        )


def test_features_of_hard_texts_in_one_batch() -> None:
    texts = [*HARD, "word " * 20_000, "中文" * 3000]
    assert plain.call("hashed_ngrams", texts) == [hashed_ngrams(t) for t in texts]


@pytest.mark.parametrize("wrong", [{"ngrams": 0}, {"ngrams": 6}, {"dims": 0}, {"dims": 100}, {"dims": 1 << 25}])
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(FunctionError, match="bad-parameter"):
        plain.call("hashed_ngrams", ["a"], **wrong)


def safetensors(about: dict, weights: list[float], bias: float = 0.5) -> bytes:
    data = np.array([bias], "<f8").tobytes() + np.array(weights, "<f4").tobytes()
    head = {
        "__metadata__": {"juicesql": json.dumps(about)},
        "bias": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]},
        "weights": {"dtype": "F32", "shape": [len(weights)], "data_offsets": [8, len(data)]},
    }
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + data


@pytest.fixture
def model(tmp_path: Path) -> Path:
    weights = np.random.default_rng(7).normal(0, 3, 64).tolist()
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors({"format": 1, "dims": 64, "ngrams": 2}, weights))
    return path


def test_scores_equal_their_definition_compiled_or_not(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.frombuffer(model.read_bytes()[-256:], "<f4")
    texts = [*HARD, "The quick brown fox. " * 9, "北京欢迎你"]
    expected = []
    for text in texts:
        grams = hashed_ngrams(text, 2, 64)
        total = sum(float(weights[g]) for g in grams)
        expected.append(1 / (1 + math.exp(-0.5 - (total / math.sqrt(len(grams)) if grams else 0))))
    for module in list(sys.modules.values()):
        for found in [k for k in vars(module).values() if isinstance(k, kernel)] if module else []:
            monkeypatch.setattr(found, "_compiled", None)
            monkeypatch.setattr(found, "_small_bytes", 1 << 20)
    interpreted = plain.call("quality_score", texts, model=str(model))
    assert interpreted == pytest.approx(expected, abs=1e-12)
    long = [*texts, "x" * (2 << 20)]  # compiled from here on
    assert plain.call("quality_score", long, model=str(model))[:-1] == interpreted
    assert [plain.call("quality_score", [t], model=str(model))[0] for t in texts] == interpreted


def test_a_changed_model_is_read_again(model: Path) -> None:
    before = plain.call("quality_score", ["a"], model=str(model))
    model.write_bytes(safetensors({"format": 1, "dims": 2, "ngrams": 1}, [9.0, 9.0]))
    assert plain.call("quality_score", ["a"], model=str(model)) != before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04.",  # a pickle
        b"\xff" * 64,
        safetensors({"format": 2, "dims": 2, "ngrams": 1}, [1.0, 2.0]),
        safetensors({"format": 1, "dims": 4, "ngrams": 1}, [1.0, 2.0]),
        safetensors({"format": 1, "dims": 2, "ngrams": 1}, [1.0, 2.0])[:-1],
        safetensors({"dims": 2}, [1.0, 2.0]),
    ],
)
def test_a_damaged_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(FunctionError, match="bad-model"):
        plain.call("quality_score", ["a"], model=str(path))


def test_a_missing_model_names_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUICESQL_MODELS_CACHE", str(tmp_path))
    function = Registry().get("quality_score")
    with pytest.raises(FunctionError, match="juicesql models train-quality GOOD BAD --out english"):
        function.assets(model="english")
    with pytest.raises(FunctionError, match="no-model"):
        function.assets(model="../../etc/passwd.no")


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """Sentences as they are, and the same words in no order."""
    folder = tmp_path_factory.mktemp("texts")
    rng = np.random.default_rng(1)
    parts = [
        ["the cat", "a dog", "my friend"],
        ["sees", "likes", "finds"],
        ["the old house.", "a red car.", "the river."],
    ]
    for kind in ("good", "bad"):
        (folder / kind).mkdir()
        for i in range(120):
            lines = [" ".join(str(rng.choice(p)) for p in parts) for _ in range(6)]
            words = " ".join(lines).split()
            text = "\n".join(lines) if kind == "good" else " ".join(rng.permutation(words))
            (folder / kind / f"{i}.txt").write_text(text)
    return folder


def test_training_gives_what_scoring_uses(folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from juicesql.train_quality import Settings, train, write_model

    trained = train(str(folders / "good"), str(folders / "bad"), Settings(dims=1 << 12))
    assert trained.measured.accuracy > 0.95
    assert trained.texts["good"] == 120 and trained.texts["held_out"] == 48
    path = tmp_path / "m.safetensors"
    write_model(trained, path)
    texts = pa.array([p.read_text() for kind in ("good", "bad") for p in sorted((folders / kind).iterdir())])
    scores = apply(Registry().get("quality_score"), [texts], {"model": str(path)}).to_numpy()
    assert (scores[:120] > 0.5).mean() > 0.95 and (scores[120:] > 0.5).mean() < 0.05
    kept = trained.measured
    assert kept.label_good_kept == kept.recall
    assert kept.pareto_good_kept > 3 * kept.pareto_bad_kept
    library = pytest.importorskip("safetensors")
    with library.safe_open(path, "numpy") as file:
        about = json.loads(file.metadata()["juicesql"])
        assert file.get_tensor("weights").shape == (1 << 12,)
    assert about["held_out"]["accuracy"] == trained.measured.accuracy


def test_held_out_scores_are_those_of_the_function(folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from juicesql.train_quality import Settings, train, write_model

    trained = train(str(folders / "good"), str(folders / "bad"), Settings(dims=1 << 12, ngrams=1, holdout=0.99))
    write_model(trained, tmp_path / "m.safetensors")
    texts = pa.array([p.read_text() for kind in ("good", "bad") for p in sorted((folders / kind).iterdir())])
    scores = apply(Registry().get("quality_score"), [texts], {"model": str(tmp_path / "m.safetensors")}).to_numpy()
    measured = ((2 - scores[:120]) ** -9.0).mean()  # all but one text of each kind are held out
    assert trained.measured.pareto_good_kept == pytest.approx(measured, rel=0.02)


def test_training_is_the_same_for_any_order_and_seed_decides(folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from juicesql.train_quality import Settings, train, write_model

    rows = [json.dumps({"n": 1, "body": p.read_text()}) for p in sorted((folders / "good").iterdir())]
    (tmp_path / "good.jsonl").write_text(
        "\n".join([*reversed(rows), rows[0], '{"body": "in both"}', '{"body": null}', '{"body": " "}', "{x"])
    )
    bad = [json.dumps({"body": p.read_text()}) for p in (folders / "bad").iterdir()] + ['{"body": "in both"}']
    (tmp_path / "bad.jsonl").write_text("\n".join(bad))
    small = Settings(dims=1 << 10)
    once = train(str(folders / "good"), str(folders / "bad"), small)
    again = train(str(tmp_path / "good.jsonl"), str(tmp_path / "bad.jsonl"), Settings("body", 1 << 10))
    assert again.texts["repeated"] == 2 and again.texts["unreadable"] == 1 and again.texts["in_both"] == 1
    assert np.array_equal(once.weights, again.weights) and once.inputs_sha256 == again.inputs_sha256
    for name, seed in (("a", 42), ("b", 42), ("c", 43)):
        trained = train(str(folders / "good"), str(folders / "bad"), Settings(dims=1 << 10, seed=seed))
        write_model(trained, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()


def test_too_little_text_is_refused(folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from juicesql.train_quality import Settings, train

    (tmp_path / "one.txt").write_text("only this")
    with pytest.raises(JuiceError, match="too-few-texts"):
        train(str(folders / "good"), str(tmp_path / "one.txt"), Settings())
    with pytest.raises(JuiceError, match="missing-file"):
        train(str(folders / "good"), str(tmp_path / "none.txt"), Settings())


def test_pareto_keeps_the_share_that_numpy_keeps() -> None:
    draws = np.random.default_rng(3).pareto(9, 200_000)
    with connect(functions=["keep_pareto"]) as con:
        query = "select avg(keep_pareto($s, i::varchar, seed := 5)::int) from range(200000) t(i)"
        for score in (0.0, 0.3, 0.7, 0.95):
            [(share,)] = con.execute(query, {"s": score}).fetchall()
            assert share == pytest.approx((score > 1 - draws).mean(), abs=0.004)
