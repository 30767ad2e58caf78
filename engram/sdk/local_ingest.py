"""From encoded items to records on disk, in this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engram.core import embedding as vectors
from engram.core import generate_cid
from engram.core.limits import MODEL_VERSION
from engram.embedding.interface import Embedded
from engram.errors import EngramError, InvalidInput, Overloaded, UnsupportedVersion
from engram.net.decode import Decoded, decode
from engram.protocol import IngestRequest
from engram.sdk.model import LazyModel
from engram.sdk.results import Ingested
from engram.storage import EmbeddedStore
from engram.storage.interface import Embedding, NewRecord, Stored

STUCK_S = 60.0  # the index takes hundreds of vectors a second: no room by then is a fault


@dataclass(frozen=True, slots=True)
class Prepared:
    """A record that is ready to be stored, and what its reply will say."""

    record: NewRecord
    truncated: bool
    exact: bool
    warnings: tuple[str, ...]


class LocalIngest:
    """Decode, embed, make the CID, write durably: the order in which a node does it."""

    def __init__(self, store: EmbeddedStore, model: LazyModel) -> None:
        self._store = store
        self._model = model

    def store(self, group: Sequence[bytes | InvalidInput]) -> list[Ingested | EngramError]:
        """One outcome per encoded item, in order; what is valid is on disk on return.

        What could not even be encoded stands there as its error.
        """
        decoded = [_decoded(content) for content in group]
        texts = [text for text in map(_text_of, decoded) if text is not None]
        embedded = iter(self._model.embed(texts))
        prepared = [
            one
            if isinstance(one, EngramError)
            else self._prepare(one, None if _text_of(one) is None else next(embedded))
            for one in decoded
        ]
        return self._put(prepared)

    def _prepare(
        self, decoded: Decoded[IngestRequest], embedded: Embedded | None
    ) -> Prepared | EngramError:
        request, warnings = decoded
        try:
            vector = embedded.vector if embedded else _given_vector(request)
            cid = generate_cid(vector, request.metadata, request.model_version)
        except InvalidInput as error:
            return error
        loaded = self._model.loaded
        return Prepared(
            NewRecord(cid, vector, request.metadata, model_version=request.model_version),
            truncated=bool(embedded and embedded.truncated),
            exact=embedded is None or bool(loaded and loaded.exact),
            warnings=tuple(warnings),
        )

    def _put(self, prepared: Sequence[Prepared | EngramError]) -> list[Ingested | EngramError]:
        ready = [one for one in prepared if isinstance(one, Prepared)]
        stored = iter(self._commit([one.record for one in ready]) if ready else [])
        return [
            _outcome(one, next(stored)) if isinstance(one, Prepared) else one for one in prepared
        ]

    def _commit(self, records: Sequence[NewRecord]) -> list[Stored | Exception]:
        """Store; while the exact tail is full, wait for the index: here nobody else can."""
        while True:
            try:
                return self._store.submit(records).result()
            except Overloaded:
                if not self._store.wait_for_room(timeout=STUCK_S):
                    raise


def _decoded(content: bytes | InvalidInput) -> Decoded[IngestRequest] | EngramError:
    if isinstance(content, InvalidInput):
        return content
    try:
        decoded = decode(content, IngestRequest)
    except InvalidInput as error:
        return error
    request = decoded.message
    given = [request.text, request.raw_embedding, request.embedding_b64]
    if sum(value is not None for value in given) != 1:
        return InvalidInput("Give exactly one of text, raw_embedding and embedding_b64.")
    if request.model_version != MODEL_VERSION:
        return UnsupportedVersion(f"This memory runs model version {MODEL_VERSION}.")
    return decoded


def _text_of(decoded: Decoded[IngestRequest] | EngramError) -> str | None:
    return None if isinstance(decoded, EngramError) else decoded.message.text


def _given_vector(request: IngestRequest) -> Embedding:
    if request.embedding_b64 is not None:
        return vectors.from_base64(request.embedding_b64)
    return vectors.from_numbers(request.raw_embedding or [])


def _outcome(prepared: Prepared, stored: Stored | Exception) -> Ingested | EngramError:
    if isinstance(stored, EngramError):
        return stored
    if isinstance(stored, Exception):
        raise stored
    return Ingested(
        cid=stored.cid,
        duplicate=stored.duplicate,
        truncated=prepared.truncated,
        exact=prepared.exact,
        warnings=prepared.warnings,
    )
