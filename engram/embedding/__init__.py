"""Text to vector: all-MiniLM-L6-v2, 384 dimensions, unit length."""

import logging

from engram.embedding.interface import Embedded, Embedder
from engram.embedding.opening import open_embedder

__all__ = ["Embedded", "Embedder", "open_embedder"]

# Without it Python prints warnings into the terminal of a program that never asked for a log.
logging.getLogger(__name__).addHandler(logging.NullHandler())
