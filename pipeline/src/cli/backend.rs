//! `--backend`: what computes SHA-256.

use vexfs_replay::{Backend, Kernel};

/// The quickest for this processor, or the one of this name.
pub(crate) fn parse_backend(name: &str) -> Result<Kernel, String> {
    match name {
        "auto" | "cpu" => Ok(Kernel::quickest()),
        name => {
            let backend: Backend = name.parse().map_err(|_| unknown(name))?;
            backend.kernel().map_err(|missing| missing.to_string())
        }
    }
}

fn unknown(name: &str) -> String {
    let names = Backend::ALL.map(Backend::name).join(", ");
    format!("there is no backend {name}; there are auto, cpu, {names}")
}
