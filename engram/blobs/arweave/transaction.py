"""Format-2 transactions: data by its root, tags, a price, and a signature that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engram.blobs.arweave.base64url import decode, encode
from engram.blobs.arweave.deep_hash import Nested, deep_hash
from engram.blobs.arweave.wallet import Wallet, verify
from engram.errors import InvalidInput

FORMAT = 2


class Tag(NamedTuple):
    """A name and a value that gateways index."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is signed, and the signature once there is one. Amounts are in winston."""

    owner: bytes
    """Modulus of the payer's key, 512 bytes."""
    anchor: bytes
    """``last_tx``: a recent block's hash, after which the transaction can be mined for a while."""
    tags: tuple[Tag, ...]
    data_size: int
    data_root: bytes
    """32 bytes."""
    reward: int
    """What storing it costs."""
    signature: bytes = b""

    @property
    def id(self) -> str:
        """43 characters; there is none before the signature."""
        assert self.signature, "an unsigned transaction has no id"
        return encode(hashlib.sha256(self.signature).digest())

    @property
    def message(self) -> bytes:
        """The 48 bytes that the signature covers."""
        tags: Sequence[Nested] = [[t.name.encode(), t.value.encode()] for t in self.tags]
        fields: list[Nested] = [b"%d" % FORMAT, self.owner, b"", b"0", b"%d" % self.reward]
        fields += [self.anchor, tags, b"%d" % self.data_size, self.data_root]
        return deep_hash(fields)

    def signed_by(self, wallet: Wallet) -> Transaction:
        """The same with a signature. RSA-4096: some 10 ms."""
        assert wallet.owner == self.owner
        return replace(self, signature=wallet.sign(self.message))

    @property
    def is_genuine(self) -> bool:
        """Whether the owner signed exactly these fields."""
        return bool(self.signature) and verify(self.owner, self.message, self.signature)

    def to_json(self, data: bytes = b"") -> dict[str, Any]:
        """What is posted to ``/tx``; ``data`` only if it is sent along."""
        return {
            "format": FORMAT,
            "id": self.id,
            "last_tx": encode(self.anchor),
            "owner": encode(self.owner),
            "tags": [
                {"name": encode(tag.name.encode()), "value": encode(tag.value.encode())}
                for tag in self.tags
            ],
            "target": "",
            "quantity": "0",
            "data": encode(data),
            "data_size": str(self.data_size),
            "data_root": encode(self.data_root),
            "reward": str(self.reward),
            "signature": encode(self.signature),
        }


def from_json(given: Mapping[str, Any]) -> Transaction:
    """A transaction that stores data and moves no money.

    Raises InvalidInput for any other, and for one whose id is not that of its signature.
    """
    try:
        if given["format"] != FORMAT or given["target"] != "" or given["quantity"] != "0":
            raise InvalidInput("not a format-2 transaction that only stores data")
        made = Transaction(
            owner=decode(given["owner"]),
            anchor=decode(given["last_tx"]),
            tags=tuple(Tag(text(t["name"]), text(t["value"])) for t in given["tags"]),
            data_size=amount(given["data_size"]),
            data_root=decode(given["data_root"]),
            reward=amount(given["reward"]),
            signature=decode(given["signature"]),
        )
        if not made.signature or made.id != given["id"]:
            raise InvalidInput("the id is not that of the signature")
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput("not a transaction") from None
    return made


def text(spelled: str) -> str:
    try:
        return decode(spelled).decode()
    except UnicodeDecodeError:
        raise InvalidInput("a tag is no UTF-8") from None


def amount(spelled: str) -> int:
    """A whole number in its one decimal spelling."""
    if not (spelled.isascii() and spelled.isdigit()) or (len(spelled) > 1 and spelled[0] == "0"):
        raise InvalidInput("not a whole number")
    return int(spelled)
