"""Jobs in SQLite: what is written here is done, whatever happens to the process."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Any

from engram.gateway.jobs.job import Job, Order, State, Step
from engram.storage.database import Migrations, open_durable, transaction

APPLICATION_ID = 0x454E4747  # "ENGG"
MIGRATIONS: Migrations = (
    (
        """
        CREATE TABLE jobs (
            id TEXT PRIMARY KEY,
            content_cid TEXT NOT NULL,
            name TEXT,
            metadata TEXT NOT NULL,             -- JSON object
            pin INTEGER NOT NULL,
            created_at REAL NOT NULL,           -- unix seconds
            updated_at REAL NOT NULL,
            state TEXT NOT NULL,                -- running, done, failed
            step TEXT NOT NULL,
            kind TEXT,
            cid TEXT,
            pages INTEGER,
            records INTEGER,
            stored INTEGER NOT NULL DEFAULT 0,
            replicated INTEGER NOT NULL DEFAULT 0,
            problems TEXT NOT NULL DEFAULT '[]',
            error TEXT,
            code TEXT,
            waits_for TEXT
        ) STRICT
        """,
        "CREATE INDEX jobs_running ON jobs (created_at) WHERE state = 'running'",
        "CREATE INDEX jobs_by_content ON jobs (content_cid, created_at)",
        """
        CREATE TABLE records (                  -- of a job, those that are stored
            job TEXT NOT NULL REFERENCES jobs (id),
            position INTEGER NOT NULL,          -- 0 is the record that stands for the file
            cid TEXT NOT NULL,
            replicated INTEGER NOT NULL,        -- 1: all its holders acknowledged it
            PRIMARY KEY (job, position)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE descriptions (             -- written before the record: a retry says the same
            content_cid TEXT NOT NULL,
            source TEXT NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (content_cid, source)
        ) STRICT, WITHOUT ROWID
        """,
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)
CHANGING = ("state", "step", "kind", "cid", "pages", "records", "stored", "replicated")
WORDS = ("error", "code", "waits_for")


class Book:
    """Every call blocks, and may come from any thread."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError, StoreTooNew, StoreCorrupt, StorageFull."""
        self._connection = open_durable(path, APPLICATION_ID, MIGRATIONS)
        self._connection.row_factory = sqlite3.Row
        self._lock = Lock()

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def open(self, job: Job) -> None:
        """Write down a new job."""
        order = job.order
        with self._change() as tx:
            tx.execute(
                "INSERT INTO jobs (id, content_cid, name, metadata, pin, created_at, updated_at, "
                "state, step) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    job.id,
                    order.content_cid,
                    order.name,
                    json.dumps(dict(order.metadata)),
                    order.pin,
                    job.created_at,
                    job.updated_at,
                    job.state,
                    job.step,
                ),
            )

    def keep(self, job: Job) -> Job:
        """Write down how far a job is."""
        fields = (*CHANGING, *WORDS)
        values = [getattr(job, name) for name in fields]
        with self._change() as tx:
            tx.execute(
                f"UPDATE jobs SET {', '.join(f'{name} = ?' for name in fields)}, problems = ?, "
                "updated_at = ? WHERE id = ?",
                (*values, json.dumps(job.problems), job.updated_at, job.id),
            )
        return job

    def job(self, identity: str) -> Job | None:
        rows = self._rows("SELECT * FROM jobs WHERE id = ?", (identity,))
        return job_of(rows[0]) if rows else None

    def running(self) -> list[Job]:
        """Oldest first."""
        return [
            job_of(r)
            for r in self._rows(
                "SELECT * FROM jobs WHERE state = 'running' ORDER BY created_at", ()
            )
        ]

    def latest(self, content_cid: str) -> Job | None:
        """The newest job for some bytes."""
        rows = self._rows(
            "SELECT * FROM jobs WHERE content_cid = ? ORDER BY created_at DESC LIMIT 1",
            (content_cid,),
        )
        return job_of(rows[0]) if rows else None

    def stored(self, job: str) -> dict[int, str]:
        """Position to CID of the records that are stored."""
        rows = self._rows("SELECT position, cid FROM records WHERE job = ?", (job,))
        return {row["position"]: row["cid"] for row in rows}

    def add_stored(self, job: Job, stored: Sequence[tuple[int, str, bool]]) -> Job:
        """More records (position, CID, replicated) are stored; the job counts them."""
        with self._change() as tx:
            tx.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET replicated = max(replicated, excluded.replicated)",
                [(job.id, *each) for each in stored],
            )
            counts = tx.execute(
                "SELECT count(*), coalesce(sum(replicated), 0) FROM records WHERE job = ?",
                (job.id,),
            ).fetchone()
            tx.execute(
                "UPDATE jobs SET stored = ?, replicated = ?, updated_at = ? WHERE id = ?",
                (counts[0], counts[1], job.updated_at, job.id),
            )
        return replace(job, stored=counts[0], replicated=counts[1])

    def not_replicated(self, job: str, most: int) -> list[tuple[int, str]]:
        """(position, CID) of records of which not all holders are known to have a copy."""
        rows = self._rows(
            "SELECT position, cid FROM records WHERE job = ? AND replicated = 0 "
            "ORDER BY position LIMIT ?",
            (job, most),
        )
        return [(row["position"], row["cid"]) for row in rows]

    def description(self, content_cid: str, source: str) -> str | None:
        """What somebody said of an image before."""
        rows = self._rows(
            "SELECT text FROM descriptions WHERE content_cid = ? AND source = ?",
            (content_cid, source),
        )
        return str(rows[0]["text"]) if rows else None

    def add_description(self, content_cid: str, source: str, text: str) -> str:
        """Keep a description; the first one stays, and is returned."""
        with self._change() as tx:
            tx.execute(
                "INSERT INTO descriptions VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (content_cid, source, text),
            )
        return self.description(content_cid, source) or text

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock, transaction(self._connection) as tx:
            yield tx

    def _rows(self, query: str, values: Sequence[Any]) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(query, values).fetchall()


def job_of(row: sqlite3.Row) -> Job:
    order = Order(row["content_cid"], row["name"], json.loads(row["metadata"]), bool(row["pin"]))
    known: dict[str, Any] = {name: row[name] for name in (*CHANGING, *WORDS)}
    known |= {"state": State(row["state"]), "step": Step(row["step"])}
    return Job(
        row["id"],
        order,
        row["created_at"],
        row["updated_at"],
        problems=tuple(json.loads(row["problems"])),
        **known,
    )
