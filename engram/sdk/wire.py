"""The protocol seen from the caller: one function per message, which builds it and reads its reply.

Nothing here opens a connection, sleeps or knows about asyncio.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar
from urllib.parse import quote

import orjson

from engram.errors import InvalidInput, InvalidMetadata, ServerError
from engram.sdk.results import (
    Failed,
    Hit,
    Ingested,
    Metadata,
    Outcome,
    Page,
    Proof,
    Record,
    Results,
    Stats,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
Vector: TypeAlias = "Sequence[float] | NDArray[np.float32]"
"""384 numbers; as an array float32, shape (384,)."""
Item = str | Mapping[str, Any]
"""A text, or an object with one of ``text``, ``raw_embedding``, ``embedding_b64`` and, if any,
``metadata``: the JSONL line of docs/protocol.md."""

BATCH_ITEMS = 256  # the most that /batch/ingest takes
BATCH_BYTES = 4 * 1024 * 1024  # half of what a node accepts in one body, room for any item


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its reply is read."""

    method: str
    path: str
    content: bytes | None
    parse: Callable[[Any], T]


def encode(value: Any) -> bytes:
    """Strict JSON. Raises InvalidInput for what JSON cannot carry (NaN, bytes, lone surrogates)."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this is not JSON: {error}") from error


def vector_b64(vector: Vector) -> str:
    """base64 of a validated vector. Raises InvalidEmbedding."""
    from engram.core import embedding

    return embedding.to_base64(embedding.from_numbers(vector))


def as_metadata(given: Any) -> Mapping[str, Any]:
    """Metadata, or an empty one for None. Raises InvalidMetadata for anything but an object."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidMetadata(f"metadata is an object, not {type(given).__name__}")
    return given


def as_object(given: Item) -> dict[str, Any]:
    """An item in its long form. Raises InvalidInput for what is neither text nor object."""
    if isinstance(given, str):
        return {"text": given}
    if not isinstance(given, Mapping):
        raise InvalidInput(f"an item is a text or an object, not {type(given).__name__}")
    return dict(given)


def as_items(given: Iterable[Item]) -> Iterable[Item]:
    """The items. Raises InvalidInput for one item: a text would be taken letter by letter."""
    if isinstance(given, str | bytes | Mapping):
        raise InvalidInput("this takes a list of texts or objects, not one of them")
    return given


def item(given: Item) -> dict[str, Any]:
    """One ingest as the wire wants it: the text inside the metadata, the vector as base64."""
    body = as_object(given)
    metadata = as_metadata(body.get("metadata"))
    _refuse_keys_that_are_no_text(metadata)
    if isinstance(body.get("text"), str):
        metadata = {"text": body["text"], **metadata}
    if body.get("raw_embedding") is not None:
        body["embedding_b64"] = vector_b64(body.pop("raw_embedding"))
    return body | {"metadata": dict(metadata)}


def ingest(text: str, metadata: Metadata | None = None) -> Call[Ingested]:
    return _post("/IngestSynapse", item({"text": text, "metadata": metadata}), read_ingested)


def ingest_embedding(vector: Vector, metadata: Metadata | None = None) -> Call[Ingested]:
    body = item({"raw_embedding": vector, "metadata": metadata})
    return _post("/IngestSynapse", body, read_ingested)


def batches(items: Iterable[Item]) -> Iterator[list[bytes]]:
    """Encoded items in groups that fit a batch, in order, read as they are needed.

    Raises InvalidInput naming the position of an item that cannot be sent.
    """
    for group in grouped(_encoded(as_items(items))):
        yield [content for _, content in group]


