"""The weights job: works weights out, asks the chain when they may be set, and sets them then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from engram.chain.interface import Hyperparameters, Neuron, Receipt
from engram.core.scores import SCORING_VERSION
from engram.errors import ChainRejected, ChainUnavailable
from engram.validator import reward
from engram.validator.chain_link import ChainLink
from engram.validator.clock import Clock
from engram.validator.obligations import obligations
from engram.validator.roster import Roster
from engram.validator.state import State, weight_sets
from engram.validator.state.database import set_fact
from engram.validator.state.weight_sets import Stage, WeightSet

ATTEMPTED_AT = "weights_attempted_at"
LONGEST_BACK_OFF_BLOCKS = 25
UNAVAILABLE_RETRY_S = 10.0  # as the connection itself is retried: no window is missed for longer

log = structlog.get_logger("engram.validator")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt, for the log, /metrics and the status page."""

    code: str
    """Stable word: ``set``, ``too_early``, ``nothing_earned``, ``no_permit``, ..."""
    message: str
    retry_s: float | None = None
    """Seconds after which to try again; None: at the next turn of the cadence."""


@dataclass(frozen=True, slots=True)
class View:
    """What the chain says before an attempt."""

    block: int
    rules: Hyperparameters
    own: Neuron | None

    @property
    def next_window(self) -> int:
        """The first block that may hold our next weights."""
        return (self.own.last_update if self.own else 0) + self.rules.weights_rate_limit

    def seconds(self, blocks: int) -> float:
        """How long so many blocks take; never nothing."""
        return max(blocks, 1) * max(self.rules.block_time_s, 0.05)


