"""From bytes to messages: every refusal names the field and has the right code."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.errors import (
    DuplicateKey,
    InvalidChallenge,
    InvalidCid,
    InvalidEmbedding,
    InvalidInput,
    InvalidMetadata,
    InvalidText,
    InvalidWhere,
    MalformedJson,
)
from engram.net.decode import MAX_NAMED, decode
from engram.protocol import (
    REFUSALS,
    ChallengeRequest,
    HasRequest,
    IngestRequest,
    ListRequest,
    Message,
    QueryRequest,
)

CID = "v1::" + "a" * 64
NONCE = "b" * 64

REFUSED: list[tuple[type[Message], dict[str, Any], type[InvalidInput], str]] = [
    (IngestRequest, {"text": 5}, InvalidText, "text"),
    (IngestRequest, {"text": ""}, InvalidText, "text"),
    (IngestRequest, {"text": "x" * 8_193}, InvalidText, "text"),
    (IngestRequest, {"raw_embedding": [0.5] * 383}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"raw_embedding": [0.5] * 385}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"raw_embedding": ["0.5"] * 384}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"raw_embedding": [[0.5]] * 384}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"raw_embedding": [True] * 384}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"raw_embedding": "0.5"}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"raw_embedding": {"0": 0.5}}, InvalidEmbedding, "raw_embedding"),
    (IngestRequest, {"embedding_b64": "AAAA"}, InvalidEmbedding, "embedding_b64"),
    (IngestRequest, {"text": "x", "metadata": None}, InvalidMetadata, "metadata"),
    (IngestRequest, {"text": "x", "metadata": []}, InvalidMetadata, "metadata"),
    (IngestRequest, {"text": "x", "metadata": "a=b"}, InvalidMetadata, "metadata"),
    (QueryRequest, {"query_text": "x", "top_k": 0}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "top_k": -1}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "top_k": 101}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "top_k": "abc"}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "top_k": "10"}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "top_k": 1.5}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "top_k": True}, InvalidInput, "top_k"),
    (QueryRequest, {"query_text": "x", "where": []}, InvalidWhere, "where"),
    (ChallengeRequest, {"nonce_hex": NONCE, "expires_at": 1}, InvalidCid, "cid"),
    (ChallengeRequest, {"cid": CID, "expires_at": 1}, InvalidChallenge, "nonce_hex"),
    (ChallengeRequest, {"cid": CID, "nonce_hex": NONCE}, InvalidChallenge, "expires_at"),
    (ChallengeRequest, {"cid": "v1::xyz"}, InvalidCid, "cid"),
    (HasRequest, {}, InvalidCid, "cids"),
    (HasRequest, {"cids": [CID, "v2::x"]}, InvalidCid, "cids.1"),
    (HasRequest, {"cids": [CID] * 1_001}, InvalidCid, "cids"),
    (ListRequest, {"limit": 1_001}, InvalidInput, "limit"),
    (ListRequest, {"cursor": 3}, InvalidInput, "cursor"),
]


@pytest.mark.parametrize(("model", "value", "error", "field"), REFUSED)
def test_a_refusal_names_the_field(
    model: type[Message], value: dict[str, Any], error: type[InvalidInput], field: str
) -> None:
    with pytest.raises(error) as caught:
        decode(orjson.dumps(value), model)
    assert type(caught.value) is error
    assert field in caught.value.message


@pytest.mark.parametrize("body", [b"[1]", b"null", b'"text"', b"3", b"true"])
def test_only_objects_are_messages(body: bytes) -> None:
    with pytest.raises(InvalidInput, match="Send a JSON object, not"):
        decode(body, IngestRequest)


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"{", b'{"text": NaN}', b'{"text": 1e400}', b"\xff"]
)
def test_what_is_not_json_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        decode(body, IngestRequest)


def test_an_empty_body_is_called_empty() -> None:
    with pytest.raises(MalformedJson, match="empty"):
        decode(b"", IngestRequest)


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(DuplicateKey):
        decode(b'{"text": "a", "text": "b"}', IngestRequest)


def test_null_is_absent_for_the_three_ways_to_bring_an_embedding() -> None:
    body = b'{"text": "a", "raw_embedding": null, "embedding_b64": null}'
    message, warnings = decode(body, IngestRequest)
    assert message.text == "a"
    assert not warnings


def test_unknown_fields_are_named() -> None:
    _, warnings = decode(b'{"text": "a", "cid": null, "ttl": 3}', IngestRequest)
    assert warnings == ["Unknown field 'cid' was ignored.", "Unknown field 'ttl' was ignored."]


@given(st.integers(MAX_NAMED + 1, 500))
def test_a_thousand_unknown_fields_do_not_make_a_large_reply(count: int) -> None:
    body = orjson.dumps({"text": "a"} | {"x" * 200 + str(i): i for i in range(count)})
    _, warnings = decode(body, IngestRequest)
    assert len(warnings) == MAX_NAMED + 1
    assert warnings[-1] == f"{count - MAX_NAMED} more unknown fields were ignored."
    assert sum(map(len, warnings)) < 2_000


def test_a_refusal_does_not_repeat_a_large_value() -> None:
    with pytest.raises(InvalidInput) as caught:
        decode(orjson.dumps({"text": "a", "metadata": "y" * 100_000}), IngestRequest)
    assert len(caught.value.message) < 500


def test_every_refusal_belongs_to_a_field() -> None:
    fields = {
        name
        for model in (IngestRequest, QueryRequest, ChallengeRequest, HasRequest, ListRequest)
        for name in model.model_fields
    }
    assert set(REFUSALS) <= fields
