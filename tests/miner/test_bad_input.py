"""Whatever is sent: the right 4xx, a code, a sentence, and the store as it was."""

from __future__ import annotations

import zlib
from base64 import b64encode
from typing import Any

import numpy as np
import orjson
import pytest

from engram.protocol import MAX_BODY_BYTES
from tests.miner.harness import JSON, Served

CID = "v1::" + "a" * 64
VECTOR = [0.5] * 384
INGEST, QUERY, CHALLENGE = "/IngestSynapse", "/QuerySynapse", "/ChallengeSynapse"


def raw(numbers: list[float]) -> str:
    return b64encode(np.array(numbers, dtype="<f4").tobytes()).decode()


def with_component(text: str) -> bytes:
    """An embedding whose last component is written as ``text``."""
    return b'{"raw_embedding": [' + b"0.5, " * 383 + text.encode() + b"]}"


def nested(depth: int) -> dict[str, Any]:
    """Metadata of that depth."""
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return dict(value)


CASES: dict[str, tuple[str, Any, str]] = {
    # bytes that are no JSON
    "empty body": (INGEST, b"", "malformed_json"),
    "half an object": (INGEST, b'{"text": "a"', "malformed_json"),
    "two values": (INGEST, b'{"text": "a"} {}', "malformed_json"),
    "not UTF-8": (INGEST, b'{"text": "\xff\xfe"}', "malformed_json"),
    "NaN": (INGEST, with_component("NaN"), "malformed_json"),
    "Infinity": (INGEST, with_component("Infinity"), "malformed_json"),
    "-Infinity": (INGEST, with_component("-Infinity"), "malformed_json"),
    "1e400": (INGEST, with_component("1e400"), "malformed_json"),
    "1e400 in metadata": (INGEST, b'{"text": "a", "metadata": {"x": 1e400}}', "malformed_json"),
    "lone surrogate in text": (INGEST, b'{"text": "a\\ud800b"}', "malformed_json"),
    "lone surrogate in a key": (
        INGEST,
        b'{"text": "a", "metadata": {"\\udfff": 1}}',
        "malformed_json",
    ),
    "lone surrogate in a query": (QUERY, b'{"query_text": "\\ud83d"}', "malformed_json"),
    "100,000 arrays deep": (INGEST, b"[" * 100_000 + b"]" * 100_000, "malformed_json"),
    "100,000 objects deep": (
        INGEST,
        b'{"metadata":' * 100_000 + b"1" + b"}" * 100_000,
        "malformed_json",
    ),
    # JSON that means two things, or nothing to us
    "duplicate key": (INGEST, b'{"text": "a", "text": "b"}', "duplicate_key"),
    "duplicate key inside": (
        INGEST,
        b'{"text": "a", "metadata": {"k": [{"x": 1, "x": 2}]}}',
        "duplicate_key",
    ),
    "duplicate key, escaped": (INGEST, b'{"text": "a", "\\u0074ext": "b"}', "duplicate_key"),
    "array": (INGEST, [], "invalid_input"),
    "string": (INGEST, b'"text"', "invalid_input"),
    "null": (INGEST, b"null", "invalid_input"),
    # exactly one
    "nothing to store": (INGEST, {}, "invalid_input"),
    "three nulls": (
        INGEST,
        {"text": None, "raw_embedding": None, "embedding_b64": None},
        "invalid_input",
    ),
    "text and embedding": (INGEST, {"text": "a", "raw_embedding": VECTOR}, "invalid_input"),
    "text and base64": (INGEST, {"text": "a", "embedding_b64": raw(VECTOR)}, "invalid_input"),
    "all three": (
        INGEST,
        {"text": "a", "raw_embedding": VECTOR, "embedding_b64": raw(VECTOR)},
        "invalid_input",
    ),
    "nothing to find": (QUERY, {"top_k": 3}, "invalid_input"),
    "two questions": (QUERY, {"query_text": "a", "query_vector": VECTOR}, "invalid_input"),
    # embeddings
    "zero vector": (INGEST, {"raw_embedding": [0.0] * 384}, "invalid_embedding"),
    "tiny norm": (INGEST, {"raw_embedding": [1e-20] * 384}, "invalid_embedding"),
    "huge norm": (INGEST, {"raw_embedding": [1e12] * 384}, "invalid_embedding"),
    "beyond float32": (INGEST, {"raw_embedding": [1e39] * 384}, "invalid_embedding"),
    "383 components": (INGEST, {"raw_embedding": VECTOR[1:]}, "invalid_embedding"),
    "385 components": (INGEST, {"raw_embedding": [*VECTOR, 0.5]}, "invalid_embedding"),
    "no components": (INGEST, {"raw_embedding": []}, "invalid_embedding"),
    "strings": (INGEST, {"raw_embedding": ["0.5"] * 384}, "invalid_embedding"),
    "booleans": (INGEST, {"raw_embedding": [True] * 384}, "invalid_embedding"),
    "a null component": (INGEST, {"raw_embedding": [*VECTOR[1:], None]}, "invalid_embedding"),
    "nested components": (INGEST, {"raw_embedding": [VECTOR]}, "invalid_embedding"),
    "an object": (INGEST, {"raw_embedding": {"0": 1}}, "invalid_embedding"),
    "short base64": (INGEST, {"embedding_b64": raw(VECTOR[1:])}, "invalid_embedding"),
    "url-safe base64": (INGEST, {"embedding_b64": "_" * 2048}, "invalid_embedding"),
    "base64 with newlines": (INGEST, {"embedding_b64": "A" * 2046 + "\n\n"}, "invalid_embedding"),
    "base64 of NaN": (INGEST, {"embedding_b64": raw([np.nan] * 384)}, "invalid_embedding"),
    "base64 of infinity": (INGEST, {"embedding_b64": raw([np.inf] * 384)}, "invalid_embedding"),
    "base64 of zeros": (INGEST, {"embedding_b64": raw([0.0] * 384)}, "invalid_embedding"),
    "zero question": (QUERY, {"query_vector": [0.0] * 384}, "invalid_embedding"),
    "short question": (QUERY, {"query_vector": VECTOR[1:]}, "invalid_embedding"),
    "bad base64 question": (QUERY, {"query_b64": "x"}, "invalid_embedding"),
    # text, metadata, version
    "number as text": (INGEST, {"text": 5}, "invalid_text"),
    "empty text": (INGEST, {"text": ""}, "invalid_text"),
    "8,193 code points": (INGEST, {"text": "\N{OGHAM SPACE MARK}" * 8_193}, "invalid_text"),
    "long question": (QUERY, {"query_text": "x" * 8_193}, "invalid_text"),
    "metadata null": (INGEST, {"text": "a", "metadata": None}, "invalid_metadata"),
    "metadata array": (INGEST, {"text": "a", "metadata": []}, "invalid_metadata"),
    "metadata string": (INGEST, {"text": "a", "metadata": "k=v"}, "invalid_metadata"),
    "empty key": (INGEST, {"text": "a", "metadata": {"": 1}}, "invalid_metadata"),
    "2**53": (INGEST, {"text": "a", "metadata": {"n": 2**53}}, "invalid_metadata"),
    "9 deep": (INGEST, {"text": "a", "metadata": nested(9)}, "invalid_metadata"),
    "65,537 bytes": (INGEST, {"text": "a", "metadata": {"k": "x" * 65_535}}, "invalid_metadata"),
    "long text inside": (
        INGEST,
        {"text": "a", "metadata": {"text": "x" * 8_193}},
        "invalid_metadata",
    ),
    "version 2": (INGEST, {"text": "a", "model_version": "v2"}, "unsupported_version"),
    "version null": (INGEST, {"text": "a", "model_version": None}, "unsupported_version"),
    "version number": (INGEST, {"text": "a", "model_version": 1}, "unsupported_version"),
    # questions
    "top_k -1": (QUERY, {"query_text": "a", "top_k": -1}, "invalid_input"),
    "top_k 0": (QUERY, {"query_text": "a", "top_k": 0}, "invalid_input"),
    "top_k 101": (QUERY, {"query_text": "a", "top_k": 101}, "invalid_input"),
    "top_k abc": (QUERY, {"query_text": "a", "top_k": "abc"}, "invalid_input"),
    "top_k 1.5": (QUERY, {"query_text": "a", "top_k": 1.5}, "invalid_input"),
    "top_k true": (QUERY, {"query_text": "a", "top_k": True}, "invalid_input"),
    "where array": (QUERY, {"query_text": "a", "where": []}, "invalid_where"),
    "where operator": (QUERY, {"query_text": "a", "where": {"k": {"$near": 1}}}, "invalid_where"),
    "where too deep": (
        QUERY,
        b'{"query_text": "a", "where": ' + b'{"$not": ' * 9 + b'{"k": 1}' + b"}" * 10,
        "invalid_where",
    ),
    # challenges and lists
    "challenge without cid": (CHALLENGE, {"nonce_hex": "b" * 64, "expires_at": 1}, "invalid_cid"),
    "short cid": (
        CHALLENGE,
        {"cid": "v1::ab", "nonce_hex": "b" * 64, "expires_at": 1},
        "invalid_cid",
    ),
    "short nonce": (
        CHALLENGE,
        {"cid": CID, "nonce_hex": "b" * 62, "expires_at": 1},
        "invalid_challenge",
    ),
    "nonce no hex": (
        CHALLENGE,
        {"cid": CID, "nonce_hex": "z" * 64, "expires_at": 1},
        "invalid_challenge",
    ),
    "expires when?": (
        CHALLENGE,
        {"cid": CID, "nonce_hex": "b" * 64, "expires_at": "soon"},
        "invalid_challenge",
    ),
    "expired": (
        CHALLENGE,
        {"cid": CID, "nonce_hex": "b" * 64, "expires_at": 1},
        "challenge_expired",
    ),
    "in the year 9999": (
        CHALLENGE,
        {"cid": CID, "nonce_hex": "b" * 64, "expires_at": 253_370_764_800},
        "challenge_expired",
    ),
    "beyond 64 bits": (
        CHALLENGE,
        b'{"cid": "%b", "nonce_hex": "%b", "expires_at": 1%b}'
        % (CID.encode(), b"b" * 64, b"0" * 30),
        "invalid_challenge",
    ),
    "proof version 2": (
        CHALLENGE,
        {"cid": CID, "nonce_hex": "b" * 64, "expires_at": 1, "version": 2},
        "unsupported_version",
    ),
    "has 1,001": ("/has", {"cids": [CID] * 1_001}, "invalid_cid"),
    "has numbers": ("/has", {"cids": [1]}, "invalid_cid"),
    "list 0": ("/list", {"limit": 0}, "invalid_input"),
    "list 1,001": ("/list", {"limit": 1_001}, "invalid_input"),
    "foreign cursor": ("/list", {"cursor": "no cursor of ours"}, "invalid_input"),
    "long cursor": ("/list", {"cursor": "1" * 129}, "invalid_input"),
    "no items": ("/batch/ingest", {"items": []}, "invalid_input"),
    "257 items": ("/batch/ingest", {"items": [{"text": "a"}] * 257}, "invalid_input"),
    "items no array": ("/batch/ingest", {"items": {"text": "a"}}, "invalid_input"),
    "257 challenges": ("/batch/challenge", {"items": [{}] * 257}, "invalid_input"),
}


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused_and_nothing_changes(miner: Served, name: str) -> None:
    path, body, code = CASES[name]
    await miner.post(INGEST, {"text": "what was there before"})
    before = dict(miner.store.records)

    answer = await miner.post(path, body)

    assert answer.is_error(400, code), answer.raw
    assert miner.store.records == before
    assert (await miner.get("/health")).json == {"status": "ok"}


