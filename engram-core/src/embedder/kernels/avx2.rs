//! x86-64 with AVX2 and FMA: two registers hold sixteen lanes.

#![allow(unsafe_code, reason = "intrinsics of AVX2")]
#![allow(
    clippy::inline_always,
    reason = "only inside a function with the feature it is one instruction"
)]

use std::arch::x86_64::{
    __m256, _CMP_LT_OQ, _MM_HINT_T1, _mm_prefetch, _mm256_add_epi32, _mm256_add_ps,
    _mm256_andnot_ps, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps, _mm256_cmp_ps,
    _mm256_div_ps, _mm256_fmadd_ps, _mm256_load_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_setzero_ps, _mm256_slli_epi32, _mm256_store_ps, _mm256_sub_ps,
};

use super::simd::{Block, Simd};

/// Lanes 0 to 7 and 8 to 15.
type Pair = [__m256; 2];

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// # Safety
    /// The processor has AVX2 and FMA.
    #[inline(always)]
    pub unsafe fn assume() -> Self {
        Self(())
    }
}

// SAFETY of every block here: an `Avx2` exists only where the processor has AVX2 and FMA, and a
// `Block` is 64 readable bytes at an address divisible by 64, of which `HALF` floats are half.
impl Simd for Avx2 {
    type V = Pair;

    #[inline(always)]
    fn prefetch(self, block: &Block) {
        unsafe { _mm_prefetch::<_MM_HINT_T1>(block.0.as_ptr().cast()) }
    }

    #[inline(always)]
    fn load(self, block: &Block) -> Pair {
        let (low, high) = block.0.split_at(8);
        unsafe { [_mm256_load_ps(low.as_ptr()), _mm256_load_ps(high.as_ptr())] }
    }

    #[inline(always)]
    fn store(self, lanes: Pair, block: &mut Block) {
        let (low, high) = block.0.split_at_mut(8);
        unsafe {
            _mm256_store_ps(low.as_mut_ptr(), lanes[0]);
            _mm256_store_ps(high.as_mut_ptr(), lanes[1]);
        }
    }

    #[inline(always)]
    fn splat(self, number: f32) -> Pair {
        unsafe { [_mm256_set1_ps(number); 2] }
    }

    #[inline(always)]
    fn add(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn sub(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn mul(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn div(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn fma(self, a: Pair, b: Pair, c: Pair) -> Pair {
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    fn max(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn min(self, a: Pair, b: Pair) -> Pair {
        unsafe { [_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])] }
    }

    #[inline(always)]
    fn abs(self, a: Pair) -> Pair {
        unsafe {
            let sign = _mm256_set1_ps(-0.0);
            [_mm256_andnot_ps(sign, a[0]), _mm256_andnot_ps(sign, a[1])]
        }
    }

    #[inline(always)]
    fn where_negative(self, x: Pair, a: Pair, b: Pair) -> Pair {
        unsafe {
            let zero = _mm256_setzero_ps();
            let low = _mm256_cmp_ps::<_CMP_LT_OQ>(x[0], zero);
            let high = _mm256_cmp_ps::<_CMP_LT_OQ>(x[1], zero);
            [_mm256_blendv_ps(b[0], a[0], low), _mm256_blendv_ps(b[1], a[1], high)]
        }
    }

    #[inline(always)]
    fn scale(self, a: Pair, shifted: Pair) -> Pair {
        unsafe {
            let low = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted[0]));
            let high = _mm256_slli_epi32::<23>(_mm256_castps_si256(shifted[1]));
            let low = _mm256_add_epi32(_mm256_castps_si256(a[0]), low);
            let high = _mm256_add_epi32(_mm256_castps_si256(a[1]), high);
            [_mm256_castsi256_ps(low), _mm256_castsi256_ps(high)]
        }
    }
}
