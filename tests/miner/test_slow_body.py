"""A body that does not come is given up, and holds up nobody else."""

from __future__ import annotations

import asyncio

import orjson

from tests.miner.harness import Served, served

HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: 1000\r\n\r\n"


async def reply_to(miner: Served, head: bytes) -> tuple[bytes, dict[str, str]]:
    """Send headers and half a body, then nothing; the status line and the JSON that came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", miner.port)
    writer.write(head + b'{"text": ')
    await writer.drain()
    headers = await reader.readuntil(b"\r\n\r\n")
    length = int(headers.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    body = orjson.loads(await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    return headers.splitlines()[0], body


async def test_a_json_body() -> None:
    async with served(body_timeout_s=0.05) as miner:
        status, body = await reply_to(miner, HEAD % (b"/IngestSynapse", b"application/json"))
        assert status.split()[1] == b"408"
        assert body["code"] == "body_timeout"
        assert not miner.store.records


async def test_a_line_of_a_batch() -> None:
    async with served(body_timeout_s=0.05) as miner:
        status, body = await reply_to(miner, HEAD % (b"/batch/ingest", b"application/x-ndjson"))
        assert status.split()[1] == b"408"
        assert body["code"] == "body_timeout"


async def test_others_are_served_meanwhile() -> None:
    async with served(body_timeout_s=60) as miner:
        waiting = [await asyncio.open_connection("127.0.0.1", miner.port) for _ in range(50)]
        for _, writer in waiting:
            writer.write(HEAD % (b"/IngestSynapse", b"application/json"))
        assert (await miner.post("/IngestSynapse", {"text": "quick"})).status == 200
        for _, writer in waiting:
            writer.transport.abort()
