"""What the commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from engram.cli import terminal

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # all but tab and newline
FILE_WIDTH = 160  # columns of a table that goes to a file or another program
SNIPPET = 92  # characters: with the indent it fits a line of 100


def print_json(body: Any) -> None:
    """A reply as it is, on one line."""
    print(json.dumps(body, ensure_ascii=False), flush=True)


def say(line: str = "", style: str | None = None) -> None:
    """A line for a person; the text is never read as markup and never wrapped."""
    Console(highlight=False, soft_wrap=True).print(harmless(line), style=style, markup=False)


def show(table: Table) -> None:
    """A table on stdout, as wide as it needs to be where nobody's window limits it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=FILE_WIDTH)
    console.print(table)


def note(line: str, style: str | None = "yellow") -> None:
    """A line beside the result."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(harmless(line), style=style, markup=False)


def harmless(text: str) -> str:
    """The text without control characters: other people's records must not drive a terminal."""
    return CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def progress() -> Progress:
    """A bar on stderr; nothing without a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not terminal.reads(),
        transient=True,
    )


def snippet(text: str | None, width: int = SNIPPET) -> str:
    """A text on one line."""
    flat = " ".join((text or "").split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"


def moment(unix_seconds: float) -> str:
    """A time as people and machines read it."""
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="seconds")


def megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"
