//! Placement among the members of the network.

use std::collections::HashSet;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyTuple};

use super::arguments::{self, Cid, column};
use crate::error::{Kind, Refusal};
use crate::limits::HASH_BYTES;
use crate::parallel;
use crate::placement::{Node, nearest};

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(assign, module)?)?;
    module.add_function(wrap_pyfunction!(assign_many, module)?)
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
