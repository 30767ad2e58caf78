//! RFC 8785 text of a JSON value, with the refusals of docs/protocol.md section 1.

use crate::limits::{MAX_MAGNITUDE, MAX_METADATA_DEPTH};
use crate::value::{Member, Value};

/// Why a value cannot be in a record; completes "metadata key 'x' ...".
pub type Reason = String;

/// Append the canonical text of a value whose own arrays and objects stand at `depth`.
///
/// # Errors
/// A number of 2^53 or more in magnitude, or nesting deeper than a record allows.
pub fn write_json(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Text(text) => write_string(text, out),
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53; refused beyond")]
        Value::Integer(number) => write_number(*number as f64, out)?,
        Value::Float(number) => write_number(*number, out)?,
        Value::Array(items) => {
            require_depth(depth)?;
            write_array(items, depth, out)?;
        }
        Value::Object(members) => {
            require_depth(depth)?;
            write_object(members, depth, out)?;
        }
    }
    Ok(())
}

/// Refuse an array or object that stands deeper than a record allows.
///
/// # Errors
/// `depth` is beyond the limit.
pub fn require_depth(depth: usize) -> Result<(), Reason> {
    if depth > MAX_METADATA_DEPTH {
        return Err(format!("nests deeper than {MAX_METADATA_DEPTH} levels"));
    }
    Ok(())
}

fn write_array(items: &[Value], depth: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_json(item, depth + 1, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_object(members: &[Member], depth: usize, out: &mut Vec<u8>) -> Result<(), Reason> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    // RFC 8785 sorts by UTF-16 code units, which differs from UTF-8 beyond U+FFFF.
    sorted.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
    out.push(b'{');
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(key, out);
        out.push(b':');
        write_json(value, depth + 1, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn write_number(number: f64, out: &mut Vec<u8>) -> Result<(), Reason> {
    if number.abs() < MAX_MAGNITUDE {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(number).as_bytes());
        return Ok(());
    }
    Err("holds a number that is not below 2**53 in magnitude".into())
}

fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn text(input: &str) -> Result<String, Reason> {
        let value = json::parse(input.as_bytes()).expect("valid JSON");
        let mut out = Vec::new();
        write_json(&value, 1, &mut out)?;
        Ok(String::from_utf8(out).expect("UTF-8"))
    }

    #[test]
    fn numbers_follow_ecmascript() {
        for (input, expected) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("1e-6", "0.000001"),
            ("1e-7", "1e-7"),
            ("1962539299388703.2", "1962539299388703.2"),
            ("5e-324", "5e-324"),
            ("9007199254740991", "9007199254740991"),
            ("-123.456e3", "-123456"),
        ] {
            assert_eq!(text(input).as_deref(), Ok(expected), "{input}");
        }
    }

    #[test]
    fn two_to_the_53_is_refused_however_it_is_written() {
        for input in ["9007199254740992", "9007199254740992.0", "-1e20", "9223372036854775808"] {
            assert!(text(input).is_err(), "{input}");
        }
    }

    #[test]
    fn keys_sort_by_utf16() {
        assert_eq!(text(r#"{"～": 1, "😀": 2, "": 3}"#).as_deref(), Ok(r#"{"":3,"😀":2,"～":1}"#));
    }

    #[test]
    fn strings_escape_no_more_than_they_must() {
        let input = r#""\u0000\u001f\b\t\n\f\r\"\\\/\u007f\u2028é""#;
        let expected = "\"\\u0000\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\u{7f}\u{2028}é\"";
        assert_eq!(text(input).as_deref(), Ok(expected));
    }

    #[test]
    fn the_ninth_level_is_refused() {
        assert!(text("[[[[[[[[1]]]]]]]]").is_ok());
        assert!(text("[[[[[[[[[]]]]]]]]]").is_err());
    }
}
