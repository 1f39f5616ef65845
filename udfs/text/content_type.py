"""Stat `content_type`."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import FunctionError, stat


def _files() -> list[Path]:
    """The model, its settings and the descriptions of the content types, as the package ships them."""
    from importlib.util import find_spec

    spec = find_spec("magika")  # only looked at: the package itself is not needed
    for place in spec.submodule_search_locations or () if spec else ():
        models = sorted(Path(place).glob("models/*/model.onnx"))
        types = Path(place) / "config" / "content_types_kb.min.json"
        if models and types.is_file():
            return [models[-1], models[-1].with_name("config.min.json"), types]
    raise FunctionError.of("no-model", "the package magika is not installed", "pip install 'juicesql[safety]'")


@stat(
    "content_type(text VARCHAR) -> STRUCT(label VARCHAR, kind VARCHAR, score DOUBLE)",
    runs_on="device",
    extra="safety",
    assets=_files,
)
class ContentType:
    """What the text is as a file, by Google's Magika: label ('python', 'html', 'txt'), kind ('code', 'text') and score.

    The model reads the first and the last 1024 bytes that are no whitespace and knows 214 types. The score is its
    probability, 0 to 1, of the best one; where it is below the threshold of that type (mostly 0.5), the label is 'txt',
    or 'unknown' for a binary type, and the score stays. `kind` is Magika's group: code, text, document and so on. Fewer
    than eight bytes: 'txt' with score 1. Empty text: label 'empty', kind 'inode', score 1. `programming_language` is
    the label of code.

    About 5 ms a text on one core, however long the text is. Every text is a batch of its own, since the scores of
    larger ones differ in the seventh digit and save nothing; the cores work on several at once.

    Usual cut: kind in ('text', 'document') for prose: `content_type(text).kind in ('text', 'document')`. Source: Magika
    (Fratantonio and others 2024); labels and kinds are those of its `identify_bytes`. Data-Juicer has no such operator.
    """

    def __init__(self) -> None:
        import json

        import onnxruntime

        model, settings, types = _files()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.settings = json.loads(settings.read_text("utf-8"))
        described = json.loads(types.read_text("utf-8"))
        self.kinds = {label: type_["group"] or "unknown" for label, type_ in described.items()}
        self.is_text = {label: type_["is_text"] for label, type_ in described.items()}

    def __call__(self, text: pa.StringArray) -> pa.StructArray:
        from concurrent.futures import ThreadPoolExecutor
        from os import cpu_count

        with ThreadPoolExecutor(cpu_count()) as pool:  # the session runs without the GIL
            found = list(pool.map(self._identify, text.to_pylist()))
        labels = [label for label, _ in found]
        columns = [
            pa.array(labels, pa.string()),
            pa.array([self.kinds[label] for label in labels], pa.string()),
            pa.array([score for _, score in found], pa.float64()),
        ]
        return pa.StructArray.from_arrays(columns, ["label", "kind", "score"])

    def _identify(self, text: str) -> tuple[str, float]:
        content = text.encode()
        if not content:
            return "empty", 1.0
        block, least = self.settings["block_size"], self.settings["min_file_size_for_dl"]
        begin = content[:block].lstrip()
        if len(content) < least or len(begin) < least:
            return _plain(content[:block]), 1.0
        tokens = self._tokens(begin, content[-block:].rstrip())
        scores = self.session.run(["target_label"], {"bytes": tokens})[0][0]
        best = int(scores.argmax())
        return self._settled(self.settings["target_labels_space"][best], float(scores[best]))

    def _tokens(self, begin: bytes, end: bytes) -> np.ndarray:
        """One row: the begin filled up behind, the end filled up before."""
        first, last = self.settings["beg_size"], self.settings["end_size"]
        tokens = np.full((1, first + last), self.settings["padding_token"], np.int32)
        begin, end = begin[:first], end[-last:]
        tokens[0, : len(begin)] = np.frombuffer(begin, np.uint8)
        tokens[0, first + last - len(end) :] = np.frombuffer(end, np.uint8)
        return tokens

    def _settled(self, label: str, score: float) -> tuple[str, float]:
        """The label, or a general one where the score is too low."""
        least = self.settings["thresholds"].get(label, self.settings["medium_confidence_threshold"])
        label = self.settings["overwrite_map"].get(label, label)
        if score < least:
            label = "txt" if self.is_text[label] else "unknown"
        return label, score


def _plain(block: bytes) -> str:
    """As Magika labels a block of whitespace and a few bytes; its cut may go through a character."""
    try:
        block.decode()
    except UnicodeDecodeError:
        return "unknown"
    return "txt"
