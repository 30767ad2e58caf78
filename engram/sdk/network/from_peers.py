"""The members as one node names them: no more to be trusted than that node.

It can leave members out, and name some that it made up. What comes back is still checked by CID
and confirmed by second holders, but these may all be the node's own.
"""

from __future__ import annotations

import asyncio

from pydantic import ValidationError

from engram.dht import Member, Membership
from engram.errors import MethodNotAllowed, NotFound
from engram.net.addresses import is_global
from engram.protocol.nodes import Peer, PeersReply
from engram.sdk import wire
from engram.sdk.exchange import checked_url, error_from, unreachable
from engram.sdk.network.ask import Ask
from engram.sdk.network.view import View, alone

LOOK_EVERY_S = 60.0
PATH = "/peers"


class PeersDiscovery:
    """Asks the node at ``url`` who the others are."""

    def __init__(self, url: str, ask: Ask, timeout_s: float = 10.0) -> None:
        """Raises InvalidInput if it is no http URL."""
        self._url = checked_url(url)
        self._ask = ask
        self._timeout_s = timeout_s

    def remembered(self) -> View | None:
        return None

    async def look(self) -> View:
        """Its members; itself alone if it has none or is too old to say."""
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._ask.send(self._url, "GET", PATH, None)
        except TimeoutError:
            raise unreachable(self._url, "it took too long") from None
        if answer.status >= 400:
            error = error_from(answer)
            if isinstance(error, NotFound | MethodNotAllowed):
                return alone(self._url)
            raise error
        return self._view(wire.decode(answer.content))

    async def next_look_s(self) -> float:
        return LOOK_EVERY_S

    async def close(self) -> None:
        """The connections are not its own."""

    def _view(self, body: object) -> View:
        try:
            said = PeersReply.model_validate(body)
            if said.placement is None or not said.members:
                return alone(self._url)
            members = tuple(sorted(map(_member, said.members), key=lambda member: member.uid))
        except (ValidationError, ValueError) as error:
            raise wire.unreadable(f"its reply to {PATH} is not as promised ({error})") from error
        # A node on the public internet must not send us into our own network.
        return View(Membership(said.placement, bytes(32), members), None, is_global(self._url))


def _member(peer: Peer) -> Member:
    """Raises ValueError for a node id that does not follow from the registration."""
    member = Member(
        uid=peer.uid,
        hotkey=peer.hotkey,
        public_key=b"",  # nothing is signed for or by a reader
        url=checked_url(peer.url),
        registered_at=peer.registered_at,
        registered_hash=bytes.fromhex(peer.registered_hash),
    )
    if member.node_id.hex() != peer.node_id:
        raise ValueError(f"the node id of UID {peer.uid} does not follow from its registration")
    return member
