//! Other engines beside this one: recovery of what each of them left behind when it was killed, and bulk load, on
//! the same records, in one run whose rounds alternate.
//!
//! Says what each of them does in its time; what is compared with what is for the reader to judge.

mod events;
mod own;
mod payloads;
mod program;
mod rows;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use self::own::Own;
use self::program::{Contender, Failed, Peer, check_room, copy_folder};
use self::rows::Row;
use crate::Measured;
use crate::report::Report;
use crate::workloads::Workloads;

pub(crate) use self::own::load as load_own;
pub(crate) use self::payloads::write as write_payloads;

/// The crates in `bench-peers/`, in the order of the table.
const PEERS: [&str; 9] = [
    "rocksdb",
    "raft-engine",
    "fjall",
    "postgres",
    "sqlite",
    "redb",
    "commitlog",
    "okaywal",
    "plain",
];

/// How many rounds there usually are.
pub(crate) const ROUNDS: usize = 5;

/// How much room everybody together may take, in lengths of the payload file: what is set aside is more than what
/// is written, and a disk that is full harms others.
const ROOM_FACTOR: u64 = 40;

/// What is measured, and where.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The journal whose events everybody gets: a data set by name, or a path.
    #[arg(default_value = "1M")]
    journal: String,
    /// Only these peers, by the names of their folders in `bench-peers`.
    #[arg(long, value_delimiter = ',', value_parser = PEERS)]
    only: Vec<String>,
    /// Without these rows of the table, by their titles, where a disk has no room for what they write.
    #[arg(long, value_name = "TITLE")]
    without: Vec<String>,
    /// How often everybody loads; what the last load leaves is what is recovered, every time from a copy.
    #[arg(long, default_value_t = 3)]
    loads: usize,
    /// Where everybody's files are, in a new folder; the system's temporary one where not given.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// A folder with the peers' programs; they are built where none is given.
    #[arg(long)]
    programs: Option<PathBuf>,
}

/// Measures everybody.
pub(crate) fn measure(
    arguments: &Arguments,
    workloads: &Workloads,
    rounds: usize,
    report: &mut Report,
) -> Measured<()> {
    let workload = workloads.named_or_at(&arguments.journal)?;
    let folder = match &arguments.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    // A server that doesn't run as root must get in.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))?;
    let payloads = folder.path().join("payloads");
    let records = write_payloads(&workload.path, &payloads)?;
    check_room(folder.path(), ROOM_FACTOR * std::fs::metadata(&payloads)?.len())?;
    let own = Own::build(&workload.path)?;
    let mut field = vec![Entry::of(Box::new(own))];
    let mut absent = Vec::new();
    let programs = arguments.programs.as_deref();
    let wanted =
        |name: &&str| arguments.only.is_empty() || arguments.only.iter().any(|it| it == name);
    for name in PEERS.into_iter().filter(wanted) {
        match Peer::find(name, programs, &payloads) {
            Ok(variants) => {
                for peer in variants {
                    let title = peer.about().title();
                    if arguments.without.contains(&title) {
                        absent.push((title, "left out".to_owned()));
                    } else {
                        field.push(Entry::of(Box::new(peer)));
                    }
                }
            }
            Err(reason) => absent.push((name.to_owned(), reason.to_string())),
        }
    }
    for round in 0..arguments.loads.max(1) {
        each(&mut field, "load", round, |number, entry| entry.load(&folder.path().join(number)));
    }
    for round in 0..rounds {
        each(&mut field, "recover", round, |number, entry| {
            entry.recover(&folder.path().join(number), &folder.path().join("copy"))
        });
    }
    let rows: Vec<Row> = field.into_iter().map(|entry| entry.row).collect();
    report.peers.extend(rows::of(&rows, &absent, records, &workload.name));
    report.workloads.push(workload);
    Ok(())
}

/// Lets everybody who has not failed take a turn.
fn each(
    field: &mut [Entry],
    verb: &str,
    round: usize,
    mut turn: impl FnMut(String, &mut Entry) -> Result<(), Failed>,
) {
    for (number, entry) in field.iter_mut().enumerate() {
        if entry.row.failed.is_some() {
            continue;
        }
        eprintln!("{verb} {}: {}", round + 1, entry.row.about.title());
        if let Err(failed) = turn(number.to_string(), entry) {
            eprintln!("{verb} {}: {failed}", entry.row.about.title());
            entry.row.failed = Some(failed.to_string());
        }
    }
}

/// Somebody who is measured, and what came of it so far.
struct Entry {
    contender: Box<dyn Contender>,
    row: Row,
}

impl Entry {
    fn of(contender: Box<dyn Contender>) -> Self {
        let row = Row::of(contender.about().clone());
        Self { contender, row }
    }

    /// Loads into a folder of its own, in place of what an earlier load left there.
    fn load(&mut self, folder: &Path) -> Result<(), Failed> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir(folder)?;
        let loaded = self.contender.load(folder)?;
        self.row.load_seconds.push(loaded.seconds);
        self.row.log_bytes = loaded.log_bytes;
        Ok(())
    }

    /// Recovers a copy of that, since a recovery may change what it finds.
    fn recover(&mut self, folder: &Path, copy: &Path) -> Result<(), Failed> {
        copy_folder(folder, copy)?;
        let recovered = self.contender.recover(copy);
        std::fs::remove_dir_all(copy)?;
        let recovered = recovered?;
        self.row.recover_seconds.push(recovered.seconds);
        self.row.memory_peak_bytes = self.row.memory_peak_bytes.max(recovered.memory_peak_bytes);
        Ok(())
    }
}
