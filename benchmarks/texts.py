"""Real English that every machine with the pinned packages already has.

The sentences are the documentation of the Python standard library and of the installed packages:
docstrings, comment blocks, README files and long descriptions, cut into sentences of 8 to 60
words. They were written by thousands of people for other people to read, cost no download, and
crowd around topics the way real corpora do, which is what makes an index miss.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(`])")
BLANK_LINE = re.compile(r"\n\s*\n")
PROSE_SUFFIXES = {".md", ".rst", ".txt"}
CODE_SUFFIXES = {".py", ".pyi"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def english_sentences(count: int) -> list[str]:
    """``count`` distinct sentences in an order that is fixed by their own hashes.

    Raises LookupError when the installed packages hold fewer.
    """
    found = set(sentences_in(Path(sysconfig.get_path("stdlib")), skip="site-packages"))
    found |= set(sentences_in(Path(sysconfig.get_path("purelib"))))
    if len(found) < count:
        raise LookupError(
            f"the installed packages hold {len(found):,} sentences and {count:,} are needed: "
            "install requirements/dev.txt and the standard library's tests"
        )
    return sorted(found, key=_hash)[:count]


def sentences_in(root: Path, skip: str | None = None) -> Iterator[str]:
    """Sentences of every file below a folder, with repeats; ``skip`` names folders to pass by."""
    for path in root.rglob("*"):
        if skip in path.parts or not path.is_file():
            continue
        for paragraph in _paragraphs(path):
            yield from filter(_is_prose, map(str.strip, SENTENCE_END.split(paragraph)))


def _paragraphs(path: Path) -> Iterator[str]:
    if path.suffix in CODE_SUFFIXES:
        passages = _passages_in_code(path)
    elif path.suffix in PROSE_SUFFIXES or path.name == "METADATA":
        passages = iter([path.read_text(encoding="utf-8", errors="replace")])
    else:
        return
    for passage in passages:
        for paragraph in BLANK_LINE.split(passage):
            if ">>>" not in paragraph:
                yield " ".join(paragraph.split())


def _passages_in_code(path: Path) -> Iterator[str]:
    source = path.read_text(encoding="utf-8", errors="replace")
    yield from _comment_blocks(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in other people's tests
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return  # templates and files that are broken on purpose, for tests
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (doc := ast.get_docstring(node)):
            yield doc


def _comment_blocks(source: str) -> Iterator[str]:
    block: list[str] = []
    for line in (*map(str.strip, source.splitlines()), ""):
        if line.startswith("#"):
            block.append(line.lstrip("#: "))
        elif block:
            yield "\n".join(block)
            block = []


def _is_prose(sentence: str) -> bool:
    if not sentence.isascii() or not 8 <= len(sentence.split()) <= 60:
        return False
    letters = sum(character.isalpha() or character == " " for character in sentence)
    return letters > 0.8 * len(sentence)


def _hash(sentence: str) -> bytes:
    return hashlib.sha256(sentence.encode()).digest()
