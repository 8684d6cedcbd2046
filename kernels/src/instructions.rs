//! Which instruction sets the processor has, less those that the environment masks off.

use std::sync::OnceLock;

/// The environment variable that names instruction sets to do without, separated by commas, as the
/// compiler or `/proc/cpuinfo` names them (`sha,avx512f`). It is read once.
pub const MASK_VARIABLE: &str = "VEXFS_CPU_MASK";

/// Whether all of these may be used.
pub(crate) fn has_all(names: &[&str]) -> bool {
    names.iter().all(|name| !is_masked(name) && is_there(name))
}

fn is_masked(name: &str) -> bool {
    static MASK: OnceLock<String> = OnceLock::new();
    let mask = MASK.get_or_init(|| std::env::var(MASK_VARIABLE).unwrap_or_default());
    mask.split(',').any(|masked| {
        let masked = masked.trim().to_lowercase();
        masked == name || other_name(name) == Some(&masked)
    })
}

/// As `/proc/cpuinfo` names it, where that differs.
fn other_name(name: &str) -> Option<&'static str> {
    match name {
        "sha" => Some("sha_ni"),
        "sse4.1" => Some("sse4_1"),
        "neon" => Some("asimd"),
        _ => None,
    }
}

#[cfg(target_arch = "x86_64")]
fn is_there(name: &str) -> bool {
    match name {
        "sha" => is_x86_feature_detected!("sha"),
        "ssse3" => is_x86_feature_detected!("ssse3"),
        "sse4.1" => is_x86_feature_detected!("sse4.1"),
        "avx" => is_x86_feature_detected!("avx"),
        "avx2" => is_x86_feature_detected!("avx2"),
        "avx512f" => is_x86_feature_detected!("avx512f"),
        "avx512bw" => is_x86_feature_detected!("avx512bw"),
        _ => false,
    }
}

#[cfg(target_arch = "aarch64")]
fn is_there(name: &str) -> bool {
    match name {
        "neon" => std::arch::is_aarch64_feature_detected!("neon"),
        "sha2" => std::arch::is_aarch64_feature_detected!("sha2"),
        _ => false,
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn is_there(_name: &str) -> bool {
    false
}
