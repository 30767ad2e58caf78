"""A Signer in the shape that the SDK signs with."""

from __future__ import annotations

from bittensor_core import CRYPTO_SR25519

from engram.chain.interface import Signer


class SdkSigner:
    """The hotkey, to the SDK; its secret stays in the Signer."""

    crypto_type = int(CRYPTO_SR25519)

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    @property
    def ss58_address(self) -> str:
        return self._signer.hotkey

    @property
    def public_key(self) -> bytes:
        return self._signer.public_key

    def sign(self, payload: bytes) -> bytes:
        return self._signer.sign(payload)
