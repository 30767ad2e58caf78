"""A subtensor node on loopback: JSON-RPC over a websocket, for the unmodified SDK.

It proves the wire: frames, metadata, storage keys, signatures, events. Which writes the chain
takes is the dev chain's ledger's word, not the real runtime's.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from engram.chain.interface import Receipt
from tests.chain.subtensor.book import Book
from tests.chain.subtensor.extrinsics import (
    Extrinsic,
    InvalidTransactionError,
    carried_out,
    event,
    opened,
)
from tests.chain.subtensor.runtime import Runtime
from tests.chain.subtensor.state import State

LIMITED = {"serve_axon": "ServingRateLimitExceeded"}
PREFIX_BYTES = 32
TOO_FAST = "SettingWeightsTooFast"


class RpcError(Exception):
    """An error as JSON-RPC tells it."""

    def __init__(self, code: int, message: str, data: str = "") -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message, "data": data}


class HangUp(Exception):
    """The connection goes before the answer."""


@dataclass
class Faults:
    """What is wrong with the node."""

    frozen: bool = False
    """It reads and never answers."""
    pool: str | None = None
    """Why it takes no extrinsic."""
    dispatch: str | None = None
    """The runtime's error in which every extrinsic ends."""
    hang_up: str | None = None
    """``before`` or ``after`` an extrinsic is in a block the connection goes, once."""
    freeze_after: bool = False
    """An extrinsic is in a block, and the node freezes before it says so."""
    never_include: bool = False
    """Extrinsics wait in the pool for ever."""
    oldest_hash: int = 0
    """Hashes of blocks before this one are forgotten."""


