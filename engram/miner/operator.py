"""The operator's channel: a socket file, and never the network.

Whoever may open the file (mode 0600) is the operator. The CLI finds its path in the lock file of
the data directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from pathlib import Path
from typing import Annotated, TypeVar

from aiohttp import web
from pydantic import Strict

from engram.miner.node import Node
from engram.net.body import JSON, content_type, read_body
from engram.net.decode import decode
from engram.net.errors import Handler, answer
from engram.net.reply import json_reply
from engram.protocol import Cid, Message
from engram.storage import EmbeddedStore

M = TypeVar("M", bound=Message)

MAX_SOCKET_PATH = 100  # bytes; the kernel's limit is 108 on Linux and 104 elsewhere


class CidRequest(Message):
    """POST /operator/delete and /operator/undelete."""

    cid: Cid


class FsckRequest(Message):
    """POST /operator/fsck."""

    repair: Annotated[bool, Strict()] = False


class Operator:
    """What only the owner of the data directory may ask for. Nothing here has a deadline."""

    def __init__(self, node: Node, store: EmbeddedStore) -> None:
        self.node = node
        self.store = store

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """Write a tombstone; ``deleted`` is true if the record was held."""
        cid = (await self._read(request, CidRequest)).cid
        return json_reply({"deleted": await asyncio.to_thread(self.store.delete, cid)})

    async def undelete(self, request: web.Request) -> web.StreamResponse:
        """Lift a tombstone; ``undeleted`` is true if there was one."""
        cid = (await self._read(request, CidRequest)).cid
        return json_reply({"undeleted": await asyncio.to_thread(self.store.undelete, cid)})

    async def snapshot(self, _: web.Request) -> web.StreamResponse:
        """Write the index to disk now."""
        await asyncio.to_thread(self.store.snapshot)
        return json_reply({"snapshot": True})

    async def fsck(self, request: web.Request) -> web.StreamResponse:
        """Check every CID and the index while serving; ``repair`` builds the index anew."""
        repair = (await self._read(request, FsckRequest)).repair
        report = await asyncio.to_thread(self.store.fsck, repair=repair)
        return json_reply(report.as_dict())

    async def _read(self, request: web.Request, model: type[M]) -> M:
        content_type(request, JSON)
        return decode(await read_body(request, self.node.bodies), model).message


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The operator reads the same errors as everybody."""
    return await answer(request, handler(request))


def build_operator_app(node: Node, store: EmbeddedStore) -> web.Application:
    """The application for the socket file."""
    operator = Operator(node, store)
    app = web.Application(middlewares=[errors_as_json])
    app.router.add_post("/operator/delete", operator.delete)
    app.router.add_post("/operator/undelete", operator.undelete)
    app.router.add_post("/operator/snapshot", operator.snapshot)
    app.router.add_post("/operator/fsck", operator.fsck)
    return app


def open_operator_socket(data_dir: Path) -> socket.socket:
    """A bound socket file that only the owner may connect to, its path from ``getsockname``.

    The caller holds the lock of ``data_dir``, so a file that is already there is a dead process's.
    """
    path = data_dir.resolve() / "operator.sock"
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        path = Path(tempfile.mkdtemp(prefix="engram-")) / "operator.sock"
    path.unlink(missing_ok=True)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(channel.fileno(), 0o600)  # before bind, so that the file is never open to others
    channel.bind(str(path))
    path.chmod(0o600)
    return channel


def remove_operator_socket(path: Path, data_dir: Path) -> None:
    """Take the socket file away, and its folder if that was made for it."""
    path.unlink(missing_ok=True)
    if path.parent != data_dir.resolve():
        with contextlib.suppress(OSError):
            path.parent.rmdir()
