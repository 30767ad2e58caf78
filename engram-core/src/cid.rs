//! Content identifiers: the SHA-256 of a record's bytes.

use sha2::{Digest, Sha256};

use crate::embedding::Embedding;
use crate::error::{Kind, Refusal};
use crate::limits::HASH_BYTES;

const PREFIX: &str = "v1::";

/// The CID of an embedding, the pair text of its metadata, and a checked model version.
#[must_use]
pub fn generate(embedding: &Embedding, pairs: &[u8], version: &str) -> String {
    let mut record = Sha256::new();
    record.update(embedding.as_bytes());
    record.update(pairs);
    record.update(version);
    let mut cid = String::with_capacity(PREFIX.len() + 2 * HASH_BYTES);
    cid.push_str(PREFIX);
    cid.push_str(&hex::encode(record.finalize()));
    cid
}

/// The digest in a CID.
///
/// # Errors
/// `InvalidCid`.
pub fn parse(cid: &str) -> Result<[u8; HASH_BYTES], Refusal> {
    cid.strip_prefix(PREFIX).and_then(parse_hash).ok_or_else(invalid)
}

/// The refusal of a CID.
#[must_use]
pub fn invalid() -> Refusal {
    let message = "a CID is v1:: and 64 lowercase hexadecimal digits";
    Refusal::new(Kind::InvalidCid, message)
}

/// 32 bytes from 64 lowercase hexadecimal digits.
#[must_use]
pub fn parse_hash(digits: &str) -> Option<[u8; HASH_BYTES]> {
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return None;
    }
    let mut hash = [0; HASH_BYTES];
    hex::decode_to_slice(digits, &mut hash).ok()?;
    Some(hash)
}

/// Check the form of a model version: `v` and a decimal number without leading zeros.
///
/// # Errors
/// `UnsupportedVersion`.
pub fn require_version(version: &str) -> Result<(), Refusal> {
    let digits = version.strip_prefix('v').unwrap_or_default();
    let decimal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if decimal && (digits == "0" || !digits.starts_with('0')) {
        return Ok(());
    }
    Err(unsupported_version())
}

/// The refusal of a model version.
#[must_use]
pub fn unsupported_version() -> Refusal {
    let message = "a model version is v and a decimal number, like v1";
    Refusal::new(Kind::UnsupportedVersion, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cid_parses_to_its_digest() {
        let embedding = Embedding::from_components(&[1.0; 384]).unwrap();
        let cid = generate(&embedding, b"a=1;", "v1");
        let expected =
            Sha256::new().chain_update(embedding.as_bytes()).chain_update("a=1;v1").finalize();
        assert_eq!(parse(&cid).unwrap(), <[u8; 32]>::from(expected));
    }

    #[test]
    fn other_forms_are_refused() {
        let digits = "ab".repeat(32);
        assert!(parse(&format!("v1::{digits}")).is_ok());
        for cid in [
            digits.clone(),
            format!("v2::{digits}"),
            format!("v1::{digits}\n"),
            format!("v1::{}", digits.to_uppercase()),
            format!("v1::{}", &digits[2..]),
            format!("v1::é{}", &digits[2..]),
        ] {
            assert_eq!(parse(&cid).unwrap_err().kind, Kind::InvalidCid, "{cid}");
        }
    }

    #[test]
    fn versions_have_one_form() {
        for good in ["v0", "v1", "v10", "v340282366920938463463374607431768211456"] {
            assert!(require_version(good).is_ok(), "{good}");
        }
        for bad in ["", "v", "1", "V1", "v01", "v1 ", "v-1", "v1.0", "v١"] {
            assert!(require_version(bad).is_err(), "{bad}");
        }
    }
}
