"""`lower_case` is `str.lower`, of every character and of any text; `line_key` takes off the accents it names."""

import unicodedata

import definitions as plain
from hypothesis import given, settings
from hypothesis import strategies as st

CHARS = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
greek = st.text(st.sampled_from([*"ΣσςΑα'.:\u0301\u00ad İIıA1 \n\t\u200bßẞ"]), max_size=12)
some = settings(max_examples=400, deadline=None)


def test_every_character() -> None:
    for before, after in (("", ""), ("a", ""), ("a", "b"), ("aΣ", ""), ("aΣ", "Σ"), ("Σ", "a")):
        texts = [before + c + after for c in CHARS]
        assert plain.call("lower_case", texts) == [t.lower() for t in texts]


@some
@given(st.lists(st.one_of(greek, plain.texts), min_size=1, max_size=4))
def test_any_text(texts: list[str]) -> None:
    expected = [t.lower() for t in texts]
    assert plain.call("lower_case", texts) == expected
    assert [plain.call("lower_case", [t])[0] for t in texts] == expected


def test_line_keys_of_every_character() -> None:
    for char, key in zip(CHARS, plain.call("line_key", CHARS), strict=True):
        category = unicodedata.category(char)
        if category[0] == "P" or char.isspace():
            expected = ""
        elif category == "Nd":
            expected = "0"
        else:
            parts = unicodedata.normalize("NFD", char)
            expected = unicodedata.normalize("NFC", "".join(c for c in parts if not "\u0300" <= c <= "\u036f"))
        assert unicodedata.normalize("NFC", key) == expected, hex(ord(char))
