"""Signatures and addresses of hotkeys."""

from __future__ import annotations

import pytest
from bittensor_core import Keypair
from hypothesis import example, given
from hypothesis import strategies as st

from engram.chain.signatures import address_of, public_key_of, verify
from engram.errors import InvalidInput

ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"  # Substrate's well-known //Alice
KEY = Keypair.create_from_uri("//Alice")


def test_a_signature_is_its_keys_over_its_message_only() -> None:
    signature = KEY.sign(b"message")
    assert verify(KEY.public_key, b"message", signature)
    assert not verify(KEY.public_key, b"messagf", signature)
    assert not verify(Keypair.create_from_uri("//Bob").public_key, b"message", signature)


@given(st.integers(0, 511))
def test_every_bit_of_a_signature_counts(bit: int) -> None:
    signature = bytearray(KEY.sign(b"message"))
    signature[bit // 8] ^= 1 << (bit % 8)
    assert not verify(KEY.public_key, b"message", bytes(signature))


@given(st.binary(max_size=40), st.binary(max_size=70))
@example(bytes(32), bytes(63) + b"\x80")  # the identity's signature over every message
def test_what_is_malformed_is_no_signature(public_key: bytes, signature: bytes) -> None:
    assert not verify(public_key, b"message", signature)


@given(st.binary(min_size=32, max_size=32))
def test_addresses_and_public_keys_go_both_ways(public_key: bytes) -> None:
    assert public_key_of(address_of(public_key)) == public_key


def test_alice_has_the_address_that_everybody_knows() -> None:
    assert address_of(KEY.public_key) == ALICE


@pytest.mark.parametrize(
    "address",
    ["", "alice", ALICE[:-1], ALICE[:-1] + "Z", "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"],
    ids=["empty", "a name", "short", "bad checksum", "Polkadot's format"],
)
def test_what_is_no_address_of_this_chain_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="address"):
        public_key_of(address)


def test_a_key_of_another_length_has_no_address() -> None:
    with pytest.raises(InvalidInput, match="32 bytes"):
        address_of(bytes(33))
