"""Stat `llm_perplexity`."""

import pyarrow as pa

from juicesql.api import stat

from ._causal_lm import CausalLM, perplexities
from ._transformers import model_folder


@stat(
    "llm_perplexity(text VARCHAR, hf_model VARCHAR := 'Qwen/Qwen2.5-0.5B', query_template VARCHAR := '', "
    "response_template VARCHAR := '{text}', max_tokens INTEGER := 2048) -> DOUBLE",
    runs_on="device",
    extra="models",
    assets=lambda hf_model, **_: [model_folder(hf_model)],
)
class LlmPerplexity:
    """Perplexity of the text under a causal language model: low for fluent prose, high for noise.

    llm_perplexity = exp(mean cross-entropy of the response's tokens), in nats. The model reads the query, a space and
    the response, stripped of whitespace at both ends; the tokens of the query do not count. `{text}` in the two
    templates stands for the text; where the query is a column of its own, use `response_perplexity`. Of a longer input
    only the last `max_tokens` tokens are read (fewer when the model takes fewer). NULL for an empty or blank text and
    for one of a single token, which nothing precedes.

    `hf_model` is a folder or a name on the hub. Texts of like length run together; the batch that a text is in moves
    its value by less than 1e-4 of it on a CPU, in float32, and by about 1e-2 on a GPU, in bfloat16.

    Usual cut: between 1 and 100, which depends on the model. Source: Data-Juicer's llm_perplexity_filter. That one
    leaves the first token of the response out when the tokenizer has a beginning-of-text token that it does not put
    there (GPT-2, SmolLM), gives an error for texts beyond the model's context and fills its templates by any column.
    Its values are the same otherwise.
    """

    def __init__(self, hf_model: str, max_tokens: int) -> None:
        self.model = CausalLM(hf_model, max_tokens)

    def __call__(self, text: pa.StringArray, query_template: str, response_template: str) -> pa.DoubleArray:
        templates = (query_template, response_template)
        pairs = [tuple(t.replace("{text}", one) for t in templates) for one in text.to_pylist()]
        return pa.array(perplexities(self.model.losses(pairs)), pa.float64())
