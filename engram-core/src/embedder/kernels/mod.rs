//! The forward pass's arithmetic in each processor's own instructions, all with the same bits.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(avx512_intrinsics)]
mod avx512;
mod functions;
#[cfg(target_arch = "aarch64")]
mod neon;
mod operations;
mod portable;
mod product;
pub mod simd;
mod table;

use self::table::Table;
use super::matrix::{Projected, Row, View};
use super::model::{HiddenRow, Norm, Panel};
use crate::limits::DIMENSIONS;

/// The operations of a forward pass, in instructions that this processor has.
#[derive(Clone, Copy)]
pub struct Kernel(&'static Table);

/// The kernels that this processor can run, fastest first.
#[must_use]
pub fn usable() -> Vec<Kernel> {
    let mut kernels = Vec::new();
    #[cfg(avx512_intrinsics)]
    if is_x86_feature_detected!("avx512f") {
        kernels.push(Kernel(&table::avx512::TABLE));
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        kernels.push(Kernel(&table::avx2::TABLE));
    }
    #[cfg(target_arch = "aarch64")]
    kernels.push(Kernel(&table::neon::TABLE));
    kernels.push(Kernel(&table::portable::TABLE));
    kernels
}

// SAFETY of every block here: `usable` alone makes kernels, and only for features that are there.
#[allow(unsafe_code)]
impl Kernel {
    /// `avx512`, `avx2`, `neon` or `portable`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// out = a x weights + bias, for one panel; `a` has one row for each of `out`'s.
    ///
    /// `next`: the panel that will be needed after this one, to be fetched meanwhile.
    pub(super) fn product(self, a: View<'_>, panel: &Panel, next: Next<'_>, out: &mut [Row]) {
        unsafe { (self.0.product)(a, &panel.weights, weights(next), &panel.bias, out) }
    }

    /// The same, for an `a` that lies row after row.
    pub(super) fn product_of_hidden(
        self,
        a: &[HiddenRow],
        panel: &Panel,
        next: Next<'_>,
        out: &mut [Row],
    ) {
        let a = View { data: a.as_flattened(), panel_stride: 1 };
        unsafe { (self.0.product_of_hidden)(a, &panel.weights, weights(next), &panel.bias, out) }
    }

    /// GELU of every number.
    pub(super) fn activate(self, rows: &mut [Row]) {
        unsafe { (self.0.activate)(rows) }
    }

    /// hidden = layer norm of (delta + hidden), row by row.
    pub(super) fn add_and_norm(self, hidden: &mut [HiddenRow], delta: View<'_>, norm: &Norm) {
        unsafe { (self.0.add_and_norm)(hidden, delta, norm) }
    }

    /// Attention of one head within one text; a row of `out` for each token.
    pub(super) fn attend(self, head: Projected<'_>, out: &mut [Row]) {
        unsafe { (self.0.attend)(head, out) }
    }

    /// The mean over all tokens, at unit length.
    pub(super) fn pool(self, hidden: &[HiddenRow]) -> [f32; DIMENSIONS] {
        unsafe { (self.0.pool)(hidden) }
    }
}

/// The panel after one.
pub type Next<'a> = Option<&'a Panel>;

fn weights(next: Next<'_>) -> &[Row] {
    next.map_or(&[], |panel| &panel.weights)
}
