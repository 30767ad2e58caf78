//! What a kernel needs of a processor: the permitted operations on sixteen float32 at once.
//!
//! Sixteen is a number of the arithmetic, not of a register: sums run over sixteen lanes on every
//! machine, whether one register holds them, two, four or none.

#![allow(clippy::inline_always, reason = "they become part of a kernel, with its instructions")]

/// Floats that are handled together.
pub const LANES: usize = 16;

/// Sixteen neighbours, where a register of any width can load them at once.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Block(pub [f32; LANES]);

impl Block {
    /// Sixteen times +0.
    pub const ZERO: Self = Self([0.0; LANES]);
}

/// Operations on sixteen lanes. Each is IEEE 754 binary32, rounded to nearest, ties to even.
///
/// A value of the type proves that this processor has what its operations need.
pub trait Simd: Copy {
    /// Sixteen float32.
    type V: Copy;

    /// Ask for a block that will be needed soon.
    fn prefetch(self, block: &Block);
    fn load(self, block: &Block) -> Self::V;
    fn store(self, lanes: Self::V, block: &mut Block);
    fn splat(self, number: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// a x b + c, rounded once.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn abs(self, a: Self::V) -> Self::V;
    /// `a` where `x` < 0, else `b`.
    fn where_negative(self, x: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// `a` x 2^n, for the whole number n in the low bits of `shifted` = n + 1.5 x 2^23.
    ///
    /// Exact while the result is a normal number: n is added to the exponent.
    fn scale(self, a: Self::V, shifted: Self::V) -> Self::V;
}

/// Sixteen lanes into one number: halves are combined until one is left.
#[inline(always)]
pub fn fold<S: Simd>(s: S, value: S::V, combine: impl Fn(f32, f32) -> f32) -> f32 {
    let mut block = Block::ZERO;
    s.store(value, &mut block);
    let lanes = &mut block.0;
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = combine(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}
