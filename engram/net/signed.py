"""Requests that say who sends them: made here, and checked here.

docs/protocol.md section 7 has the bytes. A request is taken once: its nonce is kept for as long as
its time could be accepted again, and what was signed before this process started is refused, since
the nonces of then are forgotten.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Protocol

from engram.errors import ClockSkew, InvalidInput, Replayed, Throttled, Unauthorized

HOTKEY = "Engram-Hotkey"
RECEIVER = "Engram-Receiver"
NONCE = "Engram-Nonce"
TIME = "Engram-Time"
SIGNATURE = "Engram-Signature"

FIRST_LINE = "engram-request-v1"
NONCE_BYTES = 16
WINDOW_S = 60.0  # how far a sender's clock may be off
KEEP_S = 2 * WINDOW_S  # a time that is a window ahead is acceptable for two
MOST_NONCES = 131_072  # kept at once, some 50 MB: 1,000 requests/s over all members

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether the signature (third) is the public key's (first) over the message (second)."""
PublicKeyOf = Callable[[str], bytes]
"""The 32 bytes in an SS58 address. Raises InvalidInput."""


class Signer(Protocol):
    """A hotkey that signs."""

    @property
    def hotkey(self) -> str:
        """SS58 address."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of itself in its headers."""

    sender: str
    """SS58 address."""
    receiver: str
    nonce: str
    """32 hexadecimal digits."""
    time_ms: int
    """Unix milliseconds."""
    signature: str
    """128 hexadecimal digits."""

    def message(self, method: str, path: str, body: bytes) -> bytes:
        """What the signature covers."""
        return signed_bytes(
            method, path, body, self.nonce, self.time_ms, self.sender, self.receiver
        )


def signed_bytes(
    method: str, path: str, body: bytes, nonce: str, time_ms: int, sender: str, receiver: str
) -> bytes:
    """The bytes that a sender signs: eight lines, none after the last.

    ``path`` is the request target as it stands in the request, its query included.
    """
    digest = hashlib.sha256(body).hexdigest()
    lines = (FIRST_LINE, method, path, digest, nonce, str(time_ms), sender, receiver)
    return "\n".join(lines).encode()


def signed_headers(
    signer: Signer,
    receiver: str,
    method: str,
    path: str,
    body: bytes,
    time_ms: int,
    nonce: str | None = None,
) -> dict[str, str]:
    """The five headers. Hashes the body, so large ones are for a thread."""
    nonce = nonce or secrets.token_hex(NONCE_BYTES)
    message = signed_bytes(method, path, body, nonce, time_ms, signer.hotkey, receiver)
    return {
        HOTKEY: signer.hotkey,
        RECEIVER: receiver,
        NONCE: nonce,
        TIME: str(time_ms),
        SIGNATURE: signer.sign(message).hex(),
    }


FORMS = {
    HOTKEY: re.compile(r"[1-9A-HJ-NP-Za-km-z]{40,64}"),
    RECEIVER: re.compile(r"[1-9A-HJ-NP-Za-km-z]{40,64}"),
    NONCE: re.compile(r"[0-9a-f]{32}"),
    TIME: re.compile(r"[1-9][0-9]{0,14}"),
    SIGNATURE: re.compile(r"[0-9a-f]{128}"),
}


def claim_of(headers: Mapping[str, str]) -> Claim:
    """The claim in the headers. Raises Unauthorized naming one that is missing or malformed."""
    found = {name: headers.get(name, "") for name in FORMS}
    for name, form in FORMS.items():
        if not form.fullmatch(found[name]):
            what = "malformed" if found[name] else "missing"
            raise Unauthorized(f"This path takes signed requests; the header {name} is {what}.")
    return Claim(found[HOTKEY], found[RECEIVER], found[NONCE], int(found[TIME]), found[SIGNATURE])


