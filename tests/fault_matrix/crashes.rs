//! A crash of a recovery at each of its operations, with every fate of what was not synced: the recovery
//! that follows comes to the same state and tells the same of the damage, and nothing is deleted whose
//! copy isn't there.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use vexfs_replay::checkpoint::CheckpointPolicy;
use vexfs_replay::recovery::{Lost, Places, Recovered, RecoveryOptions, Way};
use vexfs_replay::storage::{File, Folder, MemoryFolder};

use crate::crashing::{CrashingFolder, Dice};
use crate::matrix::{Counts, in_parallel};
use crate::runs::{plain_policy, recover};
use crate::storage::all_accepted;
use crate::subject::{Files, Shelf, Subject, copy_of_shelf, folder_of};

/// How many of each random fate a crash is played with.
const SEEDS: u64 = 2;

/// Some of the files of a folder, by how their names begin, as a folder of their own: so that one log
/// holds the operations on several folders in their order.
#[derive(Clone, Debug)]
struct Part {
    all: CrashingFolder,
    prefix: &'static str,
    lock: MemoryFolder,
}

impl Part {
    fn named(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Folder for Part {
    fn list(&self) -> io::Result<Vec<String>> {
        let names = self.all.list()?;
        Ok(names.iter().filter_map(|it| it.strip_prefix(self.prefix)).map(str::to_owned).collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.all.open(&self.named(name))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.all.create(&self.named(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.all.rename(&self.named(from), &self.named(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.all.remove(&self.named(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.all.sync_folder()
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.lock.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.lock.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.all.path(&self.named(name))
    }
}

const CHECKPOINTS: &str = "c-";
const RECORDS: &str = "r-";

fn part_of(disk: &MemoryFolder, prefix: &str) -> MemoryFolder {
    let part = MemoryFolder::default();
    for name in disk.list().unwrap() {
        if let Some(stripped) = name.strip_prefix(prefix) {
            part.put(stripped, disk.get(&name).unwrap());
        }
    }
    part
}

/// What a recovery came to.
type Came = (bool, [u8; 32], u64, Lost);

fn came(recovered: &Recovered) -> Came {
    let record = &recovered.recovery().record;
    let with_loss = matches!(recovered, Recovered::WithLoss(_));
    (with_loss, record.state_digest, record.last_lsn, record.lost.clone())
}

struct Row {
    way: Way,
    files: Files,
    told: String,
}

fn rows(subject: &Subject) -> Vec<Row> {
    let mut hurt = subject.files.clone();
    let piece = &subject.pieces[subject.pieces.len() - 2];
    hurt.get_mut(&piece.segment).unwrap()[piece.at + 300] ^= 1;
    let row = |way, files: &Files| {
        let told = format!("{}, {way:?}", subject.name);
        Row { way, files: files.clone(), told }
    };
    let well = [Way::Full, Way::Partial, Way::Incremental, Way::Rollback];
    let rows = well.map(|way| row(way, &subject.files));
    rows.into_iter().chain([Way::BeforeDamage, Way::Emergency].map(|way| row(way, &hurt))).collect()
}

fn row_options(way: Way, shelf: &Shelf) -> RecoveryOptions {
    let policy = CheckpointPolicy { at_end: true, every_events: Some(1), ..plain_policy() };
    let oldest = Some(shelf.standing[0].watermark).filter(|_| way == Way::Rollback);
    RecoveryOptions { checkpoint_policy: policy, rollback_to: oldest, ..all_accepted(Some(way)) }
}

fn check_row(subject: &Subject, row: &Row, counts: &Counts) {
    let shelf = subject.shelves[1].as_ref().unwrap();
    let disk = MemoryFolder::default();
    for name in shelf.folder.list().unwrap() {
        disk.put(&format!("{CHECKPOINTS}{name}"), shelf.folder.get(&name).unwrap());
    }
    // What a broken one is replaced by is kept aside.
    disk.put("c-checkpoint-00000000000000000001.base.vexc", b"no checkpoint".to_vec());
    let all = CrashingFolder::on(&disk);
    let [checkpoints, records] = [CHECKPOINTS, RECORDS].map(|prefix| {
        let part = Part { all: all.clone(), prefix, lock: MemoryFolder::default() };
        Arc::new(part) as Arc<dyn Folder>
    });
    let journal = Arc::new(folder_of(&row.files));
    let places = Places { journal, checkpoints: Some(checkpoints), records: Some(records) };
    let options = row_options(row.way, shelf);
    let expected = came(&recover(places, options.clone(), 0).unwrap());
    let (mut crash, mut dice) = (all.crashes(), Dice(5));
    loop {
        counts.case();
        for fate in crash.fates(SEEDS, &mut dice) {
            counts.run(|| {
                let told = format!("{}: after {} operations, {fate:?}", row.told, crash.done());
                check_crash(&crash.survivor(fate), row, &options, &expected, shelf, &told);
            });
        }
        if !crash.advance() {
            return;
        }
    }
}

fn check_crash(
    disk: &MemoryFolder,
    row: &Row,
    options: &RecoveryOptions,
    expected: &Came,
    shelf: &Shelf,
    told: &str,
) {
    let [checkpoints, records] = [CHECKPOINTS, RECORDS].map(|prefix| part_of(disk, prefix));
    for name in shelf.folder.list().unwrap() {
        let content = shelf.folder.get(&name);
        let aside = records.list().unwrap();
        let kept = aside.iter().any(|it| it.ends_with(&name) && records.get(it) == content);
        assert!(kept || checkpoints.get(&name) == content, "{told}: {name} is gone");
    }
    let places = Places {
        journal: Arc::new(folder_of(&row.files)),
        checkpoints: Some(Arc::new(checkpoints)),
        records: Some(Arc::new(records)),
    };
    match recover(places, options.clone(), 0) {
        Ok(recovered) => assert_eq!(came(&recovered), *expected, "{told}"),
        Err(error) => panic!("{told}: {error}"),
    }
}

#[test]
fn fault_19_a_crash_of_a_recovery_changes_nothing_of_what_it_comes_to() {
    let (started, counts) = (Instant::now(), Counts::default());
    for subject in &Subject::all()[..3] {
        in_parallel(&rows(subject), |row| check_row(subject, row, &counts));
    }
    counts.print("crashes of a recovery", started);
}

#[test]
fn fault_38_two_recoveries_at_once() {
    let (started, counts) = (Instant::now(), Counts::default());
    for subject in &Subject::all() {
        for way in Way::ALL {
            counts.case();
            let (journal, records) = (folder_of(&subject.files), MemoryFolder::default());
            let places = Places {
                journal: Arc::new(journal.clone()),
                checkpoints: copy_of_shelf(subject.shelves[1].as_ref()).map(|it| Arc::new(it) as _),
                records: Some(Arc::new(records.clone())),
            };
            let held = journal.lock().unwrap();
            counts.run(|| {
                let second = recover(places.clone(), all_accepted(Some(way)), 1);
                let told = format!("{second:?}");
                let Err(vexfs_replay::Error::Locked { holder, .. }) = second else {
                    panic!("{}, {way:?}: {told}", subject.name)
                };
                assert!(holder.contains("this process"), "{holder}");
                assert!(records.list().unwrap().is_empty(), "it has written nothing");
            });
            drop(held);
            counts.run(|| assert!(recover(places, all_accepted(Some(way)), 1).is_ok()));
        }
    }
    counts.print("two at once", started);
}
