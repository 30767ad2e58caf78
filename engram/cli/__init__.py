"""The ``engram`` command."""

from engram.cli.app import main

__all__ = ["main"]
