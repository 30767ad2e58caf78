"""Setting weights: looked at before, submitted once, looked at again if the answer was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engram.chain.interface import Hyperparameters, Receipt, Signer
from engram.chain.subtensor.failures import Lost, outcome_of
from engram.chain.subtensor.serving import ERA_BLOCKS, not_registered
from engram.chain.subtensor.signing import SdkSigner
from engram.chain.subtensor.subnet import RAO, Subnet, best, rules_of, subnet_at
from engram.chain.weighing import capped, to_u16
from engram.errors import ChainUnavailable

if TYPE_CHECKING:
    import bittensor

Pairs = list[tuple[int, int]]
"""(uid, weight as u16), by ascending uid."""

MECHANISM = 0  # a subnet's first; Engram's has one


@dataclass(frozen=True, slots=True)
class Request:
    """What a validator asks for."""

    netuid: int
    weights: Mapping[str, float]
    """By hotkey; finite, from 0 up."""
    version_key: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A submission whose end is not known yet."""

    request: Request
    block: int
    """The newest block when it was signed."""
    last_update: int
    """The validator's, at that block."""

    def ends(self) -> int:
        """The last block that could hold it."""
        return self.block + ERA_BLOCKS


class WeightSetter:
    """Sets one hotkey's weights, and remembers what it does not know the end of."""

    def __init__(self) -> None:
        self._open: dict[int, Attempt] = {}

    async def set(
        self, substrate: bittensor.RpcSubstrate, signer: Signer, request: Request
    ) -> Receipt:
        """Raises ChainUnavailable if the fate of a submission stays unknown."""
        subnet = await subnet_at(substrate, request.netuid, await best(substrate))
        uid = subnet.uid_of(signer.hotkey)
        if uid is None:
            return not_registered(signer.hotkey, request.netuid)
        earlier = self._earlier(subnet, uid, request)
        if earlier is not None:
            return earlier
        rules = await rules_of(substrate, subnet)
        pairs = fitted(subnet, uid, request.weights, rules)
        refusal = refusal_of(subnet, uid, pairs, request.version_key, rules)
        if refusal is not None:
            return refusal
        return await self._submit(substrate, signer, subnet, request, pairs)

    def _earlier(self, subnet: Subnet, uid: int, request: Request) -> Receipt | None:
        """What became of the last submission, if that was not known; None if nothing is open."""
        attempt = self._open.get(subnet.netuid)
        if attempt is None:
            return None
        if subnet.number("last_update", uid) > attempt.last_update:
            del self._open[subnet.netuid]
            same = attempt.request == request
            return Receipt(True, "ok", "the earlier attempt is in the chain") if same else None
        wait = attempt.ends() + 1 - subnet.block.number
        if wait > 0:
            told = "an earlier attempt may still get into a block; it is not sent twice"
            return Receipt(False, "pending", told, wait)
        del self._open[subnet.netuid]
        return None

    async def _submit(
        self,
        substrate: bittensor.RpcSubstrate,
        signer: Signer,
        subnet: Subnet,
        request: Request,
        pairs: Pairs,
    ) -> Receipt:
        before = _last_update(subnet, signer)
        # First of all, because the deadline may cut in anywhere after it.
        self._open[subnet.netuid] = Attempt(request, subnet.block.number, before)
        outcome = await outcome_of(_written(substrate, signer, subnet, request, pairs))
        if isinstance(outcome, Lost):
            now = await subnet_at(substrate, subnet.netuid, await best(substrate))
            if _last_update(now, signer) <= before:
                raise ChainUnavailable(f"whether the weights were set is not known: {outcome.why}")
            outcome = Receipt(True, "ok", "the weights are set; the answer was lost")
        self._open.pop(subnet.netuid, None)
        committed = outcome.ok and subnet.raw["commit_reveal_weights_enabled"]
        return Receipt(True, "committed", outcome.message) if committed else outcome


def fitted(
    subnet: Subnet, mine: int, weights: Mapping[str, float], rules: Hyperparameters
) -> Pairs:
    """Weights of registered hotkeys, within the largest share: by the runtime's exact arithmetic.

    A weight for oneself alone is exempt, as in the runtime.
    """
    known = {uid: weights[one] for uid, one in enumerate(subnet.hotkeys) if one in weights}
    limit = 1.0 if set(known) == {mine} else rules.max_weight_limit
    return _rounded_within(to_u16(capped(known, limit)), limit)