class Weights:
    """One attempt a call; what is pending outlives the process."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        link: ChainLink,
        clock: Clock,
        rules: reward.Rules,
        hotkey: str,
        tell: Callable[[Outcome], None],
    ) -> None:
        self.last: Outcome | None = None
        self.next_window: int | None = None
        """Block in which weights may be set next, as far as is known."""
        self._state = state
        self._roster = roster
        self._link = link
        self._clock = clock
        self._rules = rules
        self._hotkey = hotkey
        self._tell = tell
        self._failures = 0

    async def attempt(self) -> float | None:
        """Try once; the seconds after which to try again, None to wait for the next turn."""
        await asyncio.to_thread(self._note_attempt)
        try:
            outcome = await self._attempt()
        except ChainUnavailable as error:
            outcome = Outcome(error.code, error.message, UNAVAILABLE_RETRY_S)
        except ChainRejected as error:
            outcome = Outcome(error.code, error.message)
        self.last = outcome
        level = log.info if outcome.code in ("set", "too_early") else log.warning
        level("weights", outcome=outcome.code, reason=outcome.message, retry_s=outcome.retry_s)
        self._tell(outcome)
        return outcome.retry_s

    async def _attempt(self) -> Outcome:
        view = await self._look()
        self.next_window = view.next_window
        pending = await asyncio.to_thread(self._settle, view)
        obstacle = obstacle_to(view, self._hotkey)
        if obstacle is not None:
            return obstacle
        left = view.next_window - view.block - 1  # what is sent now is in the next block
        if left > 0:
            told = f"Weights may be set again in block {view.next_window}, {left} blocks from now."
            return Outcome("too_early", told, view.seconds(left))
        if pending is not None:
            return await self._submit(pending, view)
        made = await asyncio.to_thread(self._work_out, view)
        return made if isinstance(made, Outcome) else await self._submit(made, view)

    async def _look(self) -> View:
        rules = await self._link.hyperparameters()
        snapshot = await self._link.snapshot()
        return View(snapshot.block.number, rules, snapshot.by_hotkey(self._hotkey))

    def _settle(self, view: View) -> WeightSet | None:
        """What became of a set whose outcome was never heard; itself if it may be sent again.

        The chain's own record of our last update decides, so nothing is repeated blindly. A set
        that is older than a tempo is given up: newer evidence is there.
        """
        with self._state.write() as tx:
            found = weight_sets.pending(tx)
            if found is None:
                return None
            sent = found.submitted_block
            if sent is not None and view.own is not None and view.own.last_update > sent:
                reveal = reveal_block(view.own.last_update, view.rules)
                weight_sets.note_outcome(
                    tx, found.id, Stage.SET, "found_set", "The chain has them.", reveal
                )
                return None
            if view.block > found.made_block + view.rules.tempo:
                weight_sets.note_outcome(
                    tx, found.id, Stage.FAILED, "expired", "A tempo passed without success."
                )
                return None
            return found

    def _work_out(self, view: View) -> WeightSet | Outcome:
        with self._state.write() as tx:
            owed = obligations(tx, self._roster.assignments())
            stood = [
                reward.standing(tx, miner, len(owed.of(miner.id)), self._rules)
                for miner in owed.miners.values()
            ]
            shares = reward.weights(stood)
            if not shares:
                return Outcome("nothing_earned", told_of_nothing(stood))
            evidence = [one.as_dict() for one in stood]
            weight_sets.add(tx, self._clock.now(), view.block, shares, evidence)
            made = weight_sets.pending(tx)
        assert made is not None
        return made

    async def _submit(self, made: WeightSet, view: View) -> Outcome:
        await asyncio.to_thread(self._note_sending, made.id, view.block)
        receipt = await self._link.set_weights(made.weights, SCORING_VERSION)
        outcome = self._judge(receipt, view)
        await asyncio.to_thread(self._note_outcome, made, receipt, outcome, view)
        return outcome

    def _judge(self, receipt: Receipt, view: View) -> Outcome:
        if receipt.ok:
            self._failures = 0
            self.next_window = view.block + 1 + view.rules.weights_rate_limit
            return Outcome("set", receipt.message)
        self._failures += 1
        back_off = min(2 ** (self._failures - 1), LONGEST_BACK_OFF_BLOCKS, view.rules.tempo)
        blocks = back_off if receipt.retry_after_blocks is None else receipt.retry_after_blocks
        return Outcome(receipt.code, receipt.message, view.seconds(blocks))

    def _note_attempt(self) -> None:
        with self._state.write() as tx:
            set_fact(tx, ATTEMPTED_AT, self._clock.now())

    def _note_sending(self, number: int, block: int) -> None:
        with self._state.write() as tx:
            weight_sets.note_sending(tx, number, block)

    def _note_outcome(
        self, made: WeightSet, receipt: Receipt, outcome: Outcome, view: View
    ) -> None:
        stage = Stage.SET if receipt.ok else Stage.PENDING
        reveal = reveal_block(view.block, view.rules) if receipt.ok else None
        with self._state.write() as tx:
            weight_sets.note_outcome(tx, made.id, stage, outcome.code, receipt.message, reveal)


def obstacle_to(view: View, hotkey: str) -> Outcome | None:
    """What is missing before weights can be set at all."""
    own, rules = view.own, view.rules
    if own is None:
        return Outcome("not_registered", f"{hotkey} is not registered on the subnet; register it.")
    if own.stake < rules.min_stake_to_set_weights:
        return Outcome(
            "low_stake",
            f"{hotkey} has a stake of {own.stake:g} and needs {rules.min_stake_to_set_weights:g}; "
            "add stake. Scoring goes on.",
        )
    if not own.validator_permit:
        return Outcome(
            "no_permit",
            f"{hotkey} has no validator permit: the subnet gives {rules.max_validators} to the "
            "largest stakes, at the end of an epoch. Scoring goes on.",
        )
    if rules.weights_version > SCORING_VERSION:
        return Outcome(
            "outdated",
            f"The subnet wants scoring version {rules.weights_version}, this is "
            f"{SCORING_VERSION}; install a newer Engram.",
        )
    return None


def reveal_block(set_at: int, rules: Hyperparameters) -> int:
    """From which block on weights are public; with commit-reveal no earlier than they really are.

    A commit is revealed so many epochs after its own, each of tempo + 1 blocks.
    """
    if not rules.commit_reveal:
        return set_at
    return set_at + (rules.reveal_period_epochs + 1) * (rules.tempo + 1)


def told_of_nothing(stood: list[reward.Standing]) -> str:
    """Why there is nothing to submit."""
    if not stood:
        return "No miner is on the subnet."
    if all(one.warming_up for one in stood):
        return f"All {len(stood)} miners are still warming up."
    if all(one.composite is None for one in stood):
        return "No miner was probed and challenged yet."
    return "All composites are 0, so nothing is submitted."
