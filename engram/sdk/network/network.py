"""The network for everybody else: the async one, behind a loop on a thread of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

from engram.sdk.items import Item, Vector, as_items
from engram.sdk.network.async_network import PAGE, AsyncEngramNetwork
from engram.sdk.network.loop_thread import LoopThread
from engram.sdk.network.results import NetworkPage, NetworkResults, NetworkVerification
from engram.sdk.network.standing import MemberStanding
from engram.sdk.outcomes import all_stored
from engram.sdk.results import Ingested, Metadata, Outcomes, Record
from engram.sdk.scope import Scope


class EngramNetwork:
    """All members of a subnet together. Thread-safe. Close it, or use ``with``.

        EngramNetwork("finney", netuid=42)              # the members as the chain lists them
        EngramNetwork(url="http://203.0.113.7:8091")    # as that node names them: trusted as much

    Takes what AsyncEngramNetwork takes, whose methods these are.
    """

    def __init__(self, chain: str | None = None, **options: Any) -> None:
        self._thread = LoopThread()
        try:
            self._network = self._thread.run(_made(chain, options))
        except BaseException:
            self._thread.close()
            raise

    def query(
        self,
        asked: str | Vector,
        top_k: int = 10,
        where: Metadata | None = None,
        *,
        namespace: str | None = None,
        verify: bool = False,
        deadline_s: float | None = None,
    ) -> NetworkResults:
        """The records nearest to a text or a vector; see AsyncEngramNetwork.query."""
        return self._thread.run(
            self._network.query(
                asked, top_k, where, namespace=namespace, verify=verify, deadline_s=deadline_s
            )
        )

    def get(self, cid: str) -> Record:
        """One record, whose bytes hash to its CID."""
        return self._thread.run(self._network.get(cid))

    def has(self, cids: Sequence[str]) -> dict[str, int]:
        """Age in milliseconds of the oldest copy of those CIDs that a holder has."""
        return self._thread.run(self._network.has(cids))

    def verify(self, cid: str, *, metadata: Metadata | None = None) -> NetworkVerification:
        """Fetch the record from each of its holders, and judge each by itself."""
        return self._thread.run(self._network.verify(cid, metadata=metadata))

    def page(
        self, limit: int = PAGE, cursor: str | None = None, where: Metadata | None = None
    ) -> NetworkPage:
        """Up to ``limit`` (1..1,000) records, each once in the whole listing."""
        return self._thread.run(self._network.page(limit, cursor, where))

    def list(
        self,
        where: Metadata | None = None,
        *,
        namespace: str | None = None,
        page_size: int = PAGE,
    ) -> Iterator[Record]:
        """Every record of the network once, fetched a page at a time."""
        narrowed = Scope(namespace, user_id=None).where(where)
        cursor = None
        while True:
            page = self.page(page_size, cursor, narrowed)
            yield from page.records
            if (cursor := page.cursor) is None:
                return

    def add(
        self,
        text: str,
        metadata: Metadata | None = None,
        *,
        namespace: str | None = None,
        min_replicas: int | None = None,
    ) -> Ingested:
        """Store a text, at one of its holders where the CID is known here."""
        return self._thread.run(
            self._network.add(text, metadata, namespace=namespace, min_replicas=min_replicas)
        )

    def ingest_many(self, items: Iterable[Item], *, namespace: str | None = None) -> Outcomes:
        """Store texts or JSONL objects; one Ingested or Failed for each, in order."""
        # Read here: whatever makes the items belongs to the caller's thread.
        given = [*as_items(items)]
        return self._thread.run(self._network.ingest_many(given, namespace=namespace))

    def add_many(
        self, items: Iterable[Item], *, namespace: str | None = None
    ) -> Sequence[Ingested]:
        """``ingest_many``, raising the first item's error once the others are stored."""
        return all_stored(self.ingest_many(items, namespace=namespace))

    def members(self) -> Sequence[MemberStanding]:
        """Who the members are, and how they have behaved towards this client."""
        return self._thread.run(self._network.members())

    def refresh(self) -> None:
        """Look for the members now, not only at the next placement block."""
        self._thread.run(self._network.refresh())

    def close(self) -> None:
        """Close the connections and end the thread; twice is once."""
        if not self._thread.closed:
            self._thread.run(self._network.close())
            self._thread.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


async def _made(chain: str | None, options: dict[str, Any]) -> AsyncEngramNetwork:
    """Made on the loop that it belongs to."""
    return AsyncEngramNetwork(chain, **options)