def _rounded_within(pairs: Pairs, limit: float) -> Pairs:
    """Rounding may lift the largest share above the limit: the others are then rounded up."""
    top = max((weight for _, weight in pairs), default=0)
    fixed, others = dict(pairs), [uid for uid, weight in pairs if weight < top]
    for uid in others:
        if top <= limit * sum(fixed.values()):
            break
        fixed[uid] += 1
    return sorted(fixed.items())


def refusal_of(
    subnet: Subnet, uid: int, pairs: Pairs, version_key: int, rules: Hyperparameters
) -> Receipt | None:
    """The rule of the chain that these weights would break; None if they break none."""
    stake = subnet.number("total_stake", uid) / RAO
    if stake < rules.min_stake_to_set_weights:
        least = rules.min_stake_to_set_weights
        return _no("low_stake", f"setting weights needs a stake of {least:g}; it is {stake:g}")
    if version_key < rules.weights_version:
        return _no(
            "version_too_low",
            f"the subnet wants weights of version {rules.weights_version} or later, these are of "
            f"version {version_key}; install a newer Engram",
        )
    since = subnet.block.number - subnet.number("last_update", uid)
    wait = rules.weights_rate_limit - since
    if wait > 0:
        return Receipt(False, "rate_limited", f"weights may be set in {wait} blocks", wait)
    return _refusal_of_pairs(subnet, uid, pairs, rules)


def _refusal_of_pairs(
    subnet: Subnet, uid: int, pairs: Pairs, rules: Hyperparameters
) -> Receipt | None:
    if not pairs:
        return _no("no_weights", "no registered hotkey has a weight above 0")
    if [one for one, _ in pairs] == [uid]:
        return None  # a word about oneself needs neither permit nor company
    if not subnet.raw["validator_permit"][uid]:
        return _no("no_permit", f"UID {uid} has no validator permit: the highest stakes get them")
    least = min(rules.min_allowed_weights, len(subnet.hotkeys))
    if len(pairs) < least:
        return _no("too_few_weights", f"at least {least} weights are needed, not {len(pairs)}")
    values = [weight for _, weight in pairs]
    if max(values) > rules.max_weight_limit * sum(values):
        share = f"{rules.max_weight_limit:.2%}"
        return _no("max_weight_exceeded", f"one weight may be {share} of all: more are needed")
    return None


async def _written(
    substrate: bittensor.RpcSubstrate,
    signer: Signer,
    subnet: Subnet,
    request: Request,
    pairs: Pairs,
) -> bittensor.ExtrinsicResult:
    """Submit by the SDK's own intent, or without it where its runtime is too old for it."""
    import bittensor
    from bittensor._transport.errors import StorageFunctionNotFound

    intent = bittensor.SetWeights(
        netuid=request.netuid,
        weights=dict(pairs),
        version_key=request.version_key,
    )
    client = bittensor.Client(substrate=substrate)
    try:
        return await client.execute(
            intent, SdkSigner(signer), period=ERA_BLOCKS, wait_for_finalization=False
        )
    except StorageFunctionNotFound:  # raised before anything is signed
        call = await _plain_call(substrate, signer, subnet, request, pairs)
        return await substrate.submit(
            call, SdkSigner(signer), period=ERA_BLOCKS, wait_for_finalization=False
        )


async def _plain_call(
    substrate: bittensor.RpcSubstrate,
    signer: Signer,
    subnet: Subnet,
    request: Request,
    pairs: Pairs,
) -> object:
    """The call that the intent would have made: the pairs are within the rules already."""
    from bittensor import calls
    from bittensor.intents.weights import DEFAULT_COMMIT_REVEAL_VERSION, _build_timelocked

    uids, values = [uid for uid, _ in pairs], [weight for _, weight in pairs]
    if subnet.raw["commit_reveal_weights_enabled"]:
        built = await _build_timelocked(
            substrate,
            signer.public_key,
            request.netuid,
            MECHANISM,
            uids,
            values,
            request.version_key,
            DEFAULT_COMMIT_REVEAL_VERSION,
        )
        return built.call
    return await substrate.compose(  # type: ignore[no-untyped-call]
        calls.SubtensorModule.set_mechanism_weights(
            netuid=request.netuid,
            mecid=MECHANISM,
            dests=uids,
            weights=values,
            version_key=request.version_key,
        )
    )


def _last_update(subnet: Subnet, signer: Signer) -> int:
    """Block in which the signer last set weights; -1 if it is not registered."""
    uid = subnet.uid_of(signer.hotkey)
    return -1 if uid is None else subnet.number("last_update", uid)


def _no(code: str, message: str) -> Receipt:
    return Receipt(False, code, message)
