//! What the compiler at hand offers.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(avx512_intrinsics)");
    // Stable since Rust 1.89; with an older compiler AVX2 serves, with the same bits.
    let x86_64 = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "x86_64");
    if x86_64 && rustversion::cfg!(since(1.89)) {
        println!("cargo::rustc-cfg=avx512_intrinsics");
    }
}
