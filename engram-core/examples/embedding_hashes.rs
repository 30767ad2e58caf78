//! Hashes of embeddings, for machines without Python: `make test-aarch64` compares them.
//!
//!     embedding_hashes WEIGHTS TOKENIZER TEXTS EVERY KERNEL
//!
//! TEXTS is a file of texts, each after its length in 8 little-endian bytes; of these, each
//! EVERY-th is embedded by itself. Prints its place and the SHA-256 of its embedding.

use std::error::Error;
use std::num::NonZero;
use std::path::Path;

use engram_core::embedder::{Embedder, usable};
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [weights, tokenizer, texts, every, name] = arguments.as_slice() else {
        return Err("usage: embedding_hashes WEIGHTS TOKENIZER TEXTS EVERY KERNEL".into());
    };
    let kernel = usable().into_iter().find(|kernel| kernel.name() == name);
    let kernel = kernel.ok_or_else(|| format!("no kernel {name} here"))?;
    let embedder = Embedder::open(Path::new(weights), Path::new(tokenizer), kernel)?;
    let file = std::fs::read(texts)?;
    for (place, text) in split(&file)?.into_iter().enumerate().step_by(every.parse()?) {
        for embedded in embedder.embed(&[text], NonZero::<usize>::MIN)? {
            println!("{place} {}", hash(&embedded.vector));
        }
    }
    Ok(())
}

fn split(mut file: &[u8]) -> Result<Vec<&str>, Box<dyn Error>> {
    let mut texts = vec![];
    while let Some((length, rest)) = file.split_first_chunk() {
        let length = usize::try_from(u64::from_le_bytes(*length))?;
        let text = rest.get(..length).ok_or("the file of texts is torn")?;
        texts.push(std::str::from_utf8(text)?);
        file = &rest[length..];
    }
    Ok(texts)
}

fn hash(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    hex::encode(Sha256::digest(bytes))
}
