//! What a kernel is made of, and the kernels of all processors.

#![allow(unsafe_code, reason = "functions with the instructions of one processor")]

use crate::embedder::matrix::{Projected, Row, View, ZERO_ROW};
use crate::embedder::model::{HIDDEN_PANELS, HiddenRow, Norm};
use crate::limits::DIMENSIONS;

/// (a, panel of b, panel after it, bias, out).
type Product = unsafe fn(View<'_>, &[Row], &[Row], &Row, &mut [Row]);

/// Functions that a processor can run, or not.
pub struct Table {
    pub name: &'static str,
    pub product: Product,
    pub product_of_hidden: Product,
    pub activate: unsafe fn(&mut [Row]),
    pub add_and_norm: unsafe fn(&mut [HiddenRow], View<'_>, &Norm),
    pub attend: unsafe fn(Projected<'_>, &mut [Row]),
    pub pool: unsafe fn(&[HiddenRow]) -> [f32; DIMENSIONS],
}

/// The table of one processor: generic code, compiled for its features.
///
/// `rows` x `blocks` x 16 outputs is the tile whose sums its registers hold.
macro_rules! table {
    ($module:ident: $processor:expr, $rows:literal x $blocks:literal $(, features = $features:literal)?) => {
        pub mod $module {
            use super::{DIMENSIONS, HIDDEN_PANELS, HiddenRow, Norm, Projected, Row, Table, View, ZERO_ROW};
            use crate::embedder::kernels::{operations, product as generic};

            pub const TABLE: Table = Table {
                name: stringify!($module),
                product,
                product_of_hidden,
                activate,
                add_and_norm,
                attend,
                pool,
            };

            // SAFETY of every function here: a `Kernel` is made only where its features are.
            $(#[target_feature(enable = $features)])?
            unsafe fn product(a: View<'_>, b: &[Row], next: &[Row], bias: &Row, out: &mut [Row]) {
                generic::product::<_, $rows, $blocks, 1>($processor, a, b, next, bias, out);
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn product_of_hidden(a: View<'_>, b: &[Row], next: &[Row], bias: &Row, out: &mut [Row]) {
                generic::product::<_, $rows, $blocks, HIDDEN_PANELS>($processor, a, b, next, bias, out);
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn activate(rows: &mut [Row]) {
                operations::activate($processor, rows);
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn add_and_norm(hidden: &mut [HiddenRow], delta: View<'_>, norm: &Norm) {
                operations::add_and_norm($processor, hidden, delta, norm);
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn attend(head: Projected<'_>, out: &mut [Row]) {
                let product = |a: View<'_>, b: &[Row], out: &mut [Row]| unsafe {
                    product(a, b, &[], &ZERO_ROW, out);
                };
                operations::attend($processor, product, head, out);
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn pool(hidden: &[HiddenRow]) -> [f32; DIMENSIONS] {
                operations::pool($processor, hidden)
            }
        }
    };
}

#[cfg(avx512_intrinsics)]
table!(avx512: unsafe { crate::embedder::kernels::avx512::Avx512::assume() }, 14 x 2, features = "avx512f");
#[cfg(target_arch = "x86_64")]
table!(avx2: unsafe { crate::embedder::kernels::avx2::Avx2::assume() }, 6 x 1, features = "avx2,fma");
#[cfg(target_arch = "aarch64")]
table!(neon: crate::embedder::kernels::neon::Neon, 6 x 1);
table!(portable: crate::embedder::kernels::portable::Portable, 4 x 1);
