"""Stat `video_tagging_from_audio`."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from juicesql.api import Partly, stat

from .._vision import vision_folder
from ..audio._ast import SoundClassifier, sound_values
from ..audio._audio import NoSound, read_audio

NO_AUDIO = "EMPTY"


def _assets(hf_ast: str, trust_remote_code: bool) -> list[Path]:
    return [vision_folder(hf_ast, trust_remote_code)]


@stat(
    "video_tagging_from_audio(videos VARCHAR[], hf_ast VARCHAR := 'MIT/ast-finetuned-audioset-10-10-0.4593', "
    "trust_remote_code BOOLEAN := false) -> VARCHAR[]",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class VideoTaggingFromAudio:
    """The likeliest label of the sound of each video, by an audio classifier; 'EMPTY' for a video without sound.

    The default model is the Audio Spectrogram Transformer, which knows the 527 labels of AudioSet (speech, music,
    animals, vehicles, ...); `hf_ast` is a folder or a name on the hub. The first channel of the first audio stream is
    brought to the rate of the model, which hears the first 10.24 seconds; no more than that is read, so a file that is
    cut off later is not noticed. `trust_remote_code := true` runs Python code that comes with the model. For more than
    one label, and for probabilities, `audio_tags` reads videos too.

    A file that is missing or broken is an error of its row. No videos: an empty list. The sounds of many rows go
    through the model together.

    Usual cut: `list_has_any(video_tagging_from_audio(videos), ['Speech', 'Music'])`. Source: Data-Juicer's
    video_tagging_from_audio_mapper; AST (Gong, Chung and Glass 2021). Data-Juicer takes the time base of the stream for
    its sampling rate, which is another one in MKV and WEBM, and hears the channels of some codecs one sample each.
    """

    def __init__(self, hf_ast: str, trust_remote_code: bool) -> None:
        self.model = SoundClassifier(hf_ast, trust_remote_code)

    def __call__(self, videos: pa.ListArray) -> Partly:
        return sound_values(videos, self.model, self._read, self._label)

    def _read(self, path: str) -> np.ndarray | None:
        try:
            samples, _ = read_audio(path, self.model.rate, self.model.seconds, first_channel=True)
        except NoSound:
            return None
        return samples if len(samples) else None

    def _label(self, found: np.ndarray | None) -> str:
        return NO_AUDIO if found is None else self.model.likeliest(found, 1)[0]["label"]
