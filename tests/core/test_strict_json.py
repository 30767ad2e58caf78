"""Strict JSON: orjson's value, or a refusal wherever two readers could disagree."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engram.core import strict_json
from engram.errors import DuplicateKey, MalformedJson

names = st.sampled_from(["a", "b", ":", '":', '\\":', "a ", '"', "é", ""])


class Pairs(list[tuple[str, Any]]):
    """An object as it stands in the text, duplicates and all."""


leaves = st.none() | st.integers(-5, 5) | names
documents: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inside: (
        st.lists(inside, max_size=4) | st.lists(st.tuples(names, inside), max_size=4).map(Pairs)
    ),
    max_leaves=12,
)
spaces = st.sampled_from(["", " ", "\n\t"])


def render(value: Any, space: str) -> str:
    if isinstance(value, Pairs):
        members = [f"{json.dumps(name)}{space}:{render(item, space)}" for name, item in value]
        return "{" + f"{space},".join(members) + "}"
    if isinstance(value, list):
        return "[" + f",{space}".join(render(item, space) for item in value) + "]"
    return json.dumps(value)


def repeats(value: Any) -> bool:
    if isinstance(value, Pairs):
        found = [name for name, _ in value]
        return len(set(found)) < len(found) or any(repeats(item) for _, item in value)
    return isinstance(value, list) and any(map(repeats, value))


@given(documents, spaces)
@example(Pairs([("a", ":"), ("a", 1)]), "")
@example(Pairs([(":", 1), ("b", [Pairs([("a", 1), ("a", 2)])])]), " ")
def test_a_repeated_key_is_found_and_nothing_else(document: Any, space: str) -> None:
    text = render(document, space)
    if repeats(document):
        with pytest.raises(DuplicateKey):
            strict_json.loads(text)
    else:
        assert strict_json.loads(text) == strict_json.loads(text.encode()) == orjson.loads(text)


def test_two_spellings_of_one_key_are_a_repetition() -> None:
    with pytest.raises(DuplicateKey, match="'a'"):
        strict_json.loads(r'{"a": 1, "\u0061": 2}')


broken = ["", "{", "[1,]", "01", "1 2", "'a'", "NaN", "Infinity", "1e400", "// x\n1", "\x001"]
no_text = ['"\ud800"', r'"\ud83d"', b"\xff", b'"\xed\xa0\x80"', "\ufeff1"]
endless = ["[" * 100_000, '{"a":' * 100_000, "[" * 2_000 + "]" * 2_000]


@pytest.mark.parametrize("text", [*broken, *no_text, *endless], ids=lambda text: repr(text[:9]))
def test_malformed(text: str | bytes) -> None:
    with pytest.raises(MalformedJson):
        strict_json.loads(text)


def test_deep_text_with_colons_in_strings_is_not_an_internal_error() -> None:
    text = '{":": 1, "x": ' + "[" * 1_020 + '":"' + "]" * 1_020 + "}"
    try:
        value = strict_json.loads(text)
    except MalformedJson as error:
        assert "deep" in str(error)
    else:
        assert value[":"] == 1


@pytest.mark.parametrize("body", [bytearray(b'{"a": 1}'), memoryview(b'{"a": 1}')])
def test_any_buffer_of_bytes_will_do(body: bytearray | memoryview) -> None:
    assert strict_json.loads(body) == {"a": 1}


def test_integers_beyond_64_bits_come_as_float() -> None:
    value = strict_json.loads('{"a:": 18446744073709551616, "b": ":"}')
    assert value == {"a:": 2.0**64, "b": ":"}
    assert isinstance(value["a:"], float)
