"""What ``engram doctor`` looks at. Each check answers for one thing and says the way out."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from engram import __version__
from engram.config import EmbedderSettings
from engram.core import BACKEND
from engram.embedding import open_embedder
from engram.errors import CoreMissing, EngramError, ModelError, SelfTestFailed
from engram.sdk import EngramClient, RetryPolicy
from engram.storage import describe_holder

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
OLDEST_SQLITE = (3, 35, 0)  # RETURNING
LITTLE_SPACE = 1_000_000_000  # bytes: about 300,000 records
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's."""

    name: str
    state: Literal["ok", "warn", "fail"]
    detail: str
    remedy: str = ""


def python() -> Check:
    detail = f"engram {__version__} on Python {platform.python_version()}, {platform.platform()}"
    if OLDEST_PYTHON <= sys.version_info[:2] <= NEWEST_PYTHON:
        return Check("versions", "ok", detail)
    return Check("versions", "warn", detail, "Engram is tested on Python 3.11 to 3.13")


def core() -> Check:
    if BACKEND == "rust":
        return Check("core", "ok", "rust")
    remedy = "the same answers, slower; for Rust: pip install engram-network-core"
    return Check("core", "warn", "the Python twin", remedy)


def sqlite() -> Check:
    if sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return Check("sqlite", "ok", sqlite3.sqlite_version)
    wanted = ".".join(map(str, OLDEST_SQLITE))
    remedy = f"Engram needs SQLite {wanted}: use a newer Python build or system package"
    return Check("sqlite", "fail", sqlite3.sqlite_version, remedy)


def index() -> Check:
    try:
        faiss = import_module("faiss")
    except ImportError as error:
        return Check("index", "fail", f"faiss: {error}", "pip install faiss-cpu")
    return Check("index", "ok", f"faiss {faiss.__version__}")


def model(settings: EmbedderSettings) -> Iterator[Check]:
    """The model's files against their pinned hashes, then one text through it.

    Where the exact embedder does not serve, the warning says why: it is missing, or has failed
    its self-test on this machine.
    """
    try:
        embedder = open_embedder(settings)
        [embedded] = embedder.embed(["engram doctor"])
    except (CoreMissing, SelfTestFailed) as error:
        yield Check("embedder", "fail", error.message, "ENGRAM_EMBEDDER=auto takes onnxruntime")
        return
    except ModelError as error:
        yield Check("model", "fail", error.message, "engram model install")
        return
    yield Check("model", "ok", "files are installed and have the pinned SHA-256")
    detail = f"{embedder.name}, {embedded.vector.shape[0]} dimensions"
    if embedder.fallback is None:
        yield Check("embedder", "ok", f"{detail}, exact: a text has one CID everywhere")
        return
    detail += ", not exact: elsewhere a text may get another CID, never another meaning"
    yield Check("embedder", "warn", detail, embedder.fallback)


def folder(path: Path) -> Check:
    """Whether the data directory can be written, and who has it open."""
    if path.is_dir() and (holder := describe_holder(path)):
        return Check("folder", "ok", f"{path} is open in process {holder.pid}")
    existing = nearest_existing(path)
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return Check("folder", "ok", f"{path} {'exists' if existing == path else 'can be made'}")
    remedy = "chown it to the user who runs the miner, or name another with --data-dir"
    return Check("folder", "fail", f"{existing} cannot be written", remedy)


def space(path: Path) -> Check:
    free = shutil.disk_usage(nearest_existing(path)).free
    detail = f"{free / 1e9:,.1f} GB free"
    if free >= LITTLE_SPACE:
        return Check("space", "ok", detail)
    return Check(
        "space", "warn", detail, "a full disk refuses records; make room or use --max-disk"
    )


def port(host: str, number: int) -> Check:
    """Whether the port is free, taken by a node, or by something else."""
    url = f"http://{host}:{number}"
    if can_bind(host, number):
        return Check("port", "ok", f"{host}:{number} is free")
    try:
        with EngramClient(url, timeout=PROBE_TIMEOUT_S, retry=RetryPolicy(attempts=1)) as node:
            node.health()
    except EngramError:
        remedy = "stop what listens there, or choose another with --port"
        return Check("port", "warn", f"{host}:{number} is taken", remedy)
    return Check("port", "ok", f"a node answers on {url}")


def can_bind(host: str, number: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError:
            return False
    return True


def nearest_existing(path: Path) -> Path:
    """The path, or the closest folder above it that is there."""
    resolved = path.resolve()
    while not resolved.exists():
        resolved = resolved.parent
    return resolved
