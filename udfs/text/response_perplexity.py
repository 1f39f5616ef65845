"""Stat `response_perplexity`."""

import pyarrow as pa

from juicesql.api import stat

from ._causal_lm import CausalLM, perplexities
from ._transformers import model_folder


@stat(
    "response_perplexity(query VARCHAR, response VARCHAR, hf_model VARCHAR := 'Qwen/Qwen2.5-0.5B', "
    "max_tokens INTEGER := 2048) -> DOUBLE",
    runs_on="device",
    extra="models",
    assets=lambda hf_model, **_: [model_folder(hf_model)],
)
class ResponsePerplexity:
    """Perplexity of a response after its query under a causal language model: `llm_perplexity` with two columns.

    response_perplexity = exp(mean cross-entropy of the response's tokens), in nats; the model reads the query, a space
    and the response. An empty query leaves the response alone; an empty or blank response gives NULL, where Data-Juicer
    gives the perplexity of the query. Length, model and batches as in `llm_perplexity`.
    Usual cut: between 1 and 100. Source: Data-Juicer's llm_perplexity_filter with both its templates.
    """

    def __init__(self, hf_model: str, max_tokens: int) -> None:
        self.model = CausalLM(hf_model, max_tokens)

    def __call__(self, query: pa.StringArray, response: pa.StringArray) -> pa.DoubleArray:
        pairs = list(zip(query.to_pylist(), response.to_pylist(), strict=True))
        return pa.array(perplexities(self.model.losses(pairs)), pa.float64())
