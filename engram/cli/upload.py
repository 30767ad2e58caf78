"""A JSONL file on its way to a node: read, batched, counted, each failure with its line number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from rich.progress import Progress, TaskID

from engram.cli.output import note
from engram.core import strict_json
from engram.errors import InvalidInput, ServerError, ServerUnreachable, Unavailable
from engram.protocol import MAX_LINE_BYTES
from engram.sdk import Failed, items
from engram.sdk.items import Item

if TYPE_CHECKING:
    from engram.sdk import EngramClient, EngramNetwork

GROUP = 64  # lines a request: embedding 256 long texts would hold the bar for seconds
FAILURES_KEPT = 100  # of a file that is wrong throughout, a hundred lines say enough


class Upload:
    """One run over one file. ``metadata`` is added to every record that lacks the key.

    With ``min_replicas`` a line fails, though it is stored, if fewer miners have it in time.
    """

    def __init__(
        self,
        node: EngramClient | EngramNetwork,
        metadata: dict[str, Any],
        min_replicas: int | None = None,
    ) -> None:
        self._node = node
        self._metadata = metadata
        self._wishes = {} if min_replicas is None else {"min_replicas": min_replicas}
        self.stored = 0
        self.duplicates = 0
        self.failed = 0
        self.failures: list[dict[str, Any]] = []
        """Sorted by line once the run is over."""

    def run(self, lines: BinaryIO, bar: Progress, size: int | None) -> None:
        """Send everything. ``size`` in bytes, if known, is what the bar counts."""
        task = bar.add_task("storing", total=size)
        last = 0
        try:
            for group in items.grouped(self._numbered(lines, bar, task), GROUP):
                self._send(group)
                last = group[-1][0]
        except (ServerUnreachable, ServerError, Unavailable):
            if last:
                note(
                    f"Stopped after line {last}. Run the same command again to go on: "
                    "what is stored is not stored twice."
                )
            raise
        self.failures.sort(key=lambda failure: failure["line"])

    def summary(self) -> dict[str, Any]:
        """The counts and the first hundred failures."""
        return {
            "stored": self.stored,
            "duplicates": self.duplicates,
            "failed": self.failed,
            "failures": self.failures,
        }

    def _numbered(
        self, lines: BinaryIO, bar: Progress, task: TaskID
    ) -> Iterator[tuple[tuple[int, Item], int]]:
        """Each line's number and item, with the line's size in bytes."""
        number = 0
        # A line is read only up to its limit, so that a file without newlines fills no memory.
        while line := lines.readline(MAX_LINE_BYTES + 1):
            number += 1
            length = len(line)
            try:
                if length > MAX_LINE_BYTES:
                    length += _skip_rest(lines)
                    raise InvalidInput(f"longer than {MAX_LINE_BYTES:,} bytes")
                if line.strip():
                    yield (number, self._item(line)), length
            except InvalidInput as error:
                self._fail(number, error.message, error.code)
            bar.advance(task, length)

    def _item(self, line: bytes) -> Item:
        value = strict_json.loads(line)
        if not isinstance(value, dict):
            raise InvalidInput("not a JSON object")
        metadata = self._metadata | dict(items.as_metadata(value.get("metadata")))
        return value | {"metadata": metadata} | self._wishes

    def _send(self, group: Sequence[tuple[int, Item]]) -> None:
        outcomes = self._node.ingest_many([item for _, item in group])
        for (number, _), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Failed):
                self._fail(number, outcome.error, outcome.code)
            elif outcome.duplicate:
                self.duplicates += 1
            else:
                self.stored += 1

    def _fail(self, number: int, error: str, code: str) -> None:
        self.failed += 1
        if len(self.failures) < FAILURES_KEPT:
            self.failures.append({"line": number, "error": error, "code": code})


def _skip_rest(lines: BinaryIO) -> int:
    """Read to the end of the line; the number of bytes."""
    skipped = 0
    while part := lines.readline(MAX_LINE_BYTES):
        skipped += len(part)
        if part.endswith(b"\n"):
            break
    return skipped