@pytest.mark.parametrize(
    "declared",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/x-ndjson",
        "nonsense",
    ],
)
async def test_another_content_type(miner: Served, declared: str) -> None:
    answer = await miner.send(INGEST, b'{"text": "a"}', {"Content-Type": declared})
    assert answer.is_error(415, "wrong_content_type")
    assert not miner.store.records


@pytest.mark.parametrize(
    "declared",
    ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"],
)
async def test_content_types_of_the_published_clients(miner: Served, declared: str) -> None:
    answer = await miner.send(INGEST, b'{"text": "a"}', {"Content-Type": declared})
    assert answer.status == 200


async def test_a_body_of_20_mib(miner: Served) -> None:
    answer = await miner.send(INGEST, b" " * (20 * 1024 * 1024))
    assert answer.is_error(413, "body_too_large")


async def test_a_body_of_20_mib_in_chunks_without_a_length(miner: Served) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * (1024 * 1024)

    answer = await miner.send(INGEST, chunks())
    assert answer.is_error(413, "body_too_large")


async def test_a_body_that_grows_when_unpacked(miner: Served) -> None:
    bomb = zlib.compress(b" " * (200 * 1024 * 1024), level=9)
    assert len(bomb) < MAX_BODY_BYTES
    answer = await miner.send(INGEST, bomb, JSON | {"Content-Encoding": "deflate"})
    assert answer.is_error(413, "body_too_large")


