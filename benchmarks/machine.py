"""What the numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from engram.core import BACKEND

LIBRARIES = ("aiohttp", "faiss-cpu", "numpy", "onnxruntime", "orjson", "chromadb", "qdrant-client")


def describe(unset: Sequence[str]) -> dict[str, Any]:
    """The machine and the versions. ``unset``: environment variables that were taken away."""
    return {
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "engram_core": BACKEND,
        "libraries": {name: _version(name) for name in LIBRARIES},
        "unset_for_the_run": list(unset),
        "load_before": round(os.getloadavg()[0], 2),
    }


def cpu() -> str:
    """The processor's name, with its family and model: marketing names repeat."""
    facts = _cpuinfo()
    name = facts.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in facts:
        return f"{name} (family {facts['cpu family']}, model {facts['model']})"
    return name


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
