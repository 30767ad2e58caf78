//! The rules that every Engram node must agree on, bit for bit.
//!
//! The modules here are plain Rust and know nothing of Python; `py` binds them, one file per room.

pub mod canonical;
pub mod cid;
pub mod embedder;
pub mod embedding;
pub mod error;
pub mod json;
pub mod limits;
pub mod metadata;
pub mod parallel;
pub mod placement;
pub mod proof;
pub mod tokenizer;
pub mod value;

#[cfg(feature = "python")]
mod py;
