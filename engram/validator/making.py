"""Makes the validator's own records: texts under namespaces and metadata like anybody's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engram.core import embedding_bytes, generate_cids
from engram.core.limits import REPLICAS
from engram.dht import Membership
from engram.embedding import Embedded
from engram.validator.clock import Clock
from engram.validator.corpus import Corpus
from engram.validator.state import State, pool
from engram.validator.state.pool import Namespace

A_TURN = 128  # texts embedded at once: less than a second of one core
VARIANTS = 32  # spellings of one record, of which the one is kept that fills the most gaps
PER_MEMBER = 20  # records of a namespace that each member holds: twice what a search asks for
MOST_TRIES = 50  # texts or names in a row that are known already
MONTH_S = 30 * 86_400

Vary = Callable[[Random, float], dict[str, Any]]

STYLES: dict[str, Vary] = {
    "dated": lambda random, now: {
        "created_at": datetime.fromtimestamp(now - random.uniform(0, MONTH_S), UTC).isoformat(
            timespec="seconds"
        )
    },
    "stamped": lambda random, now: {"created_at": int(now - random.uniform(0, MONTH_S))},
    "paged": lambda random, _: {"page": random.randint(1, 9_999)},
    "chunked": lambda random, _: {
        "chunk": random.randint(0, 99),
        "start": random.randint(0, 2**20),
    },
}
"""What a namespace's records carry beside their text. Something varies, so that the CID can be
steered to members that hold too few."""


class Embeds(Protocol):
    """What an Embedder does for the maker."""

    def embed(self, texts: Sequence[str]) -> list[Embedded]:
        """A vector for each text, in order."""
        ...


class Maker:
    """Adds records to the pool, for the members that lack some. Blocks."""

    def __init__(
        self, state: State, corpus: Corpus, embedder: Embeds, clock: Clock, random: Random
    ) -> None:
        self._state = state
        self._corpus = corpus
        self._embedder = embedder
        self._clock = clock
        self._random = random

    def make(self, membership: Membership, missing: Mapping[int, int], target: int) -> None:
        """Up to A_TURN records. ``missing``: UID to the number of records that it lacks."""
        wanted = -(-sum(missing.values()) // REPLICAS)
        texts = self._texts(min(A_TURN, max(wanted, max(missing.values()))))
        left = dict(missing)
        for text, embedded in zip(texts, self._embedder.embed(texts), strict=True):
            space = self._space(len(membership.members), target)
            cid, metadata = self._spelling(text, embedded.vector, space, membership, left)
            with self._state.write() as tx:
                pool.add_record(tx, cid, embedding_bytes(embedded.vector), metadata, space.id)
            for member in membership.assigned(cid):
                left[member.uid] = left.get(member.uid, 0) - 1

    def _texts(self, count: int) -> list[str]:
        with self._state.read() as connection:
            found: dict[str, None] = {}
            for _ in range(count + MOST_TRIES):
                text = self._corpus.text()
                if len(found) < count and not pool.knows_text(connection, text):
                    found[text] = None
        return list(found)

    def _space(self, members: int, target: int) -> Namespace:
        """The namespace that is being filled, or a new one."""
        with self._state.read() as connection:
            filling = [s for s in pool.namespaces(connection) if s.records < s.size]
        if filling:
            return filling[0]
        each = min(PER_MEMBER, target)
        size = math.ceil(each * members / min(REPLICAS, members))
        style = self._random.choice(sorted(STYLES))
        with self._state.write() as tx:
            return pool.open_namespace(tx, self._name(), style, size, self._clock.now())

    def _name(self) -> str:
        with self._state.read() as connection:
            taken = {row["name"] for row in connection.execute("SELECT name FROM namespaces")}
        names = (self._corpus.name() for _ in range(MOST_TRIES))
        fresh = next((name for name in names if name not in taken), None)
        return fresh or f"{self._corpus.name()}-{self._random.randint(1_000, 9_999_999)}"

    def _spelling(
        self,
        text: str,
        vector: NDArray[np.float32],
        space: Namespace,
        membership: Membership,
        left: Mapping[int, int],
    ) -> tuple[str, dict[str, Any]]:
        """CID and metadata that bring the record to members that lack some."""
        vary, now = STYLES[space.style], self._clock.now()
        base = {"text": text, "namespace": space.name}
        metadatas = [base | vary(self._random, now) for _ in range(VARIANTS)]
        cids = generate_cids(np.stack([vector] * VARIANTS), metadatas)
        assigned = membership.assigned_many(cids)
        gaps = [sum(left.get(member.uid, 0) > 0 for member in members) for members in assigned]
        best = gaps.index(max(gaps))
        return cids[best], metadatas[best]
