"""Stat `num_token`."""

import pyarrow as pa

from juicesql.api import stat

from ._tokens import counter_assets, token_counter


@stat(
    "num_token(text VARCHAR, hf_tokenizer VARCHAR := 'EleutherAI/pythia-6.9b-deduped') -> BIGINT",
    runs_on="device",
    extra="tokenizers",
    assets=counter_assets,
)
class NumToken:
    """Number of tokens that a language model's tokenizer makes of the text.

    Special tokens that a model wants around its input are not added, and nothing is cut off. `hf_tokenizer` is a
    tokenizer.json, a SentencePiece model, a folder with a tokenizer.json or tokenizer.model, `tiktoken:` and the name
    of an encoding (such as `tiktoken:cl100k_base`), or a name on the hub, from which only the tokenizer is fetched.
    Settings of a tokenizer_config.json are not read. Empty text: 0.
    Usual cut: >= 10. Source: Data-Juicer's token_num_filter.
    """

    def __init__(self, hf_tokenizer: str) -> None:
        self.count = token_counter(hf_tokenizer)

    def __call__(self, text: pa.StringArray) -> pa.Int64Array:
        return pa.array(self.count(text))
