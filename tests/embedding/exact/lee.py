"""The Lee corpus: 50 news texts whose likeness people judged, and 300 more without judgements.

M. D. Lee, B. Pincombe, M. Welsh, An empirical evaluation of models of text document similarity,
2005. The files are test data of the gensim package, which is never imported.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def judged() -> list[str]:
    """The 50 texts, in the order of ``judgements``."""
    return _lines("lee.cor")


def background() -> list[str]:
    """300 texts of the same kind."""
    return _lines("lee_background.cor")


def judgements() -> NDArray[np.float64]:
    """The mean judgement of each pair, float64 of shape (1225,), 0..1, row by row."""
    square = np.loadtxt(_folder() / "similarities0-1.txt")
    return square[pairs()]


def pairs() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The 1,225 pairs of the 50 texts, as the indices of their upper triangle."""
    return np.triu_indices(50, 1)


def _lines(name: str) -> list[str]:
    return (_folder() / name).read_text("latin-1").rstrip("\n").split("\n")


def _folder() -> Path:
    spec = find_spec("gensim")
    assert spec is not None, "gensim, which has the Lee corpus, is not installed: make test"
    assert spec.origin is not None
    return Path(spec.origin).parent / "test" / "test_data"