def grouped(numbered: Iterable[tuple[int, bytes]]) -> Iterator[list[tuple[int, bytes]]]:
    """Encoded items with their numbers, at most 256 and about 4 MiB together."""
    group: list[tuple[int, bytes]] = []
    size = 0
    for number, content in numbered:
        if group and (len(group) == BATCH_ITEMS or size + len(content) > BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append((number, content))
        size += len(content)
    if group:
        yield group


def ingest_batch(group: Sequence[bytes]) -> Call[list[Outcome]]:
    content = b'{"items":[' + b",".join(group) + b"]}"
    return Call("POST", "/batch/ingest", content, partial(_read_outcomes, len(group)))


def query(text: str, top_k: int = 10, where: Metadata | None = None) -> Call[Results]:
    return _post("/QuerySynapse", _search({"query_text": text}, top_k, where), _read_results)


def query_by_vector(
    vector: Vector, top_k: int = 10, where: Metadata | None = None
) -> Call[Results]:
    asked = {"query_b64": vector_b64(vector)}
    return _post("/QuerySynapse", _search(asked, top_k, where), _read_results)


def get(cid: str) -> Call[Record]:
    return _get(f"/retrieve/{quote(cid, safe=':')}", partial(read, Record))


def page(limit: int = 100, cursor: str | None = None, where: Metadata | None = None) -> Call[Page]:
    body = {"limit": limit} | _given(cursor=cursor, where=where)
    return _post("/list", body, _read_page)


def has(cids: Sequence[str]) -> Call[dict[str, int]]:
    return _post("/has", {"cids": list(cids)}, lambda body: dict(body["held"]))


def challenge(cid: str, nonce_hex: str, expires_at: int, version: int = 1) -> Call[Proof]:
    body = {"cid": cid, "nonce_hex": nonce_hex, "expires_at": expires_at, "version": version}
    return _post("/ChallengeSynapse", body, partial(read, Proof))


def health() -> Call[str]:
    return _get("/health", lambda body: str(body["status"]))


def ready() -> Call[str]:
    return _get("/ready", lambda body: str(body["status"]))


def stats() -> Call[Stats]:
    return _get("/stats", partial(read, Stats))


def decode(content: bytes) -> Any:
    """A reply's JSON. Raises ServerError if it is none."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise unreadable(f"its reply is no JSON ({error})") from error


def parsed(call: Call[T], body: Any) -> T:
    """What a reply says. Raises ServerError if it lacks what the protocol promises."""
    try:
        return call.parse(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise unreadable(f"its reply to {call.path} is not as promised ({error!r})") from error


def unreadable(reason: str, status: int = 200) -> ServerError:
    """The error for a server that does not speak the protocol."""
    sentence = f"This does not look like an Engram node: {reason}. Check the URL."
    return ServerError(sentence, code="bad_reply", status=status)


def read(kind: type[T], body: Any) -> T:
    """A result from the fields of a reply that it knows; newer nodes may send more."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in body.items() if name in known})


def read_ingested(body: Any) -> Ingested:
    return read(Ingested, body | {"warnings": tuple(body.get("warnings", ()))})


def _read_outcomes(expected: int, body: Any) -> list[Outcome]:
    outcomes = [_read_outcome(one) for one in body["outcomes"]]
    if len(outcomes) != expected:
        raise ValueError(f"{expected} items were sent and {len(outcomes)} answered")
    return outcomes


def _read_outcome(body: Any) -> Outcome:
    return Failed(body["error"], body["code"]) if body.get("error") else read_ingested(body)


def _read_results(body: Any) -> Results:
    hits = tuple(read(Hit, one) for one in body["results"])
    return Results(hits, body["latency_ms"], tuple(body.get("warnings", ())))


def _read_page(body: Any) -> Page:
    return Page(tuple(read(Record, one) for one in body["records"]), body["cursor"])


def _refuse_keys_that_are_no_text(value: Any) -> None:
    """Python would write the key 1 as "1", and the record would not be what was given."""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise InvalidMetadata(f"the metadata key {key!r} is no text")
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for inner in value:
        _refuse_keys_that_are_no_text(inner)


def _encoded(items: Iterable[Item]) -> Iterator[tuple[int, bytes]]:
    for position, given in enumerate(items):
        try:
            yield position, encode(item(given))
        except InvalidInput as error:
            raise type(error)(f"item {position}: {error.message}") from error


def _search(asked: dict[str, Any], top_k: int, where: Metadata | None) -> dict[str, Any]:
    return asked | {"top_k": top_k} | _given(where=where)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _post(path: str, body: Any, parse: Callable[[Any], T]) -> Call[T]:
    return Call("POST", path, encode(body), parse)


def _get(path: str, parse: Callable[[Any], T]) -> Call[T]:
    return Call("GET", path, None, parse)
