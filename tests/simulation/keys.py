"""Hotkeys that sign in a microsecond instead of thirty. Anybody could forge; here nobody does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from unittest.mock import patch

import bittensor_core

from engram.chain.signatures import address_of


@dataclass(frozen=True)
class Key:
    """Stands where an sr25519 key stands: an address, 32 public bytes, signatures of 64."""

    name: str

    @cached_property
    def public_key(self) -> bytes:
        return hashlib.sha256(self.name.encode()).digest()

    @cached_property
    def hotkey(self) -> str:
        return address_of(self.public_key)

    @property
    def coldkey(self) -> str | None:
        return None

    def sign(self, message: bytes) -> bytes:
        return signature_of(message, self.hotkey)


def signature_of(message: bytes, address: str) -> bytes:
    return hashlib.sha512(address.encode() + message).digest()


def is_signed(message: bytes, signature: bytes, address: str) -> bool:
    return signature == signature_of(message, address)


@contextmanager
def quick_signatures() -> Iterator[None]:
    """These keys' signatures are the valid ones, in all of Engram."""
    with patch.object(bittensor_core, "verify", is_signed):
        yield
