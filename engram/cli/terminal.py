"""Whether a person is there."""

from __future__ import annotations

import sys


def reads() -> bool:
    """True if somebody sees what goes to stderr."""
    return sys.stderr.isatty()


def answers() -> bool:
    """True if somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
