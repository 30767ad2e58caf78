"""How large and how slow a file may be. Beyond, the error says so; nothing is cut off."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one file."""

    pages: int = 5_000
    code_points: int = 40_000_000  # of text: some 10,000 dense pages, 160 MB in memory at most
    unpacked_bytes: int = 512 * 1024 * 1024  # of an archive, by its own directory and by reading
    memory_bytes: int = 2 * 1024**3  # address space of the process that reads it
    silence_s: float = 30.0  # without a page from it
    total_s: float = 900.0
