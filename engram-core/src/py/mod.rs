//! The Python module `engram_core`: one file per room, each with its own `register`.

#![allow(clippy::needless_pass_by_value, reason = "PyO3 hands extracted arguments over by value")]

mod arguments;
mod cid;
mod embedder;
mod embedding;
mod metadata;
mod placement;
mod proof;
mod tokenizer;

use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::error::Refusal;

create_exception!(
    engram_core,
    CoreError,
    PyValueError,
    "Refused input. `args` are a stable code and a sentence that a person can act on."
);

impl From<Refusal> for PyErr {
    fn from(refusal: Refusal) -> Self {
        CoreError::new_err((refusal.kind.code(), refusal.message))
    }
}

#[pymodule]
fn engram_core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("CoreError", module.py().get_type::<CoreError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    cid::register(module)?;
    embedder::register(module)?;
    embedding::register(module)?;
    metadata::register(module)?;
    placement::register(module)?;
    proof::register(module)?;
    tokenizer::register(module)
}
