"""Mapper `sentence_augmentation`."""

from pathlib import Path

import pyarrow as pa

from juicesql.api import FunctionError, mapper

from ._generation import ChatModel, Drawing
from ._transformers import model_folder

SYSTEM_PROMPT = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)


def _assets(hf_model: str, task_sentence: str | None, **_: object) -> list[Path]:
    _given(task_sentence)
    return [model_folder(hf_model)]


@mapper(
    "sentence_augmentation(text VARCHAR, hf_model VARCHAR := 'Qwen/Qwen2-7B-Instruct', system_prompt VARCHAR := NULL, "
    "task_sentence VARCHAR := NULL, max_new_tokens INTEGER := 256, temperature DOUBLE := 0.2, top_p DOUBLE := NULL, "
    "num_beams INTEGER := 1, seed INTEGER := 0) -> VARCHAR",
    runs_on="device",
    extra="models",
    assets=_assets,
)
class SentenceAugmentation:
    """Ask a language model to write a sentence from the text as `task_sentence` says, such as a paraphrase.

    The model is told `Here is a sentence: "<text>". <task_sentence>` after the system prompt, through its chat template
    (a model without one gets `<system prompt> USER: <message> ASSISTANT:`); the answer is stripped of whitespace and
    then of double quotes. Empty text stays empty. Made for single sentences; put the result into a column of its own:
    `sentence_augmentation(text, task_sentence := 'Say it in other words.') as text2`.

    Tokens are drawn at `temperature` (0: the likeliest one), among the top_k of the model's own settings and, of these,
    the likeliest that together reach the probability `top_p`. The draws depend on the text and `seed` only, so another
    batch gives the same answer, except where rounding decides. `num_beams` above 1 searches the likeliest answer
    instead of drawing. `hf_model` is a folder or a name on the hub.

    Source: Data-Juicer's sentence_augmentation_mapper. That one draws anew in every run, blanks both columns when there
    is no `task_sentence` (an error here), and has runs of spaces in its default system prompt.
    """

    def __init__(self, hf_model: str) -> None:
        self.model = ChatModel(hf_model)

    def __call__(
        self,
        text: pa.StringArray,
        system_prompt: str | None,
        task_sentence: str | None,
        max_new_tokens: int,
        temperature: float,
        top_p: float | None,
        num_beams: int,
        seed: int,
    ) -> pa.StringArray:
        texts = text.to_pylist()
        some = [row for row, one in enumerate(texts) if one]
        if some:
            task, system = _given(task_sentence), SYSTEM_PROMPT if system_prompt is None else system_prompt
            messages = [f'Here is a sentence: "{texts[row]}". {task}' for row in some]
            drawing = Drawing(max_new_tokens, temperature, top_p, num_beams, seed)
            for row, answer in zip(some, self.model.answers(system, messages, drawing), strict=True):
                texts[row] = answer.strip().strip('"')
        return pa.array(texts, pa.string())


def _given(task_sentence: str | None) -> str:
    if not task_sentence:
        mend = "say what to do with the sentence, as in task_sentence := 'Say it in other words.'"
        raise FunctionError.of("missing-parameter", "task_sentence is not given", mend)
    return task_sentence