async def test_a_body_that_does_not_unpack(miner: Served) -> None:
    answer = await miner.send(
        INGEST, b"this is not deflated", JSON | {"Content-Encoding": "deflate"}
    )
    assert answer.status == 400
    assert set(answer.json) == {"error", "code"}


async def test_the_largest_body_that_is_read(miner: Served) -> None:
    spaces = b" " * (MAX_BODY_BYTES - 13)
    answer = await miner.send(INGEST, b'{"text": "a"}' + spaces)
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "not_found"),
        ("POST", "/IngestSynapses", 404, "not_found"),
        ("GET", "/IngestSynapse", 405, "method_not_allowed"),
        ("DELETE", "/IngestSynapse", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("DELETE", "/retrieve/" + CID, 405, "method_not_allowed"),
        ("POST", "/operator/delete", 404, "not_found"),
        ("GET", "/retrieve/" + CID, 404, "not_found"),
        ("GET", "/retrieve/v1::short", 400, "invalid_cid"),
        ("GET", "/retrieve/" + CID.upper(), 400, "invalid_cid"),
        ("GET", "/retrieve/%00", 400, "invalid_cid"),
    ],
)
async def test_paths_and_methods(
    miner: Served, method: str, path: str, status: int, code: str
) -> None:
    async with miner.session.request(method, miner.url + path) as response:
        body = orjson.loads(await response.read())
        assert (response.status, body["code"]) == (status, code)
        assert len(body["error"]) > 10
        assert ("Allow" in response.headers) == (status == 405)
