//! The weights from their file, checked and laid out for the kernels.

use std::fs;
use std::io;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::kernels::simd::{Block, LANES};
use super::matrix::{Row, WIDTH, ZERO_ROW};
use super::model::{
    HIDDEN_PANELS, Head, HiddenRow, LAYERS, Layer, MAX_TOKENS, Model, Norm, Panel, WIDE,
};
use crate::error::{Kind, Refusal};
use crate::limits::DIMENSIONS;

/// SHA-256 of the pinned `model.safetensors`.
const WEIGHTS: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";
/// SHA-256 of the pinned `tokenizer.json`.
const TOKENIZER: &str = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037";
/// Bytes of one word's embedding.
const WORD_BYTES: usize = 4 * DIMENSIONS;

/// The bytes of the tokenizer's file.
///
/// # Errors
/// `ModelMissing` if it cannot be read, `ModelMismatch` if it is not the pinned one.
pub fn read_tokenizer(path: &Path) -> Result<Vec<u8>, Refusal> {
    read(path, TOKENIZER)
}

/// The model in the weights' file; takes 133 MB while it reads, 90 MB from then on.
///
/// # Errors
/// `ModelMissing` if it cannot be read, `ModelMismatch` if it is not the pinned one.
pub fn read_model(path: &Path) -> Result<Model, Refusal> {
    let mut bytes = read(path, WEIGHTS)?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| mismatch(path, &format!("it cannot be read ({error})")))?;
    let tensors = Tensors { path, tensors };
    let layers = (0..LAYERS).map(|layer| tensors.layer(layer)).collect::<Result<_, _>>()?;
    let first_norm = tensors.norm("embeddings.LayerNorm")?;
    let places = tensors.places()?;
    let words = tensors.floats("embeddings.word_embeddings.weight")?;
    let start = words.as_ptr() as usize - bytes.as_ptr() as usize;
    let end = start + words.len();
    // Of the file's bytes only the words' stay; moved and cut off, they need no second copy.
    bytes.copy_within(start..end, 0);
    bytes.truncate(end - start);
    bytes.shrink_to_fit();
    Ok(Model { words: Words(bytes), places, first_norm, layers })
}

/// One row for each word piece of the vocabulary, as little-endian float32.
pub struct Words(Vec<u8>);

impl Words {
    /// The embedding of a word piece.
    ///
    /// # Panics
    /// If the vocabulary has no such piece.
    pub fn row(&self, id: u32) -> HiddenRow {
        hidden_row(&self.0[id as usize * WORD_BYTES..][..WORD_BYTES])
    }
}

fn read(path: &Path, sha256: &str) -> Result<Vec<u8>, Refusal> {
    let bytes = fs::read(path).map_err(|error| unreadable(path, &error))?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found == sha256 {
        Ok(bytes)
    } else {
        Err(mismatch(path, &format!("its SHA-256 is {found}, not {sha256}")))
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(Kind::ModelMissing, format!("Cannot read {}: {error}.", path.display()))
}

fn mismatch(path: &Path, reason: &str) -> Refusal {
    let message = format!("{} is not the file that Engram uses: {reason}.", path.display());
    Refusal::new(Kind::ModelMismatch, message)
}

/// Named tensors of one file.
struct Tensors<'a> {
    path: &'a Path,
    tensors: SafeTensors<'a>,
}

