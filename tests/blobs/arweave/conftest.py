"""A local gateway on a real socket, a wallet with money, and a pinning over both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from engram.blobs.arweave.gateway import Gateway
from engram.blobs.arweave.local.app import build_local_gateway
from engram.blobs.arweave.local.ledger import Ledger
from engram.blobs.arweave.pinning import Caps, Pinning
from engram.blobs.arweave.wallet import Wallet, parse_wallet
from engram.blobs.content import content_cid_of
from engram.blobs.folder import Folder
from engram.blobs.journal import Journal
from tests.blobs.arweave.golden_vectors import WALLET_FILE

RICH = 10**15
CAPS = Caps(per_file=10**12, per_day=10**13)
TAGS = {"App-Name": "Engram", "Content-Type": "text/plain"}


@dataclass
class Faults:
    """What a test does to the requests on their way: path and answer, the first that fits."""

    refuse_once: dict[str, int] = field(default_factory=dict)
    """Method and beginning of a path to the status that the next such request gets."""
    flip_data: bool = False
    seen: list[str] = field(default_factory=list)


@dataclass
class World:
    """Everything that a pinning needs; ``pinning()`` makes one as after a restart."""

    root: Path
    ledger: Ledger
    http: httpx.AsyncClient
    faults: Faults
    wallet: Wallet | None
    caps: Caps = CAPS
    time: float = 1_700_000_000.0

    def pinning(self) -> Pinning:
        return Pinning(
            Gateway(self.http),
            self.wallet,
            Folder(self.root / "blobs"),
            Journal(self.root / "journal"),
            self.caps,
            lambda: self.time,
        )

    async def queue(self, data: bytes) -> str:
        path = self.root / "given"
        path.write_bytes(data)
        content_cid = content_cid_of(data)
        await self.pinning().put(path, content_cid, TAGS | {"Content-CID": content_cid})
        return content_cid

    def ids(self, content_cid: str) -> list[str]:
        """Of all transactions that the chain ever took for a file."""
        return self.ledger.find([("Content-CID", [content_cid])], 100)


@pytest.fixture(scope="session")
def wallet() -> Wallet:
    return parse_wallet(WALLET_FILE.read_text())


@pytest_asyncio.fixture
async def world(tmp_path: Path, wallet: Wallet) -> AsyncIterator[World]:
    ledger = Ledger(tmp_path / "chain.sqlite")
    ledger.mint(wallet.address, RICH)
    faults = Faults()
    app = build_local_gateway(ledger)
    app.middlewares.append(faulty(faults))
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("")), trust_env=False) as http,
    ):
        yield World(tmp_path, ledger, http, faults, wallet)
    ledger.close()


def faulty(faults: Faults):  # type: ignore[no-untyped-def]
    @web.middleware
    async def between(request, handler):  # type: ignore[no-untyped-def]
        line = f"{request.method} {request.path}"
        faults.seen.append(line)
        for beginning in list(faults.refuse_once):
            if line.startswith(beginning):
                return web.Response(text="no", status=faults.refuse_once.pop(beginning))
        answer = await handler(request)
        if faults.flip_data and len(request.path) == 44:
            body = bytearray(answer.body)
            body[len(body) // 2] ^= 1
            return web.Response(body=bytes(body))
        return answer

    return between
