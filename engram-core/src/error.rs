//! Why an input is refused.

use std::fmt;

/// How much of a key an error message shows, in characters.
const NAME_LENGTH: usize = 40;

/// A key as error messages show it.
#[must_use]
pub fn shortened(key: &str) -> String {
    match key.char_indices().nth(NAME_LENGTH) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

/// The class of a refusal; its code is the same word that the network uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Arguments that do not fit together.
    InvalidInput,
    /// Not RFC 8259, or a string or number that no reader can hold.
    MalformedJson,
    /// A name twice in one object.
    DuplicateKey,
    /// Not 384 finite components with a norm in bounds.
    InvalidEmbedding,
    /// Metadata that no record may hold.
    InvalidMetadata,
    /// Not a string of Unicode scalar values.
    InvalidText,
    /// Not `v1::` and 64 lowercase hexadecimal digits.
    InvalidCid,
    /// A malformed nonce or challenge.
    InvalidChallenge,
    /// Not `v` and a decimal number.
    UnsupportedVersion,
    /// A model file that cannot be read.
    ModelMissing,
    /// A model file that is not the pinned one.
    ModelMismatch,
    /// The embedder gives other bits than it must.
    SelfTestFailed,
}

impl Kind {
    /// The stable word for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::MalformedJson => "malformed_json",
            Self::DuplicateKey => "duplicate_key",
            Self::InvalidEmbedding => "invalid_embedding",
            Self::InvalidMetadata => "invalid_metadata",
            Self::InvalidText => "invalid_text",
            Self::InvalidCid => "invalid_cid",
            Self::InvalidChallenge => "invalid_challenge",
            Self::UnsupportedVersion => "unsupported_version",
            Self::ModelMissing => "model_missing",
            Self::ModelMismatch => "model_mismatch",
            Self::SelfTestFailed => "self_test_failed",
        }
    }
}

/// A refused input, with a sentence that a person can act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of rule was broken.
    pub kind: Kind,
    /// Names the key or the index.
    pub message: String,
}

impl Refusal {
    /// A refusal of this kind.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    /// The same refusal, of one item among many.
    #[must_use]
    pub fn at(self, item: &str, index: usize) -> Self {
        Self::new(self.kind, format!("{item} {index}: {}", self.message))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.message)
    }
}

impl std::error::Error for Refusal {}
