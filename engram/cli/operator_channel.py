"""Talking to the miner that has a data directory open, over its socket file."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import httpx

from engram.cli.options import settings
from engram.config import StoreSettings
from engram.errors import InvalidInput, StoreLocked
from engram.sdk import EngramClient, wire
from engram.sdk.items import encode
from engram.storage import EmbeddedStore, describe_holder, open_store

T = TypeVar("T")

DEADLINE_S = 600.0  # a snapshot of a large index takes minutes


def operate(
    data_dir: Path,
    path: str,
    body: dict[str, Any],
    directly: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Ask the running miner, or do it ``directly`` if nothing runs. Returns the reply's JSON.

    Raises StoreLocked if a process that takes no orders has the directory open.
    """
    require_records(data_dir)
    holder = describe_holder(data_dir)
    if holder is None:
        return directly()
    if not holder.operator_socket:
        raise StoreLocked(
            f"Process {holder.pid} has {data_dir} open and takes no orders; stop it first."
        )
    transport = httpx.HTTPTransport(uds=holder.operator_socket)
    with EngramClient("http://operator", timeout=DEADLINE_S, transport=transport) as node:
        return node.result(wire.Call("POST", path, encode(body), dict[str, Any]))


def on_store(data_dir: Path, work: Callable[[EmbeddedStore], T]) -> T:
    """Do something on the store of a directory that nothing has open."""
    with closing(open_store(data_dir, settings(StoreSettings))) as store:
        return work(store)


def require_records(data_dir: Path) -> None:
    """Raise InvalidInput if there is no data directory: a typing error must not make one."""
    if not data_dir.is_dir():
        raise InvalidInput(
            f"There are no records in {data_dir}. Name the miner's folder with --data-dir."
        )
