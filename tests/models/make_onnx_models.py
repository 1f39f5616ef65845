"""Writes `dark.onnx` beside this file. Run it after a change here: `python make_onnx_models.py` (needs the package onnx).

The model gives each pixel of an image (1, 3, height, width) the chance (1, 1, height, width) that it is dark: 1 far
below zero, 0 far above. As a detector of text it finds dark bars; as U2-Net it takes what is dark for the foreground.
"""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "height", "width"])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, "height", "width"])
steep = helper.make_tensor("steep", TensorProto.FLOAT, [1], [-100.0])
nodes = [
    helper.make_node("ReduceMean", ["x"], ["grey"], axes=[1], keepdims=1),
    helper.make_node("Mul", ["grey", "steep"], ["scaled"]),
    helper.make_node("Sigmoid", ["scaled"], ["y"]),
]
graph = helper.make_graph(nodes, "dark", [x], [y], [steep])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model)
(Path(__file__).parent / "dark.onnx").write_bytes(model.SerializeToString())
