"""The validator's HTTP face: read only, and nothing in it that helps a miner to know a probe."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from aiohttp import web

from engram import __version__
from engram.errors import InvalidInput, NotFound
from engram.net.errors import Handler, answer
from engram.net.reply import json_reply
from engram.validator import coverage, report
from engram.validator.parts import Parts
from engram.validator.report import Json
from engram.validator.state import weight_sets

T = TypeVar("T")

METRICS_TYPE = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
MOST_ROUNDS = 500  # of one page of history
SETS_SHOWN = 5


class Api:
    """One method a path. Whatever reads the state does so off the loop."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def health(self, _: web.Request) -> web.StreamResponse:
        """GET /health."""
        return json_reply({"status": "ok"})

    async def status(self, _: web.Request) -> web.StreamResponse:
        """GET /status: chain, cadences, weights and their next window."""
        return json_reply(self._standing() | await self._read(self._last_sets))

    async def scores(self, _: web.Request) -> web.StreamResponse:
        """GET /scores."""
        return json_reply(self._who() | {"scores": await asyncio.to_thread(self._scores)})

    async def scores_of(self, request: web.Request) -> web.StreamResponse:
        """GET /scores/{uid}."""
        uid = whole_number(request.match_info["uid"], "uid", 65_535)
        return json_reply(self._who() | await asyncio.to_thread(self._scores_of, uid))

    async def history(self, request: web.Request) -> web.StreamResponse:
        """GET /history?uid=&limit=."""
        given = request.query.get("uid")
        uid = None if given is None else whole_number(given, "uid", 65_535)
        limit = whole_number(request.query.get("limit", "50"), "limit", MOST_ROUNDS)
        found = await self._read(lambda connection: report.history(connection, uid, limit))
        sets = await self._read(
            lambda connection: report.sets(weight_sets.latest(connection, limit))
        )
        return json_reply(self._who() | {"rounds": found, "weight_sets": sets})

    async def replication(self, _: web.Request) -> web.StreamResponse:
        """GET /replication."""
        miners = self._parts.roster.miners
        return json_reply(self._who() | await self._read(lambda c: coverage.coverage(c, miners)))

    async def replication_records(self, request: web.Request) -> web.StreamResponse:
        """GET /replication/records?status=&cursor=&limit=."""
        wanted = coverage.status_named(request.query.get("status"))
        cursor = request.query.get("cursor")
        limit = whole_number(request.query.get("limit", "100"), "limit", coverage.MOST_LISTED)
        miners = self._parts.roster.miners
        return json_reply(
            await self._read(lambda c: coverage.records(c, miners, wanted, cursor, max(limit, 1)))
        )

    async def replication_of(self, request: web.Request) -> web.StreamResponse:
        """GET /replication/{cid}."""
        cid = request.match_info["cid"]
        miners = self._parts.roster.miners
        return json_reply(await self._read(lambda c: coverage.of_cid(c, cid, miners)))

    async def metrics(self, _: web.Request) -> web.StreamResponse:
        """GET /metrics."""
        text = await asyncio.to_thread(self._parts.metrics.text)
        return web.Response(body=text, headers=METRICS_TYPE)

    def _scores(self) -> list[Json]:
        assignments = self._parts.roster.assignments()
        with self._parts.state.read() as connection:
            return report.scores(connection, assignments, self._parts.rules)

    def _scores_of(self, uid: int) -> Json:
        roster, rules = self._parts.roster, self._parts.rules
        miner = next((miner for miner in roster.miners if miner.uid == uid), None)
        if miner is None:
            raise NotFound(f"No miner has UID {uid} on this subnet now.")
        [summary] = [one for one in self._scores() if one["uid"] == uid]
        with self._parts.state.read() as connection:
            public_to = weight_sets.revealed_round(connection, self._parts.link.block_number)
            return summary | report.of_miner(connection, miner, rules, public_to)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        def reading() -> T:
            with self._parts.state.read() as connection:
                return query(connection)

        return await asyncio.to_thread(reading)

    def _who(self) -> Json:
        link = self._parts.link
        return {
            "validator": self._parts.hotkey,
            "netuid": link.netuid,
            "chain": link.chain.name,
            "block": link.block_number,
        }

    def _standing(self) -> Json:
        parts = self._parts
        last = parts.weights.last
        return self._who() | {
            "version": __version__,
            "connected": parts.link.connected,
            "chain_problem": parts.link.problem,
            "miners": len(parts.roster.miners),
            "corpus_is_secret": parts.corpus_is_secret,
            "cadences": {
                cadence.name: {
                    "every_s": cadence.every_s,
                    "runs": cadence.runs,
                    "skipped": cadence.skipped,
                    "failed": cadence.failed,
                    "last_seconds": cadence.last_seconds,
                    "next_in_s": round(cadence.seconds_left(), 1),
                }
                for cadence in parts.cadences
            },
            "weights": {
                "outcome": last.code if last else None,
                "message": last.message if last else None,
                "next_window": parts.weights.next_window,
            },
        }

    def _last_sets(self, connection: sqlite3.Connection) -> Json:
        return {"weight_sets": report.sets(weight_sets.latest(connection, SETS_SHOWN))}


@web.middleware
async def errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error in the one shape."""
    return await answer(request, handler(request))


def build_app(parts: Parts) -> web.Application:
    """The application for the network port."""
    api = Api(parts)
    app = web.Application(middlewares=[errors_as_json], client_max_size=1024)
    routes: dict[str, Any] = {
        "/health": api.health,
        "/status": api.status,
        "/scores": api.scores,
        "/scores/{uid}": api.scores_of,
        "/history": api.history,
        "/replication": api.replication,
        "/replication/records": api.replication_records,
        "/replication/{cid}": api.replication_of,
        "/metrics": api.metrics,
    }
    for path, handler in routes.items():
        app.router.add_get(path, handler)
    return app


def whole_number(text: str, name: str, most: int) -> int:
    """A number (0..``most``) in a path or a query. Raises InvalidInput."""
    if not text.isascii() or not text.isdigit() or len(text) > 6 or int(text) > most:
        raise InvalidInput(f"{name} is a whole number within 0..{most}, not {text[:20]!r}.")
    return int(text)
