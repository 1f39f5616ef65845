"""Models that relate pictures and words, beside plain transformers on one input at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("PIL")
av = pytest.importorskip("av")

import numpy as np  # noqa: E402
import tiny_multimodal as tiny  # noqa: E402
from definitions_media import picture, write_video  # noqa: E402
from juicesql.udfs.multimodal import _captions, _clip  # noqa: E402
from PIL import Image, ImageOps  # noqa: E402

from juicesql.call import attempt  # noqa: E402
from juicesql.errors import FunctionError  # noqa: E402
from juicesql.registry import Registry  # noqa: E402
from juicesql.signature import constant  # noqa: E402

REGISTRY = Registry()
IMAGE, VIDEO, EOC = "<__dj__image>", "<__dj__video>", "<|__dj__eoc|>"


def measured(name: str, *columns: Sequence[Any], **parameters: object) -> tuple[list, dict[int, str]]:
    """The values of all rows, and what was wrong with rows."""
    function = REGISTRY.get(name)
    given = {a.name: parameters.get(a.name, constant(a.default)) for a in function.signature.parameters}
    assert parameters.keys() <= given.keys()
    lists = pa.list_(pa.string())
    arrays = [
        pa.array(c, pa.string() if a.type == "VARCHAR" else lists)
        for c, a in zip(columns, function.signature.columns, strict=True)
    ]
    values, failures = attempt(function, arrays, given)
    return values.to_pylist(), failures


def run(name: str, *columns: Sequence[Any], **parameters: object) -> list:
    values, failures = measured(name, *columns, **parameters)
    assert not failures
    return values


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[str]:
    """Images of all sorts of shapes."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = [str(folder / f"{seed}.png") for seed in range(8)]
    for seed, path in enumerate(paths):
        picture(seed, 20 + 17 * seed % 60, 90 - 11 * seed).save(path)
    return paths


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> list[str]:
    """Videos of 12 frames with 2, 3 and 4 key frames."""
    folder = tmp_path_factory.mktemp("videos")
    shown = [[picture(10 * video + number // 2, 64, 48) for number in range(12)] for video in range(3)]
    return [str(write_video(folder / f"{i}.mp4", frames, (64, 48), g=str(6 - i))) for i, frames in enumerate(shown)]


def frames(path: str, count: int | None = None) -> list[Image.Image]:
    from juicesql.udfs.video._frames import video_frames

    found = video_frames(path, "uniform" if count else "all_keyframes", count or 0)
    return [Image.fromarray(frame) for frame in found]


def opened(folder: str, kind: str = "AutoModel") -> tuple[Any, Any]:
    return getattr(transformers, kind).from_pretrained(folder).eval(), transformers.AutoProcessor.from_pretrained(
        folder
    )


def close(got: object, expected: object) -> bool:
    return np.allclose(np.asarray(got, float), np.asarray(expected, float), rtol=0, atol=1e-5)


# CLIP


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> str:
    return tiny.clip(tmp_path_factory.mktemp("clip"))


def logits(folder: str, text: str, images: Sequence[Image.Image]) -> np.ndarray:
    model, processor = opened(folder)
    inputs = processor(
        text=text, images=list(images), return_tensors="pt", padding=True, truncation=True, max_length=77
    )
    with torch.no_grad():
        return model(**inputs).logits_per_text[0].numpy() / 100


def test_image_text_similarity_is_that_of_plain_transformers(clip: str, pictures: list[str]) -> None:
    said = ["a cat", "\u4e2d\u6587 \U0001f600", "word " * 60, ""]
    texts = [
        f"{said[0]}{IMAGE}{IMAGE}{EOC} no picture {EOC} {IMAGE} {said[1]}",
        f"{IMAGE}{said[2]}",
        f"{IMAGE}{said[3]}",
        "none",
    ]
    images = [[pictures[0], pictures[1], pictures[2]], [pictures[3]], [pictures[0]], []]
    opened_images = [Image.open(path) for path in pictures]
    for mode, reduce in (("avg", np.mean), ("max", np.max), ("min", np.min)):
        got = run("image_text_similarity", texts, images, hf_clip=clip, reduce_mode=mode)
        assert close(
            got[0], [reduce(logits(clip, said[0], opened_images[:2])), logits(clip, said[1], opened_images[2:3])[0]]
        )
        assert close(got[1], logits(clip, said[2], opened_images[3:4]))
        assert close(got[2], logits(clip, said[3], opened_images[:1]))
        assert got[3] == []
    for horizontal, vertical, turn in ((True, False, ImageOps.mirror), (False, True, ImageOps.flip)):
        got = run(
            "image_text_similarity",
            texts[1:2],
            images[1:2],
            hf_clip=clip,
            horizontal_flip=horizontal,
            vertical_flip=vertical,
        )
        assert close(got[0], logits(clip, said[2], [turn(opened_images[3])]))


def test_pictures_and_texts_of_many_rows_go_through_the_model_together(
    clip: str, pictures: list[str], monkeypatch
) -> None:
    sizes: list[tuple[str, int]] = []
    of_pictures, of_tokens = _clip.Clip.values, _clip.Clip.of_tokens
    monkeypatch.setattr(
        _clip.Clip, "values", lambda self, p: (sizes.append(("pictures", len(p))), of_pictures(self, p))[1]
    )
    monkeypatch.setattr(
        _clip.Clip, "of_tokens", lambda self, t: (sizes.append(("texts", len(t))), of_tokens(self, t))[1]
    )
    texts = [f"{IMAGE} {('one', 'two')[row % 2]}" for row in range(40)]
    images = [[pictures[row % 8]] for row in range(40)]
    together = run("image_text_similarity", texts, images, hf_clip=clip)
    assert sizes == [("pictures", 8), ("texts", 2)]
    alone = [
        run("image_text_similarity", [t], [i], hf_clip=clip)[0] for t, i in zip(texts[:8], images[:8], strict=True)
    ]
    assert close(together[:8], alone)


def test_a_bad_row_costs_no_other(clip: str, pictures: list[str]) -> None:
    texts = [f"{IMAGE} a", f"{IMAGE} b", IMAGE, f"{IMAGE}{IMAGE} c", f"{IMAGE} d"]
    images = [pictures[:1], ["missing.png"], [__file__], pictures[:1], pictures[:1]]
    got, failures = measured("image_text_similarity", texts, images, hf_clip=clip)
    assert [value is None for value in got] == [False, True, True, True, False]
    assert "missing.png" in failures[1] and "2 of the token" in failures[3] and failures.keys() == {1, 2, 3}


def test_video_frames_text_similarity_is_that_of_plain_transformers(clip: str, videos: list[str]) -> None:
    texts = [f"{VIDEO} a dog {EOC} {VIDEO}{VIDEO} a cat", "none", f"{VIDEO} late"]
    rows = [[videos[0], videos[1], videos[2]], [], [videos[1]]]
    for count in (None, 1, 3):
        method = {"frame_sampling_method": "uniform", "frame_num": count} if count else {}
        got = run("video_frames_text_similarity", texts, rows, hf_clip=clip, **method)
        both = [*frames(videos[1], count), *frames(videos[2], count)]
        assert close(
            got[0], [logits(clip, "a dog", frames(videos[0], count)).mean(), logits(clip, "a cat", both).mean()]
        )
        assert got[1] == []
        assert close(got[2], [logits(clip, "late", frames(videos[1], count)).mean()])
    got = run(
        "video_frames_text_similarity", texts[2:], rows[2:], hf_clip=clip, horizontal_flip=True, reduce_mode="max"
    )
    assert close(got[0], [logits(clip, "late", [ImageOps.mirror(f) for f in frames(videos[1])]).max()])


def test_image_pair_similarity_is_the_cosine(clip: str, pictures: list[str]) -> None:
    pairs = [[pictures[0], pictures[1]], [], [pictures[2], pictures[2]], [pictures[1], pictures[5]], pictures[:3]]
    got, failures = measured("image_pair_similarity", pairs, hf_clip=clip)
    model, processor = opened(clip)

    def features(path: str) -> Any:
        return model.get_image_features(**processor(images=Image.open(path), return_tensors="pt")).pooler_output

    with torch.no_grad():
        expected = [torch.cosine_similarity(features(a), features(b)).item() for a, b in (pairs[0], pairs[2], pairs[3])]
    assert close([got[0], got[2], got[3]], expected)
    assert got[1] is None and failures == {4: "there are 3 images, not two"}


# BLIP


def test_image_text_matching_score_is_that_of_plain_transformers(tmp_path: Path, pictures: list[str]) -> None:
    folder = tiny.blip(tmp_path / "blip")
    model, processor = opened(folder, "BlipForImageTextRetrieval")

    def score(said: str, path: str) -> float:
        inputs = processor(text=said, images=Image.open(path), return_tensors="pt", truncation=True, max_length=64)
        inputs.pop("token_type_ids", None)
        with torch.no_grad():
            return model(**inputs).itm_score.softmax(-1)[0, 1].item()

    texts = [f"{IMAGE}{IMAGE} a cat on a mat {EOC}{IMAGE} a dog", f"{IMAGE} {'long ' * 40}", "none"]
    images = [pictures[:3], [pictures[3]], []]
    got = run("image_text_matching_score", texts, images, hf_blip=folder, reduce_mode="min")
    both = [score("a cat on a mat", path) for path in pictures[:2]]
    assert abs(both[0] - both[1]) > 1e-3
    assert close(got[0], [min(both), score("a dog", pictures[2])])
    assert close(got[1], [score("long " * 40, pictures[3])])
    assert got[2] == []


# BLIP-2


@pytest.fixture(scope="module")
def blip2(tmp_path_factory) -> str:
    return tiny.blip2(tmp_path_factory.mktemp("blip2"))


@pytest.fixture
def greedy(monkeypatch) -> None:
    """All draws are 0: the likeliest token wins."""
    monkeypatch.setattr("juicesql.udfs.multimodal._captioning.Random.random", lambda self: 0.0)


def caption(folder: str, image: Image.Image, prompt: str | None = None) -> str:
    model, processor = opened(folder, "Blip2ForConditionalGeneration")
    with torch.no_grad():
        inputs = processor(images=image, text=prompt, return_tensors="pt")
        begin = inputs["input_ids"].shape[1] if prompt else 5  # four query tokens and the one that begins
        ids = model.generate(**inputs, max_new_tokens=6, do_sample=False)[:, begin:]
    return processor.batch_decode(ids, skip_special_tokens=True)[0].strip()


def test_captions_are_those_of_plain_transformers(blip2: str, pictures: list[str], greedy: None) -> None:
    texts = [f"two {IMAGE}{IMAGE}{EOC} words {EOC}<__dj__audio>{IMAGE} one", "none"]
    images = [pictures[:3], []]
    for prompt in (None, "Question: "):
        got = run("image_captioning", texts, images, hf_img2seq=blip2, max_new_tokens=6, prompt=prompt)
        a, b, c = (caption(blip2, Image.open(path), prompt) for path in pictures[:3])
        assert len({a, b, c}) > 1
        assert got == [[texts[0], f"{IMAGE} {a} {IMAGE} {b} {EOC}<__dj__audio>{IMAGE} {c} {EOC}"], ["none"]]
    got = run("image_captioning", texts, images, hf_img2seq=blip2, max_new_tokens=6, keep_original_sample=False)
    assert [len(new) for new in got] == [1, 0]


def test_older_models_do_not_name_the_token_of_pictures(blip2: str, pictures: list[str], tmp_path: Path) -> None:
    older = shutil.copytree(blip2, tmp_path / "older")
    config = json.loads((older / "config.json").read_text())
    (older / "config.json").write_text(json.dumps({k: v for k, v in config.items() if "image_token" not in k}))
    texts, images = [IMAGE], [pictures[:1]]
    wanted = run("image_captioning", texts, images, hf_img2seq=blip2, max_new_tokens=5)
    assert run("image_captioning", texts, images, hf_img2seq=str(older), max_new_tokens=5) == wanted


def test_captions_are_drawn_by_text_place_and_seed(blip2: str, pictures: list[str]) -> None:
    texts = [f"{IMAGE}{IMAGE}", f"{IMAGE} other words", f"{IMAGE}"]
    images = [[pictures[0]] * 2, [pictures[1]], [pictures[1]]]
    options = {"hf_img2seq": blip2, "max_new_tokens": 5, "keep_original_sample": False}
    every = run("image_captioning", texts, images, **options, caption_num=3, keep_candidate_mode="all")
    assert every == run("image_captioning", texts, images, **options, caption_num=3, keep_candidate_mode="all")
    assert [len(set(new)) for new in every] == [3, 3, 3]
    assert every[1] != every[2], "the words are drawn with"
    alone = run("image_captioning", texts[1:2], images[1:2], **options, caption_num=3, keep_candidate_mode="all")
    assert alone == every[1:2]
    one = run("image_captioning", texts, images, **options, caption_num=3)
    assert all(new[0] in all_of_row for new, all_of_row in zip(one[1:], every[1:], strict=True))
    assert one != run("image_captioning", texts, images, **options, caption_num=3, seed=1)


def test_a_batch_that_memory_cannot_hold_is_halved(blip2: str, pictures: list[str], monkeypatch) -> None:
    texts, images = [IMAGE] * 6, [[path] for path in pictures[:6]]
    options = {"hf_img2seq": blip2, "max_new_tokens": 4}
    wanted = run("image_captioning", texts, images, **options)
    sizes: list[int] = []
    scores = _captions.Captioner.scores

    def limited(self: Any, inputs: list, most: int) -> list[str]:
        sizes.append(len(inputs))
        if len(inputs) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return scores(self, inputs)

    monkeypatch.setattr(_captions.Captioner, "scores", lambda self, inputs: limited(self, inputs, 2))
    assert run("image_captioning", texts, images, **options, prompt="") == wanted
    assert sizes == [6, 3, 1, 1, 1, 1, 1, 1]
    monkeypatch.setattr(_captions.Captioner, "scores", lambda self, inputs: limited(self, inputs, 0))
    got, failures = measured("image_captioning", [*texts, "none"], [*images, []], **options, prompt="")
    assert got == [None] * 6 + [["none"]] and failures.keys() == set(range(6))
    assert all(failures[row].startswith(f"{pictures[row]}: ") for row in failures)  # the file, not its place


def test_the_caption_nearest_by_simhash_is_kept(blip2: str, pictures: list[str], monkeypatch) -> None:
    written = iter(["a dog runs", "the cat sat on the mat", "no such thing"])
    monkeypatch.setattr(_captions.Captioner, "scores", lambda self, wanted: [next(written) for _ in wanted])
    got = run(
        "image_captioning", [f"{IMAGE} the cat sat on a mat"], [pictures[:1]], hf_img2seq=blip2, caption_num=3,
        keep_candidate_mode="similar_one_simhash", keep_original_sample=False,
    )  # fmt: skip
    assert got == [[f"{IMAGE} the cat sat on the mat {EOC}"]]


def test_captions_of_frames_are_joined(blip2: str, videos: list[str], greedy: None) -> None:
    texts, rows = [f"{VIDEO} a {EOC}{VIDEO} b"], [videos[:2]]
    options = {"hf_img2seq": blip2, "max_new_tokens": 6, "keep_original_sample": False, "vertical_flip": True}
    got = run("video_captioning_from_frames", texts, rows, **options)
    first, second = (". ".join(caption(blip2, ImageOps.flip(f)) for f in frames(path)) for path in videos[:2])
    assert got == [[f"{VIDEO} {first} {EOC}{VIDEO} {second} {EOC}"]]


def test_video_blip_sees_all_frames_at_once(blip2: str, videos: list[str], greedy: None) -> None:
    texts = [f"{VIDEO} a {EOC}{VIDEO} b", VIDEO]
    got = run("video_captioning_from_video", texts, [videos[:2], videos[2:]], hf_video_blip=blip2, max_new_tokens=6)
    model, processor = opened(blip2, "Blip2ForConditionalGeneration")
    said = []
    for path in videos:
        with torch.no_grad():
            pixels = processor(images=frames(path), return_tensors="pt")["pixel_values"]
            seen = model.vision_model(pixels).last_hidden_state.flatten(0, 1).unsqueeze(0)
            looked = model.qformer(query_embeds=model.query_tokens, encoder_hidden_states=seen).last_hidden_state
            ids = torch.tensor([[258] * 4 + [tiny.BEGIN]])
            embedded = model.get_input_embeddings()(ids)
            embedded[:, :4] = model.language_projection(looked)
            found = model.language_model.generate(
                inputs_embeds=embedded, input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=6,
                do_sample=False, repetition_penalty=1.5,
            )  # fmt: skip
        said.append(processor.batch_decode(found[:, 5:], skip_special_tokens=True)[0].strip())
    a, b, c = said
    assert got == [[texts[0], f"{VIDEO} {a} {EOC}{VIDEO} {b} {EOC}"], [VIDEO, f"{VIDEO} {c} {EOC}"]]


def test_parameters_are_checked(clip: str, blip2: str, pictures: list[str]) -> None:
    for name, parameters in (
        ("image_text_similarity", {"hf_clip": clip, "reduce_mode": "sum"}),
        ("image_captioning", {"hf_img2seq": blip2, "keep_candidate_mode": "best"}),
        ("image_captioning", {"hf_img2seq": blip2, "caption_num": 0}),
    ):
        with pytest.raises(FunctionError) as caught:
            measured(name, [IMAGE], [pictures[:1]], **parameters)
        assert caught.value.problems[0].code == "bad-parameter" and caught.value.problems[0].mend


# RAM++


@pytest.fixture(scope="module")
def ram(tmp_path_factory) -> str:
    return tiny.ram(tmp_path_factory.mktemp("ram"))


def tag_probabilities(file: str, image: Image.Image) -> np.ndarray:
    """As defined, with the modules of torch and the Swin transformer of transformers."""
    from torch import nn

    weights = torch.load(file, weights_only=True)["model"]

    def module(made: nn.Module, name: str, **renamed: str) -> nn.Module:
        names = {key: f"{name}.{key}" for key in made.state_dict()} | renamed
        made.load_state_dict({key: weights[weight] for key, weight in names.items()})
        return made

    def linear(name: str) -> nn.Module:
        return module(nn.Linear(*weights[f"{name}.weight"].shape[::-1]), name)

    pixels = np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR)).astype(np.float32) / 255
    pixels = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        found = tiny.swin()(torch.tensor(pixels).float().permute(2, 0, 1)[None])
        seen = linear("image_proj")(torch.cat([found.pooler_output[:, None], found.last_hidden_state], 1))
        whole = seen[0, 0] / seen[0, 0].norm()
        asked = []
        for described in weights["label_embed"].split(3):
            shares = (weights["reweight_scale"].exp() * described @ whole).softmax(0)
            asked.append((shares[:, None] * described).sum(0))
        hidden = linear("wordvec_proj")(torch.stack(asked)[None]).relu()
        for layer in ("tagging_head.encoder.layer.0", "tagging_head.encoder.layer.1"):
            attention = nn.MultiheadAttention(24, 4, kdim=512, vdim=512, batch_first=True)
            inside = {
                f"{p}_proj_weight": weights[f"{layer}.crossattention.self.{n}.weight"]
                for p, n in zip("qkv", ("query", "key", "value"), strict=True)
            }
            biases = [weights[f"{layer}.crossattention.self.{n}.bias"] for n in ("query", "key", "value")]
            out = {
                f"out_proj.{end}": weights[f"{layer}.crossattention.output.dense.{end}"] for end in ("weight", "bias")
            }
            attention.load_state_dict(inside | out | {"in_proj_bias": torch.cat(biases)})
            norm = module(nn.LayerNorm(24, eps=1e-12), f"{layer}.crossattention.output.LayerNorm")
            hidden = norm(hidden + attention(hidden, seen, seen)[0])
            inner = linear(f"{layer}.output.dense")(nn.functional.gelu(linear(f"{layer}.intermediate.dense")(hidden)))
            hidden = module(nn.LayerNorm(24, eps=1e-12), f"{layer}.output.LayerNorm")(hidden + inner)
        likely = linear("fc")(hidden)[0, :, 0].sigmoid()
    return likely.numpy()


def test_image_tagging_is_as_defined(ram: str, pictures: list[str]) -> None:
    from juicesql.udfs.image._ram import Ram, tag_logits

    model = Ram(ram, 64)
    opened_images = [Image.open(path) for path in pictures]
    pixels = torch.from_numpy(np.stack([model.prepare(image) for image in opened_images]))
    expected = np.stack([tag_probabilities(ram, image) for image in opened_images])
    assert close(tag_logits(model.loaded[0], pixels, len(tiny.RAM_TAGS)).sigmoid(), expected)
    assert expected.std(0).max() > 1e-3
    lists = [[t for t, p in zip(tiny.RAM_TAGS, row, strict=True) if p > 0.5] for row in expected]
    got = run("image_tagging", [pictures[:2], [], pictures[2:] + pictures[:1]], model=ram, input_size=64)
    assert got == [lists[:2], [], lists[2:] + lists[:1]]


def test_tags_of_ones_own_are_those_of_plain_transformers(clip: str, pictures: list[str]) -> None:
    tags = ["cat", "dog", "red car", "\u4eba", "x"]
    model, processor = opened(clip)
    wanted = []
    for path in pictures:
        inputs = processor(
            text=[f"a photo of a {t}" for t in tags], images=Image.open(path), return_tensors="pt", padding=True
        )
        with torch.no_grad():
            likely = model(**inputs).logits_per_image[0].softmax(0).tolist()
        assert min(abs(p - 0.2) for p in likely) > 1e-5
        wanted.append([t for p, t in sorted(zip(likely, tags, strict=True), reverse=True) if p >= 0.2])
    assert len({tuple(one) for one in wanted}) > 1
    assert run("image_tags", [pictures[:3], pictures[3:]], tags=tags, hf_clip=clip) == [wanted[:3], wanted[3:]]
    for problem in ({"tags": None}, {"tags": ["a", "a"]}, {"tags": ["a"], "template": "a photo"}):
        with pytest.raises(FunctionError, match=r"tags|template"):
            measured("image_tags", [pictures[:1]], hf_clip=clip, **problem)


# OWL-ViT


def defined_recall(folder: str, phrases: list[str], image: Image.Image, iou: float, area: float) -> float:
    model, processor = opened(folder, "OwlViTForObjectDetection")
    inputs = processor(text=[phrases], images=image, return_tensors="pt", padding=True, truncation=True)
    with torch.no_grad():
        outputs = model(**inputs)
    height_width = torch.tensor([image.size[::-1]])
    found = processor.image_processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=height_width)[
        0
    ]
    hits: dict[int, list[float]] = {}
    for at in found["scores"].argsort(descending=True)[: len(phrases)]:
        label, box = found["labels"][at].item(), found["boxes"][at].tolist()
        covered = (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height)
        if label not in hits and covered <= area and all(shared(box, other) <= iou for other in hits.values()):
            hits[label] = box
    return len(hits) / len(phrases)


