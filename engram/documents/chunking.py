"""A document's text in chunks that the model reads whole. Nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from semantic_text_splitter import MarkdownSplitter, TextSplitter
from tokenizers import Tokenizer

from engram.core.limits import MAX_TEXT_CODE_POINTS
from engram.documents.interface import Chunk, Document, Kind

TOKENS = 200  # of the 256 that the model reads: it sees all of a chunk
OVERLAP = 0


class Chunker:
    """Cuts at paragraphs, then sentences, then words, by the model's own word pieces.

    The same document always gives the same chunks. Thread-safe.
    """

    def __init__(self, tokenizer: Path, tokens: int = TOKENS, overlap: int = OVERLAP) -> None:
        """``tokens`` a chunk at most, of which ``overlap`` repeat the chunk before."""
        reads = Tokenizer.from_file(str(tokenizer))
        reads.no_truncation()
        reads.no_padding()
        self._text = TextSplitter.from_huggingface_tokenizer(reads, tokens, overlap)
        self._markdown = MarkdownSplitter.from_huggingface_tokenizer(reads, tokens, overlap)

    def chunks(self, document: Document) -> list[Chunk]:
        """In order; together they hold everything but white space between them."""
        splitter = self._markdown if document.kind is Kind.MARKDOWN else self._text
        found = []
        for start, text in splitter.chunk_indices(document.text):
            for offset, part in short_enough(text):
                at = start + offset
                found.append(Chunk(part, at, document.page_at(at), document.heading_at(at)))
        return found


def short_enough(text: str) -> Iterator[tuple[int, str]]:
    """Parts of at most as many code points as a record's text may have.

    A word of ten thousand letters is one unknown word piece to the model.
    """
    ends = [*range(0, len(text), MAX_TEXT_CODE_POINTS), len(text)]
    for start, end in pairwise(ends):
        yield start, text[start:end]
