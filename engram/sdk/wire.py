"""The protocol seen from the caller: one function per message, which builds it and reads its reply.

Nothing here opens a connection, sleeps or knows about asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote

import orjson

from engram.errors import CidMismatch, InvalidInput, ServerError
from engram.sdk.items import Draft, Item, Vector, checked_text, drafts, encode, item, vector_b64
from engram.sdk.own_embedder import OwnEmbedder
from engram.sdk.results import (
    Failed,
    Hit,
    Ingested,
    Metadata,
    Outcome,
    Page,
    Proof,
    Record,
    Replicas,
    Results,
    Stats,
)

if TYPE_CHECKING:
    from engram.protocol import PeersReply, RouteReply

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, and how its reply is read."""

    method: str
    path: str
    content: bytes | None
    parse: Callable[[Any], T]
    prepare: Callable[[OwnEmbedder], Call[T]] | None = None
    """Makes the call that is sent in this one's place, its text embedded here. Blocks."""
    settle: Callable[[Any], Any] | None = None
    """Puts into a reply what only this machine knows. Raises CidMismatch."""


def ingest(
    text: str, metadata: Metadata | None = None, *, min_replicas: int | None = None
) -> Call[Ingested]:
    return _ingest({"text": text, "metadata": metadata} | _given(min_replicas=min_replicas))


def ingest_embedding(
    vector: Vector, metadata: Metadata | None = None, *, min_replicas: int | None = None
) -> Call[Ingested]:
    item = {"raw_embedding": vector, "metadata": metadata}
    return _ingest(item | _given(min_replicas=min_replicas))


def ingest_batch(group: Sequence[Draft]) -> Call[list[Outcome]]:
    content = b'{"items":[' + b",".join(draft.content for draft in group) + b"]}"
    return Call("POST", "/batch/ingest", content, partial(_read_outcomes, group))


def query(text: str, top_k: int = 10, where: Metadata | None = None) -> Call[Results]:
    asked = _search({"query_text": checked_text(text, "query_text")}, top_k, where)
    call = _post("/QuerySynapse", asked, _read_results)
    return replace(call, prepare=partial(_query_embedded, call, text, top_k, where))


def query_by_vector(
    vector: Vector, top_k: int = 10, where: Metadata | None = None
) -> Call[Results]:
    asked = {"query_b64": vector_b64(vector)}
    return _post("/QuerySynapse", _search(asked, top_k, where), _read_results)


def get(cid: str) -> Call[Record]:
    call = _get(f"/retrieve/{quote(cid, safe=':')}", _read_record)
    return replace(call, settle=partial(_the_one_asked_for, cid))


def page(limit: int = 100, cursor: str | None = None, where: Metadata | None = None) -> Call[Page]:
    body = {"limit": limit} | _given(cursor=cursor, where=where)
    return _post("/list", body, _read_page)


def has(cids: Sequence[str]) -> Call[dict[str, int]]:
    return _post("/has", {"cids": list(cids)}, lambda body: dict(body["held"]))


def challenge(cid: str, nonce_hex: str, expires_at: int, version: int = 1) -> Call[Proof]:
    body = {"cid": cid, "nonce_hex": nonce_hex, "expires_at": expires_at, "version": version}
    return _post("/ChallengeSynapse", body, partial(read, Proof))


def peers() -> Call[PeersReply]:
    return _get("/peers", _read_peers)


def route(cid: str) -> Call[RouteReply]:
    return _get(f"/route/{quote(cid, safe=':')}", _read_route)


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
    return _understood(call, call.parse, body)


def unreadable(reason: str, status: int = 200) -> ServerError:
    """The error for a server that does not speak the protocol."""
    sentence = f"This does not look like an Engram node: {reason}. Check the URL."
    return ServerError(sentence, code="bad_reply", status=status)


def read(kind: type[T], body: Any) -> T:
    """A result from the fields of a reply that it knows; newer nodes may send more."""
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in body.items() if name in known})


