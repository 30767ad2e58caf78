"""What all validators say of one miner, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from rich.table import Table

from engram.cli.network.asking import ask_all
from engram.cli.network.table import UNKNOWN, add_row, milliseconds, plain, share
from engram.errors import InvalidInput, NotFound

Json = dict[str, Any]


class Score(BaseModel):
    """How a miner stands with a validator, as far as it is shown; None is what it does not know."""

    hotkey: str
    uid: int | None = None
    status: str | None = None
    recall: float | None = None
    latency_ms: float | None = None
    proof_rate: float | None = None
    composite: float | None = None
    average: float | None = None
    weight: float | None = None
    """Share that it would be given now, 0..1."""
    weight_set: float | None = None
    """Share in the weights that were last set."""
    slashed: bool | None = None


class Scores(BaseModel):
    """A validator's /scores."""

    validator: str
    scores: list[Score]


def said_of(hotkey: str | None, urls: Sequence[str]) -> Json:
    """``{"hotkey", "validators": [...]}``, one object for each validator that judges it.

    Raises InvalidInput for a miner without a hotkey or without validators to ask, NotFound if
    nobody who answers judges it.
    """
    if hotkey is None:
        raise InvalidInput("This miner runs without a chain, so nobody judges it.")
    if not urls:
        raise InvalidInput(
            "Validators announce no address: name them with --validator URL, or in "
            "ENGRAM_VALIDATORS."
        )
    bodies = ask_all([url.rstrip("/") + "/scores" for url in urls])
    found = [
        {"url": url, "validator": said.validator} | score.model_dump(exclude={"hotkey"})
        for url, body in zip(urls, bodies, strict=True)
        if (said := parsed(body)) is not None
        for score in said.scores
        if score.hotkey == hotkey
    ]
    if not found:
        raise NotFound(f"None of {', '.join(urls)} answers and judges {hotkey}.")
    return {"hotkey": hotkey, "validators": found}


def parsed(body: Json | None) -> Scores | None:
    """The body as an answer to /scores; None if it is none."""
    try:
        return Scores.model_validate(body)
    except ValidationError:
        return None


def table(said: Json) -> Table:
    """One row a validator."""
    made = plain(said["hotkey"])
    for name in ("validator", "status", "recall", "latency", "proofs", "composite", "weight"):
        made.add_column(name, no_wrap=True)
    for one in said["validators"]:
        add_row(
            made,
            one["url"],
            one["status"] or UNKNOWN,
            share(one["recall"]),
            milliseconds(one["latency_ms"]),
            share(one["proof_rate"]),
            share(one["composite"]),
            share(one["weight_set"]),
        )
    return made
