//! Embeddings from buffers, bytes and lists.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat, PyInt, PyList, PyTuple};

use super::arguments::{column, type_name};
use crate::embedding::{Embedding, invalid, require_dimensions};
use crate::error::Refusal;
use crate::limits::{DIMENSIONS, EMBEDDING_BYTES};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(embedding_bytes, module)?)
}

/// The 1,536 canonical bytes of an embedding: checked, with -0 as +0.
///
/// Takes a buffer of 384 float32 or float64 (a numpy array), 1,536 bytes, or a list or tuple of
/// 384 int or float. float64 and int are rounded to the nearest float32, ties to even. Raises
/// `invalid_embedding`.
#[pyfunction]
fn embedding_bytes<'py>(embedding: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = extract(embedding)?;
    Ok(PyBytes::new(embedding.py(), bytes.as_bytes()))
}

/// One embedding from whatever Python offers.
pub fn extract(value: &Bound<'_, PyAny>) -> Result<Embedding, Refusal> {
    if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        return Embedding::from_bytes(bytes.as_bytes());
    }
    if is_sequence(value) {
        return Embedding::from_doubles(&numbers(&column("embedding", value)?)?);
    }
    let buffer = buffer(value)?;
    if buffer.dimensions() != 1 {
        return Err(invalid("embedding must be one row of float32 or float64"));
    }
    match element(&buffer) {
        Some(Element::Byte) => Embedding::from_bytes(&copy::<u8>(value.py(), &buffer)?),
        Some(Element::Single) => from_singles(value.py(), &buffer),
        Some(Element::Double) => {
            require_dimensions(buffer.item_count())?;
            Embedding::from_doubles(&copy(value.py(), &buffer)?)
        }
        None => Err(invalid("embedding must be one row of float32 or float64")),
    }
}

/// Many embeddings, copied out of Python so that they can be read without its lock.
pub enum Rows {
    Singles(Vec<f32>),
    Doubles(Vec<f64>),
    Each(Vec<Result<Embedding, Refusal>>),
}

impl Rows {
    /// A float array of shape (n, 384), or a list or tuple of embeddings.
    pub fn extract(value: &Bound<'_, PyAny>) -> Result<Self, Refusal> {
        if is_sequence(value) {
            let items = column("embeddings", value)?;
            return Ok(Self::Each(items.iter().map(extract).collect()));
        }
        let buffer = buffer(value)?;
        let rows = buffer.dimensions() == 2 && buffer.shape()[1] == DIMENSIONS;
        match element(&buffer).filter(|_| rows) {
            Some(Element::Single) => Ok(Self::Singles(copy(value.py(), &buffer)?)),
            Some(Element::Double) => Ok(Self::Doubles(copy(value.py(), &buffer)?)),
            _ => Err(invalid("embeddings must be a float array of shape (n, 384) or a list")),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Singles(components) => components.len() / DIMENSIONS,
            Self::Doubles(components) => components.len() / DIMENSIONS,
            Self::Each(embeddings) => embeddings.len(),
        }
    }

    pub fn get(&self, index: usize) -> Result<Embedding, Refusal> {
        let row = index * DIMENSIONS..(index + 1) * DIMENSIONS;
        match self {
            Self::Singles(components) => Embedding::from_components(&components[row]),
            Self::Doubles(components) => Embedding::from_doubles(&components[row]),
            Self::Each(embeddings) => embeddings[index].clone(),
        }
    }
}

enum Element {
    Byte,
    Single,
    Double,
}

/// What a buffer holds; None for anything that is not bytes or little-endian floats.
fn element(buffer: &PyUntypedBuffer) -> Option<Element> {
    match buffer.format().to_bytes() {
        b"B" => Some(Element::Byte),
        b"f" | b"@f" | b"=f" | b"<f" => Some(Element::Single),
        b"d" | b"@d" | b"=d" | b"<d" => Some(Element::Double),
        _ => None,
    }
}

fn is_sequence(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<PyTuple>()
}

fn buffer(value: &Bound<'_, PyAny>) -> Result<PyUntypedBuffer, Refusal> {
    PyUntypedBuffer::get(value).map_err(|_| {
        let name = type_name(value);
        invalid(format!(
            "embedding must be {DIMENSIONS} numbers or {EMBEDDING_BYTES} bytes, not {name}"
        ))
    })
}

fn from_singles(py: Python<'_>, buffer: &PyUntypedBuffer) -> Result<Embedding, Refusal> {
    require_dimensions(buffer.item_count())?;
    let mut components = [0.0; DIMENSIONS];
    buffer
        .as_typed::<f32>()
        .and_then(|typed| typed.copy_to_slice(py, &mut components))
        .map_err(|error| unreadable(&error))?;
    Embedding::from_components(&components)
}

fn copy<T: pyo3::buffer::Element>(
    py: Python<'_>,
    buffer: &PyUntypedBuffer,
) -> Result<Vec<T>, Refusal> {
    buffer.as_typed::<T>().and_then(|typed| typed.to_vec(py)).map_err(|error| unreadable(&error))
}

fn unreadable(error: &PyErr) -> Refusal {
    invalid(format!("embedding cannot be read: {error}"))
}

fn numbers(items: &[Bound<'_, PyAny>]) -> Result<Vec<f64>, Refusal> {
    require_dimensions(items.len())?;
    items.iter().enumerate().map(|(index, item)| number(index, item)).collect()
}

fn number(index: usize, item: &Bound<'_, PyAny>) -> Result<f64, Refusal> {
    if let Ok(float) = item.cast_exact::<PyFloat>() {
        return Ok(float.value());
    }
    if item.is_exact_instance_of::<PyInt>() {
        let too_large = |_| invalid(format!("component {index} is too large for float32"));
        return item.extract::<f64>().map_err(too_large);
    }
    let name = type_name(item);
    Err(invalid(format!("component {index} is {name}, not a number")))
}
