"""Arweave wallets: an RSA-4096 key in a JWK file, which signs and pays."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from engram.blobs.arweave.base64url import decode, encode
from engram.errors import InvalidInput, WalletError

KEY_BITS = 4096
EXPONENT = 65_537
SALT_BYTES = 32
PRIVATE_FIELDS = ("n", "e", "d", "p", "q", "dp", "dq", "qi")


class Wallet:
    """A key that signs. Its secret is never logged, sent, or shown by ``repr``."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        numbers = key.public_key().public_numbers()
        self.owner = modulus_bytes(numbers.n)
        """The public modulus, 512 bytes: a transaction's ``owner``."""
        self.address = address_of(self.owner)
        """43 characters."""

    def __repr__(self) -> str:
        return f"Wallet({self.address})"

    def sign(self, message: bytes) -> bytes:
        """RSA-PSS over SHA-256 with a salt of 32 bytes; 512 bytes, different each time."""
        return self._key.sign(message, pss(SALT_BYTES), hashes.SHA256())

    @classmethod
    def generate(cls) -> Wallet:
        """A new key. Takes a second or so."""
        return cls(rsa.generate_private_key(EXPONENT, KEY_BITS))

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, Any]) -> Wallet:
        """Raises WalletError for anything that is no RSA-4096 private key."""
        try:
            n, e, d, p, q, dp, dq, qi = (number(jwk, name) for name in PRIVATE_FIELDS)
            public = rsa.RSAPublicNumbers(e, n)
            key = rsa.RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()
        except (KeyError, TypeError, ValueError):
            raise WalletError("The wallet is no JWK with an RSA private key.") from None
        if key.key_size != KEY_BITS:
            raise WalletError(
                f"The wallet's key has {key.key_size} bits; Arweave takes {KEY_BITS}."
            )
        return cls(key)

    def to_jwk(self) -> dict[str, str]:
        """The secret, for a file of mode 0600."""
        private = self._key.private_numbers()
        public = private.public_numbers
        crt = (private.p, private.q, private.dmp1, private.dmq1, private.iqmp)
        parts = (public.n, public.e, private.d, *crt)
        fields = {name: spelled(part) for name, part in zip(PRIVATE_FIELDS, parts, strict=True)}
        return {"kty": "RSA"} | fields


def load_wallet(path: Path) -> Wallet:
    """The wallet in a JWK file. Blocks.

    Raises WalletError if it is missing, no JWK, or readable by others than its owner.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise WalletError(f"The wallet {path} cannot be read: {reason}.") from None
    if mode & 0o077:
        raise WalletError(
            f"The wallet {path} can be read by others (mode {mode:o}). Type: chmod 600 {path}"
        )
    return parse_wallet(text)


def parse_wallet(text: str) -> Wallet:
    """The wallet in the text of a JWK. Raises WalletError; its message has nothing of the text."""
    try:
        jwk = json.loads(text)
    except ValueError:
        raise WalletError("The wallet is no JSON.") from None
    if not isinstance(jwk, dict):
        raise WalletError("The wallet is no JWK.")
    return Wallet.from_jwk(jwk)


def verify(owner: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of this modulus signed; any salt length counts, as on the network."""
    try:
        key = rsa.RSAPublicNumbers(EXPONENT, int.from_bytes(owner)).public_key()
        key.verify(signature, message, pss(padding.PSS.AUTO), hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def pss(salt: Any) -> padding.PSS:
    return padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=salt)


def address_of(owner: bytes) -> str:
    """The 43 characters of an owner: base64url of the SHA-256 of the modulus."""
    return encode(hashlib.sha256(owner).digest())


def modulus_bytes(modulus: int) -> bytes:
    return modulus.to_bytes((modulus.bit_length() + 7) // 8)


def number(jwk: Mapping[str, Any], name: str) -> int:
    try:
        return int.from_bytes(decode(jwk[name]))
    except InvalidInput as error:
        raise ValueError(name) from error


def spelled(value: int) -> str:
    return encode(modulus_bytes(value))
