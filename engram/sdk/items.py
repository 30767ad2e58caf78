"""Items on their way to a node: checked, embedded if that happens here, and encoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from engram.errors import CidMismatch, InvalidInput, InvalidMetadata, InvalidText
from engram.sdk.own_embedder import OwnEmbedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from engram.embedding.interface import Embedded

A = TypeVar("A")
T = TypeVar("T")
Body = dict[str, Any]
Vector: TypeAlias = "Sequence[float] | NDArray[np.float32]"
"""384 numbers; as an array float32, shape (384,)."""
Item = str | Mapping[str, Any]
"""A text, or an object with one of ``text``, ``raw_embedding``, ``embedding_b64`` and, if any,
``metadata``: the JSONL line of docs/protocol.md."""

BATCH_ITEMS = 256  # the most that /batch/ingest takes
BATCH_BYTES = 4 * 1024 * 1024  # half of what a node accepts in one body, room for any item


@dataclass(frozen=True, slots=True)
class Draft:
    """An item as it is sent, and what is known of its record before a node answers."""

    content: bytes
    cid: str | None
    """None if the node makes the embedding, and with it the CID."""
    truncated: bool = False
    exact: bool = True

    def settle(self, body: Body) -> Body:
        """The node's reply, saying what only this machine knows. Raises CidMismatch.

        A node that gets a vector cannot know what was cut off before, nor who computed it.
        """
        if self.cid is None:
            return body
        if body["cid"] != self.cid:
            raise CidMismatch(
                f"The node says that it stored {body['cid']}, but what was sent to it is "
                f"{self.cid}: it changed the text, the vector or the metadata. Do not trust it "
                "with this record."
            )
        return body | {"truncated": self.truncated, "exact": self.exact}


def encode(value: Any) -> bytes:
    """Strict JSON. Raises InvalidInput for what JSON cannot carry (NaN, bytes, lone surrogates)."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"this is not JSON: {error}") from error


def checked_text(text: Any, field: str = "text") -> str:
    """The text, if a node may get it. Raises InvalidText, naming the field."""
    from engram.core.limits import MAX_TEXT_CODE_POINTS

    if not isinstance(text, str):
        raise InvalidText(f"{field}: this is a text, not {type(text).__name__}")
    if not text:
        raise InvalidText(f"{field}: it is empty")
    if len(text) > MAX_TEXT_CODE_POINTS:
        raise InvalidText(
            f"{field}: {len(text):,} code points, and {MAX_TEXT_CODE_POINTS:,} is the most; cut it "
            "into several texts, of which the model reads about a page each"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidText(
            f"{field}: a lone surrogate at position {error.start}, so it is not JSON text"
        ) from error
    return text


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


def as_object(given: Item) -> Body:
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


def item(given: Item) -> Body:
    """One ingest as the wire wants it: the text inside the metadata, the vector as base64."""
    body = as_object(given)
    metadata = as_metadata(body.get("metadata"))
    _refuse_keys_that_are_no_text(metadata)
    if body.get("text") is not None:
        metadata = {"text": checked_text(body["text"]), **metadata}
    if body.get("raw_embedding") is not None:
        body["embedding_b64"] = vector_b64(body.pop("raw_embedding"))
    return body | {"metadata": dict(metadata)}


def attempt(make: Callable[[A], T], given: A) -> T | InvalidInput:
    """What is made of an item, or the error that it alone meets."""
    try:
        return make(given)
    except InvalidInput as error:
        return error


def drafts(given: Sequence[Item], own: OwnEmbedder) -> list[Draft | InvalidInput]:
    """One for each item, in order; what can be no record has its error. Blocks while embedding."""
    bodies = [attempt(item, one) for one in given]
    embedded = _embed_here(bodies, own)
    return [
        body if isinstance(body, InvalidInput) else attempt(partial(_draft, embedded.get(at)), body)
        for at, body in enumerate(bodies)
    ]


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The items in groups of 256 at most, read as they are needed."""
    rest = iter(as_items(items))
    while group := list(islice(rest, BATCH_ITEMS)):
        yield group


def grouped(sized: Iterable[tuple[T, int]], most: int = BATCH_ITEMS) -> Iterator[list[T]]:
    """Things, each with its number of bytes, in groups of ``most`` at most and about 4 MiB."""
    group: list[T] = []
    total = 0
    for thing, size in sized:
        if group and (len(group) == most or total + size > BATCH_BYTES):
            yield group
            group, total = [], 0
        group.append(thing)
        total += size
    if group:
        yield group


class _Made(NamedTuple):
    """An embedding that was made here."""

    embedded: Embedded
    exact: bool


def _embed_here(bodies: Sequence[Body | InvalidInput], own: OwnEmbedder) -> dict[int, _Made]:
    """Embeddings of the texts among the bodies, by position; none if the node is to make them."""
    texts = {
        at: body["text"]
        for at, body in enumerate(bodies)
        if not isinstance(body, InvalidInput) and _brings(body, "text")
    }
    embedder = own.for_sending() if texts else None
    if embedder is None:
        return {}
    made = embedder.embed([*texts.values()], own.threads)
    return {at: _Made(one, embedder.exact) for at, one in zip(texts, made, strict=True)}


def _draft(made: _Made | None, body: Body) -> Draft:
    if made is None:
        content = encode(body)
        return Draft(content, _cid(content) if _brings(body, "embedding_b64") else None)
    rest = {name: value for name, value in body.items() if name != "text"}
    content = encode(rest | {"embedding_b64": vector_b64(made.embedded.vector)})
    return Draft(content, _cid(content), made.embedded.truncated, made.exact)


def _brings(body: Body, name: str) -> bool:
    """True if this is the one thing to store, for the model version that we know.

    What is wrong about anything else, the node says in its own words.
    """
    from engram.core.limits import MODEL_VERSION

    brought = [one for one in ("text", "embedding_b64") if body.get(one) is not None]
    return (
        brought == [name]
        and isinstance(body[name], str)
        and body.get("model_version", MODEL_VERSION) == MODEL_VERSION
    )


def _cid(content: bytes) -> str:
    """The CID of what is sent, from the very bytes. Raises InvalidInput if no record has them."""
    from engram.core import embedding, generate_cid, strict_json

    body = strict_json.loads(content)
    return generate_cid(embedding.from_base64(body["embedding_b64"]), body["metadata"])


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
