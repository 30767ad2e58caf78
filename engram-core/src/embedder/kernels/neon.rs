//! aarch64: four registers hold sixteen lanes. NEON and its fused multiply-add are always there.

#![allow(unsafe_code, reason = "intrinsics of NEON")]
#![allow(clippy::inline_always, reason = "so that a loop becomes plain instructions")]

use std::arch::aarch64::{
    float32x4_t, vabsq_f32, vaddq_f32, vaddq_u32, vbslq_f32, vcltzq_f32, vdivq_f32, vdupq_n_f32,
    vfmaq_f32, vld1q_f32, vmaxq_f32, vminq_f32, vmulq_f32, vreinterpretq_f32_u32,
    vreinterpretq_u32_f32, vshlq_n_u32, vst1q_f32, vsubq_f32,
};
use std::arch::asm;
use std::array::from_fn;

use super::simd::{Block, Simd};

/// Lanes 0 to 3, 4 to 7, 8 to 11 and 12 to 15.
type Four = [float32x4_t; 4];

/// Every aarch64 processor has NEON.
#[derive(Clone, Copy)]
pub struct Neon;

// SAFETY of every block here: NEON is part of aarch64, and the slices hold four floats each.
impl Simd for Neon {
    type V = Four;

    #[inline(always)]
    fn prefetch(self, block: &Block) {
        unsafe {
            let address = block.0.as_ptr();
            asm!("prfm pldl2keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags));
        }
    }

    #[inline(always)]
    fn load(self, block: &Block) -> Four {
        from_fn(|i| unsafe { vld1q_f32(block.0[4 * i..4 * i + 4].as_ptr()) })
    }

    #[inline(always)]
    fn store(self, lanes: Four, block: &mut Block) {
        for (four, lanes) in block.0.chunks_exact_mut(4).zip(lanes) {
            unsafe { vst1q_f32(four.as_mut_ptr(), lanes) }
        }
    }

    #[inline(always)]
    fn splat(self, number: f32) -> Four {
        unsafe { [vdupq_n_f32(number); 4] }
    }

    #[inline(always)]
    fn add(self, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vaddq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn sub(self, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vsubq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn mul(self, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vmulq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn div(self, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vdivq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn fma(self, a: Four, b: Four, c: Four) -> Four {
        from_fn(|i| unsafe { vfmaq_f32(c[i], a[i], b[i]) })
    }

    #[inline(always)]
    fn max(self, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vmaxq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn min(self, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vminq_f32(a[i], b[i]) })
    }

    #[inline(always)]
    fn abs(self, a: Four) -> Four {
        from_fn(|i| unsafe { vabsq_f32(a[i]) })
    }

    #[inline(always)]
    fn where_negative(self, x: Four, a: Four, b: Four) -> Four {
        from_fn(|i| unsafe { vbslq_f32(vcltzq_f32(x[i]), a[i], b[i]) })
    }

    #[inline(always)]
    fn scale(self, a: Four, shifted: Four) -> Four {
        from_fn(|i| unsafe {
            let exponent = vshlq_n_u32::<23>(vreinterpretq_u32_f32(shifted[i]));
            vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(a[i]), exponent))
        })
    }
}
