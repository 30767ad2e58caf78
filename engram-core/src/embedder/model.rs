//! The model's shape and its weights, laid out for the kernels.

use super::matrix::{Row, WIDTH};
use super::weights::Words;
use crate::limits::DIMENSIONS;

/// Word pieces that the model reads, `[CLS]` and `[SEP]` included.
pub const MAX_TOKENS: usize = 256;
/// Transformer layers.
pub const LAYERS: usize = 6;
/// Panels of a hidden state; also attention heads, since a head has 32 components.
pub const HIDDEN_PANELS: usize = DIMENSIONS / WIDTH;
/// Components between the two products of a feed-forward block.
pub const WIDE: usize = 4 * DIMENSIONS;
/// Panels of these.
pub const WIDE_PANELS: usize = WIDE / WIDTH;

/// A token's hidden state: 384 components.
pub type HiddenRow = [Row; HIDDEN_PANELS];

/// Scale and shift of a layer norm.
pub struct Norm {
    pub gamma: HiddenRow,
    pub beta: HiddenRow,
}

/// 32 outputs of a linear layer.
pub struct Panel {
    /// Row k: what input k gives to each output.
    pub weights: Vec<Row>,
    pub bias: Row,
}

/// One attention head.
pub struct Head {
    pub query: Panel,
    pub key: Panel,
    pub value: Panel,
}

/// One transformer layer.
pub struct Layer {
    pub heads: Vec<Head>,
    pub joined: Vec<Panel>,
    pub joined_norm: Norm,
    pub wide: Vec<Panel>,
    pub narrow: Vec<Panel>,
    pub narrow_norm: Norm,
}

/// All weights.
pub struct Model {
    pub words: Words,
    /// Position i's embedding + that of token type 0.
    pub places: Vec<HiddenRow>,
    pub first_norm: Norm,
    pub layers: Vec<Layer>,
}