def details_of(error: Any) -> dict[str, Any]:
    """What stands in an error beside its sentence and its code."""
    return {name: value for name, value in error.items() if name not in ("error", "code")}


def settled(call: Call[Any], body: Any) -> Any:
    """A reply, with what only this machine knows. Raises CidMismatch, or ServerError."""
    return _understood(call, call.settle, body) if call.settle else body


def read_ingested(body: Any) -> Ingested:
    told = body | {"warnings": tuple(body.get("warnings", ()))}
    return read(Ingested, told | {"replicas": _read_replicas(body.get("replicas"))})


def _read_replicas(body: Any) -> Replicas | None:
    if body is None:
        return None
    return read(Replicas, body | {"receipts": tuple(body.get("receipts", ()))})


def _ingest(given: Item) -> Call[Ingested]:
    call = _post("/IngestSynapse", item(given), read_ingested)
    return replace(call, prepare=partial(_ingest_draft, call, given))


def _ingest_draft(call: Call[Ingested], given: Item, own: OwnEmbedder) -> Call[Ingested]:
    [draft] = drafts([given], own)
    if isinstance(draft, InvalidInput):
        raise draft
    return replace(call, content=draft.content, settle=draft.settle, prepare=None)


def _query_embedded(
    call: Call[Results], text: str, top_k: int, where: Metadata | None, own: OwnEmbedder
) -> Call[Results]:
    embedder = own.for_sending()
    if embedder is None:
        return call
    [embedded] = embedder.embed([text], own.threads)
    return query_by_vector(embedded.vector, top_k, where)


def _understood(call: Call[Any], read: Callable[[Any], T], body: Any) -> T:
    try:
        return read(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise unreadable(f"its reply to {call.path} is not as promised ({error!r})") from error


def _read_outcomes(group: Sequence[Draft], body: Any) -> list[Outcome]:
    outcomes = body["outcomes"]
    if len(outcomes) != len(group):
        raise ValueError(f"{len(group)} items were sent and {len(outcomes)} answered")
    return [_read_outcome(*pair) for pair in zip(group, outcomes, strict=True)]


def _read_outcome(draft: Draft, body: Any) -> Outcome:
    if body.get("error"):
        return Failed(body["error"], body["code"], details_of(body))
    return read_ingested(draft.settle(body))


def _read_results(body: Any) -> Results:
    hits = tuple(read(Hit, _with_its_text(one)) for one in body["results"])
    return Results(hits, body["latency_ms"], tuple(body.get("warnings", ())))


def _read_page(body: Any) -> Page:
    return Page(tuple(map(_read_record, body["records"])), body["cursor"])


def _read_record(body: Any) -> Record:
    return read(Record, _with_its_text(body))


def _read_peers(body: Any) -> PeersReply:
    from engram.protocol import PeersReply  # brings pydantic, which nothing else here needs

    return PeersReply.model_validate(body)


def _read_route(body: Any) -> RouteReply:
    from engram.protocol import RouteReply

    return RouteReply.model_validate(body)


def _the_one_asked_for(cid: str, body: Any) -> Any:
    if body["cid"] != cid:
        raise CidMismatch(
            f"The node was asked for {cid} and answered with {body['cid']}. Ask another one."
        )
    return body


def _with_its_text(body: Any) -> Any:
    """What a node shows as the text counts only where the metadata, and so the CID, has none."""
    text = body["metadata"].get("text")
    return body | {"text": text} if isinstance(text, str) else body


def _search(asked: dict[str, Any], top_k: int, where: Metadata | None) -> dict[str, Any]:
    return asked | {"top_k": top_k} | _given(where=where)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _post(path: str, body: Any, parse: Callable[[Any], T]) -> Call[T]:
    return Call("POST", path, encode(body), parse)


def _get(path: str, parse: Callable[[Any], T]) -> Call[T]:
    return Call("GET", path, None, parse)
