"""What nodes sign and send each other, byte for byte, against tests/vectors/nodes.json.

The frame is also put together here from the words of docs/protocol.md, without the product's code.
"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from engram.chain.signatures import public_key_of, verify
from engram.core import embedding as vectors
from engram.core import generate_cid, strict_json
from engram.core.receipt import page_digest, page_receipt_bytes, receipt_bytes, record_size
from engram.miner.replication import frame
from engram.miner.replication.frame import Copy
from engram.net.signed import signed_bytes

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "nodes.json").read_text("utf-8"))
FRAME = VECTORS["frame"]
BODY = base64.b64decode(FRAME["body_b64"])


def counted(form: str, raw: bytes) -> bytes:
    return struct.pack(form, len(raw)) + raw


def spelled_out(value: Any) -> bytes:
    """A frame by the words of the page."""
    body = b"EGRM\x01" + struct.pack("<QH", value["placement"], len(value["absent"]))
    body += b"".join(struct.pack("<H", uid) for uid in value["absent"])
    body += struct.pack("<H", len(value["records"]))
    for record in value["records"]:
        body += bytes.fromhex(record["cid"].removeprefix("v1::"))
        body += counted("<B", record["model_version"].encode())
        body += base64.b64decode(record["embedding_b64"])
        body += counted("<I", record["metadata_json"].encode())
        body += counted("<I", (record["text"] or "").encode())
    return body


def copies() -> list[Copy]:
    return [
        Copy(
            each["cid"],
            vectors.from_base64(each["embedding_b64"]),
            strict_json.loads(each["metadata_json"]),
            each["text"],
        )
        for each in FRAME["records"]
    ]


def test_the_file_is_what_the_page_says() -> None:
    assert spelled_out(FRAME) == BODY


def test_a_frame_is_written_as_in_the_file() -> None:
    packed = [frame.pack(copy) for copy in copies()]
    assert frame.encode(FRAME["placement"], FRAME["absent"], packed) == BODY


def test_a_frame_is_read_as_in_the_file() -> None:
    read = frame.decode(BODY)
    assert (read.placement, sorted(read.absent)) == (FRAME["placement"], FRAME["absent"])
    for found, expected in zip(read.records, copies(), strict=True):
        assert isinstance(found, Copy)
        assert (found.cid, found.metadata, found.text) == (
            expected.cid,
            expected.metadata,
            expected.text,
        )
        assert found.embedding.tobytes() == expected.embedding.tobytes()
        assert generate_cid(found.embedding, found.metadata) == found.cid


def is_signed(value: Any, hotkey: str) -> bool:
    signature = bytes.fromhex(value["signature"])
    return verify(public_key_of(hotkey), value["message"].encode("ascii"), signature)


def test_a_request_is_signed_over_these_lines() -> None:
    value = VECTORS["request"]
    message = signed_bytes(
        value["method"],
        value["path"],
        BODY,
        value["nonce"],
        value["time_ms"],
        value["sender"],
        value["receiver"],
    )
    assert message.decode() == value["message"]
    assert is_signed(value, value["sender"])


def test_a_receipt_is_signed_over_these_lines() -> None:
    value = VECTORS["receipt"]
    fields = (value["cid"], value["size"], value["placement"], value["hotkey"])
    assert receipt_bytes(*fields).decode() == value["message"]
    assert is_signed(value, value["hotkey"])
    [first, *_] = copies()
    assert (first.cid, record_size(first.metadata)) == (value["cid"], value["size"])


@pytest.mark.parametrize("value", VECTORS["page_receipt"], ids=["three", "none, alone"])
def test_a_page_receipt_is_signed_over_these_lines(value: Any) -> None:
    digest = page_digest(value["cids"])
    assert digest == value["digest"]
    message = page_receipt_bytes(len(value["cids"]), digest, value["placement"], value["hotkey"])
    assert message.decode() == value["message"]
    assert is_signed(value, value["hotkey"])
