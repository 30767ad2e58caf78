//! The five operations of the forward pass, for any processor.
//!
//! docs/embedding.md, "The arithmetic", defines every step; the bits depend on their order.

#![allow(clippy::inline_always, reason = "they become part of a kernel, with its instructions")]

use super::functions::{exp, gelu};
use super::simd::{Block, LANES, Simd, fold};
use crate::embedder::matrix::{Projected, Row, View, WIDTH, ZERO_ROW};
use crate::embedder::model::{HIDDEN_PANELS, HiddenRow, Norm};
use crate::limits::DIMENSIONS;

/// 384 as the sums are divided by it.
const COUNT: f32 = 384.0;
/// 1 / sqrt(32): the scale of attention scores, for heads of 32.
const SCALE: f32 = f32::from_bits(0x3E35_04F3);
const EPSILON: f32 = 1e-12;
/// Queries whose scores are kept at a time: with 256 keys, 32 kB.
const QUERIES: usize = 32;

/// Sixteen accumulators, one for each lane, then their sum.
macro_rules! strided {
    ($s:expr, $blocks:expr, |$sum:ident, $block:ident| $step:expr) => {{
        let mut $sum = $s.splat(0.0);
        for $block in $blocks {
            $sum = $step;
        }
        fold($s, $sum, |a, b| a + b)
    }};
}

/// GELU of every number.
#[inline(always)]
pub fn activate<S: Simd>(s: S, rows: &mut [Row]) {
    for block in rows.as_flattened_mut() {
        let x = s.load(block);
        s.store(gelu(s, x), block);
    }
}

/// hidden = layer norm of (delta + hidden), row by row.
///
/// Row i of `hidden` is row i of `delta`, whose panels lie one after the other.
#[inline(always)]
pub fn add_and_norm<S: Simd>(s: S, hidden: &mut [HiddenRow], delta: View<'_>, norm: &Norm) {
    for (index, row) in hidden.iter_mut().enumerate() {
        for (panel, into) in row.iter_mut().enumerate() {
            let from = &delta.data[panel * delta.panel_stride + index];
            for (into, from) in into.iter_mut().zip(from) {
                s.store(s.add(s.load(from), s.load(into)), into);
            }
        }
        normalise(s, row.as_flattened_mut(), norm);
    }
}

#[inline(always)]
fn normalise<S: Simd>(s: S, row: &mut [Block], norm: &Norm) {
    let sum = strided!(s, row.iter(), |sum, block| s.add(sum, s.load(block)));
    let mean = s.splat(sum / COUNT);
    for block in row.iter_mut() {
        s.store(s.sub(s.load(block), mean), block);
    }
    let squares = strided!(s, row.iter(), |sum, block| {
        let x = s.load(block);
        s.fma(x, x, sum)
    });
    let share = s.splat(1.0 / (squares / COUNT + EPSILON).sqrt());
    let (gamma, beta) = (norm.gamma.as_flattened(), norm.beta.as_flattened());
    for (block, (gamma, beta)) in row.iter_mut().zip(gamma.iter().zip(beta)) {
        let scaled = s.mul(s.load(block), share);
        s.store(s.fma(scaled, s.load(gamma), s.load(beta)), block);
    }
}

