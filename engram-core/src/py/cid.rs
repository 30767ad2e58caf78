//! CIDs, one by one and by the thousand.

use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::arguments::{self, Cid, Version, column, require_length};
use super::embedding::{Rows, extract};
use super::metadata;
use crate::cid::generate;
use crate::error::Refusal;
use crate::parallel;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(generate_cid, module)?)?;
    module.add_function(wrap_pyfunction!(generate_cids, module)?)?;
    module.add_function(wrap_pyfunction!(parse_cid, module)?)?;
    module.add_function(wrap_pyfunction!(verify_cid, module)?)?;
    module.add_function(wrap_pyfunction!(verify_cids, module)?)
}

/// The CID of one record.
///
/// `embedding` is what `embedding_bytes` takes; None for metadata is `{}`. Raises
/// `invalid_embedding`, `invalid_metadata` or `unsupported_version`.
#[pyfunction]
#[pyo3(
    signature = (embedding, metadata=None, version=Version::default()),
    text_signature = "(embedding, metadata=None, version='v1')"
)]
fn generate_cid(
    embedding: &Bound<'_, PyAny>,
    metadata: Option<&Bound<'_, PyAny>>,
    version: Version,
) -> PyResult<String> {
    Ok(one(embedding, metadata, &version)?)
}

/// The CIDs of n records, hashed on all cores without the interpreter's lock.
///
/// `embeddings` is a float array of shape (n, 384) or a list of embeddings, `metadatas` a list
/// of n objects. Raises as `generate_cid`, naming the first bad record, or `invalid_input` if
/// the columns differ in length.
#[pyfunction]
#[pyo3(
    signature = (embeddings, metadatas, version=Version::default()),
    text_signature = "(embeddings, metadatas, version='v1')"
)]
fn generate_cids(
    embeddings: &Bound<'_, PyAny>,
    metadatas: &Bound<'_, PyAny>,
    version: Version,
) -> PyResult<Vec<String>> {
    let records = Records::extract(embeddings, metadatas)?;
    let cids = records.generate(embeddings.py(), &version);
    let named = |(index, cid): (usize, Result<_, Refusal>)| cid.map_err(|r| r.at("record", index));
    Ok(cids.into_iter().enumerate().map(named).collect::<Result<_, _>>()?)
}

/// The 32 bytes of the digest. Raises `invalid_cid`.
#[pyfunction]
fn parse_cid(py: Python<'_>, cid: Cid) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &cid.digest)
}

/// Whether the CID is that of the record.
///
/// False as well for an embedding or metadata that no record may hold. Raises `invalid_cid` or
/// `unsupported_version`.
#[pyfunction]
#[pyo3(
    signature = (cid, embedding, metadata=None, version=Version::default()),
    text_signature = "(cid, embedding, metadata=None, version='v1')"
)]
fn verify_cid(
    cid: Cid,
    embedding: &Bound<'_, PyAny>,
    metadata: Option<&Bound<'_, PyAny>>,
    version: Version,
) -> bool {
    one(embedding, metadata, &version).is_ok_and(|expected| expected == cid.text)
}

/// `verify_cid` of n records. Raises `invalid_cid`, naming the first bad one, or
/// `invalid_input` if the columns differ in length.
#[pyfunction]
#[pyo3(
    signature = (cids, embeddings, metadatas, version=Version::default()),
    text_signature = "(cids, embeddings, metadatas, version='v1')"
)]
fn verify_cids(
    cids: &Bound<'_, PyAny>,
    embeddings: &Bound<'_, PyAny>,
    metadatas: &Bound<'_, PyAny>,
    version: Version,
) -> PyResult<Vec<bool>> {
    let records = Records::extract(embeddings, metadatas)?;
    let cids = column("cids", cids)?;
    require_length("cids", cids.len(), records.rows.len())?;
    let claimed = arguments::cids(&cids)?;
    let found = records.generate(embeddings.py(), &version);
    let matches =
        |(found, claimed): (Result<String, _>, &Cid)| found.is_ok_and(|cid| cid == claimed.text);
    Ok(found.into_iter().zip(&claimed).map(matches).collect())
}

fn one(
    embedding: &Bound<'_, PyAny>,
    metadata: Option<&Bound<'_, PyAny>>,
    version: &Version,
) -> Result<String, Refusal> {
    let embedding = extract(embedding)?;
    let pairs = metadata::pairs(metadata)?;
    Ok(generate(&embedding, &pairs, &version.0))
}

/// Records copied out of Python, so that they can be hashed without its lock.
struct Records {
    rows: Rows,
    pairs: Vec<u8>,
    spans: Vec<Result<Range<usize>, Refusal>>,
}

impl Records {
    fn extract(
        embeddings: &Bound<'_, PyAny>,
        metadatas: &Bound<'_, PyAny>,
    ) -> Result<Self, Refusal> {
        let rows = Rows::extract(embeddings)?;
        let metadatas = column("metadatas", metadatas)?;
        require_length("metadatas", metadatas.len(), rows.len())?;
        let mut pairs = Vec::new();
        let mut span = |metadata: &Bound<'_, PyAny>| {
            let start = pairs.len();
            metadata::write(Some(metadata), &mut pairs)?;
            Ok(start..pairs.len())
        };
        let spans = metadatas.iter().map(&mut span).collect();
        Ok(Self { rows, pairs, spans })
    }

    fn generate(&self, py: Python<'_>, version: &Version) -> Vec<Result<String, Refusal>> {
        py.detach(|| {
            parallel::map(self.rows.len(), |index| {
                let embedding = self.rows.get(index)?;
                let span = self.spans[index].clone()?;
                Ok(generate(&embedding, &self.pairs[span], &version.0))
            })
        })
    }
}
