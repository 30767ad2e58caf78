"""Everything a validator knows, in one SQLite file: killed at any moment, it goes on from there."""

from engram.validator.state.database import State

__all__ = ["State"]
