"""Spot probes: a search near a user's record must find it, or results that are as near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engram.core import verify_cid
from engram.core.embedding import Embedding, from_base64, normalise
from engram.errors import InvalidInput
from engram.protocol import QueryHit, RecordReply
from engram.validator.ask import Asked, Asker
from engram.validator.ground_truth import SAME_SCORE, Probe
from engram.validator.roster import Miner


async def finds(
    asker: Asker, miner: Miner, probe: Probe, results: Sequence[QueryHit], k: int
) -> bool:
    """True if the record is among the results, or ``k`` records that are there and as near.

    Those are fetched and their CIDs and scores computed; a claim alone displaces nobody.
    """
    if any(hit.cid == probe.record.cid for hit in results):
        return True
    target = cosine(probe.record.vector, probe.query)
    if len(results) < k or any(hit.score < target - SAME_SCORE for hit in results):
        return False
    for hit in results:
        record = await asker.retrieve(miner.url, hit.cid)
        if not isinstance(record, Asked) or not as_near(record.message, hit.cid, probe, target):
            return False
    return True


def as_near(record: RecordReply, cid: str, probe: Probe, target: float) -> bool:
    """True if these bytes are the CID's and lie as near to the query as the record sought."""
    try:
        vector = from_base64(record.embedding_b64)
        genuine = verify_cid(cid, vector, record.metadata, record.model_version)
    except InvalidInput:
        return False
    return genuine and cosine(vector, probe.query) >= target - SAME_SCORE


def cosine(left: Embedding, right: Embedding) -> float:
    """-1..1."""
    return float(np.dot(normalise(left).astype(np.float64), normalise(right).astype(np.float64)))
