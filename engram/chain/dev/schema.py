"""The tables of the dev chain's ledger."""

from __future__ import annotations

APPLICATION_ID = 0x454E4743  # "ENGC": `file` and ledger.py recognise the database by it
FOREVER = 2**62  # the end of what is still so

# Applied in order; PRAGMA user_version says how many have been. Never edit one that was released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE chain (
            block_time REAL NOT NULL,   -- seconds; 0 means that blocks are made by hand only
            anchor_block INTEGER NOT NULL,
            anchor_time REAL NOT NULL   -- unix seconds at which that block was due
        ) STRICT
        """,
        # Blocks that were made in one go. The hash of each follows from the seed and its number.
        """
        CREATE TABLE runs (
            first INTEGER PRIMARY KEY,
            last INTEGER NOT NULL,
            seed BLOB NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE subnets (
            netuid INTEGER PRIMARY KEY,
            rules TEXT NOT NULL,        -- JSON
            last_epoch INTEGER NOT NULL -- block
        ) STRICT
        """,
        # One row for each state of a UID: true for blocks since <= n < until.
        """
        CREATE TABLE neurons (
            netuid INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            since INTEGER NOT NULL,
            until INTEGER NOT NULL,
            hotkey TEXT NOT NULL,
            coldkey TEXT NOT NULL,
            public_key BLOB NOT NULL,
            registered_at INTEGER NOT NULL,
            ip TEXT,
            port INTEGER,
            served_at INTEGER,          -- block
            stake INTEGER NOT NULL,     -- rao, as all amounts
            last_update INTEGER NOT NULL,
            permit INTEGER NOT NULL,
            incentive REAL NOT NULL,
            dividends REAL NOT NULL,
            emission INTEGER NOT NULL,
            PRIMARY KEY (netuid, uid, since)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX neurons_until ON neurons (netuid, until)",
        """
        CREATE TABLE weights (
            netuid INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            block INTEGER NOT NULL,     -- in which they were set, or committed
            pairs BLOB NOT NULL,        -- (uid, weight), each a little-endian u16
            PRIMARY KEY (netuid, uid)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE commits (
            id INTEGER PRIMARY KEY,
            netuid INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            hotkey TEXT NOT NULL,
            block INTEGER NOT NULL,
            reveal_after INTEGER NOT NULL, -- the epoch's block
            pairs BLOB NOT NULL
        ) STRICT
        """,
        """
        CREATE TABLE bonds (
            netuid INTEGER NOT NULL,
            uid INTEGER NOT NULL,
            row BLOB NOT NULL,          -- little-endian float64, one for each UID
            PRIMARY KEY (netuid, uid)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE TABLE balances (address TEXT PRIMARY KEY, rao INTEGER NOT NULL) STRICT",
        # Where every rao came from or went: minted (faucet), emitted, recycled.
        "CREATE TABLE totals (name TEXT PRIMARY KEY, rao INTEGER NOT NULL) STRICT",
        """
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            block INTEGER NOT NULL,
            netuid INTEGER,
            kind TEXT NOT NULL,
            hotkey TEXT,
            detail TEXT NOT NULL        -- JSON object
        ) STRICT
        """,
        "CREATE TABLE faults (kind TEXT PRIMARY KEY, seconds REAL NOT NULL) STRICT",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
)
