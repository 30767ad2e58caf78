//! Placement among the members of the network.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};

use super::arguments::{self, Cid, column};
use crate::error::{Kind, Refusal};
use crate::limits::{HASH_BYTES, MAX_NEAREST};
use crate::parallel;
use crate::placement::{self, Key, Node, nearest};

/// Keys that one step of a thread places, in some 0.05 ms.
const KEYS_PER_STEP: usize = 256;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(assign, module)?)?;
    module.add_function(wrap_pyfunction!(assign_many, module)?)?;
    module.add_function(wrap_pyfunction!(nearest_many, module)?)
}

/// UIDs of the up to three members that hold the CID, primary first.
///
/// `members` lists pairs (UID 0..65535, the 32-byte hash of the block in which it registered).
/// Raises `invalid_cid`, or `invalid_input` for a bad member or a UID that is listed twice.
#[pyfunction]
fn assign(cid: Cid, members: &Bound<'_, PyAny>) -> PyResult<Vec<u16>> {
    Ok(nearest(&cid.digest, &nodes(members)?))
}

/// `assign` for each of many CIDs among the same members.
#[pyfunction]
fn assign_many(
    py: Python<'_>,
    cids: &Bound<'_, PyAny>,
    members: &Bound<'_, PyAny>,
) -> PyResult<Vec<Vec<u16>>> {
    let keys = arguments::cids(&column("cids", cids)?)?;
    let nodes = nodes(members)?;
    Ok(py.detach(|| parallel::map(keys.len(), |index| nearest(&keys[index].digest, &nodes))))
}

/// The nearest members to each of many digests, as bytes in and bytes out.
///
/// `digests` are 32 bytes each, one after the other. Returns UIDs as little-endian 16-bit numbers,
/// min(`count`, members) for each digest, nearest first. `count` is within 1..256. Raises
/// `invalid_input`.
#[pyfunction]
fn nearest_many<'py>(
    py: Python<'py>,
    digests: &Bound<'py, PyAny>,
    members: &Bound<'py, PyAny>,
    count: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let keys = require_digests(digests)?;
    let nodes = nodes(members)?;
    let count = require_count(count)?;
    let steps: Vec<&[&Key]> = keys.chunks(KEYS_PER_STEP).collect();
    let place = |step: usize| -> Vec<u8> {
        let uids = placement::nearest_many(steps[step], &nodes, count);
        uids.into_iter().flat_map(u16::to_le_bytes).collect()
    };
    let placed = py.detach(|| parallel::map(steps.len(), place).concat());
    Ok(PyBytes::new(py, &placed))
}

fn require_digests<'a>(digests: &'a Bound<'_, PyAny>) -> Result<Vec<&'a Key>, Refusal> {
    let exact = digests.cast_exact::<PyBytes>().ok().map(PyBytesMethods::as_bytes);
    exact
        .and_then(|bytes| bytes.chunks(HASH_BYTES).map(|key| key.try_into().ok()).collect())
        .ok_or_else(|| invalid(format!("digests are bytes, {HASH_BYTES} each")))
}

fn require_count(count: &Bound<'_, PyAny>) -> Result<usize, Refusal> {
    let exact = count.cast_exact::<PyInt>().ok().and_then(|count| count.extract().ok());
    exact
        .filter(|count| (1..=MAX_NEAREST).contains(count))
        .ok_or_else(|| invalid(format!("count is a whole number within 1..{MAX_NEAREST}")))
}

fn nodes(members: &Bound<'_, PyAny>) -> Result<Vec<Node>, Refusal> {
    let members = column("members", members)?;
    let mut seen = HashSet::with_capacity(members.len());
    let unique = |(index, item): (usize, &Bound<'_, PyAny>)| {
        let node = node(item).map_err(|refusal| refusal.at("member", index))?;
        if seen.insert(node.uid) {
            return Ok(node);
        }
        Err(invalid(format!("UID {} is listed twice", node.uid)).at("member", index))
    };
    members.iter().enumerate().map(unique).collect()
}

fn node(member: &Bound<'_, PyAny>) -> Result<Node, Refusal> {
    let pair = || invalid("must be a pair (uid, registration block hash)");
    let items = member.cast::<PyTuple>().map_err(|_| pair())?;
    let [uid, hash] = items.iter().collect::<Vec<_>>().try_into().map_err(|_| pair())?;
    Ok(Node::new(require_uid(&uid)?, require_hash(&hash)?))
}

fn require_uid(uid: &Bound<'_, PyAny>) -> Result<u16, Refusal> {
    let exact = uid.cast_exact::<PyInt>().ok();
    exact
        .and_then(|uid| uid.extract().ok())
        .ok_or_else(|| invalid("a UID is a whole number within 0..65535"))
}

fn require_hash<'a>(hash: &'a Bound<'_, PyAny>) -> Result<&'a [u8; HASH_BYTES], Refusal> {
    let exact = hash.cast_exact::<PyBytes>().ok();
    exact
        .and_then(|hash| hash.as_bytes().try_into().ok())
        .ok_or_else(|| invalid(format!("a block hash is {HASH_BYTES} bytes")))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Kind::InvalidInput, message)
}
