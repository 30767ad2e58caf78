//! Matrices as the kernels walk through them.

use super::kernels::simd::{Block, LANES};

/// Columns of a panel.
pub const WIDTH: usize = 2 * LANES;

/// One row of a panel: 32 neighbours.
pub type Row = [Block; 2];

/// 32 times +0.
pub const ZERO_ROW: Row = [Block::ZERO; 2];

/// A matrix of 32 x panels columns, panel after panel or row after row.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// From the first row of the first panel.
    pub data: &'a [Row],
    /// From one panel to the next.
    pub panel_stride: usize,
}

/// Queries, keys and values of one head, a row for each token of one text.
#[derive(Clone, Copy)]
pub struct Projected<'a> {
    pub queries: &'a [Row],
    pub keys: &'a [Row],
    pub values: &'a [Row],
}
