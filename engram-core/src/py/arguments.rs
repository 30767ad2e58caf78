//! Small arguments, checked where they enter.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::cid;
use crate::error::{Kind, Refusal};
use crate::limits::{HASH_BYTES, MODEL_VERSION};
use crate::proof::{self, Nonce};

/// The text of a Python string; None for any other type and for lone surrogates.
pub fn text<'a>(value: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    value.cast::<PyString>().ok()?.to_str().ok()
}

/// A checked model version.
pub struct Version(pub String);

impl Default for Version {
    fn default() -> Self {
        Self(MODEL_VERSION.to_owned())
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Version {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let version = text(&value).ok_or_else(cid::unsupported_version)?;
        cid::require_version(version)?;
        Ok(Self(version.to_owned()))
    }
}

/// A checked CID and its digest.
pub struct Cid {
    pub text: String,
    pub digest: [u8; HASH_BYTES],
}

impl<'a, 'py> FromPyObject<'a, 'py> for Cid {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(parse_cid(&value)?)
    }
}

/// Many CIDs; the refusal names the first bad one.
pub fn cids(values: &[Bound<'_, PyAny>]) -> Result<Vec<Cid>, Refusal> {
    let parse =
        |(index, value)| parse_cid(value).map_err(|refusal: Refusal| refusal.at("CID", index));
    values.iter().enumerate().map(parse).collect()
}

fn parse_cid(value: &Bound<'_, PyAny>) -> Result<Cid, Refusal> {
    let text = text(value).ok_or_else(cid::invalid)?;
    let digest = cid::parse(text)?;
    Ok(Cid { text: text.to_owned(), digest })
}

/// A nonce from a Python string.
pub fn nonce(value: &Bound<'_, PyAny>) -> Result<Nonce, Refusal> {
    proof::parse_nonce(text(value).ok_or_else(proof::invalid_nonce)?)
}

/// The items of a list or tuple, and of nothing else.
pub fn column<'py>(
    name: &str,
    value: &Bound<'py, PyAny>,
) -> Result<Vec<Bound<'py, PyAny>>, Refusal> {
    if let Ok(list) = value.cast_exact::<PyList>() {
        return Ok(list.iter().collect());
    }
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        return Ok(tuple.iter().collect());
    }
    let message = format!("{name} must be a list, not {}", type_name(value));
    Err(Refusal::new(Kind::InvalidInput, message))
}

/// Refuse columns of different lengths.
pub fn require_length(name: &str, length: usize, embeddings: usize) -> Result<(), Refusal> {
    if length == embeddings {
        return Ok(());
    }
    let message = format!("{length} {name} for {embeddings} embeddings");
    Err(Refusal::new(Kind::InvalidInput, message))
}

/// The name of a value's type, for messages.
pub fn type_name(value: &Bound<'_, PyAny>) -> String {
    let name = value.get_type().name();
    name.map_or_else(|_| "unknown".to_owned(), |name| name.to_string())
}
