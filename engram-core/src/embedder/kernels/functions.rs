//! exp, the Gaussian error function's complement and GELU, as fixed polynomials.
//!
//! docs/embedding.md, "The arithmetic", defines every step; the bits depend on their order.

#![allow(clippy::inline_always, reason = "they become part of a kernel, with its instructions")]

use super::simd::Simd;

/// 1.5 x 2^23: added to a small number, it leaves the nearest whole number in the low bits.
const SHIFT: f32 = 12_582_912.0;
/// Smallest argument of `exp` that is told from larger ones; e^-64 is below any share that counts.
const LEAST: f32 = -64.0;
const LOG2_E: f32 = f32::from_bits(0x3FB8_AA3B);
const LN_2: f32 = f32::from_bits(0x3F31_7218);
/// ln 2 - `LN_2`; negative.
const LN_2_REST: f32 = f32::from_bits(0xB102_E308);
/// e^r = 1 + r + r^2 (c0 + c1 r + ...) within 4e-9 for |r| <= ln 2 / 2, highest power first.
const EXP: [f32; 5] = [
    f32::from_bits(0x3AB5_121A),
    f32::from_bits(0x3C09_1CF1),
    f32::from_bits(0x3D2A_AC79),
    f32::from_bits(0x3E2A_AA49),
    f32::from_bits(0x3EFF_FFFE),
];

/// Beyond this erfc is below 2e-12, and beside 1 nothing.
const ERFC_MOST: f32 = 5.0;
/// erfc(a) = e^(a Q(a)); the error of GELU is below 3e-9. Highest power first.
const ERFC: [f32; 9] = [
    f32::from_bits(0x36DD_B013),
    f32::from_bits(0xB8C0_09CF),
    f32::from_bits(0x3A0A_9EC2),
    f32::from_bits(0xBABD_FC47),
    f32::from_bits(0xB8CA_6B9E),
    f32::from_bits(0x3C9E_4F81),
    f32::from_bits(0xBDD2_9D99),
    f32::from_bits(0xBF22_F8CE),
    f32::from_bits(0xBF90_6EBF),
];
const ROOT_HALF: f32 = f32::from_bits(0x3F35_04F3);

/// Horner's rule: one fused multiply-add for each coefficient after the first.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, coefficients: &[f32; N], x: S::V) -> S::V {
    let mut sum = s.splat(coefficients[0]);
    for &coefficient in &coefficients[1..] {
        sum = s.fma(sum, x, s.splat(coefficient));
    }
    sum
}

/// e^x for x <= 0; what is below -64 counts as -64.
#[inline(always)]
pub fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    let x = s.max(x, s.splat(LEAST));
    let shifted = s.fma(x, s.splat(LOG2_E), s.splat(SHIFT));
    let n = s.sub(shifted, s.splat(SHIFT));
    let r = s.fma(n, s.splat(-LN_2), x);
    let r = s.fma(n, s.splat(-LN_2_REST), r);
    let sum = polynomial(s, &EXP, r);
    let sum = s.fma(sum, r, s.splat(1.0));
    let sum = s.fma(sum, r, s.splat(1.0));
    s.scale(sum, shifted)
}

/// GELU(x) = x/2 (1 + erf(x / sqrt 2)); 1 + erf(z) is erfc(|z|) for negative z, else 2 - erfc(|z|).
#[inline(always)]
pub fn gelu<S: Simd>(s: S, x: S::V) -> S::V {
    let a = s.min(s.abs(s.mul(x, s.splat(ROOT_HALF))), s.splat(ERFC_MOST));
    let erfc = exp(s, s.mul(a, polynomial(s, &ERFC, a)));
    let half = s.mul(x, s.splat(0.5));
    s.mul(half, s.where_negative(x, erfc, s.sub(s.splat(2.0), erfc)))
}
