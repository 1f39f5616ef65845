"""Stat `ifd_score`."""

import pyarrow as pa

from juicesql.api import stat

from ._causal_lm import CausalLM
from ._transformers import model_folder


@stat(
    "ifd_score(query VARCHAR, response VARCHAR, hf_model VARCHAR := 'Qwen/Qwen2.5-0.5B', "
    "max_tokens INTEGER := 2048) -> DOUBLE",
    runs_on="device",
    extra="models",
    assets=lambda hf_model, **_: [model_folder(hf_model)],
)
class IfdScore:
    """Instruction-following difficulty: how little the query helps a language model to predict the response.

    ifd_score = mean cross-entropy of the response after the query / mean cross-entropy of the response alone. Near 0
    the query gives the response away; above 1 it misleads, which often means that the two do not belong together. NULL
    for an empty or blank response, one of a single token, and one whose cross-entropy alone is 0. Length, model and
    batches as in `llm_perplexity`.

    Usual cut: between 0.2 and 1. Source: Li and others 2023 (arXiv 2308.12032), who keep the highest scores below 1;
    Data-Juicer's instruction_following_difficulty_filter. The bounds of that filter are those of a perplexity, 1 to
    100: its defaults keep what misleads.
    """

    def __init__(self, hf_model: str, max_tokens: int) -> None:
        self.model = CausalLM(hf_model, max_tokens)

    def __call__(self, query: pa.StringArray, response: pa.StringArray) -> pa.DoubleArray:
        responses = response.to_pylist()
        pairs = list(zip(query.to_pylist(), responses, strict=True))
        losses = self.model.losses(pairs + [("", r) for r in responses])
        rows = zip(losses[: len(pairs)], losses[len(pairs) :], strict=True)
        return pa.array([after / alone if after is not None and alone else None for after, alone in rows], pa.float64())
