"""Who may send this node signed requests: other members, and validators."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from aiohttp import web

from engram.chain.interface import Neuron, Snapshot
from engram.chain.signatures import public_key_of, verify
from engram.dht import Member, RoutingTable
from engram.errors import Forbidden, NotAMember
from engram.miner.replication.agreed import placements
from engram.net.body import BodyLimits, content_type, read_body
from engram.net.limits import Quotas
from engram.net.signed import Claim, Seal

T = TypeVar("T")


class Senders:
    """Lets signed requests in, each once, within the quota of whoever signed it.

    ``metagraph`` gives the newest snapshot. The clocks give unix seconds, and seconds that never go
    back.
    """

    def __init__(
        self,
        table: RoutingTable,
        metagraph: Callable[[], Snapshot | None],
        quotas: Quotas,
        bodies: BodyLimits,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        assert table.hotkey is not None, "a node without a hotkey cannot be written to"
        self._table = table
        self._metagraph = metagraph
        self._quotas = quotas
        self._bodies = bodies
        self._seal = Seal(table.hotkey, verify, public_key_of, clock, monotonic)

    async def member(self, request: web.Request, media: str) -> tuple[Member, bytes]:
        """The member that signed the request, and its body.

        Raises Unauthorized, ClockSkew, Replayed, NotAMember or Throttled, and what reading a body
        raises.
        """
        return await self._let_in(request, media, self._member)

    async def validator(self, request: web.Request, media: str) -> tuple[Neuron, bytes]:
        """The same for a validator that has a permit; raises Forbidden for anybody else."""
        return await self._let_in(request, media, self._validator)

    async def _let_in(
        self, request: web.Request, media: str, known: Callable[[str], T]
    ) -> tuple[T, bytes]:
        """The cheap questions first: nobody is read or reckoned for who may not come in anyway."""
        content_type(request, media)
        claim = self._seal.claim(request.headers)
        sender = known(claim.sender)
        body = await read_body(request, self._bodies)
        await self._seal.check(claim, request.method, request.raw_path, body)
        self._seal.once(claim, partial(self._quotas.take, self._payer(claim)))
        return sender, body

    def _payer(self, claim: Claim) -> str:
        """A member pays for its registration, however its hotkey changes."""
        member = self._find(claim.sender)
        return (
            claim.sender if member is None else f"UID {member.uid} of block {member.registered_at}"
        )

    def _member(self, hotkey: str) -> Member:
        member = self._find(hotkey)
        if member is not None:
            return member
        known = placements(self._table)
        raise NotAMember(
            f"{hotkey} is no member at the placement blocks that this node goes by.",
            details={"placements": known},
        )

    def _find(self, hotkey: str) -> Member | None:
        at = (self._table.current, self._table.previous)
        found = (each.by_hotkey(hotkey) for each in at if each is not None)
        return next((member for member in found if member is not None), None)

    def _validator(self, hotkey: str) -> Neuron:
        metagraph = self._metagraph()
        neuron = metagraph.by_hotkey(hotkey) if metagraph is not None else None
        if neuron is None or not neuron.validator_permit:
            raise Forbidden(f"{hotkey} has no validator permit on this subnet.")
        return neuron
