"""The routing table: the members at the current placement block and at the one before."""

from __future__ import annotations

from pathlib import Path

from engram.dht import kept
from engram.dht.hashes import KnownHashes
from engram.dht.membership import Listing, Member, Membership, membership

KEPT = "placement"
HASHES = "block-hashes"


class RoutingTable:
    """Whom a CID is assigned to. One thread moves it; any thread reads it.

    ``every`` is the number of blocks from one placement block to the next, ``hotkey`` the local
    node's. With a ``folder`` the last memberships and all block hashes outlive the process, so a
    node that starts without a chain knows the network as it last was. Without any membership the
    node is alone and holds everything.
    """

    def __init__(self, every: int, hotkey: str | None = None, folder: Path | None = None) -> None:
        self.every = every
        self.hotkey = hotkey
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        self.hashes = KnownHashes(folder / HASHES if folder is not None else None)
        remembered = kept.read(folder / KEPT) if folder is not None else []
        self._at: tuple[Membership, ...] = tuple(remembered)

    @property
    def current(self) -> Membership | None:
        """The membership that the node works with; None while it is alone."""
        at = self._at
        return at[0] if at else None

    @property
    def previous(self) -> Membership | None:
        """The membership one placement block earlier, which others may still work with."""
        at = self._at
        return at[1] if len(at) > 1 else None

    def at(self, number: int) -> Membership | None:
        """The membership at that placement block, if it is the current or the previous one."""
        return next((found for found in self._at if found.number == number), None)

    @property
    def local(self) -> Member | None:
        """This node, if it is a member."""
        return self.current.by_hotkey(self.hotkey) if self.current else None

    def assigned(self, cid: str) -> tuple[Member, ...]:
        """Who holds the CID, primary first; nobody while the node is alone. Raises InvalidCid."""
        return self.current.assigned(cid) if self.current else ()

    def placement_block(self, finalized: int) -> int:
        """The placement block that rules once block ``finalized`` is final."""
        return finalized - finalized % self.every

    def behind(self, finalized: int) -> bool:
        """True if another placement block than the current one rules."""
        return self.current is None or self.current.number != self.placement_block(finalized)

    def learn(self, listing: Listing) -> None:
        """Keep the block hashes that any snapshot brings along. Blocks on the disk."""
        self.hashes.learn(
            {n.registered_at: n.registered_hash for n in listing.neurons if n.registered_hash}
        )

    def bootstrap(self, current: Listing, previous: Listing) -> bool:
        """Move to ``current``'s placement block; False if a member's block hash is not known.

        ``previous`` is the snapshot one placement block earlier. Blocks on the disk.
        """
        self.learn(previous)
        self.learn(current)
        made = membership(current, previous, self.hashes)
        if made is None:
            return False
        if made != self.current:
            self._move(made)
        return True

    def _move(self, made: Membership) -> None:
        before = self.current
        follows = before is not None and before.number == made.number - self.every
        self._at = (made, before) if before is not None and follows else (made,)
        if self._folder is not None:
            kept.write(self._folder / KEPT, list(self._at))