@dataclass
class Body:
    """What is in a block."""

    extrinsics: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class Node:
    """One node, with a thread of its own; it can be killed and started again."""

    def __init__(self, runtime: Runtime, ledger: Path) -> None:
        self.runtime = runtime
        self.faults = Faults()
        self.asked: Counter[str] = Counter()
        """How often each RPC method was asked, and each runtime API."""
        self.looked_up: set[bytes] = set()
        """Prefixes of the storage items that were asked for."""
        self.taken: list[Extrinsic] = []
        self.dialled = 0
        """How many connections there were."""
        self.ignored = threading.Event()
        """Set when a call came that will never be answered."""
        self.port = 0
        self._book = Book(ledger)
        self._state = State(runtime, self._book)
        self._bodies: defaultdict[bytes, Body] = defaultdict(Body)
        self._subscriptions = itertools.count(1)
        self._thread: threading.Thread | None = None
        self._connections: set[ServerConnection] = set()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    # Life

    def start(self) -> None:
        """Listen; again on the same port as before."""
        if self._thread is not None:
            return
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live(ready)))
        self._thread.start()
        assert ready.wait(10)

    def kill(self) -> None:
        """Stop at once, without a goodbye to anybody."""
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self._thread = None

    def mend(self) -> None:
        """All is well again."""
        self.faults = Faults()
        self.start()

    def close(self) -> None:
        self.kill()
        self._book.close()

    async def _live(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server: Server = await serve(self._converse, "127.0.0.1", self.port, max_size=None)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        for connection in list(self._connections):
            connection.transport.abort()
        server.close()
        await server.wait_closed()

    async def _converse(self, connection: ServerConnection) -> None:
        self._connections.add(connection)
        self.dialled += 1
        try:
            async for frame in connection:
                if self.faults.frozen:
                    self.ignored.set()
                else:
                    await self._answer(connection, json.loads(frame))
        except (ConnectionClosed, HangUp):
            connection.transport.abort()
        finally:
            self._connections.discard(connection)

    async def _answer(self, connection: ServerConnection, call: dict[str, Any]) -> None:
        method, params = call["method"], call["params"]
        self.asked[method] += 1
        notices: list[dict[str, Any]] = []
        try:
            if method == "author_submitAndWatchExtrinsic":
                result, notices = self._submit(params[0])
            else:
                result = self._method(method)(*params)
            reply: dict[str, Any] = {"result": result}
        except RpcError as error:
            reply = {"error": error.body}
        whole = {"jsonrpc": "2.0", "id": call["id"], **reply}
        await connection.send(json.dumps(whole))
        for params in notices:
            notice = {"jsonrpc": "2.0", "method": "author_extrinsicUpdate", "params": params}
            await connection.send(json.dumps(notice))

    def _method(self, name: str) -> Callable[..., Any]:
        found = self._methods().get(name)
        if found is None:
            raise RpcError(-32601, f"Method not found: {name}")
        return found

    def _methods(self) -> dict[str, Callable[..., Any]]:
        return {
            "chain_getHead": lambda: hexed(self._book.best().hash),
            "chain_getFinalizedHead": lambda: hexed(self._book.finalized().hash),
            "chain_getHeader": self._header,
            "chain_getBlockHash": self._block_hash,
            "chain_getBlock": self._block,
            "state_getRuntimeVersion": self._version,
            "state_getStorageAt": self._storage,
            "state_getKeysPaged": lambda *_prefix: [],  # of tokens' symbols: there are none
            "state_call": self._call,
            "account_nextIndex": self._nonce,
            "author_unwatchExtrinsic": lambda _subscription: True,
        }

    # Chain

    def _header(self, block_hash: str | None = None) -> dict[str, Any] | None:
        number = self._number(block_hash)
        if number is None:
            return None
        parent = self._book.block_at(number - 1) if number else None
        root = hexed(bytes(32))
        return {
            "parentHash": hexed(parent.hash) if parent else root,
            "number": hex(number),
            "stateRoot": root,
            "extrinsicsRoot": root,
            "digest": {"logs": []},
        }

    def _block_hash(self, number: int) -> str | None:
        block = self._book.block_at(number)
        forgotten = 0 < number < self.faults.oldest_hash
        return None if block is None or forgotten else hexed(block.hash)

    def _block(self, block_hash: str) -> dict[str, Any]:
        body = self._bodies[unhexed(block_hash)]
        return {"block": {"header": self._header(block_hash), "extrinsics": body.extrinsics}}

    def _number(self, block_hash: str | None) -> int | None:
        if block_hash is None:
            return self._book.best().number
        return self._book.number_of(unhexed(block_hash))

    # State

    def _version(self, _block_hash: str | None = None) -> dict[str, Any]:
        return {
            "specName": "node-subtensor",
            "specVersion": self.runtime.spec_version,
            "transactionVersion": self.runtime.transaction_version,
        }

    def _storage(self, key: str, block_hash: str | None = None) -> str | None:
        self.looked_up.add(unhexed(key)[:PREFIX_BYTES])
        events = self.runtime.codec.storage_prefix("System", "Events")
        if unhexed(key) == events:
            return self._events(block_hash)
        number = self._number(block_hash)
        if number is None:
            raise RpcError(4003, "Client error", "State already discarded for " + str(block_hash))
        value = self._state.storage(unhexed(key), number)
        return None if value is None else hexed(value)

    def _events(self, block_hash: str | None) -> str:
        happened = self._bodies[unhexed(block_hash or "")].events
        kind = self.runtime.codec.storage_entry("System", "Events").value_type
        return hexed(self.runtime.codec.encode(kind, happened))

    def _call(self, method: str, params: str, block_hash: str | None = None) -> str:
        self.asked[method] += 1
        if method == "Metadata_metadata_at_version":
            return hexed(self.runtime.opaque)
        if method == "SubnetInfoRuntimeApi_get_metagraph":
            number = self._number(block_hash)
            assert number is not None
            return hexed(self._state.metagraph(int.from_bytes(unhexed(params), "little"), number))
        if method == "TransactionPaymentApi_query_info":
            return hexed(self._state.fee())
        raise RpcError(4003, "Client error", f"Exported method {method} is not found")

    # Extrinsics

    def _nonce(self, address: str) -> int:
        return sum(one.address == address for one in self.taken)

    def _submit(self, data: str) -> tuple[str, list[dict[str, Any]]]:
        """The subscription, and what it will be told."""
        extrinsic = self._checked(unhexed(data))
        if self.faults.hang_up == "before":
            self.faults.hang_up = None
            raise HangUp
        self.taken.append(extrinsic)
        subscription = str(next(self._subscriptions))
        told: list[Any] = ["ready"]
        if not self.faults.never_include:
            told.append({"inBlock": hexed(self._include(extrinsic))})
        if self.faults.hang_up == "after":
            self.faults.hang_up = None
            raise HangUp
        if self.faults.freeze_after:
            self.faults.frozen = True
            return subscription, []
        return subscription, [{"subscription": subscription, "result": one} for one in told]

    def _checked(self, data: bytes) -> Extrinsic:
        best = self._book.best().number
        try:
            if self.faults.pool:
                raise InvalidTransactionError(self.faults.pool)
            found = opened(self.runtime, data, self._hash_at(0), best, self._hash_at)
            if found.nonce != self._nonce(found.address):
                raise InvalidTransactionError("Transaction is outdated")
        except InvalidTransactionError as error:
            raise RpcError(1010, "Invalid Transaction", str(error)) from None
        return found

    def _include(self, extrinsic: Extrinsic) -> bytes:
        block = self._book.best().hash
        if self.faults.dispatch:
            receipt = Receipt(False, self.faults.dispatch, "")
        else:
            receipt = carried_out(self._book, extrinsic)
        body = self._bodies[block]
        limited = LIMITED.get(extrinsic.function.partition(".")[2], TOO_FAST)
        body.events.append(event(self.runtime, len(body.extrinsics), receipt, limited))
        body.extrinsics.append(hexed(extrinsic.data))
        return block

    def _hash_at(self, number: int) -> bytes:
        block = self._book.block_at(number)
        assert block is not None
        return block.hash


def hexed(value: bytes) -> str:
    return "0x" + bytes(value).hex()


def unhexed(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
