"""Many texts at once, as fast as this machine embeds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from engram.embedding.grouping import equal_length_groups
from engram.embedding.interface import MAX_TOKENS, Embedded, Embedder

CALL_TOKENS = 512  # as in engram.embedding.onnx


def embed_all(embedder: Embedder, texts: Sequence[str], threads: int) -> list[Embedded]:
    """Embed texts in order, sorted by length into calls that ``threads`` threads work through.

    The bits are those of ``embedder.embed``. Raises what it raises.
    """
    with ThreadPoolExecutor(threads, thread_name_prefix="embed-all") as pool:
        lengths = [min(n, MAX_TOKENS) for n in pool.map(embedder.count_tokens, texts)]
        groups = equal_length_groups(lengths, CALL_TOKENS)
        batches = pool.map(embedder.embed, ([texts[i] for i in group] for group in groups))
        found = {
            i: e
            for group, batch in zip(groups, batches, strict=True)
            for i, e in zip(group, batch, strict=True)
        }
    return [found[position] for position in range(len(texts))]
