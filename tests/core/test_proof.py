"""Storage proofs: only the embedding and the nonce together answer a challenge."""

from __future__ import annotations

import hashlib
import hmac
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.core import Challenge
from engram.errors import InvalidChallenge, InvalidCid, InvalidEmbedding
from tests.core.strategies import embeddings

EMBEDDING = np.linspace(-1, 1, 384, dtype=np.float32)
CID = "v1::" + "0" * 64


@given(embeddings())
def test_an_honest_answer_passes(rules: ModuleType, embedding: Any) -> None:
    challenge = rules.generate_challenge(CID)
    response = rules.generate_response(challenge.nonce_hex, embedding.tobytes())
    assert rules.verify_response(challenge, *response, embedding)


@given(embeddings(), st.integers(0, 63), st.sampled_from("0123456789abcdefA \n"))
def test_any_other_answer_fails(rules: ModuleType, embedding: Any, at: int, digit: str) -> None:
    challenge = rules.generate_challenge(CID)
    good = rules.generate_response(challenge.nonce_hex, embedding)
    for index, part in enumerate(good):
        changed = list(good)
        changed[index] = part[:at] + digit + part[at + 1 :]
        passed = rules.verify_response(challenge, *changed, embedding)
        assert passed is (changed[index] == part)


def test_the_answer_is_the_documented_one(rules: ModuleType) -> None:
    nonce = bytes(range(32))
    digest = hashlib.sha256(EMBEDDING.tobytes()).hexdigest()
    proof = hmac.new(nonce, digest.encode("ascii"), hashlib.sha256).hexdigest()
    assert tuple(rules.generate_response(nonce.hex(), EMBEDDING)) == (digest, proof)


def test_an_answer_serves_one_nonce(rules: ModuleType) -> None:
    one, other = rules.generate_challenge(CID), rules.generate_challenge(CID)
    assert one.nonce_hex != other.nonce_hex
    response = rules.generate_response(one.nonce_hex, EMBEDDING)
    assert not rules.verify_response(other, *response, EMBEDDING)


@pytest.mark.parametrize("answer", [("", ""), (None, None), (1, b"x"), ("é" * 64, "\ud800" * 64)])
def test_an_answer_of_another_form_is_just_wrong(rules: ModuleType, answer: Any) -> None:
    assert rules.verify_response(rules.generate_challenge(CID), *answer, EMBEDDING) is False


def test_a_challenge_expires_its_time_to_live_from_now(rules: ModuleType) -> None:
    challenge = rules.generate_challenge(CID, ttl_s=90, now=1_700_000_000.9)
    assert isinstance(challenge, Challenge)
    assert (challenge.cid, challenge.expires_at) == (CID, 1_700_000_090)
    assert len(bytes.fromhex(challenge.nonce_hex)) == 32


def test_malformed_challenges_are_refused(rules: ModuleType) -> None:
    with pytest.raises(InvalidCid):
        rules.generate_challenge("v1::")
    for ttl_s in (0, -1, 601, 1.5):
        with pytest.raises(InvalidChallenge):
            rules.generate_challenge(CID, ttl_s)
    for nonce in ("", "ab", "AB" * 32, "zz" * 32):
        with pytest.raises(InvalidChallenge):
            rules.generate_response(nonce, EMBEDDING)
    with pytest.raises(InvalidEmbedding):
        rules.generate_response("ab" * 32, EMBEDDING[:3])


def test_a_batch_is_its_answers_in_order(rules: ModuleType) -> None:
    matrix = np.random.default_rng(3).standard_normal((600, 384)).astype(np.float32)
    nonces = [hashlib.sha256(bytes([index % 256])).hexdigest() for index in range(600)]
    answers = [rules.generate_response(*pair) for pair in zip(nonces, matrix, strict=True)]
    assert rules.generate_responses(nonces, matrix) == answers
    assert rules.generate_responses(nonces, [row.tobytes() for row in matrix]) == answers
    with pytest.raises(InvalidChallenge, match="challenge 599"):
        rules.generate_responses([*nonces[:-1], "x"], matrix)
