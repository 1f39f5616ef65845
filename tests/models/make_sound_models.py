"""Writes `loud`, `loud-speech.onnx` and `loud-rating.onnx` beside this file: `python make_sound_models.py` (needs onnx).

`loud` is a sound classifier that is sure of "loud" where the mean of a short spectrogram is above the middle, else of
"quiet". `loud-speech.onnx` stands for a voice activity detector: the chance of speech in a window is its largest sample.
`loud-rating.onnx` stands for DNSMOS: all three ratings of a sound are the mean size of its samples.
"""

from pathlib import Path

import onnx
import torch
import transformers
from onnx import TensorProto, helper

HERE = Path(__file__).parent


@torch.no_grad()
def loud() -> None:
    config = transformers.ASTConfig(
        hidden_size=2, num_hidden_layers=1, num_attention_heads=1, intermediate_size=2, layer_norm_eps=1e-12,
        max_length=16, num_mel_bins=16, id2label={0: "loud", 1: "quiet"},
    )  # fmt: skip
    model = transformers.ASTForAudioClassification(config)
    for name, weights in model.named_parameters():
        weights.zero_()
        if "norm" in name and name.endswith("weight"):
            weights.fill_(1)
        elif name.endswith("patch_embeddings.projection.weight"):
            weights[0], weights[1] = 1, -1
        elif name.endswith(("v_proj.weight", "o_proj.weight")):  # attention takes the mean of all places
            weights.copy_(torch.eye(2))
    model.classifier.dense.weight.copy_(torch.tensor([[100.0, -100.0], [-100.0, 100.0]]))
    model.save_pretrained(HERE / "loud")
    transformers.ASTFeatureExtractor(num_mel_bins=16, max_length=16).save_pretrained(HERE / "loud")


def floats(name: str, *shape: object) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def save(
    name: str, nodes: list[onnx.NodeProto], given: list[onnx.ValueInfoProto], made: list[onnx.ValueInfoProto]
) -> None:
    graph = helper.make_graph(nodes, name, given, made)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def speech() -> None:
    state = [floats(name, 1, 1, 128) for name in ("h", "c", "hn", "cn")]
    nodes = [
        helper.make_node("Constant", [], ["parts"], value_ints=[64, 512]),
        helper.make_node("Split", ["input", "parts"], ["before", "window"], axis=1),
        helper.make_node("Abs", ["window"], ["sizes"]),
        helper.make_node("ReduceMax", ["sizes"], ["speech_probs"], axes=[1], keepdims=0),
        helper.make_node("Identity", ["h"], ["hn"]),
        helper.make_node("Identity", ["c"], ["cn"]),
    ]
    made = [floats("speech_probs", "windows"), *state[2:]]
    save("loud-speech", nodes, [floats("input", "windows", 576), *state[:2]], made)


def rating() -> None:
    nodes = [
        helper.make_node("Abs", ["input_1"], ["sizes"]),
        helper.make_node("ReduceMean", ["sizes"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Concat", ["mean", "mean", "mean"], ["ratings"], axis=1),
    ]
    save("loud-rating", nodes, [floats("input_1", "sounds", "samples")], [floats("ratings", "sounds", 3)])


if __name__ == "__main__":
    loud()
    speech()
    rating()
