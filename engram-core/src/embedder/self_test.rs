//! Does this machine give the bits that all others give?

use std::num::NonZero;

use sha2::{Digest, Sha256};

use super::{Embedded, Embedder};
use crate::error::{Kind, Refusal};

/// Short, long, one token past a panel, other scripts: every branch of the kernels is taken.
const TEXTS: [&str; 5] = [
    "",
    "Engram",
    "The quick brown fox jumps over the lazy dog, and nobody is surprised.",
    "Память 記憶 ذاكرة μνήμη 🧠",
    "A record is an embedding, its metadata and a model version. Its id is the hash of the three, \
     so whoever holds the record can prove that it is the one that was stored, and whoever asks \
     for it can check the answer without trusting the one who gives it.",
];

/// SHA-256 of the five vectors, little-endian float32.
const VECTORS: &str = "4b061528a39e8758cb3fdc7cc6e49ca2a961a4c525e6e30c426823c7de77ee99";

impl Embedder {
    /// Embed known texts and compare the bits with what they must be; takes some milliseconds.
    ///
    /// # Errors
    /// `SelfTestFailed`: this kernel must not be used here.
    pub fn self_test(&self) -> Result<(), Refusal> {
        let embedded = self.embed(&TEXTS, NonZero::<usize>::MIN)?;
        let found = digest(&embedded);
        if found == VECTORS {
            return Ok(());
        }
        let kernel = self.kernel.name();
        Err(Refusal::new(
            Kind::SelfTestFailed,
            format!(
                "The exact embedder's {kernel} code gives other bits on this machine than it must \
                 (SHA-256 of the test vectors {found}, not {VECTORS})."
            ),
        ))
    }
}

fn digest(embedded: &[Embedded]) -> String {
    let mut hash = Sha256::new();
    for number in embedded.iter().flat_map(|embedded| embedded.vector) {
        hash.update(number.to_le_bytes());
    }
    hex::encode(hash.finalize())
}
