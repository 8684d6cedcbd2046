//! The verbs of every peer's program. Each prints one line of JSON on stdout; what goes wrong is said on stderr,
//! and the process ends with 1.

use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};

use crate::measure::{folder_bytes, memory_peak_bytes};
use crate::{Content, Error, Loaded, Payloads, Peer, Result, Variant};

const USAGE: &str = "describe | load VARIANT PAYLOADS FOLDER | recover VARIANT PAYLOADS FOLDER";

/// The program of a peer.
pub fn main(peer: &dyn Peer) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["describe"] => describe(peer),
        ["load", variant, payloads, folder] => {
            load(peer, variant, Path::new(payloads), Path::new(folder))
        }
        ["recover", variant, payloads, folder] => {
            recover(peer, variant, Path::new(payloads), Path::new(folder))
        }
        _ => Err(Error::from(format!("usage: {} {USAGE}", peer.name()))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", peer.name());
            ExitCode::FAILURE
        }
    }
}

fn describe(peer: &dyn Peer) -> Result<()> {
    let (unavailable, beside) = match peer.available() {
        Ok(beside) => (None, beside),
        Err(reason) => (Some(reason.to_string()), String::new()),
    };
    let version = format!("{} {beside}", locked_version(peer.package()));
    print(&json!({
        "name": peer.name(),
        "version": version.trim(),
        "unavailable": unavailable,
        "variants": peer.variants(),
    }))
}

/// Loads, says so, and waits for SIGKILL: whatever the engine would do on its way out, it doesn't.
fn load(peer: &dyn Peer, variant: &str, payloads: &Path, folder: &Path) -> Result<()> {
    let variant = find(peer, variant)?;
    let payloads = Payloads::open(payloads)?;
    std::fs::create_dir_all(folder)?;
    let started = Instant::now();
    let Loaded { kept, own_seconds, log } = peer.load(variant, &payloads, folder)?;
    let seconds = own_seconds.unwrap_or(started.elapsed().as_secs_f64());
    let bytes = folder_bytes(log.as_deref().unwrap_or(folder))?;
    print(&json!({ "seconds": seconds, "records": payloads.count(), "log_bytes": bytes }))?;
    loop {
        std::thread::park();
        black_box(&kept);
    }
}

fn recover(peer: &dyn Peer, variant: &str, payloads: &Path, folder: &Path) -> Result<()> {
    let variant = find(peer, variant)?;
    let started = Instant::now();
    let recovered = peer.recover(variant, folder)?;
    let seconds = recovered.own_seconds.unwrap_or(started.elapsed().as_secs_f64());
    let memory = recovered.own_memory_peak_bytes.or_else(|| memory_peak_bytes("self"));
    let mut found = Content::default();
    (recovered.visit)(&mut |key, value| found.add(key, value))?;
    let expected = Content::expected(&Payloads::open(payloads)?);
    if found != expected {
        return Err(Error::from(format!(
            "recovered {} keys with digest {} where the payloads have {} with {}",
            found.keys,
            found.digest(),
            expected.keys,
            expected.digest()
        )));
    }
    print(&json!({
        "seconds": seconds,
        "memory_peak_bytes": memory,
        "keys": found.keys,
        "digest": found.digest(),
    }))
}

fn find<'p>(peer: &'p dyn Peer, name: &str) -> Result<&'p Variant> {
    let found = peer.variants().iter().find(|variant| variant.name == name);
    found.ok_or_else(|| Error::from(format!("there is no variant {name:?}")))
}

fn print(line: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// The version that the lock file gives for a package.
fn locked_version(package: &str) -> &'static str {
    let lock = include_str!("../../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    lock.split_once(&entry).and_then(|(_, rest)| rest.split('"').next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert!(super::locked_version("redb").starts_with("4."));
        assert_eq!(super::locked_version("no such package"), "");
    }
}
