"""Results of the SDK in the words of the wire."""

from __future__ import annotations

from typing import Any

from engram.sdk.network.results import NodeName
from engram.sdk.results import Record, Replicas

Json = dict[str, Any]


def holder(node: NodeName) -> Json:
    """Holder."""
    return {"uid": node.uid, "hotkey": node.hotkey, "url": node.url}


def replicas_body(replicas: Replicas | None) -> Json | None:
    """Replicas."""
    if replicas is None:
        return None
    return {
        "required": replicas.required,
        "acknowledged": replicas.acknowledged,
        "receipts": list(replicas.receipts),
    }


def record_body(record: Record) -> Json:
    """RecordReply."""
    return {
        "cid": record.cid,
        "model_version": record.model_version,
        "metadata": record.metadata,
        "embedding_b64": record.embedding_b64,
        "text": record.text,
        "stored_at": record.stored_at,
    }
