//! Metadata between Python and the rules.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::arguments::type_name;
use crate::canonical::{Reason, require_depth};
use crate::error::{Kind, Refusal};
use crate::json;
use crate::metadata::{invalid, refuse_key, write_pairs};
use crate::value::{Member, Value};

/// Most pair texts fit without growing the buffer, which would take a third of the time.
const USUAL_LENGTH: usize = 1_024;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(metadata_text, module)?)?;
    module.add_function(wrap_pyfunction!(parse_metadata, module)?)
}

/// The escaped pair text of a metadata object, UTF-8; empty for None.
///
/// Raises `invalid_metadata` for whatever docs/protocol.md section 1 refuses.
#[pyfunction]
fn metadata_text<'py>(metadata: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let text = pairs(Some(metadata))?;
    Ok(PyBytes::new(metadata.py(), &text))
}

/// Metadata from JSON text.
///
/// Raises `malformed_json`, `duplicate_key`, or `invalid_metadata` as `metadata_text` does; JSON
/// null is refused.
#[pyfunction]
fn parse_metadata<'py>(json_text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let value = json::parse(json_bytes(json_text)?)?;
    let Value::Object(members) = &value else {
        return Err(invalid("metadata must be a JSON object").into());
    };
    write_pairs(members, &mut Vec::new())?;
    to_python(json_text.py(), &value)
}

/// The pair text of a metadata object; empty for None.
pub fn pairs(metadata: Option<&Bound<'_, PyAny>>) -> Result<Vec<u8>, Refusal> {
    let mut text = Vec::with_capacity(USUAL_LENGTH);
    write(metadata, &mut text)?;
    Ok(text)
}

/// Append the pair text of a metadata object; nothing for None.
pub fn write(metadata: Option<&Bound<'_, PyAny>>, out: &mut Vec<u8>) -> Result<(), Refusal> {
    let Some(metadata) = metadata.filter(|metadata| !metadata.is_none()) else {
        return Ok(());
    };
    let Ok(object) = metadata.cast_exact::<PyDict>() else {
        let name = type_name(metadata);
        return Err(invalid(format!("metadata must be an object, not {name}")));
    };
    let pairs: Vec<_> = object.iter().collect();
    let members: Vec<Member> = pairs.iter().map(member).collect::<Result<_, _>>()?;
    write_pairs(&members, out)
}

/// A top-level pair; its strings stay where Python has them.
fn member<'a>(
    (key, value): &'a (Bound<'_, PyAny>, Bound<'_, PyAny>),
) -> Result<Member<'a>, Refusal> {
    let key = borrowed_key(key).map_err(|reason| invalid(format!("metadata {reason}")))?;
    let value = match value.cast_exact::<PyString>() {
        Ok(text) => borrowed(text).map(|text| Value::Text(Cow::Borrowed(text))),
        Err(_) => from_python(value, 2),
    };
    let value = value.map_err(|reason| refuse_key(key, &reason))?;
    Ok((Cow::Borrowed(key), value))
}

/// A value of exactly the types that are JSON, so that what is hashed is what any serialiser
/// writes. `depth` is the level at which it would stand as an array or object.
fn from_python(value: &Bound<'_, PyAny>, depth: usize) -> Result<Value<'static>, Reason> {
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Ok(Value::Text(Cow::Owned(borrowed(text)?.to_owned())));
    }
    if let Ok(float) = value.cast_exact::<PyFloat>() {
        return Ok(Value::Float(float.value()));
    }
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(value.extract().map_or(Value::Float(f64::INFINITY), Value::Integer));
    }
    if let Ok(truth) = value.cast_exact::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if value.is_none() {
        return Ok(Value::Null);
    }
    container(value, depth)
}

fn container(value: &Bound<'_, PyAny>, depth: usize) -> Result<Value<'static>, Reason> {
    let item = |item: Bound<'_, PyAny>| from_python(&item, depth + 1);
    if let Ok(list) = value.cast_exact::<PyList>() {
        require_depth(depth)?;
        return Ok(Value::Array(list.iter().map(item).collect::<Result<_, _>>()?));
    }
    if let Ok(tuple) = value.cast_exact::<PyTuple>() {
        require_depth(depth)?;
        return Ok(Value::Array(tuple.iter().map(item).collect::<Result<_, _>>()?));
    }
    let Ok(object) = value.cast_exact::<PyDict>() else {
        let name = type_name(value);
        return Err(format!("holds a value of type {name}, which is not JSON"));
    };
    require_depth(depth)?;
    let pair = |(key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((Cow::Owned(borrowed_key(&key)?.to_owned()), item(value)?))
    };
    Ok(Value::Object(object.iter().map(pair).collect::<Result<_, Reason>>()?))
}

fn borrowed_key<'a>(key: &'a Bound<'_, PyAny>) -> Result<&'a str, Reason> {
    match key.cast_exact::<PyString>() {
        Ok(text) => borrowed(text),
        Err(_) => Err(format!("holds a key of type {}, not a string", type_name(key))),
    }
}

fn borrowed<'a>(text: &'a Bound<'_, PyString>) -> Result<&'a str, Reason> {
    let surrogate = |_| "holds a lone surrogate, which UTF-8 cannot carry".to_owned();
    text.to_str().map_err(surrogate)
}

fn json_bytes<'a>(text: &'a Bound<'_, PyAny>) -> Result<&'a [u8], Refusal> {
    let malformed = |message: String| Refusal::new(Kind::MalformedJson, message);
    if let Ok(bytes) = text.cast::<PyBytes>() {
        return Ok(bytes.as_bytes());
    }
    let Ok(string) = text.cast::<PyString>() else {
        return Err(malformed(format!("JSON text must be str or bytes, not {}", type_name(text))));
    };
    let surrogate = |_| malformed("the JSON text holds a lone surrogate".to_owned());
    Ok(string.to_str().map_err(surrogate)?.as_bytes())
}

fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(truth) => Ok(PyBool::new(py, *truth).to_owned().into_any()),
        Value::Integer(number) => Ok(number.into_pyobject(py)?.into_any()),
        Value::Float(number) => Ok(PyFloat::new(py, *number).into_any()),
        Value::Text(text) => Ok(PyString::new(py, text).into_any()),
        Value::Array(items) => {
            let items: Vec<_> =
                items.iter().map(|item| to_python(py, item)).collect::<PyResult<_>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        Value::Object(members) => {
            let object = PyDict::new(py);
            for (key, value) in members {
                object.set_item(key.as_ref(), to_python(py, value)?)?;
            }
            Ok(object.into_any())
        }
    }
}
