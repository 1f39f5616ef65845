"""Models that turn pictures or clips into features and class probabilities.

A model is a folder or hub id of transformers, an ONNX file, or `efficientnet-lite0`, whose weights a package ships.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from juicesql.assets import hub_model
from juicesql.errors import FunctionError

Array = np.ndarray[Any, Any]
LITE0 = "efficientnet-lite0"  # 1,280 features of length 1, and the 1,000 classes of ImageNet


class Backbone(Protocol):
    """`length` is how many frames a clip must have; 0: it takes single pictures. `prepare` takes a list of RGB frames,
    one for a model of pictures, and may raise ValueError; the others take batches of what it gave."""

    length: int

    def prepare(self, item: list[Array]) -> Any: ...

    def features(self, inputs: Sequence[Any]) -> Array: ...

    def probabilities(self, inputs: Sequence[Any]) -> Array: ...


def open_backbone(name: str, trust_remote_code: bool = False, length: int = 0) -> Backbone:
    """The backbone of a name. `length` frames are wanted of a clip; 0 leaves it to the model. FunctionError when there
    is no such model or it takes another number of frames."""
    if name == LITE0:
        return PackagedLite0()
    if name.endswith(".onnx"):
        return OnnxBackbone(name, length)
    return TransformersBackbone(name, trust_remote_code, length)


class TransformersBackbone:
    """Any encoder of pictures (ViT, DINOv2, ResNet, CLIP ...) or clips (VideoMAE, TimeSformer ...) of transformers.

    Features are those of a CLIP-like model's projection; else the class token of the last state where there is one,
    else the mean over its places.
    """

    def __init__(self, name: str, trust_remote_code: bool, length: int) -> None:
        self.name, self.trusted = name, trust_remote_code
        self.folder = hub_model(name)
        own = getattr(self.encoder.config, "num_frames", 0) or getattr(self.encoder.config, "frames_per_clip", 0)
        if own and length and own != length:
            message = f"{name} takes clips of {own} frames, not {length}"
            raise FunctionError.of("bad-model", message, f"set frames to {own}, or take another model")
        self.length = int(own)

    @cached_property
    def device(self) -> str:
        import torch

        return os.environ.get("JUICESQL_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def encoder(self) -> Any:
        return self._load("AutoModel")

    @cached_property
    def classifier(self) -> Any:
        return self._load(f"AutoModelFor{'Video' if self.length else 'Image'}Classification")

    @cached_property
    def processor(self) -> Any:
        return self._load("AutoImageProcessor")

    def _load(self, auto_class: str) -> Any:
        transformers = import_module("transformers")
        transformers.utils.logging.set_verbosity_error()
        options: dict[str, Any] = {"local_files_only": True, "trust_remote_code": self.trusted}
        kind = getattr(transformers, auto_class)
        try:
            if auto_class == "AutoImageProcessor":
                return kind.from_pretrained(self.folder, backend="pil", **options)
            model, found = kind.from_pretrained(self.folder, output_loading_info=True, use_safetensors=True, **options)
        except Exception as error:  # many kinds: no such class, a broken file, weights that do not fit
            told = str(error).strip().partition("\n")[0]
            mend = f"give a folder or hub id that {auto_class} can load, with safetensors"
            raise FunctionError.of("bad-model", f"{self.name}: {type(error).__name__}: {told}", mend) from error
        if lacking := sorted(key for key in found["missing_keys"] if "pooler." not in key):
            message = f"{self.name} has no weights for {', '.join(lacking[:3])}"
            raise FunctionError.of("bad-model", message, f"give a model that was saved as {auto_class}")
        return model.float().to(self.device).eval()

    def prepare(self, item: list[Array]) -> Any:
        """The tensor that the processor makes of a clip or picture."""
        given = self.processor(item if self.length else item[0], return_tensors="pt", input_data_format="channels_last")
        return next(iter(given.values()))

    def _batch(self, inputs: Sequence[Any]) -> Any:
        import torch

        return torch.cat(list(inputs)).to(self.device)

    def features(self, inputs: Sequence[Any]) -> Array:
        import torch

        if len({one.shape for one in inputs}) > 1:  # a processor that keeps the shape of pictures
            return np.concatenate([self.features([one]) for one in inputs])
        model = self.encoder
        with torch.inference_mode():
            pixels = self._batch(inputs)
            if hasattr(model, "get_image_features"):
                found = model.get_image_features(pixel_values=pixels)
                return _numpy(getattr(found, "pooler_output", found))
            found = model(**{model.main_input_name: pixels})
            if model.config.model_type.startswith("clip"):  # whose last norm comes after the last state
                return _numpy(found.pooler_output)
            states = found.last_hidden_state
            if states.ndim == 4:  # channels first
                return _numpy(states.mean((2, 3)))
            token = any(n.endswith(("cls_token", "class_embedding")) for n, _ in model.named_parameters())
            return _numpy(states[:, 0] if token else states.mean(1))

    def probabilities(self, inputs: Sequence[Any]) -> Array:
        import torch

        if len({one.shape for one in inputs}) > 1:
            return np.concatenate([self.probabilities([one]) for one in inputs])
        with torch.inference_mode():
            logits = self.classifier(**{self.classifier.main_input_name: self._batch(inputs)}).logits
            return _numpy(logits.float().softmax(-1))


def _numpy(tensor: Any) -> Array:
    return np.asarray(tensor.float().cpu().numpy())


class OnnxBackbone:
    """An ONNX file whose first input is pictures (4 axes) or clips (5 axes), pixels from 0 to 1, channels of RGB.

    Places of the channels, the size and the length of a clip are read from the shape of the input (224 pixels where
    it leaves the size open). Features are the output `features`, else the first one, its axes after the second
    averaged; probabilities are the softmax of the output `logits`. Put a norm of the pixels into the graph.
    """

    def __init__(self, name: str, length: int) -> None:
        onnxruntime = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        wanted = ["CUDAExecutionProvider", "CPUExecutionProvider"][os.environ.get("JUICESQL_DEVICE") == "cpu" :]
        providers = [p for p in wanted if p in onnxruntime.get_available_providers()]
        try:
            self.session = onnxruntime.InferenceSession(str(Path(name).expanduser()), options, providers)
        except Exception as error:  # onnxruntime has a class of its own for each kind of broken file
            told = str(error).strip().partition("\n")[0]
            raise FunctionError.of("bad-model", f"{name}: {told}", "give the path of an ONNX model") from error
        self.name, self.input = name, self.session.get_inputs()[0]
        self.outputs = [o.name for o in self.session.get_outputs()]
        shape = self.input.shape
        if len(shape) not in (4, 5) or 3 not in shape[1:]:
            mend = "export it with an input such as (batch, 3, height, width) or (batch, 3, frames, height, width)"
            raise FunctionError.of("bad-model", f"{name} takes {shape}, which are no pictures or clips", mend)
        self.channels = shape.index(3, 1)
        rest = [axis for place, axis in enumerate(shape) if place not in (0, self.channels)]
        own = rest[0] if len(shape) == 5 and isinstance(rest[0], int) else 0
        self.length = (own or length or 16) if len(shape) == 5 else 0
        if own and length and own != length:
            raise FunctionError.of(
                "bad-model", f"{name} takes clips of {own} frames, not {length}", f"set frames to {own}"
            )
        height, width = (axis if isinstance(axis, int) else 224 for axis in rest[-2:])
        self.size = (height, width)

    def prepare(self, item: list[Array]) -> Any:
        """Frames resized with Pillow, the axes in the order that the model takes."""
        from PIL import Image

        height, width = self.size
        resized = [np.asarray(Image.fromarray(f).resize((width, height), Image.Resampling.BICUBIC)) for f in item]
        pixels = np.asarray(resized if self.length else resized[0], np.float32) / 255  # channels last
        return np.ascontiguousarray(np.moveaxis(pixels, -1, self.channels - 1))

    def features(self, inputs: Sequence[Any]) -> Array:
        output = "features" if "features" in self.outputs else self.outputs[0]
        found = self.session.run([output], {self.input.name: np.stack(inputs)})[0]
        return np.asarray(found.reshape(*found.shape[:2], -1).mean(axis=2))

    def probabilities(self, inputs: Sequence[Any]) -> Array:
        if "logits" not in self.outputs:
            mend = "export the classifier with an output called logits"
            raise FunctionError.of("bad-model", f"{self.name} has no output `logits`", mend)
        logits = self.session.run(["logits"], {self.input.name: np.stack(inputs)})[0].astype(np.float64)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))


class PackagedLite0:
    """EfficientNet-Lite0 by the stats `image_embedding` and `image_classes`, which read files: so it gets PNG files.

    Its features are of length 1.
    """

    length = 0

    def __init__(self) -> None:
        from juicesql.registry import Registry

        registry = Registry()
        self.embedding, self.classes = registry.get("image_embedding"), registry.get("image_classes")
        assert self.embedding.assets
        self.embedding.assets(hf_model=LITE0, trust_remote_code=False)  # FunctionError without the package

    def prepare(self, item: list[Array]) -> Any:
        return item[0]

    def _apply(self, function: Any, pictures: Sequence[Any], **given: Any) -> list[Any]:
        import pyarrow as pa
        from PIL import Image

        from juicesql.call import apply

        with tempfile.TemporaryDirectory(prefix="juicesql-pictures-") as folder:
            paths = [f"{folder}/{number}.png" for number in range(len(pictures))]
            for path, picture in zip(paths, pictures, strict=True):
                Image.fromarray(picture).save(path, compress_level=1)
            parameters = {"hf_model": LITE0, "trust_remote_code": False, **given}
            found = apply(function, [pa.array([[p] for p in paths], pa.list_(pa.string()))], parameters)
        return [row[0] for row in found.to_pylist()]

    def features(self, inputs: Sequence[Any]) -> Array:
        return np.asarray(self._apply(self.embedding, inputs))

    def probabilities(self, inputs: Sequence[Any]) -> Array:
        rows = []
        for row in self._apply(self.classes, inputs, top_k=1000):
            shares: dict[str, float] = {}
            for found in row:  # two classes of ImageNet have the name of another
                shares[found["label"]] = shares.get(found["label"], 0.0) + found["score"]
            rows.append([share for _, share in sorted(shares.items())])
        return np.asarray(rows)
