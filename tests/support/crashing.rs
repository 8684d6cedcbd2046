//! Storage that remembers every operation, so that a crash after any of them can be played: what
//! was synced survives, and of the rest whatever a disk may leave.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use vexfs_replay::storage::{File, Folder, MemoryFolder};

/// What a disk keeps or loses as one, in bytes.
const SECTOR_BYTES: usize = 512;

/// One operation that changes what is stored.
#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Create { name: String, file: usize },
    Write { file: usize, offset: usize, bytes: Arc<[u8]> },
    Sync { file: usize },
    Rename { from: String, to: String },
    Remove { name: String },
    SyncFolder,
}

/// What becomes, in a crash, of what was not synced.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// All of it is lost.
    Lost,
    /// All of it is there: only the process died.
    Kept,
    /// Each write is there or not, whatever came before it.
    Writes(u64),
    /// Each sector is there or not.
    Sectors(u64),
    /// Everything up to a sector boundary is there.
    Torn(u64),
    /// All of it is there but one sector, in which there is anything.
    Garbled(u64),
}

/// A generator of numbers that look random (SplitMix64).
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.roll() % (limit.max(1) as u64)).unwrap()
    }
}

/// Files and their names.
#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, usize>,
}

impl Disk {
    fn write(&mut self, file: usize, offset: usize, bytes: &[u8]) {
        let content = &mut self.files[file];
        let end = offset + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(bytes);
    }

    fn name(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { name, file } => {
                self.names.insert(name.clone(), *file);
            }
            Operation::Rename { from, to } => {
                let file = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), file);
            }
            Operation::Remove { name } => {
                self.names.remove(name);
            }
            _ => {}
        }
    }

    fn folder(&self) -> MemoryFolder {
        let folder = MemoryFolder::default();
        for (name, &file) in &self.names {
            folder.put(name, self.files[file].clone());
        }
        folder
    }
}

/// A folder whose every operation is remembered. Reads see what was written, synced or not.
#[derive(Clone, Debug)]
pub(crate) struct CrashingFolder {
    log: Arc<Mutex<Log>>,
    lock: MemoryFolder,
}

#[derive(Debug)]
struct Log {
    base: Disk,
    now: Disk,
    operations: Vec<Operation>,
}

impl CrashingFolder {
    /// A folder that holds, durably, what `disk` holds.
    pub(crate) fn on(disk: &MemoryFolder) -> Self {
        let mut base = Disk::default();
        for name in disk.list().unwrap() {
            base.names.insert(name.clone(), base.files.len());
            base.files.push(disk.get(&name).unwrap());
        }
        let log = Log { now: base.clone(), base, operations: Vec::new() };
        Self { log: Arc::new(Mutex::new(log)), lock: MemoryFolder::default() }
    }

    /// How many operations there were so far.
    pub(crate) fn operation_count(&self) -> usize {
        self.log().operations.len()
    }

    pub(crate) fn operations(&self) -> Vec<Operation> {
        self.log().operations.clone()
    }

    /// The crashes that may happen, from the one before the first operation on.
    pub(crate) fn crashes(&self) -> Crash {
        let log = self.log();
        let (durable, operations) = (log.base.clone(), log.operations.clone());
        let now = durable.clone();
        Crash { durable, now, operations, done: 0, writes: Vec::new(), names: Vec::new() }
    }

    /// The crash after the last operation.
    pub(crate) fn crash_at_end(&self) -> Crash {
        let mut crash = self.crashes();
        while crash.advance() {}
        crash
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no file {name}"))
}

impl Folder for CrashingFolder {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.log().now.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = *self.log().now.names.get(name).ok_or_else(|| missing(name))?;
        Ok(Arc::new(CrashingFile { folder: self.clone(), file }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let mut log = self.log();
        let file = log.now.files.len();
        log.base.files.push(Vec::new());
        log.now.files.push(Vec::new());
        let operation = Operation::Create { name: name.to_owned(), file };
        log.now.name(&operation);
        log.operations.push(operation);
        Ok(Arc::new(CrashingFile { folder: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut log = self.log();
        if !log.now.names.contains_key(from) {
            return Err(missing(from));
        }
        let operation = Operation::Rename { from: from.to_owned(), to: to.to_owned() };
        log.now.name(&operation);
        log.operations.push(operation);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut log = self.log();
        if !log.now.names.contains_key(name) {
            return Err(missing(name));
        }
        let operation = Operation::Remove { name: name.to_owned() };
        log.now.name(&operation);
        log.operations.push(operation);
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.log().operations.push(Operation::SyncFolder);
        Ok(())
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.lock.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.lock.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("(crashing)").join(name)
    }
}

#[derive(Debug)]
struct CrashingFile {
    folder: CrashingFolder,
    file: usize,
}

impl File for CrashingFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.folder.log().now.files[self.file].len() as u64)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let log = self.folder.log();
        let content = &log.now.files[self.file];
        let start = usize::try_from(offset).unwrap().min(content.len());
        let length = buffer.len().min(content.len() - start);
        buffer[..length].copy_from_slice(&content[start..start + length]);
        Ok(length)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (file, offset) = (self.file, usize::try_from(offset).unwrap());
        let mut log = self.folder.log();
        log.now.write(file, offset, bytes);
        log.operations.push(Operation::Write { file, offset, bytes: bytes.into() });
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.log().operations.push(Operation::Sync { file: self.file });
        Ok(())
    }
}

/// A crash that moves forward through the operations, and what is on the disk when it comes.
#[derive(Debug)]
pub(crate) struct Crash {
    durable: Disk,
    now: Disk,
    operations: Vec<Operation>,
    done: usize,
    /// What was written and not synced, in order.
    writes: Vec<(usize, usize, Arc<[u8]>)>,
    /// What was named and not synced, in order.
    names: Vec<Operation>,
}

impl Crash {
    /// Lets one more operation happen before the crash; false when there is none.
    pub(crate) fn advance(&mut self) -> bool {
        let Some(operation) = self.operations.get(self.done).cloned() else { return false };
        self.done += 1;
        match operation {
            Operation::Write { file, offset, bytes } => {
                self.now.write(file, offset, &bytes);
                self.writes.push((file, offset, bytes));
            }
            Operation::Sync { file } => {
                self.durable.files[file] = self.now.files[file].clone();
                self.writes.retain(|write| write.0 != file);
            }
            Operation::SyncFolder => {
                self.durable.names = self.now.names.clone();
                self.names.clear();
            }
            operation => {
                self.now.name(&operation);
                self.names.push(operation);
            }
        }
        true
    }