class Nonces:
    """Remembers what was taken. ``monotonic`` gives seconds.

    Nothing signed at or before ``floor_ms`` (unix milliseconds) is fresh: that may have been taken
    and forgotten. The floor rises to the time of each nonce that is forgotten, so a clock that is
    set back opens no door.
    """

    def __init__(self, monotonic: Callable[[], float], most: int = MOST_NONCES) -> None:
        self.floor_ms = 0
        self._monotonic = monotonic
        self._most = most
        self._taken: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """Sender and nonce to the moment of arrival and the time signed, by arrival."""

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, claim: Claim, pay: Callable[[], None]) -> None:
        """Take it, once ``pay`` did not raise: a replay costs its victim nothing.

        Raises Replayed if it was taken before, Throttled if there is no room to remember it.
        """
        self.forget()
        key = claim.sender + claim.nonce
        if key in self._taken:
            raise Replayed("This very request was here before; sign each one anew.")
        if len(self._taken) >= self._most:
            oldest, _ = next(iter(self._taken.values()))
            wait = oldest + KEEP_S - self._monotonic()
            raise Throttled("Too many signed requests came lately.", retry_after=wait)
        pay()
        self._taken[key] = (self._monotonic(), claim.time_ms)

    def forget(self) -> None:
        """Let go of those that are old enough, and raise the floor to what they were."""
        until = self._monotonic() - KEEP_S
        old = list(takewhile(lambda each: each[1][0] <= until, self._taken.items()))
        for key, (_, time_ms) in old:
            del self._taken[key]
            self.floor_ms = max(self.floor_ms, time_ms)


class Seal:
    """Checks signed requests to one receiver.

    Three steps, so that the cheap ones come first: ``claim`` before the body is read, ``check``
    with the body, and ``once`` for whom the caller lets in. ``clock`` gives unix seconds.
    """

    def __init__(
        self,
        receiver: str,
        verify: Verify,
        public_key_of: PublicKeyOf,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._receiver = receiver
        self._verify = verify
        self._public_key_of = public_key_of
        self._clock = clock
        self._monotonic = monotonic
        self._started = monotonic()
        self.nonces = Nonces(monotonic)

    def claim(self, headers: Mapping[str, str]) -> Claim:
        """What the headers say, if it is for this node and of now.

        Raises Unauthorized or ClockSkew.
        """
        claim = claim_of(headers)
        if claim.receiver != self._receiver:
            raise Unauthorized(f"This request is for {claim.receiver}, and here is another node.")
        self._require_now(claim.time_ms)
        return claim

    async def check(self, claim: Claim, method: str, path: str, body: bytes) -> None:
        """Raise Unauthorized unless the sender signed this very request. Off the event loop."""
        if not await asyncio.to_thread(self.is_signed, claim, method, path, body):
            raise Unauthorized(f"The signature is not that of {claim.sender} over this request.")

    def once(self, claim: Claim, pay: Callable[[], None]) -> None:
        """Take a checked request. ``pay`` raises Throttled if the sender may not send it now.

        Raises ClockSkew, Replayed if it was taken before, or Throttled.
        """
        self._require_now(claim.time_ms)  # reading the body took its time
        self.nonces.take(claim, pay)

    def _require_now(self, time_ms: int) -> None:
        now = self._clock()
        if abs(now - time_ms / 1000) > WINDOW_S:
            ahead = time_ms / 1000 - now
            where = "ahead of" if ahead > 0 else "behind"
            raise self._skew(f"It is signed {abs(ahead):.0f} s {where} this node's clock.")
        self.nonces.forget()
        # By the clock as it is now: one that was wrong at the start is set right soon after.
        began = now - (self._monotonic() - self._started)
        if time_ms <= max(began * 1000, self.nonces.floor_ms):
            raise self._skew("It was signed before this node began to remember.")

    def _skew(self, what: str) -> ClockSkew:
        return ClockSkew(
            f"{what} Sign it anew, with a clock that is right.", details={"time": self._clock()}
        )

    def is_signed(self, claim: Claim, method: str, path: str, body: bytes) -> bool:
        """Whether the sender signed this very request. Blocks for 50 µs and 1 ms per MB."""
        try:
            public_key = self._public_key_of(claim.sender)
        except InvalidInput:
            return False
        message = claim.message(method, path, body)
        return self._verify(public_key, message, bytes.fromhex(claim.signature))
