"""Receipts that members sign, checked: what is not signed by whom it names is no evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engram.core.limits import REPLICAS
from engram.core.receipt import page_digest, page_receipt_bytes, receipt_bytes, record_size
from engram.dht import Member
from engram.protocol import PageReceipt, SignedReceipt
from engram.validator.roster import Miner, Roster

MOST = 2 * REPLICAS  # of one record that are looked at: holders of two placements

Verify = Callable[[bytes, bytes, bytes], bool]
"""Whether the signature (third) is the public key's (first) over the message (second)."""


@dataclass(frozen=True, slots=True)
class Genuine:
    """A miner's word that it holds a record."""

    miner: Miner
    placement: int


class Receipts:
    """Checks receipts against the members of the placement that they name. Blocks: 40 µs each."""

    def __init__(self, roster: Roster, verify: Verify) -> None:
        self.refused = 0
        """Receipts that were no evidence."""
        self._roster = roster
        self._verify = verify

    def of_record(
        self, cid: str, metadata: dict[str, Any], given: Sequence[SignedReceipt]
    ) -> list[Genuine]:
        """Those of the receipts that their members signed for this very record."""
        size = record_size(metadata)
        found = [
            (receipt, self._signer_of(receipt.placement, receipt.hotkey))
            for receipt in given[:MOST]
            if receipt.cid == cid and receipt.size == size
        ]
        genuine = [
            Genuine(miner, receipt.placement)
            for receipt, signer in found
            if signer is not None and self._signed(signer, receipt)
            for miner in self._miners(signer)
        ]
        self.refused += len(given) - len(genuine)
        return genuine

    def of_page(
        self, miner: Miner, cids: Sequence[str], given: PageReceipt | None
    ) -> Genuine | None:
        """The receipt, if the miner signed it for exactly these records in this order."""
        if given is None or given.placement is None:
            return None
        signer = self._signer_of(given.placement, given.hotkey)
        right = (
            given.count == len(cids)
            and given.digest == page_digest(cids)
            and signer is not None
            and miner in self._miners(signer)
            and self._verify(
                signer.public_key,
                page_receipt_bytes(given.count, given.digest, given.placement, given.hotkey),
                bytes.fromhex(given.signature),
            )
        )
        self.refused += not right
        return Genuine(miner, given.placement) if right else None

    def _signer_of(self, placement: int, hotkey: str) -> Member | None:
        """The member with that hotkey, if the placement is the current or the previous one."""
        membership = self._roster.table.at(placement)
        return membership.by_hotkey(hotkey) if membership else None

    def _signed(self, member: Member, receipt: SignedReceipt) -> bool:
        message = receipt_bytes(receipt.cid, receipt.size, receipt.placement, receipt.hotkey)
        return self._verify(member.public_key, message, bytes.fromhex(receipt.signature))

    def _miners(self, member: Member) -> Iterable[Miner]:
        """The miner that a member is now, if it still is the same hotkey in the same seat."""
        return [
            miner
            for miner in self._roster.miners
            if (miner.uid, miner.hotkey) == (member.uid, member.hotkey)
        ]
