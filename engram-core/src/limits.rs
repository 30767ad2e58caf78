//! The numbers that docs/protocol.md sections 1 to 3 fix, each in one place.

/// Components of an embedding: all-MiniLM-L6-v2; fixed by model version v1.
pub const DIMENSIONS: usize = 384;
/// Little-endian float32.
pub const EMBEDDING_BYTES: usize = 4 * DIMENSIONS;
/// The model version that a record has unless it says otherwise.
pub const MODEL_VERSION: &str = "v1";
/// The square of the least norm, 1e-12.
pub const MIN_SQUARES: f64 = 1e-24;
/// The square of the greatest norm, 1e12.
pub const MAX_SQUARES: f64 = 1e24;
/// Escaped pair text, separators included.
pub const MAX_METADATA_BYTES: usize = 65_536;
/// The metadata object is 1, each array or object inside adds 1.
pub const MAX_METADATA_DEPTH: usize = 8;
/// Code points of `metadata["text"]`.
pub const MAX_TEXT_CODE_POINTS: usize = 8_192;
/// 2^53: from here on neighbouring integers share one binary64.
pub const MAX_MAGNITUDE: f64 = 9_007_199_254_740_992.0;
/// Levels of arrays and objects that a JSON text may have at all.
pub const MAX_JSON_DEPTH: usize = 1_024;
/// The seed's time to live of a challenge, in seconds.
pub const CHALLENGE_TTL_S: i64 = 60;
/// A miner refuses what expires further ahead.
pub const MAX_CHALLENGE_TTL_S: i64 = 600;
/// The seed's number of holders of a record.
pub const REPLICAS: usize = 3;
/// Members that are ranked for a key at once: as many as a subnet has.
pub const MAX_NEAREST: usize = 256;
/// SHA-256: digests, nonces, block hashes.
pub const HASH_BYTES: usize = 32;