impl<'a> Tensors<'a> {
    /// A float32 tensor's bytes.
    fn floats(&self, name: &str) -> Result<&'a [u8], Refusal> {
        let tensor = self
            .tensors
            .tensor(name)
            .map_err(|error| mismatch(self.path, &format!("{name}: {error}")))?;
        if tensor.dtype() != Dtype::F32 {
            return Err(mismatch(self.path, &format!("{name} is not float32")));
        }
        Ok(tensor.data())
    }

    /// A float32 tensor's bytes, of this number of floats.
    fn sized(&self, name: &str, floats: usize) -> Result<&'a [u8], Refusal> {
        let bytes = self.floats(name)?;
        if bytes.len() != 4 * floats {
            return Err(mismatch(self.path, &format!("{name} has not {floats} numbers")));
        }
        Ok(bytes)
    }

    fn vector(&self, name: &str) -> Result<HiddenRow, Refusal> {
        Ok(hidden_row(self.sized(name, DIMENSIONS)?))
    }

    fn norm(&self, name: &str) -> Result<Norm, Refusal> {
        let gamma = self.vector(&format!("{name}.weight"))?;
        let beta = self.vector(&format!("{name}.bias"))?;
        Ok(Norm { gamma, beta })
    }

    /// Position embedding + that of token type 0, added once here.
    fn places(&self) -> Result<Vec<HiddenRow>, Refusal> {
        let types = self.sized("embeddings.token_type_embeddings.weight", 2 * DIMENSIONS)?;
        let first = hidden_row(&types[..WORD_BYTES]);
        let positions = self.floats("embeddings.position_embeddings.weight")?;
        let rows = positions.chunks_exact(WORD_BYTES).take(MAX_TOKENS);
        Ok(rows.map(|position| sum(hidden_row(position), &first)).collect())
    }

    fn layer(&self, layer: usize) -> Result<Layer, Refusal> {
        let prefix = format!("encoder.layer.{layer}");
        let linear =
            |name: &str, inputs, outputs| self.linear(&format!("{prefix}.{name}"), inputs, outputs);
        let attention = |name: &str| linear(&format!("attention.{name}"), DIMENSIONS, DIMENSIONS);
        let queries = attention("self.query")?.into_iter();
        let keys = attention("self.key")?.into_iter();
        let values = attention("self.value")?.into_iter();
        let heads = queries.zip(keys).zip(values);
        Ok(Layer {
            heads: heads.map(|((query, key), value)| Head { query, key, value }).collect(),
            joined: attention("output.dense")?,
            joined_norm: self.norm(&format!("{prefix}.attention.output.LayerNorm"))?,
            wide: linear("intermediate.dense", DIMENSIONS, WIDE)?,
            narrow: linear("output.dense", WIDE, DIMENSIONS)?,
            narrow_norm: self.norm(&format!("{prefix}.output.LayerNorm"))?,
        })
    }

    /// The panels of a linear layer, stored (outputs, inputs) in the file.
    fn linear(&self, name: &str, inputs: usize, outputs: usize) -> Result<Vec<Panel>, Refusal> {
        let weights = self.sized(&format!("{name}.weight"), inputs * outputs)?;
        let bias = self.sized(&format!("{name}.bias"), outputs)?;
        let panels = weights.chunks_exact(4 * inputs * WIDTH).zip(bias.chunks_exact(4 * WIDTH));
        Ok(panels
            .map(|(weights, bias)| Panel { weights: turned(weights, inputs), bias: row(bias) })
            .collect())
    }
}

/// (32, inputs) to rows of 32, one for each input.
fn turned(weights: &[u8], inputs: usize) -> Vec<Row> {
    let mut rows = vec![ZERO_ROW; inputs];
    for (column, weights) in weights.chunks_exact(4 * inputs).enumerate() {
        for (row, number) in rows.iter_mut().zip(floats(weights)) {
            row[column / LANES].0[column % LANES] = number;
        }
    }
    rows
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

fn hidden_row(bytes: &[u8]) -> HiddenRow {
    let mut parts = bytes.chunks_exact(4 * WIDTH);
    [(); HIDDEN_PANELS].map(|()| row(parts.next().expect("384 numbers")))
}

fn row(bytes: &[u8]) -> Row {
    let mut row = ZERO_ROW;
    for (number, into) in floats(bytes).zip(row.iter_mut().flat_map(|block| &mut block.0)) {
        *into = number;
    }
    row
}

fn sum(mut a: HiddenRow, b: &HiddenRow) -> HiddenRow {
    for (a, b) in a.as_flattened_mut().iter_mut().zip(b.as_flattened()) {
        let (Block(a), Block(b)) = (a, b);
        a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
    }
    a
}
