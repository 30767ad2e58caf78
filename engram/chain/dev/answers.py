"""The receipts that several calls give."""

from __future__ import annotations

from engram.chain.interface import Receipt


def done(message: str, code: str = "ok") -> Receipt:
    return Receipt(True, code, message)


def refused(code: str, message: str, retry_after_blocks: int | None = None) -> Receipt:
    return Receipt(False, code, message, retry_after_blocks)


def not_registered(hotkey: str, netuid: int) -> Receipt:
    return refused(
        "not_registered",
        f"{hotkey} has no UID in subnet {netuid}; engram chain register gives it one",
    )


def rate_limited(what: str, wait: int) -> Receipt:
    return refused("rate_limited", f"{what} in {wait} blocks", wait)
