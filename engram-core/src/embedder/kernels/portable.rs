//! Plain Rust for any machine: the same bits, many times slower.

use super::simd::{Block, LANES, Simd};

/// Nothing is needed.
#[derive(Clone, Copy)]
pub struct Portable;

/// a x b + c of finite numbers, rounded once, without a fused instruction.
///
/// The product is exact in binary64. The sum is rounded to odd there, which a second rounding, to
/// binary32, cannot tell from the exact sum (Boldo and Melquiond, "Emulation of a FMA and correctly
/// rounded sums", 2008; binary64 has more than twice the bits and two).
fn fused(a: f32, b: f32, c: f32) -> f32 {
    let (product, addend) = (f64::from(a) * f64::from(b), f64::from(c));
    let sum = product + addend;
    let share = sum - product;
    let error = (product - (sum - share)) + (addend - share);
    // Without branches, so that the compiler handles several at once. An even sum with an error
    // moves one step towards the exact one: away from zero if both have one sign, else nearer.
    let bits = sum.to_bits();
    let moves = u64::from(error != 0.0) & !bits;
    let apart = (error.to_bits() ^ bits) >> 63;
    let odd = bits.wrapping_add((moves & 1).wrapping_mul(1_u64.wrapping_sub(2 * apart)));
    #[expect(clippy::cast_possible_truncation, reason = "the second rounding")]
    return f64::from_bits(odd) as f32;
}

fn each(lane: impl Fn(usize) -> f32) -> [f32; LANES] {
    std::array::from_fn(lane)
}

impl Simd for Portable {
    type V = [f32; LANES];

    fn prefetch(self, _block: &Block) {}

    fn load(self, block: &Block) -> Self::V {
        block.0
    }

    fn store(self, lanes: Self::V, block: &mut Block) {
        block.0 = lanes;
    }

    fn splat(self, number: f32) -> Self::V {
        [number; LANES]
    }

    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| a[i] + b[i])
    }

    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| a[i] - b[i])
    }

    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| a[i] * b[i])
    }

    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| a[i] / b[i])
    }

    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        each(|i| fused(a[i], b[i], c[i]))
    }

    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        each(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    fn abs(self, a: Self::V) -> Self::V {
        each(|i| a[i].abs())
    }

    fn where_negative(self, x: Self::V, a: Self::V, b: Self::V) -> Self::V {
        each(|i| if x[i] < 0.0 { a[i] } else { b[i] })
    }

    fn scale(self, a: Self::V, shifted: Self::V) -> Self::V {
        each(|i| f32::from_bits(a[i].to_bits().wrapping_add(shifted[i].to_bits() << 23)))
    }
}

#[cfg(test)]
mod tests {
    use super::fused;

    /// Neighbours of ties, where two roundings differ from one.
    #[test]
    fn a_tie_that_the_first_rounding_would_make_is_not_one() {
        let (a, b) = (1.0 + f32::EPSILON, 1.0 + f32::EPSILON); // 1 + 2^-22 + 2^-46
        for c in [2_f32.powi(-60), -(2_f32.powi(-60)), 2_f32.powi(30), -1.0, 0.0, 2_f32.powi(-24)] {
            assert_eq!(fused(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "c = {c}");
        }
        let tie = fused(1.0, 1.0 + f32::EPSILON, 0.5 * f32::EPSILON);
        assert_eq!(
            tie.to_bits(),
            1.0_f32.mul_add(1.0 + f32::EPSILON, 0.5 * f32::EPSILON).to_bits()
        );
    }

    /// A million numbers of all magnitudes, subnormal ones among them, as libm rounds them.
    #[test]
    fn as_the_fused_instruction() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let bits = u32::try_from(state >> 32).unwrap();
            let exponent = 127 - 70 + (bits >> 8) % 140;
            f32::from_bits((bits & 0x807F_FFFF) | exponent << 23)
        };
        for _ in 0..1_000_000 {
            let (a, b) = (next(), next());
            let nearly_cancelled = (-(a * b)).clamp(f32::MIN, f32::MAX);
            let c = if a.to_bits() % 2 == 0 { next() } else { nearly_cancelled };
            assert_eq!(fused(a, b, c).to_bits(), a.mul_add(b, c).to_bits(), "{a:e} {b:e} {c:e}");
        }
    }
}
