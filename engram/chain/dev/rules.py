"""The rules of a subnet on the dev chain: subtensor's hyperparameters, as far as they matter."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple

from engram.chain.interface import Hyperparameters
from engram.errors import InvalidInput

RAO = 1_000_000_000  # as on subtensor: amounts are whole numbers of 1e-9


class Limit(NamedTuple):
    """The smallest and largest value that a rule may have."""

    low: float
    high: float


COUNT = Limit(0, 2**31)
AT_LEAST_ONE = Limit(1, 2**31)
SHARE = Limit(0, 1)
AMOUNT = Limit(0, 10_000)  # an epoch of it stays below 2^53 rao
LIMITS = {
    "tempo": AT_LEAST_ONE,
    "weights_rate_limit": COUNT,
    "weights_version": COUNT,
    "min_allowed_weights": COUNT,
    "max_weight_limit": SHARE,
    "commit_reveal": SHARE,
    "reveal_period_epochs": Limit(1, 100),
    "immunity_period": COUNT,
    "activity_cutoff": AT_LEAST_ONE,
    "max_uids": Limit(1, 256),
    "max_validators": Limit(1, 256),
    "min_stake_to_set_weights": AMOUNT,
    "serving_rate_limit": COUNT,
    "kappa": SHARE,
    "bonds_moving_average": Limit(0, 0.999),  # at 1 nobody would ever get a bond
    "bonds_penalty": SHARE,
    "emission_per_block": AMOUNT,
    "registration_cost": AMOUNT,
    "history_blocks": AT_LEAST_ONE,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Times in blocks, amounts in the chain's unit, shares 0..1.

    The defaults are subtensor's where it has a fixed one.
    """

    tempo: int = 360
    weights_rate_limit: int = 100
    weights_version: int = 0
    min_allowed_weights: int = 1
    max_weight_limit: float = 1.0
    commit_reveal: bool = False
    reveal_period_epochs: int = 1
    immunity_period: int = 4096
    activity_cutoff: int = 5000
    max_uids: int = 256
    max_validators: int = 64
    min_stake_to_set_weights: float = 0.0
    serving_rate_limit: int = 50
    kappa: float = 0.5
    """Share of the stake that must stand behind a weight."""
    bonds_moving_average: float = 0.9
    """How much of the old bonds an epoch keeps; alpha of the published formula is 1 less this."""
    bonds_penalty: float = 1.0
    """Beta of the published formula: 1 earns nothing for the part of a weight that is clipped."""
    emission_per_block: float = 1.0
    registration_cost: float = 0.0
    """Taken from the coldkey and recycled; free unless a test wants otherwise."""
    history_blocks: int = 20_000
    """Blocks for which snapshots are kept: 66 hours at 12 s. Hashes are kept for ever."""

    def __post_init__(self) -> None:
        for name, limit in LIMITS.items():
            value = getattr(self, name)
            if not math.isfinite(value) or not limit.low <= value <= limit.high:
                raise InvalidInput(f"{name} is {limit.low:g} to {limit.high:g}, not {value}")

    def changed(self, **changes: Any) -> Rules:
        """The same rules but for some. Raises InvalidInput."""
        return replace(self, **{name: _typed(name, value) for name, value in changes.items()})

    def hyperparameters(self, block_time_s: float) -> Hyperparameters:
        """What the interface shows of them."""
        shown = {field.name for field in fields(Hyperparameters)} - {"block_time_s"}
        mine = {name: value for name, value in asdict(self).items() if name in shown}
        return Hyperparameters(**mine, block_time_s=block_time_s)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Rules:
        return cls().changed(**json.loads(text))


def rao(amount: float) -> int:
    """An amount as the ledger keeps it. Raises InvalidInput unless it is finite and positive."""
    if not math.isfinite(amount) or not 0 <= amount <= 1e9:
        raise InvalidInput(f"an amount is 0 to 1,000,000,000, not {amount}")
    return round(amount * RAO)


def units(amount: int) -> float:
    """An amount of rao as people read it."""
    return amount / RAO


def _typed(name: str, value: Any) -> Any:
    """The value in the type of its rule: words from a command line become numbers."""
    kinds: dict[str, type[Any]] = {rule: type(default) for rule, default in asdict(Rules()).items()}
    if name not in kinds:
        raise InvalidInput(f"there is no rule {name!r}; there are {', '.join(kinds)}")
    if kinds[name] is bool and isinstance(value, str):
        return _truth(name, value)
    try:
        return kinds[name](value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} is a number, not {value!r}") from None


def _truth(name: str, word: str) -> bool:
    words = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    if word.lower() not in words:
        raise InvalidInput(f"{name} is true or false, not {word!r}")
    return words[word.lower()]
