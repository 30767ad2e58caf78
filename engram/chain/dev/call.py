"""What a hotkey asks of the dev chain, signed: nobody acts for somebody else's key by mistake."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from engram.chain.interface import Signer
from engram.chain.signatures import address_of, verify
from engram.errors import ChainRejected


@dataclass(frozen=True, slots=True)
class Call:
    """A call, and the signature over it (64 bytes, sr25519)."""

    hotkey: str
    public_key: bytes
    message: bytes
    signature: bytes


def signed(signer: Signer, genesis: bytes, name: str, **arguments: Any) -> Call:
    """The call as this signer makes it on the chain with that genesis hash."""
    message = b"engram dev chain 1\n" + genesis + json.dumps([name, arguments]).encode()
    return Call(signer.hotkey, signer.public_key, message, signer.sign(message))


def require_genuine(call: Call) -> None:
    """Raise ChainRejected unless the key is the hotkey's and the signature is the key's."""
    if address_of(call.public_key) != call.hotkey:
        raise ChainRejected(f"the public key is not that of {call.hotkey}; load the wallet anew")
    if not verify(call.public_key, call.message, call.signature):
        raise ChainRejected(f"the signature is not {call.hotkey}'s; load the wallet anew")