/// Attention of one head within one text. `out`: one row for each token.
#[inline(always)]
pub fn attend<S: Simd>(
    s: S,
    product: impl Fn(View<'_>, &[Row], &mut [Row]),
    head: Projected<'_>,
    out: &mut [Row],
) {
    let tokens = head.keys.len();
    let panels = tokens.div_ceil(WIDTH);
    let mut keys = vec![ZERO_ROW; panels * WIDTH];
    transpose(head.keys, &mut keys);
    let mut scores = vec![ZERO_ROW; panels * QUERIES.min(tokens)];
    for (queries, out) in head.queries.chunks(QUERIES).zip(out.chunks_mut(QUERIES)) {
        let rows = queries.len();
        let scores = &mut scores[..panels * rows];
        for (keys, scores) in keys.chunks_exact(WIDTH).zip(scores.chunks_exact_mut(rows)) {
            product(View { data: queries, panel_stride: rows }, keys, scores);
        }
        let mut shares = [0.0; QUERIES];
        for (row, share) in shares.iter_mut().enumerate().take(rows) {
            *share = 1.0 / softmax_numerators(s, scores, rows, row, tokens);
        }
        product(View { data: scores, panel_stride: rows }, head.values, out);
        for (row, share) in out.iter_mut().zip(shares) {
            for block in row {
                s.store(s.mul(s.load(block), s.splat(share)), block);
            }
        }
    }
}

/// Panel after panel of 32 keys: row d holds component d of each.
#[inline(always)]
fn transpose(keys: &[Row], into: &mut [Row]) {
    for (keys, panel) in keys.chunks(WIDTH).zip(into.chunks_exact_mut(WIDTH)) {
        for (column, key) in keys.iter().enumerate() {
            for (row, number) in panel.iter_mut().zip(key.iter().flat_map(|block| block.0)) {
                row[column / LANES].0[column % LANES] = number;
            }
        }
    }
}

/// One query's scores become e^(score x scale - greatest); returns their sum.
///
/// `scores`: panels of `rows` rows, of which `row` is the query's; all columns but the first `keys`
/// become +0.
#[inline(always)]
fn softmax_numerators<S: Simd>(
    s: S,
    scores: &mut [Row],
    rows: usize,
    row: usize,
    keys: usize,
) -> f32 {
    let (scale, least) = (s.splat(SCALE), f32::NEG_INFINITY);
    fill_rest(scores, row, keys, least);
    let mut greatest = s.splat(least);
    for panel in scores.chunks_exact_mut(rows) {
        for block in &mut panel[row] {
            let scaled = s.mul(s.load(block), scale);
            s.store(scaled, block);
            greatest = s.max(greatest, scaled);
        }
    }
    let greatest = s.splat(fold(s, greatest, f32::max));
    for panel in scores.chunks_exact_mut(rows) {
        for block in &mut panel[row] {
            s.store(exp(s, s.sub(s.load(block), greatest)), block);
        }
    }
    fill_rest(scores, row, keys, 0.0);
    let mut sum = s.splat(0.0);
    for panel in scores.chunks_exact(rows) {
        for block in &panel[row] {
            sum = s.add(sum, s.load(block));
        }
    }
    fold(s, sum, |a, b| a + b)
}

/// Give the columns after the first `keys` of a row this number; they are in the last panel.
#[inline(always)]
fn fill_rest(scores: &mut [Row], row: usize, keys: usize, number: f32) {
    let rows = scores.len() / keys.div_ceil(WIDTH);
    let first = scores.len() - rows;
    for column in (keys - 1) % WIDTH + 1..WIDTH {
        scores[first + row][column / LANES].0[column % LANES] = number;
    }
}

/// The mean over all tokens, at unit length.
#[inline(always)]
pub fn pool<S: Simd>(s: S, hidden: &[HiddenRow]) -> [f32; DIMENSIONS] {
    #[expect(clippy::cast_precision_loss, reason = "256 at most")]
    let count = s.splat(hidden.len() as f32);
    let mut mean = [Block::ZERO; 2 * HIDDEN_PANELS];
    for (index, block) in mean.iter_mut().enumerate() {
        s.store(s.div(sum_over_tokens(s, hidden, index), count), block);
    }
    let squares = strided!(s, mean.iter(), |sum, block| {
        let x = s.load(block);
        s.fma(x, x, sum)
    });
    let length = s.splat(squares.sqrt());
    let mut unit = [0.0; DIMENSIONS];
    for (numbers, block) in unit.chunks_exact_mut(LANES).zip(&mut mean) {
        let divided = s.div(s.load(block), length);
        s.store(divided, block);
        numbers.copy_from_slice(&block.0);
    }
    unit
}

/// Block `index` of every row: tokens i, i + 16, ... are added up, then halves of the sixteen sums.
#[inline(always)]
fn sum_over_tokens<S: Simd>(s: S, hidden: &[HiddenRow], index: usize) -> S::V {
    let mut sums = [s.splat(0.0); LANES];
    for sixteen in hidden.chunks(LANES) {
        for (sum, row) in sums.iter_mut().zip(sixteen) {
            *sum = s.add(*sum, s.load(&row.as_flattened()[index]));
        }
    }
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] = s.add(sums[lane], sums[lane + half]);
        }
    }
    sums[0]
}
