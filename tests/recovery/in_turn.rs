//! Several crashing folders whose operations are in one order, so that a crash of the machine comes to
//! all of them at one moment.

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use vexfs_replay::storage::{File, Folder, MemoryFolder};

use crate::crashing::{Crash, CrashingFolder, Dice, Fate};

type Order = Arc<Mutex<Vec<usize>>>;

/// The folders.
#[derive(Debug)]
pub(crate) struct InTurn {
    order: Order,
    folders: Vec<CrashingFolder>,
}

impl InTurn {
    /// Folders that hold, durably, what these hold.
    pub(crate) fn on(disks: &[&MemoryFolder]) -> Self {
        let folders = disks.iter().map(|disk| CrashingFolder::on(disk)).collect();
        Self { order: Order::default(), folders }
    }

    pub(crate) fn folder(&self, which: usize) -> Arc<dyn Folder> {
        let (folder, order) = (self.folders[which].clone(), Arc::clone(&self.order));
        Arc::new(Ordered { folder, order, which })
    }

    /// Calls `look` with what is left in each folder by a crash after each operation, with each fate.
    /// Gives how many crashes there were.
    pub(crate) fn crash_everywhere(
        &self,
        seeds: u64,
        dice: &mut Dice,
        mut look: impl FnMut(usize, Fate, Vec<MemoryFolder>),
    ) -> usize {
        let order = self.order.lock().unwrap().clone();
        let mut crashes: Vec<Crash> = self.folders.iter().map(CrashingFolder::crashes).collect();
        let mut count = 0;
        for done in 0..=order.len() {
            let mut fates = vec![Fate::Lost, Fate::Kept];
            for _ in 0..seeds {
                let kinds = [Fate::Writes, Fate::Sectors, Fate::Torn, Fate::Garbled];
                fates.extend(kinds.map(|kind| kind(dice.roll())));
            }
            for fate in fates {
                look(done, fate, crashes.iter().map(|crash| crash.survivor(fate)).collect());
                count += 1;
            }
            if let Some(&next) = order.get(done) {
                assert!(crashes[next].advance());
            }
        }
        count
    }
}

#[derive(Debug)]
struct Ordered {
    folder: CrashingFolder,
    order: Order,
    which: usize,
}

impl Ordered {
    fn in_turn<T>(&self, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let mut order = self.order.lock().unwrap();
        let before = self.folder.operation_count();
        let made = make();
        let new = self.folder.operation_count() - before;
        order.extend(std::iter::repeat_n(self.which, new));
        made
    }

    fn again(&self) -> Self {
        Self { folder: self.folder.clone(), order: Arc::clone(&self.order), which: self.which }
    }
}

impl Folder for Ordered {
    fn list(&self) -> io::Result<Vec<String>> {
        self.folder.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = self.folder.open(name)?;
        Ok(Arc::new(OrderedFile { folder: self.again(), file }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = self.in_turn(|| self.folder.create(name))?;
        Ok(Arc::new(OrderedFile { folder: self.again(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.in_turn(|| self.folder.rename(from, to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.in_turn(|| self.folder.remove(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.in_turn(|| self.folder.sync_folder())
    }

    fn lock(&self) -> io::Result<Box<dyn Debug + Send + Sync>> {
        self.folder.lock()
    }

    fn lock_holder(&self) -> io::Result<Option<String>> {
        self.folder.lock_holder()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }
}

#[derive(Debug)]
struct OrderedFile {
    folder: Ordered,
    file: Arc<dyn File>,
}

impl File for OrderedFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.folder.in_turn(|| self.file.write_all_at(bytes, offset))
    }

    fn sync(&self) -> io::Result<()> {
        self.folder.in_turn(|| self.file.sync())
    }
}
