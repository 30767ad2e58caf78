"""All of it, for one world: a dictionary that depends on the world and the rules alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from benchmarks.scaling import balance, fanout
from benchmarks.scaling.fanout import NEAR, Lines
from benchmarks.scaling.measured import Measured
from benchmarks.scaling.repair import repair
from benchmarks.scaling.rules import Rules
from benchmarks.scaling.world import World

FULL = World(miners=256, records=10_000_000, seed=1)
LOSSES = (0.01, 0.1, 0.3)
SEARCHES = 2_000
SILENT = 2
SIZES = (3, 5, 8, 16, 32, 64, 128, 256)
FEW_ABSENT = 64  # a limit that was tried


def compute(world: World, searches: int = SEARCHES) -> dict[str, Any]:
    """Everything that docs/scaling.md tells, without the clock or the machine in it."""
    measured = Measured.load()
    return {
        "world": asdict(world),
        "rules": asdict(Rules()),
        "load": balance.load(world),
        "load by size": balance.load_by_size(world),
        "lost": balance.lost(world),
        "repair": repairs(world, measured),
        "fan-out": fan_outs(world, measured, searches),
        "fan-out by size": fan_outs_by_size(world, measured, searches),
    }


def repairs(world: World, measured: Measured) -> list[dict[str, Any]]:
    """As the rules are, and as they would be with other limits at the greatest loss."""
    rules, most = Rules(), LOSSES[-1]
    cases = [
        *(("as it is", loss, rules) for loss in LOSSES),
        ("every lost host hangs", most, replace(rules, silence_s=rules.hang_s)),
        ("at most 64 named as absent", most, replace(rules, most_absent=FEW_ABSENT)),
        ("requests answered twice as fast", most, quick(rules)),
    ]
    rows = []
    for name, loss, used in cases:
        done = repair(world, loss, measured, used)
        rows.append({"case": name, "lost": loss, **done.summary(measured), "curve": done.curve()})
    return rows


def quick(rules: Rules) -> Rules:
    """Twice the copies that one pair can move: it has one request under way."""
    return replace(rules, request_s=rules.request_s / 2)


def fan_outs(world: World, measured: Measured, searches: int) -> list[dict[str, Any]]:
    """Hedged and not; in one place and all over the world; with and without silent members."""
    return [
        {
            "where": where,
            "silent": silent,
            "hedged": hedged,
            **fanout.searches(
                world, measured, lines=lines, hedged=hedged, silent=silent, count=searches
            ),
        }
        for where, lines in (("one place", NEAR), ("the world", Lines()))
        for silent in (0, SILENT)
        for hedged in (False, True)
    ]


def fan_outs_by_size(world: World, measured: Measured, searches: int) -> list[dict[str, Any]]:
    """All over the world, for networks of different sizes."""
    rows = []
    for size in (size for size in SIZES if size <= world.miners):
        for hedged in (False, True):
            found = fanout.searches(
                replace(world, miners=size),
                measured,
                lines=Lines(),
                hedged=hedged,
                count=searches,
            )
            del found["quantiles, ms"]
            rows.append({"miners": size, "hedged": hedged, **found})
    return rows
