"""What the SDK raises or returns when something fails, in this project's words.

The same failure may be raised (while a call is built, or by the pool) or returned (after the
extrinsic ran), so everything ends in one Receipt here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.chain.interface import Receipt
from engram.errors import ChainRejected, ChainUnavailable, EngramError

if TYPE_CHECKING:
    import bittensor

# The chain's own names of errors, as words that are stable here.
CODES = {
    "HotKeyNotRegisteredInSubNet": "not_registered",
    "HotKeyNotRegisteredInNetwork": "not_registered",
    "NeuronNoValidatorPermit": "no_permit",
    "NotEnoughStakeToSetWeights": "low_stake",
    "StakeAmountTooLow": "low_stake",
    "IncorrectWeightVersionKey": "version_too_low",
    "SettingWeightsTooFast": "rate_limited",
    "CommittingWeightsTooFast": "rate_limited",
    "RateLimitExceeded": "rate_limited",
    "ServingRateLimitExceeded": "rate_limited",
    "WeightVecLengthIsLow": "too_few_weights",
    "MaxWeightExceeded": "max_weight_exceeded",
    "CommitRevealEnabled": "rules_changed",
    "CommitRevealDisabled": "rules_changed",
    "Payment": "low_balance",
    "PriorityTooLow": "pending",
    "AlreadyImported": "pending",
    "Stale": "pending",
    "Future": "pending",
}
# These may succeed when tried again; None: it depends on something that waiting does not change.
RETRY_BLOCKS = {"rate_limited": 1, "rules_changed": 1, "pending": 2}
NEVER = {"InvalidIpAddress", "InvalidIpType", "InvalidPort", "BadProof", "BadSigner"}

# The SDK has no type for "it was sent, and what became of it is not known", only these words.
UNKNOWN_FATE = (
    "may already be",
    "not found in block",
    "ended without",
    "session closed",
    "retracted",
    "finalitytimeout",
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A write was sent, and the answer was not heard."""

    why: str


async def outcome_of(write: Awaitable[bittensor.ExtrinsicResult]) -> Receipt | Lost:
    """How a write ended. Raises ChainRejected for what can never succeed."""
    import bittensor

    try:
        result = await write
    except bittensor.ChainError as error:
        return _judged(error.message, error.name, error.code.value)
    except (bittensor.RpcConnectionError, OSError, TimeoutError) as error:
        return Lost(str(error))
    if result.success:
        return Receipt(True, "ok", f"in block {result.block_hash}")
    name, code = None, "unknown"
    if result.error is not None:
        name, code = result.error.name, result.error.code.value
    return _judged(result.message, name, code)


def _judged(message: str, name: str | None, code: str) -> Receipt | Lost:
    if any(words in message.lower() for words in UNKNOWN_FATE):
        return Lost(message)
    if name in NEVER:
        raise ChainRejected(f"the chain refuses this: {message}")
    word = CODES.get(name or "", code if code in {"rate_limited", "not_registered"} else "rejected")
    told = f"the chain refused: {message}" + (f" ({name})" if name else "")
    return Receipt(False, word, told, RETRY_BLOCKS.get(word))


@contextmanager
def unavailable(chain: str) -> Iterator[None]:
    """Whatever the SDK raises when it cannot answer becomes ChainUnavailable or ChainRejected."""
    import bittensor
    from bittensor._transport.errors import SubstrateRequestException

    try:
        yield
    except (EngramError, asyncio.CancelledError):
        raise
    except (bittensor.BittensorError, SubstrateRequestException, OSError, TimeoutError) as error:
        raise ChainUnavailable(f"{chain} cannot be asked: {error}") from error
    except (ValueError, KeyError) as error:  # the SDK's codec meets another runtime
        raise ChainRejected(
            f"{chain} does not speak as a subtensor of this SDK's time: {error}"
        ) from error
