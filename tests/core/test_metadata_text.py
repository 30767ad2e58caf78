"""Pair text is injective: an independent reader gets every metadata object back from it."""

from __future__ import annotations

import json
import random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core.where import identity
from engram.errors import InvalidMetadata
from tests.core.strategies import metadata, numbers


def read_pairs(text: str) -> dict[str, Any]:
    """The metadata behind a pair text, read with nothing but docs/protocol.md at hand."""
    pairs: dict[str, Any] = {}
    while text:
        key, text = read_until(text, "=:")
        typed = text.startswith(":=")
        value, text = read_until(text[2 if typed else 1 :], ";")
        pairs[key] = json.loads(value) if typed else value
        text = text[1:]
    return pairs


def read_until(text: str, ends: str) -> tuple[str, str]:
    """The unescaped text before the first bare end, and the rest from there on."""
    read, index = "", 0
    while text[index] not in ends:
        index += text[index] == "\\"
        read += text[index]
        index += 1
    return read, text[index:]


@given(metadata)
def test_pair_text_reads_back(rules: ModuleType, drawn: dict[str, Any]) -> None:
    text = rules.metadata_text(drawn).decode()
    assert identity(read_pairs(text)) == identity(drawn)


@given(metadata, st.randoms())
def test_order_of_keys_does_not_matter(
    rules: ModuleType, drawn: dict[str, Any], rng: random.Random
) -> None:
    pairs = list(drawn.items())
    rng.shuffle(pairs)
    assert rules.metadata_text(dict(pairs)) == rules.metadata_text(drawn)


@given(metadata)
def test_keys_stand_in_the_order_of_their_utf8(rules: ModuleType, drawn: dict[str, Any]) -> None:
    keys = list(read_pairs(rules.metadata_text(drawn).decode()))
    assert keys == sorted(drawn, key=str.encode)


@given(metadata)
def test_json_text_of_metadata_gives_the_same_pairs(
    rules: ModuleType, drawn: dict[str, Any]
) -> None:
    for ascii_only in (True, False):
        parsed = rules.parse_metadata(json.dumps(drawn, ensure_ascii=ascii_only))
        assert rules.metadata_text(parsed) == rules.metadata_text(drawn)


@given(numbers)
def test_number_text_reads_back_as_the_same_number(rules: ModuleType, number: float) -> None:
    text = rules.metadata_text({"x": number}).decode()
    assert float(text.removeprefix("x:=").removesuffix(";")) == number


def test_equal_numbers_are_one_value(rules: ModuleType) -> None:
    assert rules.metadata_text({"x": 1.0}) == rules.metadata_text({"x": 1})
    assert rules.metadata_text({"x": -0.0}) == rules.metadata_text({"x": 0})


def test_a_tuple_is_an_array(rules: ModuleType) -> None:
    assert rules.metadata_text({"x": (1, (2,))}) == rules.metadata_text({"x": [1, [2]]})


def test_absent_metadata_is_empty(rules: ModuleType) -> None:
    assert rules.metadata_text(None) == rules.metadata_text({}) == b""


@pytest.mark.parametrize(("length", "fits"), [(8_192, True), (8_193, False)])
@pytest.mark.parametrize("letter", ["a", "😀"])
def test_text_is_limited_in_code_points(
    rules: ModuleType, letter: str, length: int, fits: bool
) -> None:
    assert accepts(rules, {"text": letter * length}) is fits
    assert accepts(rules, {"not_text": letter * length})


@pytest.mark.parametrize("value", ["a" * 65_533, ";" * 32_766 + "a", "é" * 32_766 + "a"])
def test_size_is_limited_after_escaping(rules: ModuleType, value: str) -> None:
    assert len(rules.metadata_text({"x": value})) == 65_536
    assert not accepts(rules, {"x": value + "a"})
    assert not accepts(rules, {"x": value, "y": ""})


def test_a_list_that_holds_itself_is_too_deep(rules: ModuleType) -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert not accepts(rules, {"x": endless})


def test_a_refusal_names_the_key_but_not_all_of_it(rules: ModuleType) -> None:
    with pytest.raises(InvalidMetadata, match="colour"):
        rules.metadata_text({"colour": {"red"}})
    with pytest.raises(InvalidMetadata) as caught:
        rules.metadata_text({"k" * 60_000: {"red"}})
    assert len(str(caught.value)) < 200


def accepts(rules: ModuleType, candidate: Any) -> bool:
    try:
        rules.metadata_text(candidate)
    except InvalidMetadata:
        return False
    return True
