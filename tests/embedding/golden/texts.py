"""The 1,000 texts whose embeddings are pinned. Changing one changes its hash: add, don't edit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from tests.embedding.golden import phrases
from tests.embedding.golden.draw import Draw

COUNT = 1_000
LONGEST = 8_192  # code points that a record's text may have


@cache
def texts() -> tuple[str, ...]:
    """All of them, 0..8,192 code points each, no two alike."""
    made = [text for kind in KINDS for text in kind()]
    fill = Draw("fill")
    made += [sentence(fill) for _ in range(COUNT - len(made))]
    assert len(made) == len(set(made)) == COUNT
    assert all(len(text) <= LONGEST for text in made)
    return tuple(made)


def sentence(draw: Draw) -> str:
    kind, other = draw.many(phrases.KINDS, 2)
    person, place = draw.one(phrases.PEOPLE), draw.one(phrases.PLACES)
    when, number = draw.one(phrases.TIMES), draw.below(10_000)
    return f"The {kind} {person} {draw.one(phrases.DOINGS)} the {other} {place} {when}, {number}."


def odd() -> list[str]:
    p = phrases
    return [*p.ODD, *p.LANGUAGES, *p.CODE, *p.NUMBERS, *p.EMOJI, *p.LONG_WORDS]


def single_letters() -> list[str]:
    ascii_letters = [chr(code) for code in range(0x21, 0x7F) if not 0x42 <= code <= 0x59]
    return [*ascii_letters, *"\x00\x7f\u0301\u200b\ufeff\ufffdéßİ漢한😀ก\U0010ffff"]


def every_length() -> list[str]:
    """From one piece to 256 and a few more: each length leaves other rows over in a kernel."""
    draw = Draw("every length")
    return [" ".join(draw.many(phrases.WHOLE, count)) for count in range(1, 259)]


def blocks() -> list[str]:
    draw = Draw("blocks")
    found = []
    for first, last in phrases.BLOCKS:
        words = [letters(draw, first, last, 1 + draw.below(7)) for _ in range(1 + draw.below(8))]
        found.append(" ".join(words))
    return found


def any_letters() -> list[str]:
    """Letters of all planes without order, 2 to 66 of them."""
    draw = Draw("any letters")
    return [letters(draw, 0, 0x10FFFF, 2 + index * 2) for index in range(33)]


def paragraphs() -> list[str]:
    draw = Draw("paragraphs")
    return [" ".join(sentence(draw) for _ in range(count)) for count in range(2, 33)]


def longest() -> list[str]:
    """8,192 code points each, or just below."""
    draw = Draw("longest")
    prose = " ".join(sentence(draw) for _ in range(200))
    units = ["x", "x ", "漢", "한", "\u0301", "😀", "[SEP]", "[", ".", "e\u0301 ", "\n", "\u200b"]
    units += ["\u302e\U0001d165", "internationali", "الثعلب ", "0", "ab\r\n"]
    return [prose[:LONGEST], *(unit * (LONGEST // len(unit)) for unit in units)]


def letters(draw: Draw, first: int, last: int, count: int) -> str:
    """Scalar values; a surrogate becomes U+FFFD."""
    codes = [first + draw.below(last - first + 1) for _ in range(count)]
    return "".join("\ufffd" if 0xD800 <= code < 0xE000 else chr(code) for code in codes)


KINDS: list[Callable[[], list[str]]] = [
    odd,
    single_letters,
    every_length,
    blocks,
    any_letters,
    paragraphs,
    longest,
]
