//! Three participants that hold the same stream up to different changes, two of them in other processes, and a
//! coordinator; on disk.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, fs};

use crossbeam_channel::{Receiver, never};
use tempfile::TempDir;
use vexfs_replay::Error;
use vexfs_replay::coordination::{
    Call, Clock, DecisionRecord, End, Entry, Event, FileRecord, Ground, Life, Loss, Mail, Member,
    Memory, Name, Need, ParticipantKind, Patience, Policy, Refusal, Routed, SocketHub,
    SocketOptions, SystemClock, Terms, Threads, Times, Transport, coordinate,
};
use vexfs_replay::storage::MemoryFolder;

use crate::log_model::{Honesty, LogModel, STREAM, changes};
use crate::python::{Process, Start};

/// How many changes each has; the model has the fewest.
const NAMES: [(&str, u64); 2] = [("north", 11), ("south", 13)];
const MODEL: (&str, u64) = ("model", 10);

#[derive(Debug)]
pub(crate) struct Scene {
    folder: TempDir,
    /// Outlives every coordinator.
    decisions: Arc<MemoryFolder>,
    model: LogModel,
}

impl Scene {
    pub(crate) fn new(honesty: Honesty) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, count) in NAMES {
            let state = folder.path().join(name);
            fs::create_dir(&state).unwrap();
            fs::write(state.join("log"), changes(count)).unwrap();
        }
        let model = LogModel::new(changes(MODEL.1), honesty);
        Self { folder, decisions: Arc::default(), model }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("run/coordinator.sock")
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn start_of(&self, name: &'static str) -> Start {
        Start { socket: self.socket(), name, folder: self.state(name) }
    }

    pub(crate) fn start(&self) -> [Process; 2] {
        NAMES.map(|(name, _)| self.start_of(name).start())
    }

    pub(crate) fn listen(&self) -> SocketHub {
        let hub = SocketHub::listen(&self.socket(), SocketOptions::default()).unwrap();
        for (name, _) in NAMES {
            hub.invite(name, ParticipantKind::ExternalSystem);
        }
        hub
    }

    /// A life of a coordinator that sends through `spy` and keeps what it decides through `keep`.
    pub(crate) fn live(&self, hub: &SocketHub, spy: OnSend<'_>, keep: OnEntry<'_>) -> Life {
        let mail = Mail::default();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let model = BTreeMap::from([(MODEL.0.to_owned(), self.model.local())]);
        let threads = Threads::start(model, &clock, Duration::from_secs(1), mail.clone()).unwrap();
        let outside = NAMES.map(|(name, _)| name.to_owned());
        let sockets = hub.way_to(outside.clone(), mail.clone()).unwrap();
        let routed = Routed::new(mail)
            .with([MODEL.0.to_owned()], Box::new(threads))
            .with(outside, Box::new(sockets));
        let kind = ParticipantKind::ExternalSystem;
        let member = Member { kind, need: Need::Required };
        let names = NAMES.iter().chain([&MODEL]);
        let members = names.map(|(name, _)| ((*name).to_owned(), member)).collect();
        let policy = Policy { loss: Loss::Accept, ..Policy::default() };
        let terms = Terms { members, policy, ..Terms::default() };
        let ground = Ground {
            record: &mut Kept(self.record(), keep),
            transport: &mut Spy(routed, spy),
            clock: &*clock,
            said: &never(),
        };
        coordinate(terms, Times::default(), Patience::End, ground, &mut |_| {}).unwrap().0
    }

    /// A life of a coordinator to which nothing happens, until all participants' processes have ended.
    pub(crate) fn end(&self, hub: SocketHub, processes: impl IntoIterator<Item = Process>) {
        let life = self.live(&hub, &mut |_, _, _| {}, &mut FileRecord::append);
        hub.dismiss();
        processes.into_iter().for_each(Process::ends);
        self.check(&life);
    }

    fn record(&self) -> FileRecord {
        FileRecord::new(self.decisions.clone())
    }

    /// The entries that were kept so far.
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(&self.record().read().unwrap())
    }

    /// All are where they should be after an end, and nothing is left behind.
    pub(crate) fn check(&self, life: &Life) {
        let at_cut = match life {
            Life::Ended(End::Consistent { plan }) => {
                assert_eq!(plan.cut, BTreeMap::from([(STREAM.to_owned(), MODEL.1)]));
                true
            }
            Life::Ended(End::Refused { reason: Refusal::Invalid { .. } }) => false,
            other => panic!("it ended otherwise: {other:?}"),
        };
        assert_eq!(at_cut, self.model.honesty == Honesty::Honest);
        let wanted = |count| changes(if at_cut { MODEL.1 } else { count });
        for (name, count) in NAMES {
            let state = self.state(name);
            assert_eq!(fs::read(state.join("log")).unwrap(), wanted(count), "{name}");
            let mut left: Vec<_> = fs::read_dir(&state).unwrap().collect::<Result<_, _>>().unwrap();
            left.retain(|entry| entry.file_name() != "killed");
            let mut left: Vec<_> = left.iter().map(fs::DirEntry::file_name).collect();
            left.sort();
            assert_eq!(left, ["log", "turn"], "{name}");
        }
        let shelf = self.model.shelf.lock().unwrap();
        assert_eq!((&shelf.log, &shelf.executed), (&wanted(MODEL.1), &None));
        assert_eq!(self.memory().under_way, None);
    }
}

/// Before or after a call goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Before,
    After,
}

/// What is told of each call.
pub(crate) type OnSend<'s> = &'s mut (dyn FnMut(When, &Name, &Call) + Send);
/// What keeps an entry.
pub(crate) type OnEntry<'s> =
    &'s mut (dyn FnMut(&mut FileRecord, &Entry) -> Result<(), Error> + Send);

struct Spy<'s>(Routed, OnSend<'s>);

impl fmt::Debug for Spy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Transport for Spy<'_> {
    fn send(&mut self, to: &Name, call: Call) {
        (self.1)(When::Before, to, &call);
        self.0.send(to, call.clone());
        (self.1)(When::After, to, &call);
    }

    fn events(&self) -> Receiver<Event> {
        self.0.events()
    }
}

struct Kept<'s>(FileRecord, OnEntry<'s>);

impl fmt::Debug for Kept<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl DecisionRecord for Kept<'_> {
    fn lead(&mut self) -> Result<Vec<Entry>, Error> {
        self.0.lead()
    }

    fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        (self.1)(&mut self.0, entry)
    }
}
