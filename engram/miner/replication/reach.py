"""Which members answer: this node's own word on it, for nobody trusts gossip about who lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from engram.dht import Member, RoutingTable
from engram.miner.replication.interface import Answer, Clock, Failure, Trouble
from engram.protocol.nodes import MAX_ABSENT

NO_ANSWER = (Trouble.UNREACHABLE, Trouble.SLOW)

log = structlog.get_logger("engram.replication")


@dataclass(slots=True)
class Contact:
    """What is known of one registration."""

    heard_at: float
    """When it last answered, or when it was first spoken of."""
    failing_since: float | None = None
    """First of the attempts that failed since then; None if none has."""
    away: bool = False
    """It was silent for so long that others stand in for it; until it is verified."""


class Reach:
    """Counts the silence of members.

    A member is absent once attempts have failed for ``absent_after_s`` without an answer in
    between, and stays so until it is verified to hold what it is to hold.
    """

    def __init__(self, table: RoutingTable, clock: Clock, absent_after_s: float) -> None:
        self._table = table
        self._clock = clock
        self._absent_after_s = absent_after_s
        self._contacts: dict[int, Contact] = {}
        self.on_return: Callable[[Member], None] = lambda _: None
        """Called for a member that answers after a silence."""

    def heard(self, member: Member, reply: Answer | Failure) -> None:
        """What became of a request: ``spoke`` or ``failed``."""
        if isinstance(reply, Failure) and reply.trouble in NO_ANSWER:
            self.failed(member)
        else:
            self.spoke(member)

    def spoke(self, member: Member) -> None:
        """Any answer came, good or bad."""
        contact = self._contact(member)
        self._judge(member, contact)
        silent, contact.failing_since = contact.failing_since is not None, None
        contact.heard_at = self._clock.monotonic()
        if silent:
            self.on_return(member)

    def failed(self, member: Member) -> None:
        """No connection, or no answer in time."""
        contact = self._contact(member)
        if contact.failing_since is None:
            contact.failing_since = self._clock.monotonic()

    def verified(self, member: Member) -> None:
        """A comparison found it whole: it counts again."""
        contact = self._contact(member)
        if contact.away:
            log.info("a member is back and whole", uid=member.uid, url=member.url)
        contact.away = False

    def away(self, member: Member) -> bool:
        """True if others stand in for it."""
        contact = self._contact(member)
        self._judge(member, contact)
        return contact.away

    def absent(self) -> frozenset[int]:
        """UIDs in the current membership that others stand in for, the node's own never.

        At most MAX_ABSENT, as many as a request can name: then those longest silent.
        """
        current, local = self._table.current, self._table.local
        if current is None:
            return frozenset()
        self._keep({member.seat for member in current.members})
        gone = [member for member in current.members if member != local and self.away(member)]
        gone.sort(key=lambda member: (self._contact(member).heard_at, member.uid))
        return frozenset(member.uid for member in gone[:MAX_ABSENT])

    def silent_s(self, member: Member) -> float | None:
        """Seconds since it last answered; None while it does."""
        contact = self._contact(member)
        if contact.failing_since is None:
            return None
        return self._clock.monotonic() - contact.heard_at

    def _contact(self, member: Member) -> Contact:
        found = self._contacts.get(member.seat)
        if found is None:
            found = self._contacts[member.seat] = Contact(self._clock.monotonic())
        return found

    def _judge(self, member: Member, contact: Contact) -> None:
        since = contact.failing_since
        if contact.away or since is None:
            return
        if self._clock.monotonic() - since >= self._absent_after_s:
            contact.away = True
            log.warning(
                "a member does not answer; the next in order stand in for it",
                uid=member.uid,
                url=member.url,
            )

    def _keep(self, seats: set[int]) -> None:
        """Forget registrations that are gone."""
        for seat in self._contacts.keys() - seats:
            del self._contacts[seat]
