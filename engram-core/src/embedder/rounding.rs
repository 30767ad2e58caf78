//! The rounding that the arithmetic is defined in, whatever this thread was in before.

#![allow(unsafe_code, reason = "the processor's control register")]

/// While it lives, this thread rounds to nearest, keeps subnormal numbers and traps nothing.
///
/// Other code in the process may have changed that; some libraries switch subnormal numbers off
/// for speed when they are loaded. What was set before comes back at the end.
pub struct DefaultRounding(Register);

#[cfg(target_arch = "x86_64")]
type Register = u32;
#[cfg(target_arch = "aarch64")]
type Register = u64;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Register = ();

#[cfg(target_arch = "x86_64")]
const DEFAULT: Register = 0x1F80; // all exceptions masked, to nearest, no FTZ, no DAZ
#[cfg(target_arch = "aarch64")]
const DEFAULT: Register = 0;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const DEFAULT: Register = (); // Rust promises the default there; nothing is known to break it

impl DefaultRounding {
    /// Set it for this thread.
    pub fn set() -> Self {
        let before = read();
        write(DEFAULT);
        Self(before)
    }
}

impl Drop for DefaultRounding {
    fn drop(&mut self) {
        write(self.0);
    }
}

#[cfg(target_arch = "x86_64")]
fn read() -> Register {
    let mut register = 0;
    // SAFETY: stores four bytes to a place that holds four; SSE is part of x86-64.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut register, options(nostack)) }
    register
}

#[cfg(target_arch = "x86_64")]
fn write(register: Register) {
    // SAFETY: the value is the default or was in the register before, so no reserved bit is set.
    // Memory counts as touched, so no number is loaded or stored on the wrong side.
    unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const register, options(nostack)) }
}

#[cfg(target_arch = "aarch64")]
fn read() -> Register {
    let register;
    // SAFETY: reading FPCR changes nothing.
    unsafe { std::arch::asm!("mrs {}, fpcr", out(reg) register, options(nostack)) }
    register
}

#[cfg(target_arch = "aarch64")]
fn write(register: Register) {
    // SAFETY: the value is the default or was in the register before.
    unsafe { std::arch::asm!("msr fpcr, {}", in(reg) register, options(nostack)) }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn read() -> Register {}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn write((): Register) {}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use std::hint::black_box;

    const FLUSH: Register = 0x8040;

    #[test]
    fn subnormal_numbers_live_under_it_and_the_old_setting_comes_back() {
        let tiny = || black_box(f32::MIN_POSITIVE) * black_box(0.5);
        write(DEFAULT | FLUSH);
        let flushed = tiny();
        let guard = DefaultRounding::set();
        let kept = tiny();
        drop(guard);
        let after = read() & FLUSH;
        write(DEFAULT);
        assert_eq!((flushed, after), (0.0, FLUSH));
        assert!(kept > 0.0);
    }
}
