"""A tokenizer file that asks for anything else is refused with a sentence, never misread."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.embedding.files import ModelFiles

Change = Callable[[dict[str, Any]], object]

CHANGES: dict[str, Change] = {
    "normalizer": lambda file: file["normalizer"].update(lowercase=False),
    "pre_tokenizer": lambda file: file.update(pre_tokenizer={"type": "Whitespace"}),
    "post_processor": lambda file: file["post_processor"]["single"].pop(),
    "added_tokens": lambda file: file["added_tokens"][4].update(single_word=True),
    "model": lambda file: file["model"].update(max_input_chars_per_word=200),
    "vocabulary": lambda file: file["model"].pop("vocab"),
    "'the'": lambda file: file["model"]["vocab"].update(the=30_522),
    "'zebra'": lambda file: file["model"]["vocab"].update(zebra=0),
    "extra": lambda file: file.update(extra=1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_refusal_names_what_differs(core: ModuleType, model: ModelFiles, name: str) -> None:
    file = json.loads(model.tokenizer.read_bytes())
    CHANGES[name](file)
    with pytest.raises(core.CoreError) as refused:
        core.WordPieces(json.dumps(file).encode())
    code, sentence = refused.value.args
    assert code == "model_mismatch"
    assert sentence.startswith("tokenizer.json")
    assert name.strip("'") in sentence


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_torn_or_flipped_file_never_panics(
    core: ModuleType, model: ModelFiles, data: st.DataObject
) -> None:
    file = bytearray(model.tokenizer.read_bytes())
    if data.draw(st.booleans()):
        del file[data.draw(st.integers(0, len(file) - 1)) :]
    else:
        file[data.draw(st.integers(0, len(file) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        core.WordPieces(bytes(file)).encode("some text")
    except core.CoreError as refused:
        assert refused.args[0] == "model_mismatch"


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", b"bytes", None, 7])
def test_what_is_no_text_is_refused(word_pieces: Any, core: ModuleType, text: Any) -> None:
    with pytest.raises(core.CoreError) as refused:
        word_pieces.encode(text)
    assert refused.value.args[0] == "invalid_text"
