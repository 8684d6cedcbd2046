//! Rows about several recoveries at once, in one process.

use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use vexfs_replay::recovery::{RecoveryManager, RecoveryOptions};
use vexfs_replay::replay::{ReplayOptions, Shared};

use super::{About, share_of_time};
use crate::Measured;
use crate::measuring::{Better, Rooflines, places};
use crate::report::Row;
use crate::workloads::{Workload, Workloads};

/// How many there are.
const AT_ONCE: usize = 10;
/// What they may take together, in bytes.
const MEMORY_LIMIT: u64 = 256 << 20;

/// Measures so many rounds.
pub(super) fn measure(
    workloads: &Workloads,
    rounds: usize,
    limits: &Rooflines,
    rows: &mut Vec<Row>,
) -> Measured<()> {
    let workload = workloads.torn(&workloads.named("100k")?)?;
    let alone = recover(&workload, 1)?;
    let (mut slowest, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let ended = recover(&workload, AT_ONCE)?;
        if ended.iter().any(|it| it.state_digest != alone[0].state_digest) {
            return Err("recoveries at once came to other states than one alone".into());
        }
        let last = ended.iter().map(|it| it.seconds).fold(0.0, f64::max);
        slowest.push(last);
        rates.push(ended.iter().map(|it| it.events as f64).sum::<f64>() / last);
    }
    let about = About {
        measure: "ten recoveries at once, under 256 MiB, the last one ends",
        workload: &workload.name,
        unit: "s",
        better: Better::Less,
        target: None,
        claimed: None,
    };
    let events = workload.events as f64 * AT_ONCE as f64;
    let of_roofline = share_of_time(limits, events, &slowest);
    rows.push(Row { of_roofline, ..about.of(&slowest) });
    let (measure, unit) = ("ten recoveries at once, together", "events/s");
    rows.push(About { measure, unit, better: Better::More, ..about }.of(&rates));
    Ok(())
}

/// Makes a journal of the same segments. Each recovery holds the lock of its own.
fn link(journal: &Path, copy: &Path) -> std::io::Result<()> {
    std::fs::create_dir(copy)?;
    for file in std::fs::read_dir(journal)? {
        let file = file?;
        if file.path().extension().is_some_and(|extension| extension == "vexj") {
            std::fs::hard_link(file.path(), copy.join(file.file_name()))?;
        }
    }
    Ok(())
}

/// What one of them came to.
struct Ended {
    events: u64,
    state_digest: [u8; 32],
    /// From when all of them began.
    seconds: f64,
}

/// Recovers a journal so many times at once.
fn recover(workload: &Workload, count: usize) -> Measured<Vec<Ended>> {
    let cores = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let shared = Arc::new(Shared::new(cores, Some(MEMORY_LIMIT))?);
    let folder = tempfile::tempdir_in(workload.path.parent().unwrap_or(Path::new(".")))?;
    for number in 0..count {
        link(&workload.path, &folder.path().join(number.to_string()))?;
    }
    let started = Instant::now();
    let one = |number: usize| -> Result<Ended, String> {
        let journal = folder.path().join(number.to_string());
        let places =
            places(&journal, &journal.join("recovery")).map_err(|error| error.to_string())?;
        let replay =
            ReplayOptions { shared: Some(Arc::clone(&shared)), ..ReplayOptions::default() };
        let options = RecoveryOptions { replay, ..RecoveryOptions::default() };
        let mut manager = RecoveryManager::new(places, options);
        let recovered = manager.recover(&mut |_| {}).map_err(|error| error.to_string())?;
        let record = &recovered.recovery().record;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Ended { events: record.events, state_digest: record.state_digest, seconds })
    };
    #[expect(clippy::disallowed_methods, reason = "each recovery has a caller of its own")]
    std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || one(number))).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(ended) => Ok(ended?),
            Err(_) => Err("a recovery panicked".into()),
        });
        ended.collect()
    })
}