def shared(one: list[float], other: list[float]) -> float:
    both = [max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])]
    sizes = [max(0.0, b[2] - b[0]) * max(0.0, b[3] - b[1]) for b in (one, other, both)]
    return sizes[2] / (sizes[0] + sizes[1] - sizes[2])


def test_phrase_grounding_recall_is_that_of_plain_transformers(
    tmp_path: Path, pictures: list[str], monkeypatch
) -> None:
    pytest.importorskip("nltk")
    from juicesql.udfs.multimodal import phrase_grounding_recall

    said = {"a": ["cat", "red dog", "hat", "tree", "the sky"], "b": [], "c": ["man"], "d": ["sun", "x"]}
    monkeypatch.setattr(phrase_grounding_recall, "noun_phrases", lambda texts, tagger: {t: said[t] for t in texts})
    folder = tiny.owlvit(tmp_path / "owlvit")
    texts = [f"{IMAGE}b{EOC}{IMAGE}{IMAGE} a", f"{IMAGE}c{EOC}d{IMAGE}", "none"]
    images = [pictures[:3], pictures[3:5], []]
    seen = set()
    for iou, area in ((0.5, 0.95), (0.9, 0.5), (0.05, 0.3)):
        got = run("phrase_grounding_recall", texts, images, hf_owlvit=folder, iou_thr=iou, large_area_ratio_thr=area)
        a = [defined_recall(folder, said["a"], Image.open(path), iou, area) for path in pictures[1:3]]
        c, d = (
            defined_recall(folder, said[k], Image.open(p), iou, area) for k, p in zip("cd", pictures[3:5], strict=True)
        )
        assert close(got[0], [1.0, sum(a) / 2]) and close(got[1], [c, d]) and got[2] == []
        seen |= {*a, c, d}
    assert len(seen) > 2


