//! Storage proof version 1: show that the embedding is at hand, under a nonce.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::cid::parse_hash;
use crate::embedding::Embedding;
use crate::error::{Kind, Refusal};
use crate::limits::HASH_BYTES;

/// 32 random bytes that count once.
pub type Nonce = [u8; HASH_BYTES];

/// What a miner that has the embedding answers; both 64 lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// SHA-256 of the embedding.
    pub embedding_hash: String,
    /// HMAC-SHA256 under the nonce of those digits.
    pub proof: String,
}

/// The answer to a nonce.
///
/// # Panics
/// Never: HMAC takes keys of any length.
#[must_use]
pub fn respond(nonce: &Nonce, embedding: &Embedding) -> Response {
    let embedding_hash = hex::encode(Sha256::digest(embedding.as_bytes()));
    let mut mac = Hmac::<Sha256>::new_from_slice(nonce).expect("a key of any length");
    mac.update(embedding_hash.as_bytes());
    let proof = hex::encode(mac.finalize().into_bytes());
    Response { embedding_hash, proof }
}

/// Whether a miner's answer is that of the expected embedding.
///
/// Both halves are always compared, in constant time: which was wrong must not show.
#[must_use]
pub fn verify(nonce: &Nonce, claimed: [&[u8]; 2], expected: &Embedding) -> bool {
    let expected = respond(nonce, expected);
    let hash = expected.embedding_hash.as_bytes().ct_eq(claimed[0]);
    let proof = expected.proof.as_bytes().ct_eq(claimed[1]);
    (hash & proof).into()
}

/// A nonce from 64 lowercase hexadecimal digits.
///
/// # Errors
/// `InvalidChallenge`.
pub fn parse_nonce(digits: &str) -> Result<Nonce, Refusal> {
    parse_hash(digits).ok_or_else(invalid_nonce)
}

/// The refusal of a nonce.
#[must_use]
pub fn invalid_nonce() -> Refusal {
    invalid("a nonce is 32 bytes as 64 lowercase hexadecimal digits")
}

/// The refusal of a challenge.
pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Kind::InvalidChallenge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_answer_verifies() {
        let embedding = Embedding::from_components(&[0.5; 384]).unwrap();
        let other = Embedding::from_components(&[0.25; 384]).unwrap();
        let answer = respond(&[7; 32], &embedding);
        let (hash, proof) = (answer.embedding_hash.as_bytes(), answer.proof.as_bytes());
        assert!(verify(&[7; 32], [hash, proof], &embedding));
        assert!(!verify(&[8; 32], [hash, proof], &embedding));
        assert!(!verify(&[7; 32], [hash, proof], &other));
        assert!(!verify(&[7; 32], [hash, hash], &embedding));
        assert!(!verify(&[7; 32], [proof, proof], &embedding));
        assert!(!verify(&[7; 32], [hash, &proof[..63]], &embedding));
        assert!(!verify(&[7; 32], [b"", b""], &embedding));
    }
}
