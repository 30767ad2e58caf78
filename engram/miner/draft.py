"""From a request to a record: pure rules, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np

from engram.core import embedding as vectors
from engram.core import generate_cid, generate_cids
from engram.core.limits import MODEL_VERSION
from engram.errors import EngramError, InvalidInput, UnsupportedVersion
from engram.protocol import IngestRequest, QueryRequest, Replicas
from engram.storage.interface import Embedding, NewRecord, Stored

T = TypeVar("T")
A = TypeVar("A")
Json = dict[str, Any]
Attempt: TypeAlias = T | EngramError
"""What came out for one item of a batch: a value, or the error that this item alone met."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A request whose embedding is known."""

    request: IngestRequest
    embedding: Embedding
    truncated: bool = False
    exact: bool = True  # nothing was computed for an embedding that the caller sent

    def record(self, cid: str) -> NewRecord:
        """What is stored. Side text only where the metadata has no text of its own."""
        metadata = self.request.metadata
        side_text = None if "text" in metadata else self.request.text
        return NewRecord(cid, self.embedding, metadata, side_text, MODEL_VERSION)

    def reply(self, stored: Stored, replicas: Replicas) -> Json:
        """IngestReply, built without validating what we made ourselves."""
        return {
            "cid": stored.cid,
            "error": None,
            "truncated": self.truncated,
            "duplicate": stored.duplicate,
            "exact": self.exact,
            "replicas": replicas.model_dump(),
            "warnings": [],
        }


class Sealed(NamedTuple):
    """A draft and its record, CID included."""

    draft: Draft
    record: NewRecord


def check(request: IngestRequest) -> IngestRequest:
    """The request, if it brings exactly one thing to store, in the version that we run."""
    one_of(request, "text", "raw_embedding", "embedding_b64")
    if request.model_version != MODEL_VERSION:
        raise UnsupportedVersion(
            f"This node runs model version {MODEL_VERSION}, not {request.model_version[:32]!r}."
        )
    return request


def one_of(request: IngestRequest | QueryRequest, *names: str) -> None:
    """Raise InvalidInput unless exactly one of the fields is not null."""
    given = [name for name in names if getattr(request, name) is not None]
    if len(given) != 1:
        found = " and ".join(given) or "none of them"
        raise InvalidInput(f"Send exactly one of {', '.join(names)}; this has {found}.")


def vector_of(numbers: Sequence[float] | None, base64: str | None) -> Embedding:
    """The embedding that the caller sent, in either form. Raises InvalidEmbedding."""
    if numbers is not None:
        return vectors.from_numbers(numbers)
    assert base64 is not None
    return vectors.from_base64(base64)


def draft_of(request: IngestRequest) -> Draft:
    """The draft of a request that brings its embedding. Raises InvalidEmbedding."""
    return Draft(request, vector_of(request.raw_embedding, request.embedding_b64))


def prepare(requests: Sequence[Attempt[IngestRequest | Draft]]) -> list[Attempt[Sealed]]:
    """Parse vectors and make CIDs for a whole batch; errors stay in their place."""
    drafts = [attempt(draft_of, r) if isinstance(r, IngestRequest) else r for r in requests]
    cids = iter(cids_of([draft for draft in drafts if isinstance(draft, Draft)]))
    return [seal(draft, next(cids)) if isinstance(draft, Draft) else draft for draft in drafts]


def seal(draft: Draft, cid: Attempt[str]) -> Attempt[Sealed]:
    """The draft with its record, or the error that its CID met."""
    return Sealed(draft, draft.record(cid)) if isinstance(cid, str) else cid


def cids_of(drafts: Sequence[Draft]) -> list[Attempt[str]]:
    """All CIDs in one call; one by one only if the call meets bad metadata."""
    if not drafts:
        return []
    metadatas = [draft.request.metadata for draft in drafts]
    try:
        return [*generate_cids(np.stack([draft.embedding for draft in drafts]), metadatas)]
    except InvalidInput:
        return [attempt(cid_of, draft) for draft in drafts]


def cid_of(draft: Draft) -> str:
    """The CID. Raises InvalidMetadata."""
    return generate_cid(draft.embedding, draft.request.metadata)


def attempt(call: Callable[[A], T], argument: A) -> Attempt[T]:
    """The call's result, or the error in the input that it raised."""
    try:
        return call(argument)
    except InvalidInput as error:
        return error
