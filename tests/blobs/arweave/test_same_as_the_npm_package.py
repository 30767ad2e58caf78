"""Chunks, roots, proofs, signed messages and ids are those of Arweave's own package."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest

from engram.blobs.arweave.merkle import CHUNK_BYTES, Tree, proven_span, proves, tree_of
from engram.blobs.arweave.transaction import from_json
from engram.blobs.arweave.wallet import parse_wallet
from engram.errors import InvalidInput
from tests.blobs.arweave.golden_vectors import FILE, VECTORS, WALLET_FILE, data_of

every_size = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["size"]))


def tree(size: int) -> Tree:
    return tree_of(io.BytesIO(data_of(size)), size)


def test_every_boundary_is_there() -> None:
    chunk = CHUNK_BYTES
    boundaries = {1, 1024, chunk - 1, chunk, chunk + 1, chunk + 31 * 1024, chunk + 32 * 1024}
    boundaries |= {2 * chunk, 700_000, 3 * 1024 * 1024}
    assert boundaries <= {vector["size"] for vector in VECTORS}


@every_size
def test_root_chunks_and_proofs(vector: dict[str, Any]) -> None:
    made = tree(vector["size"])
    assert hashlib.sha256(data_of(vector["size"])).hexdigest() == vector["data_sha256"]
    found = [
        {
            "start": chunk.span.start,
            "end": chunk.span.end,
            "offset": chunk.offset,
            "path_sha256": hashlib.sha256(chunk.path).hexdigest(),
        }
        for chunk in made.chunks
    ]
    assert found == vector["chunks"]
    assert made.root == from_json(vector["transaction"]).data_root


@every_size
def test_signed_message_and_id(vector: dict[str, Any]) -> None:
    transaction = from_json(vector["transaction"])
    assert transaction.message.hex() == vector["signature_message"]
    assert transaction.is_genuine
    assert transaction.to_json() == vector["transaction"] | {"data": ""}


@every_size
def test_every_chunk_is_proved_at_its_place_only(vector: dict[str, Any]) -> None:
    size, data, made = vector["size"], data_of(vector["size"]), tree(vector["size"])
    for chunk in made.chunks:
        span, path = chunk.span, chunk.path
        bytes_of_it = data[span.start : span.end]
        for offset in (span.start, chunk.offset):
            assert proven_span(made.root, size, offset, path) == span
            assert proves(made.root, size, bytes_of_it, offset, path)
        assert not proves(made.root, size, bytes_of_it, span.end, path)
        assert not proves(made.root, size, bytes_of_it, span.start - 1, path)
        flipped = bytes([bytes_of_it[0] ^ 1]) + bytes_of_it[1:]
        assert not proves(made.root, size, flipped, chunk.offset, path)
        for place in {0, len(path) // 2, len(path) - 1}:
            torn = path[:place] + bytes([path[place] ^ 1]) + path[place + 1 :]
            assert not proves(made.root, size, bytes_of_it, chunk.offset, torn)


def test_our_signature_of_theirs() -> None:
    """The same wallet file signs here, and the address is the same."""
    wallet = parse_wallet(WALLET_FILE.read_text())
    theirs = from_json(VECTORS[0]["transaction"])
    ours = theirs.signed_by(wallet)
    assert wallet.address == FILE["address"]
    assert ours.is_genuine
    assert ours.id != theirs.id  # the salt is drawn anew
    assert ours.message == theirs.message


@pytest.mark.parametrize(
    "change",
    [
        {"reward": "8"},
        {"data_size": "2"},
        {"data_root": "A" * 43},
        {"last_tx": ""},
        {"tags": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_changed_field_is_not_genuine(change: dict[str, Any]) -> None:
    assert not from_json(VECTORS[0]["transaction"] | change).is_genuine


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "1"},
        {"target": "A" * 43},
        {"format": 1},
        {"id": "A" * 43},
        {"signature": ""},
        {"reward": "07"},
        {"reward": "-7"},
        {"owner": "not base64url!"},
        {"tags": [{"name": "_w", "value": ""}]},
        {"tags": "text"},
        {"data_root": None},
    ],
    ids=str,
)
def test_what_is_no_such_transaction_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        from_json(VECTORS[0]["transaction"] | change)
