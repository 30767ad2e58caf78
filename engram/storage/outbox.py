"""Who is still to be sent which record: pairs of seat and CID, beside the records they name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from sqlite3 import Connection

from engram.storage.database import ReaderPool
from engram.storage.select import change

Pair = tuple[int, bytes]
"""A seat and the digest in a CID."""

_PAGE = "SELECT cid, queued_at FROM outbox WHERE seat = ? AND cid > ? ORDER BY cid LIMIT ?"
_QUEUE = "INSERT OR IGNORE INTO outbox SELECT ?, cid, ? FROM records WHERE cid IN ({})"
_TAKE_OFF = "DELETE FROM outbox WHERE seat = ? AND cid IN ({})"
_DROP_SOME = (
    "DELETE FROM outbox WHERE (seat, cid) IN (SELECT seat, cid FROM outbox WHERE seat = ? LIMIT ?)"
)


class Outbox:
    """Deliveries on disk, and how many wait for each seat.

    Any thread reads. One thread writes, inside a transaction that ``Records.committing`` opened;
    the counts follow when that has come to its end.
    """

    def __init__(self, readers: ReaderPool, writer: Connection) -> None:
        self._readers = readers
        self._writer = writer
        with readers.reader() as reader:
            counted = reader.execute("SELECT seat, count(*) FROM outbox GROUP BY seat").fetchall()
        self._waiting: dict[int, int] = dict(counted)
        self._changes: Counter[int] = Counter()  # of the transaction that is open

    def waiting(self) -> dict[int, int]:
        """Seat to the number of deliveries; kept, so that nobody has to count."""
        return dict(self._waiting)

    def page(self, seat: int, limit: int, after: bytes) -> list[tuple[bytes, float]]:
        """(digest, queued_at) of a seat's first deliveries past a digest, in the digests' order."""
        query = "SELECT cid, queued_at FROM outbox WHERE seat = ? AND cid > ? ORDER BY cid LIMIT ?"
        with self._readers.reader() as reader:
            found: list[tuple[bytes, float]] = reader.execute(
                query, (seat, after, limit)
            ).fetchall()
        return found

    def queue(self, pairs: Iterable[Pair], now: float) -> int:
        """Add the pairs whose record is held; how many were new."""
        by_seat: defaultdict[int, list[bytes]] = defaultdict(list)
        for seat, digest in pairs:
            by_seat[seat].append(digest)
        added = 0
        for seat, digests in by_seat.items():
            fresh = change(self._writer, _QUEUE, digests, seat, now)
            self._changes[seat] += fresh
            added += fresh
        return added

    def take_off(self, seat: int, digests: Sequence[bytes]) -> int:
        """Remove some of a seat's deliveries; how many were there."""
        gone = change(self._writer, _TAKE_OFF, digests, seat)
        self._changes[seat] -= gone
        return gone

    def take_off_all(self, digests: Sequence[bytes]) -> None:
        """Remove every delivery of these records.

        Seats are few and records many: a look for each seat that anything waits for costs less
        than a second index would on every write.
        """
        for seat in {*self._waiting, *self._changes}:
            self.take_off(seat, digests)

    def drop_some(self, seat: int, at_most: int) -> int:
        """Remove up to so many of a seat's deliveries; how many."""
        gone = self._writer.execute(_DROP_SOME, (seat, at_most)).rowcount
        self._changes[seat] -= gone
        return gone

    def drop_pointless(self) -> int:
        """Remove what ``pointless`` reports; how many."""
        gone = self._writer.execute(
            "DELETE FROM outbox WHERE cid NOT IN (SELECT cid FROM records) RETURNING seat"
        ).fetchall()
        self._changes.subtract(seat for (seat,) in gone)
        return len(gone)

    def pointless(self) -> list[Pair]:
        """Deliveries whose record is not there: none, unless something else wrote to the file."""
        query = "SELECT seat, cid FROM outbox WHERE cid NOT IN (SELECT cid FROM records)"
        with self._readers.reader() as reader:
            found: list[Pair] = reader.execute(query).fetchall()
        return found

    def begin(self) -> None:
        """A transaction starts: forget what one before it may have left undone."""
        self._changes.clear()

    def publish(self) -> None:
        """The transaction is on disk: count it."""
        if self._changes:
            counts = Counter(self._waiting)
            counts.update(self._changes)
            self._waiting = {seat: count for seat, count in counts.items() if count}
