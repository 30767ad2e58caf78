//! RFC 8259 text to a value, without duplicate keys.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Kind, Refusal, shortened};
use crate::limits::MAX_JSON_DEPTH;
use crate::value::Value;

/// Parse a JSON text.
///
/// # Errors
/// `MalformedJson`; or, for well-formed text only, `DuplicateKey`.
pub fn parse(text: &[u8]) -> Result<Value<'static>, Refusal> {
    let duplicate = RefCell::new(None);
    let seed = Seed { depth: 1, duplicate: &duplicate };
    let value = read(text, seed)
        .map_err(|error| Refusal::new(Kind::MalformedJson, format!("not JSON: {error}")))?;
    if let Some(key) = duplicate.into_inner() {
        let message = format!("an object names the key {:?} twice", shortened(&key));
        return Err(Refusal::new(Kind::DuplicateKey, message));
    }
    Ok(value)
}

fn read(text: &[u8], seed: Seed) -> serde_json::Result<Value<'static>> {
    // Whole-text validation first: serde_json looks at the bytes of strings only.
    let text = std::str::from_utf8(text).map_err(serde_json::Error::custom)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = seed.deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Builds one value; `depth` is the level at which it would stand as an array or object.
#[derive(Clone, Copy)]
struct Seed<'d> {
    depth: usize,
    duplicate: &'d RefCell<Option<String>>,
}

impl Seed<'_> {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth > MAX_JSON_DEPTH {
            return Err(E::custom(format!("more than {MAX_JSON_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'static>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value<'static>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "far beyond 2^53, refused by every rule")]
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let inside = self.inside()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Vec::new();
        let mut seen = HashSet::new();
        while let Some(key) = members.next_key::<String>()? {
            let value = members.next_value_seed(inside)?;
            if !seen.insert(key.clone()) {
                self.duplicate.replace(Some(key.clone()));
            }
            object.push((Cow::Owned(key), value));
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<Kind> {
        parse(text.as_bytes()).err().map(|refusal| refusal.kind)
    }

    #[test]
    fn malformed_text_is_refused() {
        let cases = ["", "{", "NaN", "1e400", "01", "[1,]", "1 2", r#""\ud83d""#, r#""\udc00""#];
        for text in cases {
            assert_eq!(kind(text), Some(Kind::MalformedJson), "{text}");
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn duplicates_are_found_at_any_level_and_under_any_spelling() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#] {
            assert_eq!(kind(text), Some(Kind::DuplicateKey), "{text}");
        }
        assert_eq!(kind(r#"{"a":{"a":1},"b":{"a":1}}"#), None);
        assert_eq!(kind(r#"{"a":1,"a":1"#), Some(Kind::MalformedJson));
    }

    #[test]
    fn depth_ends_at_its_limit() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert_eq!(kind(&nested(MAX_JSON_DEPTH)), None);
        assert_eq!(kind(&nested(MAX_JSON_DEPTH + 1)), Some(Kind::MalformedJson));
        assert_eq!(kind(&nested(100_000)), Some(Kind::MalformedJson));
    }
}
