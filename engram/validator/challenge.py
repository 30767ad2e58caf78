"""A challenge round: each miner proves what it holds, one CID as the seed has it and an audit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import structlog

from engram.core.scores import mean
from engram.validator.audit import Examiner, Outcome, Sheet
from engram.validator.clock import Clock
from engram.validator.conduct import Conduct
from engram.validator.obligations import Obligations, obligations
from engram.validator.parallel import finished
from engram.validator.roster import Miner, Roster
from engram.validator.state import State, evidence, pool, replicas
from engram.validator.state.evidence import Check, Kind, Value
from engram.validator.state.miners import restore
from engram.validator.state.pool import KnownRecord
from engram.validator.verdict import Failure, Verdict

FETCHED = 4  # one in four checks of an audit fetches the whole record
RESTORES = 0.9  # share of an audit that passes, from which on silence is forgiven
CLOCK_SKEW = "challenge_expired"
NAMED = 3  # records that a value's explanation names

log = structlog.get_logger("engram.validator")


@dataclass(slots=True)
class Findings:
    """What has come in so far."""

    values: list[Value] = field(default_factory=list)
    held: list[tuple[int, int, bool]] = field(default_factory=list)
    """(record, miner, whether it holds it)."""
    spoke: dict[int, bool] = field(default_factory=dict)


class Challenger:
    """Runs rounds and writes down what they found."""

    def __init__(
        self,
        state: State,
        roster: Roster,
        examiner: Examiner,
        conduct: Conduct,
        clock: Clock,
        random: Random,
        audit_sample: int,
        deadline_s: float,
    ) -> None:
        self._state = state
        self._roster = roster
        self._examiner = examiner
        self._conduct = conduct
        self._clock = clock
        self._random = random
        self._audit_sample = audit_sample
        self._deadline_s = deadline_s

    async def round(self) -> None:
        """One round. Nothing of it is kept unless it ends."""
        began_at, began = self._clock.now(), self._clock.monotonic()
        sheets = await asyncio.to_thread(self._draw)
        if not sheets:
            return
        findings = Findings()
        if not await finished([self._examine(s, findings) for s in sheets], self._deadline_s):
            log.warning("the round ran out of time; whoever was not examined has no value")
        seconds = self._clock.monotonic() - began
        await asyncio.to_thread(self._finish, findings, began_at, seconds)

    def _draw(self) -> list[Sheet]:
        with self._state.read() as connection:
            owed = obligations(connection, self._roster.assignments())
            sheets = [
                self._sheet(miner, pool.records_by_id(connection, chosen))
                for miner in owed.miners.values()
                if (chosen := self._chosen(owed, miner))
            ]
        self._random.shuffle(sheets)
        return sheets

    def _chosen(self, owed: Obligations, miner: Miner) -> list[int]:
        mine = sorted(owed.of(miner.id))
        return self._random.sample(mine, min(self._audit_sample, len(mine)))

    def _sheet(self, miner: Miner, records: list[KnownRecord]) -> Sheet:
        self._random.shuffle(records)
        fetched = -(-len(records) // FETCHED)
        return Sheet(miner, self._random.choice(records), records[fetched:], records[:fetched])

    async def _examine(self, sheet: Sheet, findings: Findings) -> None:
        """Both values of one miner. Whoever took all the time for the first is not asked again."""
        single = await self._examiner.single(sheet)
        if isinstance(single, Failure) and single.took_all_the_time:
            audit: dict[KnownRecord, Outcome] = dict.fromkeys(sheet.audited, single)
        else:
            audit = await self._examiner.audit(sheet)
        miner = sheet.miner.id
        findings.spoke[miner] = not is_excuse(single)
        findings.values += [
            value_of(miner, Check.CHALLENGE, {sheet.single: single}),
            value_of(miner, Check.AUDIT, audit),
        ]
        findings.held += [
            (record.id, miner, outcome is None)
            for record, outcome in [(sheet.single, single), *audit.items()]
            if not unreachable(outcome)
        ]

    def _finish(self, findings: Findings, began_at: float, seconds: float) -> None:
        """Write the round down, all of it or nothing."""
        with self._state.write() as tx:
            number = self._conduct.close(tx, Kind.CHALLENGE, findings.spoke, began_at, seconds)
            if number is None:
                return
            evidence.add_values(tx, number, findings.values)
            for record, miner, held in findings.held:
                replicas.confirm(tx, record, miner, held=held)
            restore(tx, restored(findings.values))
        log.info(
            "challenge round",
            miners=len(findings.spoke),
            failed=sum(value.value < 1 for value in findings.values),
            seconds=round(seconds, 2),
        )


def unreachable(outcome: Outcome) -> bool:
    """True if it shows nothing about the record: nobody was reached."""
    return isinstance(outcome, Failure) and outcome.verdict is Verdict.UNREACHABLE


def is_excuse(outcome: Outcome) -> bool:
    """True if our own line or clock may be at fault, which shows if most miners say the same."""
    return unreachable(outcome) or (outcome is not None and outcome.code == CLOCK_SKEW)


def value_of(miner: int, kind: Check, outcomes: Mapping[KnownRecord, Outcome]) -> Value:
    """The share that passed, and which failed and why."""
    failures = [(r.cid, outcome) for r, outcome in outcomes.items() if outcome is not None]
    passed = mean([float(outcome is None) for outcome in outcomes.values()]) or 0.0
    verdict = failures[0][1].verdict if failures else Verdict.PASSED
    told = [f"{cid}: {failure.detail}" for cid, failure in failures[:NAMED]]
    more = len(failures) - len(told)
    detail = " ".join([*told, *([f"And {more} more."] if more else [])])
    return Value(miner, kind, verdict, passed, len(outcomes), detail)


def restored(values: list[Value]) -> list[int]:
    """Miners whose audit went well enough for what they confirmed before to count again."""
    return [v.miner for v in values if v.kind is Check.AUDIT and v.value >= RESTORES]