    /// How many operations happen before the crash.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// The fates that a crash at this point can have, each random one with this many seeds.
    pub(crate) fn fates(&self, seeds: u64, dice: &mut Dice) -> Vec<Fate> {
        let mut fates = vec![Fate::Lost];
        if !self.writes.is_empty() || !self.names.is_empty() {
            fates.push(Fate::Kept);
        }
        if !self.writes.is_empty() {
            for _ in 0..seeds {
                let kinds = [Fate::Writes, Fate::Sectors, Fate::Torn, Fate::Garbled];
                fates.extend(kinds.map(|kind| kind(dice.roll())));
            }
        }
        fates
    }

    /// What is on the disk after the crash.
    pub(crate) fn survivor(&self, fate: Fate) -> MemoryFolder {
        match fate {
            Fate::Lost => self.durable.folder(),
            Fate::Kept => self.now.folder(),
            Fate::Writes(seed) => self.partly(Dice(seed), |dice, left, sectors| {
                let kept = dice.roll().is_multiple_of(2);
                left.extend((0..sectors).map(|_| kept));
            }),
            Fate::Sectors(seed) => self.partly(Dice(seed), |dice, left, sectors| {
                left.extend((0..sectors).map(|_| dice.roll().is_multiple_of(2)));
            }),
            Fate::Torn(seed) => {
                let all: usize = self.writes.iter().map(|it| sectors_of(it.1, &it.2)).sum();
                let mut dice = Dice(seed);
                let mut keep = dice.below(all + 1);
                self.partly(dice, move |_, left, sectors| {
                    let here = keep.min(sectors);
                    keep -= here;
                    left.extend((0..sectors).map(|index| index < here));
                })
            }
            Fate::Garbled(seed) => self.garbled(Dice(seed)),
        }
    }

    /// The durable disk, with some of the names and those sectors of the writes that `choose` says.
    fn partly(
        &self,
        mut dice: Dice,
        mut choose: impl FnMut(&mut Dice, &mut Vec<bool>, usize),
    ) -> MemoryFolder {
        let mut disk = self.durable.clone();
        self.keep_some_names(&mut disk, &mut dice);
        // The length of a file may have come to the disk before its content.
        let lengths_kept = dice.roll().is_multiple_of(2);
        let mut kept = Vec::new();
        for (file, offset, bytes) in &self.writes {
            kept.clear();
            choose(&mut dice, &mut kept, sectors_of(*offset, bytes));
            for (sector, &kept) in kept.iter().enumerate() {
                let (start, end) = sector_range(sector, *offset, bytes);
                if kept {
                    disk.write(*file, offset + start, &bytes[start..end]);
                } else if lengths_kept && disk.files[*file].len() < offset + end {
                    disk.files[*file].resize(offset + end, 0);
                }
            }
        }
        disk.folder()
    }

    fn garbled(&self, mut dice: Dice) -> MemoryFolder {
        let mut disk = self.now.clone();
        disk.names = self.durable.names.clone();
        self.keep_some_names(&mut disk, &mut dice);
        if let Some((file, offset, bytes)) = self.writes.get(dice.below(self.writes.len())) {
            let sector = dice.below(sectors_of(*offset, bytes));
            let (start, end) = sector_range(sector, *offset, bytes);
            let noise: Vec<u8> = (start..end).map(|_| dice.roll().to_le_bytes()[0]).collect();
            disk.write(*file, offset + start, &noise);
        }
        disk.folder()
    }

    /// Names come to the disk in the order in which they were given.
    fn keep_some_names(&self, disk: &mut Disk, dice: &mut Dice) {
        let kept = dice.below(self.names.len() + 1);
        self.names[..kept].iter().for_each(|operation| disk.name(operation));
    }
}

fn sectors_of(offset: usize, bytes: &[u8]) -> usize {
    (offset + bytes.len()).div_ceil(SECTOR_BYTES) - offset / SECTOR_BYTES
}

/// Which of the bytes of a write at `offset` lie in its sector of this number.
fn sector_range(sector: usize, offset: usize, bytes: &[u8]) -> (usize, usize) {
    let first = offset / SECTOR_BYTES * SECTOR_BYTES;
    let start = (first + sector * SECTOR_BYTES).max(offset);
    let end = (first + (sector + 1) * SECTOR_BYTES).min(offset + bytes.len());
    (start - offset, end - offset)
}
