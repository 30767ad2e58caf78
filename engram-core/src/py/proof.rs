//! Storage proofs, one by one and by the batch.

use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyTuple};

use super::arguments::{Cid, column, nonce, require_length, text};
use super::embedding::{Rows, extract};
use crate::error::Refusal;
use crate::limits::{CHALLENGE_TTL_S, HASH_BYTES, MAX_CHALLENGE_TTL_S, MAX_MAGNITUDE};
use crate::parallel;
use crate::proof::{Nonce, Response, invalid, respond, verify};

/// `embedding_hash`, `proof`
type Answer = (String, String);

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(generate_challenge, module)?)?;
    module.add_function(wrap_pyfunction!(generate_response, module)?)?;
    module.add_function(wrap_pyfunction!(generate_responses, module)?)?;
    module.add_function(wrap_pyfunction!(verify_response, module)?)
}

/// A challenge with a new nonce that expires `ttl_s` (1..600) seconds from now.
///
/// `now` is in unix seconds, by default those of the clock. Returns `(cid, nonce_hex, expires_at)`.
/// Raises `invalid_cid` or `invalid_challenge`.
#[pyfunction]
#[pyo3(
    signature = (cid, ttl_s=Ttl(CHALLENGE_TTL_S), now=None),
    text_signature = "(cid, ttl_s=60, now=None)"
)]
fn generate_challenge(
    cid: Cid,
    ttl_s: Ttl,
    now: Option<&Bound<'_, PyAny>>,
) -> PyResult<(String, String, i64)> {
    let now = now.map_or_else(clock, moment)?;
    let mut nonce = [0; HASH_BYTES];
    getrandom::fill(&mut nonce).map_err(std::io::Error::from)?;
    Ok((cid.text, hex::encode(nonce), now + ttl_s.0))
}

/// The answer of whoever has the embedding to 64 hexadecimal digits of nonce.
///
/// Returns `(embedding_hash, proof)`. Raises `invalid_challenge` or `invalid_embedding`.
#[pyfunction]
fn generate_response(
    nonce_hex: &Bound<'_, PyAny>,
    embedding: &Bound<'_, PyAny>,
) -> PyResult<Answer> {
    let nonce = nonce(nonce_hex)?;
    Ok(answer(respond(&nonce, &extract(embedding)?)))
}

/// The answers to n nonces, for n embeddings as `generate_cids` takes them.
///
/// Raises as `generate_response`, naming the first bad challenge.
#[pyfunction]
fn generate_responses(
    nonces_hex: &Bound<'_, PyAny>,
    embeddings: &Bound<'_, PyAny>,
) -> PyResult<Vec<Answer>> {
    let rows = Rows::extract(embeddings)?;
    let nonces = column("nonces", nonces_hex)?;
    require_length("nonces", nonces.len(), rows.len())?;
    let nonces: Vec<Result<Nonce, Refusal>> = nonces.iter().map(nonce).collect();
    let respond_to = |index: usize| {
        let nonce = nonces[index].as_ref().map_err(Refusal::clone)?;
        Ok(answer(respond(nonce, &rows.get(index)?)))
    };
    let answers = embeddings.py().detach(|| parallel::map(rows.len(), respond_to));
    let named =
        |(index, answer): (usize, Result<_, Refusal>)| answer.map_err(|r| r.at("challenge", index));
    Ok(answers.into_iter().enumerate().map(named).collect::<Result<_, _>>()?)
}

/// Whether an answer is right, compared in constant time; the expiry is the caller's to enforce.
///
/// An answer of any other form is just wrong. Raises `invalid_cid` or `invalid_challenge` for a
/// malformed challenge, `invalid_embedding` for a bad expectation.
#[pyfunction]
fn verify_response(
    challenge: &Bound<'_, PyAny>,
    embedding_hash: &Bound<'_, PyAny>,
    proof: &Bound<'_, PyAny>,
    expected_embedding: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let nonce = challenge_nonce(challenge)?;
    let expected = extract(expected_embedding)?;
    let claimed = [claimed(embedding_hash), claimed(proof)];
    Ok(verify(&nonce, claimed, &expected))
}

fn answer(response: Response) -> Answer {
    (response.embedding_hash, response.proof)
}

/// A miner may answer anything; what is not text is as wrong as the empty text.
fn claimed<'a>(value: &'a Bound<'_, PyAny>) -> &'a [u8] {
    text(value).unwrap_or_default().as_bytes()
}

fn challenge_nonce(challenge: &Bound<'_, PyAny>) -> PyResult<Nonce> {
    let parts = || invalid("a challenge is (cid, nonce_hex, expires_at)");
    let items = challenge.cast::<PyTuple>().map_err(|_| parts())?;
    let [cid, nonce_hex, _] = items.iter().collect::<Vec<_>>().try_into().map_err(|_| parts())?;
    cid.extract::<Cid>()?;
    Ok(nonce(&nonce_hex)?)
}

/// Seconds that a challenge lives.
struct Ttl(i64);

impl<'a, 'py> FromPyObject<'a, 'py> for Ttl {
    type Error = PyErr;

    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        let seconds: Option<i64> =
            value.cast_exact::<PyInt>().ok().and_then(|ttl| ttl.extract().ok());
        let message =
            || invalid(format!("ttl_s must be a whole number within 1..{MAX_CHALLENGE_TTL_S}"));
        let allowed = seconds.filter(|ttl| (1..=MAX_CHALLENGE_TTL_S).contains(ttl));
        Ok(Self(allowed.ok_or_else(message)?))
    }
}

fn clock() -> PyResult<i64> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since_epoch.map_or(0, |elapsed| elapsed.as_secs());
    Ok(i64::try_from(seconds)?)
}

fn moment(now: &Bound<'_, PyAny>) -> PyResult<i64> {
    let number = now.is_exact_instance_of::<PyInt>() || now.is_exact_instance_of::<PyFloat>();
    let seconds = now.extract::<f64>().ok().filter(|_| number);
    let known = seconds.filter(|seconds| (0.0..MAX_MAGNITUDE).contains(seconds));
    #[expect(clippy::cast_possible_truncation, reason = "within 0..2^53; the fraction is dropped")]
    Ok(known.ok_or_else(|| invalid("now must be unix seconds"))? as i64)
}
