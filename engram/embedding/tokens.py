"""Text to word-piece numbers, as the model was trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from engram.embedding.interface import MAX_TOKENS
from engram.errors import InvalidText


class Tokens(NamedTuple):
    """What the model reads of a text."""

    ids: NDArray[np.int64]
    """int64, shape (2..256,): [CLS], word pieces, [SEP]."""
    total: int
    """Length of the whole text, of which ``ids`` may be the beginning."""

    @property
    def truncated(self) -> bool:
        return self.total > len(self.ids)


class WordPieces:
    """The model's tokenizer. Thread-safe; releases the GIL."""

    def __init__(self, path: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        # The file asks for 128 tokens and pads to them; both would change every vector.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def read(self, text: str) -> Tokens:
        """Raises InvalidText if the text has lone surrogates."""
        ids = self._encode(text)
        if len(ids) > MAX_TOKENS:
            read = np.array([*ids[: MAX_TOKENS - 1], ids[-1]], np.int64)
        else:
            read = np.array(ids, np.int64)
        return Tokens(read, len(ids))

    def _encode(self, text: str) -> list[int]:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidText(
                f"The text has a lone surrogate at position {error.start}, "
                "so it is not Unicode text."
            ) from error
        # The batch call, for one text, because it alone lets go of the GIL.
        return self._tokenizer.encode_batch_fast([text])[0].ids
