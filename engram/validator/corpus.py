"""The texts that the validator's own records are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import Random

from engram.errors import InvalidInput

SUFFIXES = {".txt", ".md", ".jsonl"}
PARAGRAPH = re.compile(r"\n\s*\n")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")
WORD = re.compile(r"[a-z]{4,9}")
SHORTEST, LONGEST = 40, 1_200  # characters: what people store, within 256 word pieces
FEWEST = 20  # passages below which a corpus repeats itself at once


class Corpus:
    """Hands out texts without end: each passage once, then new combinations of their sentences.

    ``secret`` is what the operator says of it; recombined texts of a public one are no secret.
    """

    def __init__(self, passages: Iterable[str], random: Random, *, secret: bool) -> None:
        """Raises InvalidInput for fewer than 20 passages."""
        distinct = list(dict.fromkeys(fitting(passages)))
        if len(distinct) < FEWEST:
            raise InvalidInput(
                f"A corpus needs at least {FEWEST} distinct passages of {SHORTEST} to {LONGEST} "
                f"characters; this one has {len(distinct)}."
            )
        self.secret = secret
        self._random = random
        self._sentences = [s for p in distinct for s in SENTENCE.split(p)]
        self._words = sorted({word for p in distinct for word in WORD.findall(p)})
        self._unused = distinct if secret else []  # whoever has the bundled text knows it whole
        random.shuffle(self._unused)

    @property
    def unused(self) -> int:
        """Whole passages that were not handed out yet."""
        return len(self._unused)

    def text(self) -> str:
        """A text of one to a few sentences. The same may come again after very many."""
        if self._unused:
            return self._unused.pop()
        return " ".join(self._random.sample(self._sentences, self._random.randint(1, 3)))[:LONGEST]

    def name(self) -> str:
        """A name that somebody might give to a namespace."""
        words = self._random.sample(self._words, self._random.randint(1, 2))
        number = self._random.choice(["", "", str(self._random.randint(1, 99))])
        return self._random.choice("-_").join([*words, *([number] if number else [])])


def fitting(passages: Iterable[str]) -> Iterator[str]:
    """Each passage on one line, if its length is that of a memory."""
    for passage in passages:
        flat = " ".join(passage.split())
        if SHORTEST <= len(flat) <= LONGEST:
            yield flat


def read_passages(path: Path) -> list[str]:
    """The paragraphs of a text file, the ``text`` of each JSONL line, or both from a folder.

    Raises InvalidInput for a path that is not there, or a line that is no such JSON.
    """
    if not path.exists():
        raise InvalidInput(f"{path} is not there; name a file or folder of texts with --corpus.")
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.suffix in SUFFIXES)
    return [passage for file in files for passage in passages_of(file)]


def passages_of(file: Path) -> Iterator[str]:
    """The passages of one file."""
    content = file.read_text(encoding="utf-8", errors="replace")
    if file.suffix != ".jsonl":
        yield from PARAGRAPH.split(content)
        return
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield text_of(line, f"{file}:{number}")


def text_of(line: str, place: str) -> str:
    """The text in a JSONL line."""
    try:
        text = json.loads(line)["text"]
    except (ValueError, KeyError, TypeError):
        raise InvalidInput(f'{place} is not a JSON object with a "text"') from None
    if not isinstance(text, str):
        raise InvalidInput(f'{place}: "text" is not a string')
    return text
