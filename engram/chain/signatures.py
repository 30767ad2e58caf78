"""sr25519 signatures and the SS58 addresses of their keys."""

from __future__ import annotations

import bittensor_core

from engram.errors import InvalidInput

PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64
IDENTITY = bytes(PUBLIC_KEY_BYTES)  # the key of secret 0: anybody can sign anything with it
SS58_FORMAT = (
    42  # the format of Bittensor's addresses, and of every Substrate chain without its own
)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes, sr25519) is ``public_key``'s (32 bytes) over ``message``.

    Anything malformed is no signature. As everywhere in Substrate, a signature over the message
    between ``<Bytes>`` and ``</Bytes>``, which wallets in browsers make, counts as well.
    """
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    if public_key == IDENTITY:
        return False
    return bool(bittensor_core.verify(message, signature, address_of(public_key)))


def address_of(public_key: bytes) -> str:
    """The SS58 address of 32 bytes. Raises InvalidInput for any other number of them."""
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise InvalidInput(f"a public key has 32 bytes, not {len(public_key)}")
    return str(bittensor_core.ss58_encode(public_key, SS58_FORMAT))


def public_key_of(address: str) -> bytes:
    """The 32 bytes in an SS58 address. Raises InvalidInput if it is none, or another chain's."""
    try:
        public_key = bytes(bittensor_core.ss58_decode(address))
    except ValueError:
        raise InvalidInput(f"{address!r} is no SS58 address") from None
    if address_of(public_key) != address:
        raise InvalidInput(f"{address!r} is an address of another chain (format 42 is needed)")
    return public_key
