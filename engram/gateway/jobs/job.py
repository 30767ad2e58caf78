"""A file's way, as it is known at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Whether there is anything left to do."""

    RUNNING = "running"
    DONE = "done"
    """Every record is stored; copies and pinning may go on."""
    FAILED = "failed"


class Step(StrEnum):
    """What is complete."""

    RECEIVED = "received"
    EXTRACTED = "extracted"
    DESCRIBED = "described"
    CHUNKED = "chunked"
    EMBEDDED = "embedded"
    STORED = "stored"
    REPLICATED = "replicated"


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asked for. The same order always becomes the same records."""

    content_cid: str
    name: str | None = None
    """What the sender calls the file; tells Markdown from text, and is stored nowhere else."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Goes into every record, the namespace in it."""
    pin: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One order and how far it is."""

    id: str
    """32 hexadecimal digits."""
    order: Order
    created_at: float
    """Unix seconds."""
    updated_at: float
    state: State = State.RUNNING
    step: Step = Step.RECEIVED
    kind: str | None = None
    cid: str | None = None
    """Of the record that stands for the file; known once it is stored."""
    pages: int | None = None
    pages_read: int = 0
    """Of this run; not kept over a restart."""
    records: int | None = None
    stored: int = 0
    replicated: int = 0
    problems: tuple[str, ...] = ()
    error: str | None = None
    code: str | None = None
    waits_for: str | None = None
    """Why it does not go on for now, as a sentence."""
