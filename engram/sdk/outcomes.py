"""What a batch came to."""

from __future__ import annotations

from collections.abc import Sequence

from engram.sdk.exchange import error_for_item
from engram.sdk.results import Failed, Ingested, Outcome


def all_stored(outcomes: Sequence[Outcome]) -> list[Ingested]:
    """The outcomes if every item was stored. Raises the first failure's error, naming it."""
    for position, outcome in enumerate(outcomes):
        if isinstance(outcome, Failed):
            raise error_for_item(outcome, position)
    return [outcome for outcome in outcomes if isinstance(outcome, Ingested)]
