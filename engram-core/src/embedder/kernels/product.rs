//! The matrix product: one accumulator for each output, which k goes through in order.

#![allow(clippy::inline_always, reason = "it becomes part of a kernel, with its instructions")]

use std::ops::Range;

use super::simd::{LANES, Simd};
use crate::embedder::matrix::{Row, View, WIDTH};

/// One panel of a x b + bias. `b`: k rows; `next`: the panel that will be needed after this one;
/// `out`: one row for each of `a`'s.
///
/// A kernel computes tiles of at most `ROWS` rows and `BLOCKS` x 16 columns, as many as its
/// registers hold accumulators. `STRIDE`: from one row of `a` to the next.
#[inline(always)]
pub fn product<S: Simd, const ROWS: usize, const BLOCKS: usize, const STRIDE: usize>(
    s: S,
    a: View<'_>,
    b: &[Row],
    next: &[Row],
    bias: &Row,
    out: &mut [Row],
) {
    let rows = out.len();
    let tiles = rows.div_ceil(ROWS);
    for tile in 0..tiles {
        let (start, end) = (tile * rows / tiles, (tile + 1) * rows / tiles);
        let a = View { data: &a.data[start * STRIDE..], ..a };
        let out = &mut out[start..end];
        let ahead = &next[fetched_by(tile, tiles, next.len())];
        for block in (0..2).step_by(BLOCKS) {
            by_rows::<S, ROWS, BLOCKS, STRIDE>(s, a, b, ahead, bias, block, out);
        }
    }
}

/// The weights are larger than caches, so the first tiles, two at most, fetch the next panel.
fn fetched_by(tile: usize, tiles: usize, rows: usize) -> Range<usize> {
    let fetching = tiles.min(2);
    let until = |tile: usize| rows * tile.min(fetching) / fetching;
    until(tile)..until(tile + 1)
}

macro_rules! by_rows {
    ($($rows:literal)*) => {
        #[inline(always)]
        fn by_rows<S: Simd, const ROWS: usize, const BLOCKS: usize, const STRIDE: usize>(
            s: S,
            a: View<'_>,
            b: &[Row],
            ahead: &[Row],
            bias: &Row,
            block: usize,
            out: &mut [Row],
        ) {
            match out.len() {
                $($rows if $rows <= ROWS => {
                    tile::<S, $rows, BLOCKS, STRIDE>(s, a, b, ahead, bias, block, out);
                })*
                _ => unreachable!("a tile has no more rows than the kernel's accumulators"),
            }
        }
    };
}

by_rows!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);

#[inline(always)]
fn tile<S: Simd, const R: usize, const BLOCKS: usize, const STRIDE: usize>(
    s: S,
    a: View<'_>,
    b: &[Row],
    ahead: &[Row],
    bias: &Row,
    block: usize,
    out: &mut [Row],
) {
    let mut sums = [std::array::from_fn::<S::V, BLOCKS, _>(|i| s.load(&bias[block + i])); R];
    let whole = b.chunks_exact(WIDTH);
    let rest = whole.remainder();
    let panels = whole.len();
    for (panel, b) in whole.enumerate() {
        let a = &a.data[panel * a.panel_stride..][..=(R - 1) * STRIDE];
        let share = ahead.len() * panel / panels..ahead.len() * (panel + 1) / panels;
        for block in ahead[share].as_flattened() {
            s.prefetch(block);
        }
        let b: &[Row; WIDTH] = b.try_into().expect("whole panels"); // so that the loop is unrolled
        for (half, b) in b.chunks_exact(LANES).enumerate() {
            for (lane, b) in b.iter().enumerate() {
                step(s, &mut sums, |row| a[row * STRIDE][half].0[lane], b, block);
            }
        }
    }
    if !rest.is_empty() {
        let a = &a.data[panels * a.panel_stride..][..=(R - 1) * STRIDE];
        for (k, b) in rest.iter().enumerate() {
            step(s, &mut sums, |row| a[row * STRIDE][k / LANES].0[k % LANES], b, block);
        }
    }
    for (row, sums) in out.iter_mut().zip(sums) {
        for (i, sum) in sums.into_iter().enumerate() {
            s.store(sum, &mut row[block + i]);
        }
    }
}

/// One k: every sum of the tile takes its product. `a`: row to its number.
#[inline(always)]
fn step<S: Simd, const R: usize, const BLOCKS: usize>(
    s: S,
    sums: &mut [[S::V; BLOCKS]; R],
    a: impl Fn(usize) -> f32,
    b: &Row,
    block: usize,
) {
    let b: [S::V; BLOCKS] = std::array::from_fn(|i| s.load(&b[block + i]));
    for (row, sums) in sums.iter_mut().enumerate() {
        let x = s.splat(a(row));
        for (sum, b) in sums.iter_mut().zip(b) {
            *sum = s.fma(x, b, *sum);
        }
    }
}
