"""The tables. docs/validator.md tells what each of them is for."""

from __future__ import annotations

APPLICATION_ID = 0x454E4756  # "ENGV"

# Applied in order; PRAGMA user_version says how many have been. Never edit one that was released.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE miners (                    -- a hotkey in a seat; another is another row
            id INTEGER PRIMARY KEY,
            uid INTEGER NOT NULL,
            hotkey TEXT NOT NULL,
            registered_at INTEGER NOT NULL,      -- block
            answered INTEGER NOT NULL DEFAULT 0, -- 1 if it answered in the last round that counted
            silent_since REAL,                   -- unix seconds; NULL while it answers
            suspended INTEGER NOT NULL DEFAULT 0,-- 1: what it confirmed does not count for now
            warmed INTEGER NOT NULL DEFAULT 0,   -- 1 once it had the minimum of known records
            average REAL,                        -- moving average of its composite
            UNIQUE (uid, hotkey, registered_at)
        ) STRICT
        """,
        """
        CREATE TABLE namespaces (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            style TEXT NOT NULL,                 -- which metadata its records carry
            size INTEGER NOT NULL,               -- records that it is meant to hold
            opened_at REAL NOT NULL,
            retired_at REAL                      -- no longer probed
        ) STRICT
        """,
        """
        CREATE TABLE records (
            id INTEGER PRIMARY KEY,
            cid TEXT NOT NULL UNIQUE,
            embedding BLOB NOT NULL,             -- 1,536 bytes, little-endian float32
            metadata TEXT NOT NULL,              -- JSON object
            namespace INTEGER REFERENCES namespaces (id), -- NULL: a user's record, not our own
            holders TEXT NOT NULL DEFAULT ''     -- ids of miners that confirmed it, by commas
        ) STRICT
        """,
        "CREATE INDEX records_by_namespace ON records (namespace)",
        "CREATE TABLE holder_sets (holders TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT",
        """
        CREATE TABLE offers (
            miner INTEGER NOT NULL REFERENCES miners (id),
            record INTEGER NOT NULL REFERENCES records (id),
            state TEXT NOT NULL,                 -- due, held, refused
            attempts INTEGER NOT NULL DEFAULT 0,
            throttled INTEGER NOT NULL DEFAULT 0,-- answers with 429
            next_at REAL NOT NULL DEFAULT 0,     -- unix seconds before which it is not tried again
            placement INTEGER,                   -- placement block at which it was answered
            detail TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (miner, record)
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX offers_by_record ON offers (record)",
        "CREATE INDEX offers_due ON offers (next_at) WHERE state = 'due'",
        """
        CREATE TABLE rounds (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,                  -- scoring, challenge
            began_at REAL NOT NULL,
            seconds REAL NOT NULL,
            block INTEGER,                       -- last one known; NULL if there never was one
            counted INTEGER NOT NULL,            -- 0: discarded as our own fault
            detail TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "CREATE INDEX rounds_by_kind ON rounds (kind, counted, id)",
        """
        CREATE TABLE probes (                    -- one question of a scoring round, asked once
            id INTEGER PRIMARY KEY,
            round INTEGER NOT NULL REFERENCES rounds (id),
            record INTEGER NOT NULL REFERENCES records (id), -- the query lies near it
            digest TEXT NOT NULL                 -- SHA-256 of the query's bytes
        ) STRICT
        """,
        "CREATE INDEX probes_by_round ON probes (round)",
        """
        CREATE TABLE samples (                   -- what one miner answered to one probe
            miner INTEGER NOT NULL REFERENCES miners (id),
            round INTEGER NOT NULL REFERENCES rounds (id),
            probe INTEGER NOT NULL REFERENCES probes (id),
            verdict TEXT NOT NULL,
            recall REAL NOT NULL,                -- 0..1
            latency_ms REAL NOT NULL,            -- as it counts
            detail TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (miner, round, probe)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE checks (                    -- values of the proof rate
            id INTEGER PRIMARY KEY,
            miner INTEGER NOT NULL REFERENCES miners (id),
            round INTEGER NOT NULL REFERENCES rounds (id),
            kind TEXT NOT NULL,                  -- challenge, audit
            verdict TEXT NOT NULL,
            value REAL NOT NULL,                 -- 0..1
            asked INTEGER NOT NULL,
            detail TEXT NOT NULL DEFAULT ''
        ) STRICT
        """,
        "CREATE INDEX checks_by_miner ON checks (miner, id)",
        """
        CREATE TABLE scores (                    -- how a miner stood after a scoring round
            round INTEGER NOT NULL REFERENCES rounds (id),
            miner INTEGER NOT NULL REFERENCES miners (id),
            recall REAL, latency_ms REAL, latency_score REAL, proof_rate REAL,
            composite REAL, average REAL,        -- NULL: not judged yet
            slashed INTEGER NOT NULL,
            PRIMARY KEY (round, miner)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE weight_sets (
            id INTEGER PRIMARY KEY,
            made_at REAL NOT NULL,
            made_block INTEGER NOT NULL,
            submitted_block INTEGER,             -- last block known when it was sent; NULL: not yet
            state TEXT NOT NULL,                 -- pending, set, failed
            code TEXT NOT NULL DEFAULT '',
            message TEXT NOT NULL DEFAULT '',
            reveal_block INTEGER,                -- from here on its evidence is public
            weights TEXT NOT NULL,               -- {hotkey: share}
            evidence TEXT NOT NULL,              -- how each miner stood, and the rounds behind it
            last_round INTEGER NOT NULL          -- evidence ends with this round
        ) STRICT
        """,
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
        f"PRAGMA application_id = {APPLICATION_ID}",
    ),
    (
        """
        CREATE TABLE contents (                  -- apart, so that a pass over records is short
            record INTEGER PRIMARY KEY,
            embedding BLOB NOT NULL,             -- 1,536 bytes, little-endian float32
            metadata TEXT NOT NULL               -- JSON object; {} for users' records
        ) STRICT
        """,
        "INSERT INTO contents SELECT id, embedding, metadata FROM records",
        "CREATE INDEX contents_by_text ON contents (json_extract(metadata, '$.text')) "
        "WHERE metadata != '{}'",
        """
        CREATE TABLE new_holder_sets (           -- records that have all of this in common
            id INTEGER PRIMARY KEY,
            named TEXT NOT NULL,                 -- ids of miners that are to hold them, by commas
            holders TEXT NOT NULL,               -- ids of miners that confirmed them, by commas
            own INTEGER NOT NULL,                -- 1: of the validator's own
            records INTEGER NOT NULL,
            UNIQUE (named, holders, own)
        ) STRICT
        """,
        "INSERT INTO new_holder_sets (named, holders, own, records) "
        "SELECT '', holders, namespace IS NOT NULL, count(*) FROM records GROUP BY 2, 3",
        """
        CREATE TABLE new_records (
            id INTEGER PRIMARY KEY,
            cid TEXT NOT NULL UNIQUE,
            namespace INTEGER REFERENCES namespaces (id), -- NULL: a user's record, not our own
            holder_set INTEGER NOT NULL REFERENCES holder_sets (id),
            proved_at REAL,                      -- latest positive evidence, unix seconds
            changed_at REAL NOT NULL DEFAULT 0,  -- when another set of miners confirmed it
            asked_at REAL                        -- when its holders were last asked to repair it
        ) STRICT
        """,
        "INSERT INTO new_records (id, cid, namespace, holder_set) "
        "SELECT r.id, cid, namespace, s.id FROM records AS r JOIN new_holder_sets AS s "
        "ON s.named = '' AND s.holders = r.holders AND s.own = (r.namespace IS NOT NULL)",
        """
        CREATE TABLE copies (                    -- the latest evidence of one copy
            record INTEGER NOT NULL REFERENCES records (id),
            miner INTEGER NOT NULL REFERENCES miners (id),
            held INTEGER NOT NULL,
            kind TEXT NOT NULL,                  -- receipt, page, challenge, retrieval, earlier
            at REAL,                             -- unix seconds; NULL: before this was kept
            receipt INTEGER,                     -- a user's record: placement of a signed receipt
            PRIMARY KEY (record, miner)
        ) STRICT, WITHOUT ROWID
        """,
        "INSERT INTO copies SELECT records.id, each.value, 1, 'earlier', NULL, NULL "
        "FROM records, json_each('[' || holders || ']') AS each",
        "CREATE INDEX receipts_by_miner ON copies (miner, record) WHERE receipt IS NOT NULL",
        "DROP TABLE records",
        "DROP TABLE holder_sets",
        "ALTER TABLE new_records RENAME TO records",
        "ALTER TABLE new_holder_sets RENAME TO holder_sets",
        "CREATE INDEX records_by_namespace ON records (namespace)",
        "CREATE INDEX records_by_holder_set ON records (holder_set, id)",
        """
        CREATE TABLE posts (                     -- own records given to the network
            record INTEGER PRIMARY KEY REFERENCES records (id),
            placement INTEGER,                   -- when a member took it; NULL: nobody has yet
            next_at REAL NOT NULL DEFAULT 0      -- unix seconds before which it is not tried again
        ) STRICT
        """,
        """
        CREATE TABLE posted_to (                 -- who may have a copy, named or not
            record INTEGER NOT NULL REFERENCES records (id),
            miner INTEGER NOT NULL REFERENCES miners (id),
            PRIMARY KEY (record, miner)
        ) STRICT, WITHOUT ROWID
        """,
        "INSERT INTO posts (record, placement) SELECT record, max(placement) FROM offers "
        "WHERE placement IS NOT NULL GROUP BY record",
        # 1: the miner gave a signed receipt
        "ALTER TABLE offers ADD COLUMN signed INTEGER NOT NULL DEFAULT 0",
        # failed a check: its holders are to be asked to repair it
        "CREATE TABLE repairs (record INTEGER PRIMARY KEY REFERENCES records (id)) STRICT",
        # cursor up to which the miner's records were listed
        "ALTER TABLE miners ADD COLUMN listed TEXT",
    ),
)
