//! Word pieces by themselves, for whoever counts them without the weights.

use pyo3::prelude::*;

use super::arguments::{text, type_name};
use crate::error::{Kind, Refusal};
use crate::tokenizer::Tokenizer;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<WordPieces>()
}

/// The tokenizer of the bytes of a `tokenizer.json`, bit for bit the same on every machine.
///
/// Raises `model_mismatch` if they ask for anything else than all-MiniLM-L6-v2 does.
#[pyclass(frozen, module = "engram_core")]
struct WordPieces(Tokenizer);

#[pymethods]
impl WordPieces {
    #[new]
    #[pyo3(signature = (tokenizer_json, /))]
    fn new(tokenizer_json: &[u8]) -> PyResult<Self> {
        Ok(Self(Tokenizer::from_json(tokenizer_json)?))
    }

    /// Ids (0..30521) of the whole text, `[CLS]` and `[SEP]` included, however many they are.
    ///
    /// Thread-safe, without the GIL. Raises `invalid_text` for anything that is no Unicode text.
    #[pyo3(signature = (text, /))]
    fn encode(&self, text: &Bound<'_, PyAny>) -> PyResult<Vec<u32>> {
        let py = text.py();
        let text = unicode(text)?;
        Ok(py.detach(|| self.0.encode(text)))
    }
}

/// The text of a Python string.
pub fn unicode<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str, Refusal> {
    text(value).ok_or_else(|| {
        let found = type_name(value);
        let message = match found.as_str() {
            "str" => "the text has lone surrogates, so it is not Unicode text".to_owned(),
            _ => format!("a text must be a str, not {found}"),
        };
        Refusal::new(Kind::InvalidText, message)
    })
}
