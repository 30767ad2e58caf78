"""A measured claim: runs in pairs, their ratio with its spread, a target, met or missed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

Sense = Literal["at least", "at most"]
Ours = TypeVar("Ours")
Floor = TypeVar("Floor")


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold. ``values`` are judged by their median; ours and floor are what made them."""

    name: str
    target: float
    sense: Sense
    values: list[float]
    unit: str = ""
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """What is compared with the target."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool:
        """True if the median keeps to the target."""
        return (
            self.median >= self.target if self.sense == "at least" else self.median <= self.target
        )

    def as_dict(self) -> dict[str, Any]:
        """For the results file."""
        spread = {"low": min(self.values), "high": max(self.values)}
        return {**asdict(self), "median": self.median, **spread, "met": self.met}


def ratio(
    name: str, ours: Sequence[float], floor: Sequence[float], sense: Sense, target: float, unit: str
) -> Gate:
    """A gate on ours / floor, pair by pair."""
    values = [mine / theirs for mine, theirs in zip(ours, floor, strict=True)]
    return Gate(name, target, sense, values, unit, list(ours), list(floor))


def alternate(
    runs: int, ours: Callable[[], Ours], floor: Callable[[], Floor]
) -> tuple[list[Ours], list[Floor]]:
    """Ours, floor, ours, floor, ...: what drifts on the machine drifts under both."""
    pairs = [(ours(), floor()) for _ in range(runs)]
    return [mine for mine, _ in pairs], [theirs for _, theirs in pairs]


def results(gates: Sequence[Gate], reported: dict[str, Any]) -> dict[str, Any]:
    """What a benchmark's ``run`` returns: the gates, and numbers that are told but not gated."""
    return {"gates": [gate.as_dict() for gate in gates], "reported": reported}


def median(values: Sequence[float]) -> float:
    """Rounded to four significant digits: nothing here is known better."""
    return float(f"{statistics.median(values):.4g}")
