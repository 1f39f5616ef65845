"""The models that tell whether a picture is safe for work."""

from __future__ import annotations

from pathlib import Path

from ._opennsfw import NAME, OpenNsfw, opennsfw_file
from ._vision import Scorer, SecondLabel, vision_folder


def nsfw_scorer(hf_nsfw_model: str, trust_remote_code: bool) -> Scorer:
    return OpenNsfw() if hf_nsfw_model == NAME else SecondLabel(hf_nsfw_model, trust_remote_code)


def nsfw_assets(hf_nsfw_model: str, trust_remote_code: bool, **_: object) -> list[Path]:
    return [opennsfw_file() if hf_nsfw_model == NAME else vision_folder(hf_nsfw_model, trust_remote_code)]
