"""The fenced blocks of a document, and a comparison of promised with real output."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.sdk.exact_machine import exact_here

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CID = re.compile(r"v1::[0-9a-f]{64}|v1::[0-9a-f]{4,}…")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
INEXACT = {
    "bit for bit": "but for another arithmetic's rounding",
    "exact True": "near True",
    '"exact":true': '"exact":false',
}
CLOSE = 0.02  # scores differ in the last places between processors


@dataclass(frozen=True)
class Block:
    language: str
    text: str


@dataclass(frozen=True)
class Step:
    """One ``$ command`` of a console block and what it is said to print."""

    command: str
    output: str


def blocks(page: Path, *languages: str) -> list[Block]:
    found = [Block(*match.groups()) for match in FENCE.finditer(page.read_text())]
    return [block for block in found if block.language in languages]


def steps(block: Block) -> list[Step]:
    """``$`` starts a command; lines that end with a backslash go on."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    made = []
    for part in parts:
        lines = part.splitlines()
        end = next(n for n, line in enumerate(lines) if not line.endswith("\\")) + 1
        made.append(Step("\n".join(lines[:end]), "\n".join(lines[end:]).strip()))
    return made


def volatile(name: str) -> re.Pattern[str]:
    return re.compile(rf'("{name}": ?)-?[\d.]+')


VOLATILE = [
    *(volatile(name) for name in ("age_ms", "latency_ms", "uptime", "stored_at")),
    re.compile(r"()\d+(?:\.\d+)? ms\b"),
]


def lasting(text: str) -> str:
    """The text without CIDs and what else changes from run to run or machine to machine."""
    for pattern in VOLATILE:
        text = pattern.sub(r"\1*", text)
    return CID.sub("<cid>", text)


def words(text: str) -> str:
    return " ".join(NUMBER.sub("#", lasting(text)).split())


def numbers(text: str) -> list[float]:
    return [float(found) for found in NUMBER.findall(lasting(text))]


def as_here(promised: str) -> str:
    """The pages show a machine with the exact embedder; this is how they read on another."""
    if not exact_here():
        for exact, inexact in INEXACT.items():
            promised = promised.replace(exact, inexact)
    return promised


def agrees(promised: str, real: str) -> bool:
    """True if the words are the same and each number is within 0.02.

    A promised line ``…`` stands for any lines, and at the end of one for the rest of it. With the
    exact embedder the CIDs are the same too: a text has one, whatever the machine.
    """
    promised = as_here(promised)
    if "\n…" in promised:
        promised = promised.split("\n…")[0]
        real = "\n".join(real.splitlines()[: len(promised.splitlines())])
    goes_on = promised.endswith("…")
    promised = promised.removesuffix("…")
    said, wanted = words(real), words(promised)
    if said != wanted and not (goes_on and said.startswith(wanted)):
        return False
    cids, theirs = CID.findall(promised), CID.findall(real)
    if exact_here() and cids != theirs[: len(cids)]:
        return False
    pairs = zip(numbers(promised), numbers(real), strict=not goes_on)
    return all(abs(a - b) <= CLOSE for a, b in pairs)
