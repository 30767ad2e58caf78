"""A receiver of signed requests, its clocks in the test's hands, and senders with real keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from engram.chain.signatures import public_key_of, verify
from engram.net.signed import Seal, signed_headers
from tests.chain.worlds import signer

STARTED_S = 1_800_000_000.0
PATH = "/replica"
BODY = b"records"


@dataclass
class Clocks:
    """Unix seconds, and seconds that never go back."""

    wall: float = STARTED_S
    steady: float = 50.0

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@dataclass
class Request:
    """A request as it arrives."""

    headers: dict[str, str]
    method: str = "POST"
    path: str = PATH
    body: bytes = BODY


@dataclass
class Receiver:
    """A node at which signed requests arrive."""

    name: str = "receiver"
    clocks: Clocks = field(default_factory=Clocks)
    paid: int = 0

    def __post_init__(self) -> None:
        self.restart()

    @property
    def hotkey(self) -> str:
        return signer(self.name).hotkey

    def restart(self) -> None:
        """Forget everything, as a process does that ends."""
        clocks = self.clocks
        self.seal = Seal(
            self.hotkey, verify, public_key_of, lambda: clocks.wall, lambda: clocks.steady
        )

    async def take(self, request: Request) -> str:
        """Let the request in; the sender's hotkey. Raises what a node answers with."""
        claim = self.seal.claim(request.headers)
        await self.seal.check(claim, request.method, request.path, request.body)
        self.seal.once(claim, self._pay)
        return claim.sender

    def _pay(self) -> None:
        self.paid += 1


def signed(
    receiver: Receiver, *, sender: str = "sender", late_s: float = 0.0, nonce: str | None = None
) -> Request:
    """A good request, by a sender whose clock is ``late_s`` behind the receiver's."""
    time_ms = round((receiver.clocks.wall - late_s) * 1000)
    headers = signed_headers(signer(sender), receiver.hotkey, "POST", PATH, BODY, time_ms, nonce)
    return Request(headers)