def test_noun_phrases_are_those_of_nltk() -> None:
    nltk = pytest.importorskip("nltk")
    from juicesql.udfs.multimodal import _phrases
    from juicesql.udfs.text._punkt import punkt_folder
    from nltk.tokenize.punkt import PunktTokenizer

    try:
        nltk.data.path.append(str(punkt_folder("en").parent.parent.parent))
    except FunctionError:
        pytest.skip("punkt_tab is not here")
    texts = [
        "The old dog's house, e.g. a red-brick one. It isn't Mr. Smith's!", "two cats (and A Dark Cat) sat; the dog... sat?",
        "light light cat dog\u2019s 3.5 % of $12", "", "\u00e9t\u00e9 \U0001f600 the dog\n\nThe light \u201ccats\u201d",
    ]  # fmt: skip
    tagger = _phrases._tagger(_phrases.tagger_folder("tests/models/tagger"))
    grammar = nltk.RegexpParser("NP: {<DT>?<JJ.*>*<NN.*>+}")
    got = _phrases.noun_phrases(texts, "tests/models/tagger")
    for text in texts:
        parts = PunktTokenizer("english").tokenize(text.lower())
        words = [word for part in parts for word in nltk.tokenize.NLTKWordTokenizer().tokenize(part)]
        parsed = grammar.parse(tagger.tag(words)) if words else nltk.Tree("S", [])
        whole = [" ".join(word for word, _ in found) for found in parsed.subtrees(lambda t: t.label() == "NP")]
        bare = ["".join(c for c in phrase if c not in "|:;@()[]{}^'\"\u2019`?$%#!&*+,.").strip() for phrase in whole]
        assert got[text] == list(dict.fromkeys(phrase for phrase in bare if phrase)), text
