//! `--backend`: what computes SHA-256, and what is told of it afterwards.

use std::str::FromStr;

use serde_json::{Value, json};
use vexfs_replay::offload::{Offload, OffloadReport};
use vexfs_replay::replay::ReplayOptions;
use vexfs_replay::{Backend, Kernel};

/// What computes SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BackendArgument {
    /// Whatever is the quickest; a GPU where whole journals are only looked at and it is measured to pay.
    Auto,
    /// The quickest that this processor has.
    Cpu,
    /// The one of this name.
    Named(Kernel),
    /// A GPU: a real one, or one with this in its name.
    #[cfg(feature = "gpu")]
    Gpu(Option<String>),
}

impl FromStr for BackendArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, adapter) = match text.split_once(':') {
            Some((name, adapter)) => (name, Some(adapter.to_owned())),
            None => (text, None),
        };
        match (name, adapter) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("gpu", adapter) => gpu(adapter),
            (_, None) => {
                let backend: Backend = name.parse().map_err(|_| unknown(text))?;
                let kernel = backend.kernel().map_err(|missing| missing.to_string())?;
                Ok(Self::Named(kernel))
            }
            _ => Err(unknown(text)),
        }
    }
}

#[cfg(feature = "gpu")]
fn gpu(adapter: Option<String>) -> Result<BackendArgument, String> {
    Ok(BackendArgument::Gpu(adapter))
}

#[cfg(not(feature = "gpu"))]
fn gpu(_adapter: Option<String>) -> Result<BackendArgument, String> {
    Err("this program was built without the feature gpu".to_owned())
}

fn unknown(name: &str) -> String {
    let names = Backend::ALL.map(Backend::name).join(", ");
    format!("there is no backend {name}; there are auto, cpu, gpu, gpu:PART-OF-ITS-NAME, {names}")
}

impl BackendArgument {
    /// What hashes on the workers.
    pub(crate) fn kernel(&self) -> Kernel {
        match self {
            Self::Named(kernel) => *kernel,
            _ => Kernel::quickest(),
        }
    }

    /// What hashes beside them.
    #[cfg(feature = "gpu")]
    pub(crate) fn offload(&self) -> Option<Offload> {
        use vexfs_replay::offload::{Adapters, OffloadPolicy, gpu};
        let Self::Gpu(adapter) = self else { return None };
        let adapters = adapter.clone().map_or(Adapters::Hardware, Adapters::Named);
        Some(gpu::offload(OffloadPolicy::Always, adapters))
    }

    /// What may hash beside them where journals are only looked at.
    #[cfg(feature = "gpu")]
    pub(crate) fn offload_of_looking(&self) -> Option<Offload> {
        use vexfs_replay::offload::{Adapters, OffloadPolicy, gpu};
        match self {
            Self::Auto => Some(gpu::offload(OffloadPolicy::Measured, Adapters::Hardware)),
            _ => self.offload(),
        }
    }

    #[cfg(not(feature = "gpu"))]
    pub(crate) fn offload(&self) -> Option<Offload> {
        None
    }

    #[cfg(not(feature = "gpu"))]
    pub(crate) fn offload_of_looking(&self) -> Option<Offload> {
        None
    }
}

/// What hashed, for machines.
pub(crate) fn add_hashing(options: &ReplayOptions, json: &mut Value) {
    json["backend"] = json!(options.kernel.backend().name());
    json["offload"] = json!(options.offload.as_ref().map(Offload::report));
}

/// What an accelerator did, where one was to do something.
pub(crate) fn offload_rows(options: &ReplayOptions) -> Vec<(&'static str, String)> {
    let report = options.offload.as_ref().map(Offload::report);
    report.map(|it| ("hashing", in_words(&it, options.kernel))).into_iter().collect()
}

fn in_words(report: &OffloadReport, kernel: Kernel) -> String {
    let OffloadReport { accelerator, offloaded, workers, ended, .. } = report;
    let blocks = |count: u64| format!("{count} block{}", if count == 1 { "" } else { "s" });
    let by_workers = format!("{} by the workers ({})", blocks(workers.blocks), kernel.backend());
    let by_accelerator =
        accelerator.as_ref().map(|name| format!("{} by {name}", blocks(offloaded.blocks)));
    let done = by_accelerator.map_or(by_workers.clone(), |done| format!("{done}, {by_workers}"));
    match (accelerator, ended) {
        (_, None) => done,
        (Some(_), Some(why)) => format!("{done}; it was given up: {why}"),
        (None, Some(why)) => format!("{done}; no GPU: {why}"),
    }
}
