"""Recall@10 against exact search, at the default settings, with filters and after deletes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.bare import TOP_K, nearest
from benchmarks.data import Corpus, load_corpus
from benchmarks.filled import GROUPS, filed_records, filled_copy, topics_of
from benchmarks.measure import Gate, results
from benchmarks.scale import Scale
from engram.config import StoreSettings
from engram.core.where import parse_where
from engram.storage import open_store
from engram.storage.interface import VectorStore

SHARES = (0.5, 0.1, 0.02, 0.005)
TOPIC_SHARES = (0.1, 0.02)
DELETED = 0.3
DELETERS = 64  # threads, so that deletes share their commits

Kept = NDArray[np.bool_]


def run(scale: Scale, work: Path) -> dict[str, Any]:
    """One store, the same held-out queries each time."""
    corpus = load_corpus(scale)
    cids = np.array([record.cid for record in filed_records(corpus)])
    everything = np.ones(len(cids), dtype=np.bool_)
    with filled_copy(corpus, work) as folder:
        store = open_store(folder, StoreSettings())
        try:
            gates = [_gate("no filter", 0.98, _recall(store, corpus, cids, everything))]
            for share in SHARES:
                limit = round(share * GROUPS)
                kept = np.arange(len(cids)) % GROUPS < limit
                where = {"group": {"$lt": limit}}
                recall = _recall(store, corpus, cids, kept, where)
                gates.append(_gate(f"a filter that keeps {share:.1%}", 0.97, recall))
            topics = topics_of(corpus.vectors)
            for share in TOPIC_SHARES:
                topic = _topic_of_size(topics, share)
                kept = topics == topic
                recall = _recall(store, corpus, cids, kept, {"topic": topic})
                case = f"a filter that keeps one tight topic, {kept.mean():.1%}"
                gates.append(_gate(case, 0.97, recall))
            kept = _delete(store, cids)
            recall = _recall(store, corpus, cids, kept)
            gates.append(_gate(f"{DELETED:.0%} deleted", 0.97, recall))
        finally:
            store.close()
    return results(gates, {"queries": len(corpus.queries), "records": len(cids)})


def _topic_of_size(topics: NDArray[np.intp], share: float) -> int:
    return int(np.argmin(np.abs(np.bincount(topics) / len(topics) - share)))


def _gate(case: str, target: float, recall: float) -> Gate:
    return Gate(f"recall@{TOP_K}, {case}", target, "at least", [recall])


def _recall(
    store: VectorStore,
    corpus: Corpus,
    cids: NDArray[np.str_],
    kept: Kept,
    clause: dict[str, Any] | None = None,
) -> float:
    """The share of the exact ``TOP_K`` that the store finds, over all queries."""
    where = None if clause is None else parse_where(clause)
    truth = nearest(corpus.vectors, corpus.queries, kept)
    found = 0
    for query, rows in zip(corpus.queries, truth, strict=True):
        hits = store.search(query, TOP_K, where)
        found += len({hit.cid for hit in hits} & set(cids[rows].tolist()))
    return found / truth.size


def _delete(store: VectorStore, cids: NDArray[np.str_]) -> Kept:
    random = np.random.default_rng(0)
    gone = random.choice(len(cids), size=round(DELETED * len(cids)), replace=False)
    _delete_all(store, cids[gone].tolist())
    kept = np.ones(len(cids), dtype=np.bool_)
    kept[gone] = False
    return kept


def _delete_all(store: VectorStore, cids: Sequence[str]) -> None:
    with ThreadPoolExecutor(DELETERS) as pool:
        if not all(pool.map(store.delete, cids)):
            raise LookupError("a record that was stored is not there to be deleted")
