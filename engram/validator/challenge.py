"""A challenge round: each miner proves what it holds, one CID as the seed has it and an audit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

import structlog

from engram.core.scores import mean
from engram.validator.audit import Examiner, Outcome, Sheet
from engram.validator.clock import Clock
from engram.validator.conduct import Conduct
from engram.validator.obligations import Obligations, obligations, signed_records
from engram.validator.parallel import finished
from engram.validator.roster import Miner, Roster
from engram.validator.state import State, evidence, pool, repairs, replicas
from engram.validator.state.evidence import Check, Kind, Value
from engram.validator.state.miners import restore
from engram.validator.state.pool import KnownRecord
from engram.validator.state.replicas import Finding, Proof
from engram.validator.verdict import Failure, Verdict

FETCHED = 4  # one in four checks of an audit fetches the whole record
RESTORES = 0.9  # share of an audit that passes, from which on silence is forgiven
CLOCK_SKEW = "challenge_expired"
BAD_MOMENTS = {CLOCK_SKEW, "throttled", "overloaded", "not_ready", "unavailable", "body_timeout"}
NAMED = 3  # records that a value's explanation names

log = structlog.get_logger("engram.validator")


@dataclass(slots=True)
class Findings:
    """What has come in so far."""

    values: list[Value] = field(default_factory=list)
    copies: list[Finding] = field(default_factory=list)
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
                self._sheet(miner, records)
                for miner in owed.miners.values()
                if (records := self._chosen(connection, owed, miner))
            ]
        self._random.shuffle(sheets)
        return sheets

    def _chosen(
        self, connection: sqlite3.Connection, owed: Obligations, miner: Miner
    ) -> list[KnownRecord]:
        """Half of an audit are users' records, as far as there are; the rest is our own."""
        own, most = sorted(owed.of(miner.id)), self._audit_sample
        users = signed_records(connection, self._roster, miner, most, self._random)
        users = users[: max(most // 2, most - len(own))]
        chosen = self._random.sample(own, min(most - len(users), len(own)))
        return users + (pool.records_by_id(connection, chosen) if chosen else [])

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
        shown = [(sheet.single, single), *audit.items()]
        now = self._clock.now()
        findings.copies += [
            finding(sheet, record, outcome, now)
            for record, outcome in shown
            if not says_nothing(outcome)
        ]

    def _finish(self, findings: Findings, began_at: float, seconds: float) -> None:
        """Write the round down, all of it or nothing."""
        with self._state.write() as tx:
            number = self._conduct.close(tx, Kind.CHALLENGE, findings.spoke, began_at, seconds)
            if number is None:
                return
            evidence.add_values(tx, number, findings.values)
            for found in findings.copies:
                replicas.note(tx, found)
            repairs.add(tx, {found.record for found in findings.copies if not found.held})
            restore(tx, restored(findings.values))
        log.info(
            "challenge round",
            miners=len(findings.spoke),
            failed=sum(value.value < 1 for value in findings.values),
            seconds=round(seconds, 2),
        )


def finding(sheet: Sheet, record: KnownRecord, outcome: Outcome, now: float) -> Finding:
    """What an outcome says of the miner's copy."""
    kind = Proof.RETRIEVAL if record in sheet.fetched else Proof.CHALLENGE
    return Finding(record.id, sheet.miner.id, outcome is None, kind, now)


def says_nothing(outcome: Outcome) -> bool:
    """True if it shows nothing about the copy: nobody was reached, or it was a bad moment."""
    if outcome is None:
        return False
    return outcome.took_all_the_time or outcome.code in BAD_MOMENTS


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
