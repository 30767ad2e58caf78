"""Our tokenizer gives the ids of the Hugging Face library, for every code point and any text.

The library's lower case follows the Unicode version of the compiler that built it, today 17; ours
is pinned at 16. The capital letters added between them become letters that are in no word piece,
so not one id differs. A library built later may differ here, and this test then names the letters.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.embedding.exact import lee
from tests.embedding.varied_texts import VARIED

EVERY_LETTER = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CHUNK = 20_000  # texts that the library reads in one call


def differing(ours: Any, library: Tokenizer, texts: list[str]) -> list[str]:
    found = []
    for start in range(0, len(texts), CHUNK):
        some = texts[start : start + CHUNK]
        theirs = library.encode_batch_fast(some)
        found += [t for t, it in zip(some, theirs, strict=True) if ours.encode(t) != it.ids]
    return found


def test_every_code_point_alone_in_a_word_and_among_marks(
    word_pieces: Any, library: Tokenizer
) -> None:
    texts = [f"{letter} mon{letter}key a\u302e{letter}\u0301\U0001d165b" for letter in EVERY_LETTER]
    assert differing(word_pieces, library, texts) == []


# Letters that do something, special words and their parts, and lengths on both sides of limits.
PART = st.one_of(
    st.text(max_size=8),
    st.sampled_from([*SPECIAL, "[", "]", "[CLS", "SEP]", "##", "##ing", "[sep]", "[UNK]" * 3]),
    st.sampled_from(["\u0301", "\u0323", "\u302e", "\U0001d165", "\u0489", "\u093e", "İ", "ſ"]),
    st.sampled_from([" ", "\u00a0", "\u3000", "\u2028", "\u0085", "\u200b", "\ufeff", "\ufffd"]),
    st.sampled_from(["漢", "豈", "한", "\U0002b740", "\U0002b820", "\U0002f800", "Å", "ﬁ", "Ω"]),
    st.integers(97, 103).map(lambda length: "é" * length),
    st.integers(97, 103).map(lambda length: "e\u0301" * length),
    st.text("abinternmusd", min_size=1, max_size=40),
)


@settings(max_examples=500, deadline=None)
@given(st.lists(PART, max_size=12).map("".join))
def test_any_text(word_pieces: Any, library: Tokenizer, text: str) -> None:
    assert word_pieces.encode(text) == library.encode(text).ids


def test_texts_as_people_write_them(word_pieces: Any, library: Tokenizer) -> None:
    texts = [*VARIED, *lee.judged(), *lee.background()]
    assert len(texts) > 380
    assert differing(word_pieces, library, texts) == []


@pytest.mark.parametrize("unit", ["x", "\u0301", "\u302e\U0001d165", "漢", "[", "[CLS", "[SEP]"])
def test_the_longest_text_of_one_kind(word_pieces: Any, library: Tokenizer, unit: str) -> None:
    text = unit * (8192 // len(unit))
    assert word_pieces.encode(text) == library.encode(text).ids
