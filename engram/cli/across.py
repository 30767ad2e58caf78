"""What the commands print of a whole network: found, fetched, listed and checked."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from engram.cli.output import moment, note, say, snippet
from engram.sdk.network import (
    HolderVerdict,
    NetworkHit,
    NetworkPage,
    NetworkResults,
    NetworkVerification,
)

UNCONFIRMED = "  unconfirmed"


def results_body(results: NetworkResults) -> dict[str, Any]:
    """As JSON: a node's reply to a search, and what only a network has to say."""
    liars = [asdict(node) for node in results.liars]
    return asdict(results) | {"error": None, "liars": liars}


def page_body(page: NetworkPage) -> dict[str, Any]:
    return asdict(page)


def verdict_body(found: NetworkVerification) -> dict[str, Any]:
    return asdict(found) | {"ok": found.ok, "intact": found.intact}


def tell_results(results: NetworkResults) -> None:
    for hit in results:
        say(f"{hit.score:.3f}  {hit.cid}{_mark(hit)}", style="bold")
        say(f"       {snippet(hit.text) or json.dumps(hit.metadata, ensure_ascii=False)}")
    found = "1 result" if len(results) == 1 else f"{len(results)} results"
    say(f"{found} in {results.latency_ms:.1f} ms from {_extent(results)}", style="dim")
    for silent in results.silent:
        note(f"no answer from miner {silent.node.uid} ({silent.node.url}): {silent.reason}")
    if results.left_out:
        note(f"{results.left_out} better ones are left out: no second holder confirms them")
    for one in results.rejected:
        kind = "lied" if one.lie else "is not confirmed"
        note(f"miner {one.node.uid} ({one.node.url}) {kind}: {one.reason}")
    for warning in results.warnings:
        note(warning)


def tell_page(page: NetworkPage) -> None:
    for record in page.records:
        say(f"{record.cid}  {moment(record.stored_at)}", style="bold")
        say(f"       {snippet(record.text) or json.dumps(record.metadata, ensure_ascii=False)}")
    for silent in page.silent:
        note(f"no answer from miner {silent.node.uid} ({silent.node.url})")
    if not page.complete:
        note("Some records have no holder that answers; they are missing here.")
    if page.cursor is not None:
        say(f"more: engram list --cursor {page.cursor}", style="dim")


def tell_holders(found: NetworkVerification) -> None:
    for one in found.holders:
        mark, words = _of_holder(one)
        style = {"ok": "green", "fail": "red"}.get(mark, "yellow")
        say(f"{mark:<8}miner {one.node.uid} ({one.node.url}): {words}", style=style)


def _mark(hit: NetworkHit) -> str:
    return ("" if hit.confirmed else UNCONFIRMED) + ("  verified" if hit.verified else "")


def _extent(results: NetworkResults) -> str:
    miners = "1 miner" if results.asked == 1 else f"{results.asked} miners"
    if results.answered < results.asked:
        miners = f"{results.answered} of {miners}"
    if results.complete:
        return f"{miners}: nothing is missing"
    return f"{miners}: {results.missing_fraction:.1%} OF THE NETWORK IS MISSING"


def _of_holder(one: HolderVerdict) -> tuple[str, str]:
    if one.verification is None:
        return "unknown", one.error or "no answer"
    if one.verification.bytes_match:
        return "ok", "the bytes hash to this CID"
    return "fail", "the bytes do not hash to this CID: do not trust this miner"
