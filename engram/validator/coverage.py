"""What the validator tells of copies: how many records are in which state, and which."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any

from engram.core import parse_cid
from engram.core.limits import REPLICAS
from engram.errors import InvalidInput, NotFound
from engram.validator.roster import Miner
from engram.validator.state import holder_sets, listing, pool, replicas
from engram.validator.state.holder_sets import Group, Ids
from engram.validator.state.listing import FIRST, Listed, Place
from engram.validator.state.replicas import Counts, Replication

Json = dict[str, Any]

CURSOR = re.compile(r"^(\d{1,18})-(\d{1,18})$")
MOST_LISTED = 1_000


def coverage(connection: sqlite3.Connection, miners: Sequence[Miner]) -> Json:
    """Records in each state: all, the validator's own among them, and users' by member."""
    counted = replicas.counting(connection, [miner.id for miner in miners])
    groups = holder_sets.groups(connection)
    everything = counts(groups, counted)
    users = [group for group in groups if not group.own]
    return {
        "required": REPLICAS,
        "possible": possible_words(len(miners)),
        **shares(everything),
        "users": shares(counts(users, counted)),
        "members": [of_member(miner, users, counted) for miner in miners],
    }


def counts(groups: Collection[Group], counted: Ids) -> Counts:
    """Records of these groups in each state."""
    found = dict.fromkeys(Replication, 0)
    for group in groups:
        found[replicas.status_of(group, counted)] += group.records
    return Counts(*found.values())


def shares(found: Counts) -> Json:
    """The counts, and what shares they are; null of nothing."""
    records = sum(found)
    by_name = {name.upper(): count for name, count in found._asdict().items()}
    return {
        "records": records,
        **by_name,
        "shares": {name: n / records if records else None for name, n in by_name.items()},
    }


def of_member(miner: Miner, users: Collection[Group], counted: Ids) -> Json:
    """How many users' records a member is to hold, and how many copies are confirmed."""
    to_hold = sum(group.records for group in users if miner.id in group.named)
    confirmed = sum(group.records for group in users if miner.id in group.named & group.holders)
    return {
        "uid": miner.uid,
        "hotkey": miner.hotkey,
        "to_hold": to_hold,
        "confirmed": confirmed,
        "share": confirmed / to_hold if to_hold else None,
        "suspended": miner.id not in counted,
    }


def possible_words(members: int) -> str | None:
    """With fewer than three members no record can be HEALTHY, which this says; else null."""
    most = replicas.possible(members)
    return f"{most} of {most} possible" if most < REPLICAS else None


def records(
    connection: sqlite3.Connection,
    miners: Sequence[Miner],
    wanted: Replication | None,
    cursor: str | None,
    limit: int,
) -> Json:
    """A page of users' records, of one status or all. Raises InvalidInput for a bad cursor."""
    counted = replicas.counting(connection, [miner.id for miner in miners])
    among = [
        group
        for group in holder_sets.groups(connection)
        if not group.own and wanted in (None, replicas.status_of(group, counted))
    ]
    found = listing.page(connection, among, place_of(cursor), limit)
    last = found[-1].place if len(found) == limit else None
    return {
        "records": [one_of(record, miners, counted) for record in found],
        "cursor": f"{last.group}-{last.record}" if last else None,
    }


def one_of(record: Listed, miners: Sequence[Miner], counted: Ids) -> Json:
    """A record in a few words."""
    holders = record.group.holders & counted
    return {
        "cid": record.cid,
        "status": replicas.status(len(holders)).value,
        "detail": words(len(holders), len(miners)),
        "confirmed": uids_of(miners, holders),
        "missing": uids_of(miners, record.group.named - holders),
        "last_proved": record.proved_at,
    }


def words(confirmed: int, members: int) -> str:
    """The status with its numbers, such as ``DEGRADED: 2 of 2 possible``."""
    most = replicas.possible(members)
    of = f"{confirmed} of {most}" + (" possible" if most < REPLICAS else "")
    return f"{replicas.status(confirmed).value}: {of}"


def of_cid(connection: sqlite3.Connection, cid: str, miners: Sequence[Miner]) -> Json:
    """Everything that is known of a user's record. Raises InvalidCid or NotFound.

    The validator's own are not told of: whoever could ask would know which records are probed.
    """
    parse_cid(cid)
    number = pool.id_of(connection, cid)
    group = None if number is None else holder_sets.group_of(connection, number)
    if number is None or group is None or group.own:
        raise NotFound(f"This validator does not know {cid}.")
    counted = replicas.counting(connection, [miner.id for miner in miners])
    [record] = listing.by_id(connection, [number], {group.id: group})
    copies = {row["miner"]: row for row in replicas.copies_of(connection, number)}
    return one_of(record, miners, counted) | {
        "required": REPLICAS,
        "repair_asked_at": record.asked_at,
        "holders": [
            copy_of(miner, copies.get(miner.id), suspended=miner.id not in counted)
            for miner in miners
            if miner.id in group.named | copies.keys()
        ],
    }


def copy_of(miner: Miner, row: sqlite3.Row | None, *, suspended: bool) -> Json:
    """The latest evidence of a member's copy."""
    return {
        "uid": miner.uid,
        "hotkey": miner.hotkey,
        "held": None if row is None else bool(row["held"]),
        "evidence": None if row is None else row["kind"],
        "at": None if row is None else row["at"],
        "suspended": suspended,
    }


def uids_of(miners: Sequence[Miner], ids: Ids) -> list[int]:
    return [miner.uid for miner in miners if miner.id in ids]


def place_of(cursor: str | None) -> Place:
    """Where a page begins. Raises InvalidInput."""
    if cursor is None:
        return FIRST
    match = CURSOR.match(cursor)
    if match is None:
        raise InvalidInput("The cursor is not one that this validator gave.")
    return Place(int(match[1]), int(match[2]))


def status_named(name: str | None) -> Replication | None:
    """A status as people write it. Raises InvalidInput."""
    if name is None:
        return None
    try:
        return Replication(name.upper())
    except ValueError:
        known = ", ".join(Replication)
        raise InvalidInput(f"A status is one of {known}, not {name[:20]!r}.") from None
