"""The numbers that docs/protocol.md sections 1 to 3 fix, each in one place."""

from __future__ import annotations

DIMENSIONS = 384  # all-MiniLM-L6-v2; fixed by model version v1
EMBEDDING_BYTES = 4 * DIMENSIONS  # little-endian float32
MODEL_VERSION = "v1"
MIN_NORM = 1e-12  # below, normalising a float32 vector loses its direction
MAX_NORM = 1e12  # above, an inner product of two vectors leaves float32
MIN_SQUARES = 1e-24  # the norm's bounds as sums of squares in binary64, which is what is compared
MAX_SQUARES = 1e24
MAX_METADATA_BYTES = 65_536  # of escaped pair text, separators included
MAX_METADATA_DEPTH = 8  # the metadata object is 1, each array or object inside adds 1
MAX_TEXT_CODE_POINTS = 8_192  # metadata["text"]
MAX_MAGNITUDE = 2**53  # from here on neighbouring integers share one binary64
CHALLENGE_TTL_S = 60  # seed
MAX_CHALLENGE_TTL_S = 600  # a miner refuses what expires further ahead
REPLICAS = 3  # seed
MAX_NEAREST = 256  # members that are ranked for a key at once: as many as a subnet has
MAX_UID = 65_535  # a UID is hashed as two bytes
HASH_BYTES = 32  # SHA-256: digests, nonces, block hashes
