//! Text to vector with the same bits on every machine.
//!
//! docs/embedding.md, "The arithmetic", defines every step, so that others can get the same bits.

mod forward;
mod kernels;
mod matrix;
mod model;
mod plan;
mod rounding;
mod self_test;
mod team;
mod weights;

use std::num::NonZero;
use std::path::Path;
use std::thread;

pub use kernels::{Kernel, usable};
pub use model::MAX_TOKENS;

use crate::error::{Kind, Refusal};
use crate::limits::DIMENSIONS;
use crate::tokenizer::{Tokenizer, truncate};
use model::Model;
use rounding::DefaultRounding;
use team::Team;

/// A text's vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// At unit length.
    pub vector: [f32; DIMENSIONS],
    /// Word pieces of the whole text; beyond 256 only its beginning was read.
    pub tokens: usize,
}

/// The model, ready to use from any number of threads.
pub struct Embedder {
    tokenizer: Tokenizer,
    model: Model,
    kernel: Kernel,
}

impl Embedder {
    /// Read the model's files and check that they are the pinned ones.
    ///
    /// # Errors
    /// `ModelMissing` or `ModelMismatch`, naming the file.
    pub fn open(weights: &Path, tokenizer: &Path, kernel: Kernel) -> Result<Self, Refusal> {
        let tokenizer = Tokenizer::from_json(&weights::read_tokenizer(tokenizer)?)?;
        Ok(Self { tokenizer, model: weights::read_model(weights)?, kernel })
    }

    /// The instructions that it uses.
    #[must_use]
    pub fn kernel(&self) -> Kernel {
        self.kernel
    }

    /// Ids of the whole text's word pieces, `[CLS]` and `[SEP]` included.
    #[must_use]
    pub fn token_ids(&self, text: &str) -> Vec<u32> {
        self.tokenizer.encode(text)
    }

    /// Each text's vector, in order, computed by up to `threads` threads, this one among them, and
    /// by no more than there are processors.
    ///
    /// No bit depends on the texts beside it, on their order, or on the number of threads.
    ///
    /// # Errors
    /// `InvalidText` if a vector has no direction; no text is known for which that happens.
    pub fn embed(&self, texts: &[&str], threads: NonZero<usize>) -> Result<Vec<Embedded>, Refusal> {
        let _rounding = DefaultRounding::set();
        let mut ids: Vec<Vec<u32>> = texts.iter().map(|text| self.token_ids(text)).collect();
        let tokens: Vec<usize> = ids.iter().map(Vec::len).collect();
        for ids in &mut ids {
            truncate(ids, MAX_TOKENS);
        }
        let threads = threads.min(thread::available_parallelism().unwrap_or(threads));
        let vectors = self.vectors(&ids, threads.get());
        if let Some(index) = vectors.iter().position(|vector| !vector.iter().all(|x| x.is_finite()))
        {
            return Err(no_direction(index));
        }
        let embedded = vectors.into_iter().zip(tokens);
        Ok(embedded.map(|(vector, tokens)| Embedded { vector, tokens }).collect())
    }

    fn vectors(&self, ids: &[Vec<u32>], threads: usize) -> Vec<[f32; DIMENSIONS]> {
        let lengths: Vec<usize> = ids.iter().map(Vec::len).collect();
        let plan = plan::plan(&lengths, threads);
        let mut vectors = vec![[0.0; DIMENSIONS]; ids.len()];
        let call = |team: &Team, positions: &[usize]| {
            let texts: Vec<&[u32]> = positions.iter().map(|&at| ids[at].as_slice()).collect();
            forward::embed(&self.model, self.kernel, team, &texts)
        };
        let found = if plan.together {
            Team::with(threads, |team| {
                plan.calls.iter().map(|positions| call(team, positions)).collect::<Vec<_>>()
            })
        } else {
            let mut found = vec![Vec::new(); plan.calls.len()];
            Team::with(threads, |team| {
                team.each_item(&mut found, |index, vectors| {
                    Team::with(1, |alone| *vectors = call(alone, &plan.calls[index]));
                });
            });
            found
        };
        for (positions, found) in plan.calls.iter().zip(found) {
            for (&position, vector) in positions.iter().zip(found) {
                vectors[position] = vector;
            }
        }
        vectors
    }
}

fn no_direction(index: usize) -> Refusal {
    Refusal::new(Kind::InvalidText, "the text's vector has no direction").at("texts", index)
}
