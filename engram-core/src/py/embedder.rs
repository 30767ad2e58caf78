//! The exact embedder as a Python class.

use std::num::NonZero;
use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::embedder::{Embedder, Kernel, usable};
use crate::error::{Kind, Refusal};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(kernels, module)?)?;
    module.add_class::<PyEmbedder>()
}

/// Names of the kernels that this processor can run, fastest first.
#[pyfunction]
fn kernels() -> Vec<&'static str> {
    usable().into_iter().map(Kernel::name).collect()
}

/// Text to vector, with the same bits on every machine. May be used from any thread.
#[pyclass(name = "Embedder", module = "engram_core", frozen)]
struct PyEmbedder(Box<Embedder>); // boxed: Python aligns its objects less than weights need

#[pymethods]
impl PyEmbedder {
    #[new]
    #[pyo3(signature = (weights, tokenizer, kernel = None))]
    fn new(
        py: Python<'_>,
        weights: PathBuf,
        tokenizer: PathBuf,
        kernel: Option<&str>,
    ) -> PyResult<Self> {
        let kernel = pick(kernel)?;
        let embedder = py.detach(|| Embedder::open(&weights, &tokenizer, kernel))?;
        Ok(Self(Box::new(embedder)))
    }

    #[getter]
    fn kernel(&self) -> &'static str {
        self.0.kernel().name()
    }

    /// (n x 1536 bytes of little-endian float32, word pieces of each whole text).
    #[pyo3(signature = (texts, threads = 1))]
    fn embed<'py>(
        &self,
        py: Python<'py>,
        texts: Vec<Bound<'py, PyString>>,
        threads: usize,
    ) -> PyResult<(Bound<'py, PyBytes>, Vec<usize>)> {
        let threads = NonZero::new(threads)
            .ok_or_else(|| Refusal::new(Kind::InvalidInput, "threads must be 1 or more"))?;
        let texts = texts.iter().enumerate().map(|(index, text)| utf8(text, Some(index)));
        let texts: Vec<&str> = texts.collect::<Result<_, _>>()?;
        let embedded = py.detach(|| self.0.embed(&texts, threads))?;
        let numbers = embedded.iter().flat_map(|embedded| embedded.vector);
        let bytes: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
        let tokens = embedded.iter().map(|embedded| embedded.tokens).collect();
        Ok((PyBytes::new(py, &bytes), tokens))
    }

    /// Word pieces of the whole text, `[CLS]` and `[SEP]` included.
    fn count_tokens(&self, py: Python<'_>, text: Bound<'_, PyString>) -> PyResult<usize> {
        let text = utf8(&text, None)?;
        Ok(py.detach(|| self.0.token_ids(text).len()))
    }

    /// Compare known texts' bits with what they must be.
    fn self_test(&self, py: Python<'_>) -> PyResult<()> {
        Ok(py.detach(|| self.0.self_test())?)
    }
}

fn pick(name: Option<&str>) -> Result<Kernel, Refusal> {
    let kernels = usable();
    let known = || kernels.iter().map(|kernel| kernel.name()).collect::<Vec<_>>().join(", ");
    let found = match name {
        None => kernels.first(),
        Some(name) => kernels.iter().find(|kernel| kernel.name() == name),
    };
    found.copied().ok_or_else(|| {
        let name = name.unwrap_or_default();
        let message = format!("this processor has no kernel {name:?}; it has {}", known());
        Refusal::new(Kind::InvalidInput, message)
    })
}

fn utf8<'a>(text: &'a Bound<'_, PyString>, index: Option<usize>) -> Result<&'a str, Refusal> {
    text.to_str().map_err(|_| {
        let refusal =
            Refusal::new(Kind::InvalidText, "the text has a lone surrogate, so it is not Unicode");
        match index {
            Some(index) => refusal.at("texts", index),
            None => refusal,
        }
    })
}
