"""What the supervisor says of its nodes, in a file that is there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from engram.cli.network.layout import Role
from engram.storage.files import replacing


@dataclass(frozen=True, slots=True)
class NodeReport:
    """One supervised process."""

    name: str
    role: Role
    hotkey: str
    url: str
    pid: int | None
    """None while it does not run."""
    starts: int
    exit_code: int | None
    """How it last ended; None if it never did."""


def write(path: Path, nodes: Sequence[NodeReport]) -> None:
    """Put the report in the place of the last one."""
    with replacing(path) as draft:
        draft.write_text(json.dumps({"version": 1, "nodes": [asdict(node) for node in nodes]}))


def read(path: Path) -> list[NodeReport]:
    """The last report; no nodes if there is none."""
    if not path.exists():
        return []
    return [NodeReport(**node) for node in json.loads(path.read_text())["nodes"]]
