"""Reading records back: one by its CID, which of many are here, and page by page."""

from __future__ import annotations

import orjson

from engram.core import parse_cid
from engram.core.embedding import to_base64
from engram.errors import EngramError, Unavailable
from engram.miner.draft import Json
from engram.miner.members import Members
from engram.miner.node import Node
from engram.miner.query import where_of
from engram.net.errors import error_body
from engram.protocol import BatchRetrieveRequest, HasRequest, ListRequest
from engram.storage.interface import Record

ENOUGH_BYTES = 1024 * 1024  # of records in one reply; one more may follow


class Records:
    """What this node holds."""

    def __init__(self, node: Node, members: Members) -> None:
        self.node = node
        self._members = members

    async def retrieve(self, cid: str) -> Json:
        """RecordReply. Raises InvalidCid, NotFound, RefusedHere or StoreCorrupt."""
        parse_cid(cid)
        record = await self.node.store.get(cid)
        if record is None:
            raise self._members.absence(cid)
        return record_reply(record)

    async def several(self, request: BatchRetrieveRequest) -> Json:
        """BatchRetrieveReply. Raises NotReady or Overloaded if nothing can be read now."""
        outcomes: list[Json] = []
        size = 0
        for cid in request.cids:
            outcomes.append(await self._attempt(cid))
            size += len(orjson.dumps(outcomes[-1]))
            if size >= ENOUGH_BYTES:
                break
        return {"outcomes": outcomes, "warnings": []}

    async def _attempt(self, cid: str) -> Json:
        """The record, or why it is not given."""
        try:
            return await self.retrieve(cid)
        except Unavailable:
            raise
        except EngramError as error:
            return error_body(error)

    async def has(self, request: HasRequest) -> Json:
        """HasReply."""
        held = await self.node.store.has(request.cids)
        ages = {cid: self.node.age_ms(stored_at) for cid, stored_at in held.items()}
        return {"held": ages, "warnings": []}

    async def page(self, request: ListRequest) -> Json:
        """ListReply. Raises InvalidWhere, or InvalidInput for a cursor that is not ours."""
        where = where_of(request.where)
        page = await self.node.store.list(request.limit, request.cursor, where)
        reply: Json = {
            "records": [record_reply(record) for record in page.records],
            "cursor": page.cursor,
            "receipt": None,
            "warnings": [],
        }
        if request.receipt:
            await self._sign(reply)
        return reply

    async def _sign(self, page: Json) -> None:
        """Put a receipt over its CIDs into the page, if this node has a key to sign with."""
        replication = self.node.replication
        if replication is None:
            page["warnings"].append("This node is on no chain, so it signs no receipts.")
            return
        cids = [record["cid"] for record in page["records"]]
        receipt = await replication.receipts.sign_page(cids, replication.holders.placement)
        page["receipt"] = receipt.model_dump()


def record_reply(record: Record) -> Json:
    """RecordReply as plain data."""
    return {
        "cid": record.cid,
        "model_version": record.model_version,
        "metadata": record.metadata,
        "embedding_b64": to_base64(record.embedding),
        "text": record.text,
        "stored_at": record.stored_at,
    }
