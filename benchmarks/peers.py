"""Vector stores that run inside the caller's process, ours among them, behind one small face.

Each is used as its own documentation shows first: a folder, the defaults, cosine similarity. Rows
carry their text and a number as metadata.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.bare import Vectors
from benchmarks.filled import records, store_all
from engram.config import StoreSettings
from engram.storage import open_store

NAME = "bench"


class Peer(Protocol):
    """A store of numbered rows."""

    def insert(self, first: int, texts: Sequence[str], vectors: Vectors) -> None:
        """Store the rows from number ``first`` on; back when the store says that they are kept."""
        ...

    def settle(self) -> None:
        """Wait for work that goes on behind an insert."""
        ...

    def search(self, vector: Vectors, count: int) -> list[int]:
        """The numbers of the ``count`` nearest rows of a vector (384,)."""
        ...

    def close(self) -> None:
        """Release the folder."""
        ...


class Engram:
    """Our store without its server, as ``Memory(folder)`` uses it."""

    def __init__(self, folder: Path) -> None:
        self._store = open_store(folder, StoreSettings())

    def insert(self, first: int, texts: Sequence[str], vectors: Vectors) -> None:
        store_all(self._store, records(texts, vectors, first))

    def settle(self) -> None:
        self._store.drain()

    def search(self, vector: Vectors, count: int) -> list[int]:
        return [hit.metadata["row"] for hit in self._store.search(vector, count)]

    def close(self) -> None:
        self._store.close()


class Chroma:
    """chromadb's persistent client."""

    def __init__(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        quiet = Settings(anonymized_telemetry=False)
        self._client = chromadb.PersistentClient(str(folder), settings=quiet)
        self._rows = self._client.get_or_create_collection(
            NAME, configuration={"hnsw": {"space": "cosine"}}, embedding_function=None
        )

    def insert(self, first: int, texts: Sequence[str], vectors: Vectors) -> None:
        numbers = range(first, first + len(texts))
        self._rows.add(
            ids=[str(number) for number in numbers],
            embeddings=vectors,
            metadatas=[{"row": number} for number in numbers],
            documents=list(texts),
        )

    def settle(self) -> None:
        """Its index is written inside the insert."""

    def search(self, vector: Vectors, count: int) -> list[int]:
        found = self._rows.query(query_embeddings=vector[None], n_results=count)
        return [int(number) for number in found["ids"][0]]

    def close(self) -> None:
        self._client.close()


class Qdrant:
    """qdrant-client's local mode: exact search in numpy, no server."""

    def __init__(self, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self._models = models
        self._client = QdrantClient(path=str(folder))
        if not self._client.collection_exists(NAME):
            shape = models.VectorParams(size=384, distance=models.Distance.COSINE)
            self._client.create_collection(NAME, vectors_config=shape)

    def insert(self, first: int, texts: Sequence[str], vectors: Vectors) -> None:
        numbers = range(first, first + len(texts))
        payloads = [{"row": n, "text": text} for n, text in zip(numbers, texts, strict=True)]
        batch = self._models.Batch(ids=list(numbers), vectors=vectors.tolist(), payloads=payloads)
        self._client.upsert(NAME, points=batch)

    def settle(self) -> None:
        """It has no index."""

    def search(self, vector: Vectors, count: int) -> list[int]:
        found: Any = self._client.query_points(NAME, query=vector, limit=count)
        return [int(point.id) for point in found.points]

    def close(self) -> None:
        self._client.close()


PEERS: dict[str, Callable[[Path], Peer]] = {
    "engram (in process)": Engram,
    "chromadb (persistent client)": Chroma,
    "qdrant-client (local mode)": Qdrant,
}
