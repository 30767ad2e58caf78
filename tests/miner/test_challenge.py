"""Storage proofs over HTTP: what the seed says, by a clock that the test turns."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from typing import Any

import pytest

from tests.miner.harness import Served, served

NOW = 1_800_000_000
NONCE = bytes(range(32))


async def stored(miner: Served, text: str = "to be proved") -> tuple[str, bytes]:
    """A fresh record's CID and embedding."""
    cid = (await miner.post("/IngestSynapse", {"text": text})).json["cid"]
    record = (await miner.get(f"/retrieve/{cid}")).json
    return cid, b64decode(record["embedding_b64"])


def challenge(cid: str, **changes: Any) -> dict[str, Any]:
    return {"cid": cid, "nonce_hex": NONCE.hex(), "expires_at": NOW + 60} | changes


async def test_the_proof_is_the_seeds() -> None:
    async with served(clock=lambda: NOW) as miner:
        cid, embedding = await stored(miner)
        proved = (await miner.post("/ChallengeSynapse", challenge(cid))).json
        digest = hashlib.sha256(embedding).hexdigest()
        assert proved["embedding_hash"] == digest
        assert proved["proof"] == hmac.new(NONCE, digest.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("offset", "status"),
    [(-61, 400), (-60, 200), (0, 200), (60, 200), (600, 200), (601, 400)],
)
async def test_how_far_the_clocks_may_differ(offset: int, status: int) -> None:
    async with served(clock=lambda: NOW) as miner:
        cid, _ = await stored(miner)
        answer = await miner.post("/ChallengeSynapse", challenge(cid, expires_at=NOW + offset))
        assert answer.status == status
        if status == 400:
            assert answer.is_error(400, "challenge_expired")


async def test_an_unknown_cid() -> None:
    async with served(clock=lambda: NOW) as miner:
        answer = await miner.post("/ChallengeSynapse", challenge("v1::" + "0" * 64))
        assert answer.is_error(404, "not_found")


async def test_a_record_that_the_operator_deleted() -> None:
    async with served(clock=lambda: NOW) as miner:
        cid, _ = await stored(miner)
        miner.store.delete(cid)
        assert (await miner.post("/ChallengeSynapse", challenge(cid))).is_error(410, "refused_here")


async def test_many_at_once() -> None:
    async with served(clock=lambda: NOW) as miner:
        cid, embedding = await stored(miner)
        gone, _ = await stored(miner, "to be deleted")
        miner.store.delete(gone)
        items = [
            challenge(cid),
            challenge("v1::" + "0" * 64),
            challenge(cid, expires_at=NOW - 1_000),
            challenge(gone),
            challenge(cid, version=2),
            {"cid": cid},
            7,
            challenge(cid, later=True),
        ]
        outcomes = (await miner.post("/batch/challenge", {"items": items})).json["outcomes"]
        assert [outcome.get("code") for outcome in outcomes] == [
            None,
            "not_found",
            "challenge_expired",
            "refused_here",
            "unsupported_version",
            "invalid_challenge",
            "invalid_input",
            None,
        ]
        assert outcomes[0]["embedding_hash"] == hashlib.sha256(embedding).hexdigest()
        assert outcomes[7]["warnings"] == ["Unknown field 'later' was ignored."]
