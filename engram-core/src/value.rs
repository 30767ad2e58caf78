//! A JSON value, whoever parsed it.

use std::borrow::Cow;

/// Name and value of one member of an object.
pub type Member<'a> = (Cow<'a, str>, Value<'a>);

/// A JSON value. Integers keep their type only so that it survives a round trip; both number
/// types are one to the rules.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number written without fraction or exponent that fits 64 bits.
    Integer(i64),
    /// Any other number; infinite if it fits no binary64.
    Float(f64),
    /// A string of Unicode scalar values.
    Text(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object in the order of its text; names are unique.
    Object(Vec<Member<'a>>),
}
