"""Reading records back: one by its CID, which of many are here, and page by page."""

from __future__ import annotations

from engram.core import parse_cid
from engram.core.embedding import to_base64
from engram.errors import NotFound
from engram.miner.draft import Json
from engram.miner.node import Node
from engram.miner.query import where_of
from engram.protocol import HasRequest, ListRequest
from engram.storage.interface import Record


class Records:
    """What this node holds."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def retrieve(self, cid: str) -> Json:
        """RecordReply. Raises InvalidCid, NotFound, RefusedHere or StoreCorrupt."""
        parse_cid(cid)
        record = await self.node.store.get(cid)
        if record is None:
            raise NotFound(f"This node does not hold {cid}.")
        return record_reply(record)

    async def has(self, request: HasRequest) -> Json:
        """HasReply."""
        held = await self.node.store.has(request.cids)
        ages = {cid: self.node.age_ms(stored_at) for cid, stored_at in held.items()}
        return {"held": ages, "warnings": []}

    async def page(self, request: ListRequest) -> Json:
        """ListReply. Raises InvalidWhere, or InvalidInput for a cursor that is not ours."""
        where = where_of(request.where)
        page = await self.node.store.list(request.limit, request.cursor, where)
        return {
            "records": [record_reply(record) for record in page.records],
            "cursor": page.cursor,
            "warnings": [],
        }


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
