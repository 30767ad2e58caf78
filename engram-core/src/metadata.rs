//! Metadata as the bytes that a CID covers: sorted, typed, escaped pairs.

use crate::canonical::{Reason, write_json};
use crate::error::{Kind, Refusal, shortened};
use crate::limits::{MAX_METADATA_BYTES, MAX_TEXT_CODE_POINTS};
use crate::value::{Member, Value};

/// Append the escaped pair text of a metadata object.
///
/// # Errors
/// `InvalidMetadata` for whatever docs/protocol.md section 1 refuses.
pub fn write_pairs(metadata: &[Member], out: &mut Vec<u8>) -> Result<(), Refusal> {
    let start = out.len();
    let mut sorted: Vec<&Member> = metadata.iter().collect();
    sorted.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    for (key, value) in sorted {
        if key.is_empty() {
            return Err(invalid("metadata has an empty key"));
        }
        write_pair(key, value, out).map_err(|reason| refuse_key(key, &reason))?;
    }
    let length = out.len() - start;
    if length > MAX_METADATA_BYTES {
        return Err(invalid(format!(
            "metadata is {length} bytes of pair text; at most {MAX_METADATA_BYTES} fit a record"
        )));
    }
    Ok(())
}

/// The refusal of one pair.
#[must_use]
pub fn refuse_key(key: &str, reason: &str) -> Refusal {
    invalid(format!("metadata key {:?} {reason}", shortened(key)))
}

/// The refusal of metadata as a whole.
pub fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Kind::InvalidMetadata, message)
}

fn write_pair(key: &str, value: &Value, out: &mut Vec<u8>) -> Result<(), Reason> {
    escape_key(key, out);
    match value {
        Value::Text(text) => {
            require_text_length(key, text)?;
            out.push(b'=');
            escape(text.as_bytes(), out);
        }
        Value::Array(_) | Value::Object(_) => {
            let mut json = Vec::new();
            write_json(value, 2, &mut json)?;
            out.extend_from_slice(b":=");
            escape(&json, out);
        }
        word => {
            out.extend_from_slice(b":=");
            write_json(word, 2, out)?; // nothing in it needs an escape
        }
    }
    out.push(b';');
    Ok(())
}

fn require_text_length(key: &str, text: &str) -> Result<(), Reason> {
    if key != "text" || text.len() <= MAX_TEXT_CODE_POINTS {
        return Ok(());
    }
    let length = text.chars().count();
    if length > MAX_TEXT_CODE_POINTS {
        return Err(format!("is {length} code points; at most {MAX_TEXT_CODE_POINTS}"));
    }
    Ok(())
}

fn escape_key(key: &str, out: &mut Vec<u8>) {
    for &byte in key.as_bytes() {
        if matches!(byte, b'\\' | b';' | b'=' | b':') {
            out.push(b'\\');
        }
        out.push(byte);
    }
}

/// Both specials are ASCII, so UTF-8 stays whole. Texts are long and specials rare: memchr.
fn escape(text: &[u8], out: &mut Vec<u8>) {
    out.reserve(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\\', b';', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn text(input: &str) -> Result<String, Refusal> {
        let Value::Object(members) = json::parse(input.as_bytes())? else {
            panic!("not an object: {input}")
        };
        let mut out = Vec::new();
        write_pairs(&members, &mut out)?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn strings_and_other_values_look_different() {
        assert_eq!(text(r#"{"page": "1"}"#).unwrap(), "page=1;");
        assert_eq!(text(r#"{"page": 1}"#).unwrap(), "page:=1;");
    }

    #[test]
    fn separators_are_escaped_where_they_could_mislead() {
        assert_eq!(text(r#"{"a;": "1", "aB": "2"}"#).unwrap(), "a\\;=1;aB=2;");
        assert_eq!(text(r#"{"k=v": "x=y:z"}"#).unwrap(), "k\\=v=x=y:z;");
        assert_eq!(text(r#"{"x": ["\\;"]}"#).unwrap(), "x:=[\"\\\\\\\\\\;\"];");
    }

    #[test]
    fn limits_are_inclusive() {
        let of_length = |key: &str, length: usize| {
            let value = "é".repeat(length);
            text(&format!("{{\"{key}\": \"{value}\"}}"))
        };
        assert!(of_length("text", MAX_TEXT_CODE_POINTS).is_ok());
        assert!(of_length("text", MAX_TEXT_CODE_POINTS + 1).is_err());
        let longest = (MAX_METADATA_BYTES - "ab=;".len()) / 2;
        assert_eq!(of_length("ab", longest).unwrap().len(), MAX_METADATA_BYTES);
        assert!(of_length("abc", longest).is_err());
    }

    #[test]
    fn empty_keys_are_refused_on_top_only() {
        assert!(text(r#"{"": 1}"#).is_err());
        assert_eq!(text(r#"{"x": {"": 1}}"#).unwrap(), "x:={\"\":1};");
    }
}
