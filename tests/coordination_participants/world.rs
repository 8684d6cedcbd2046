//! Two journals that share transactions, a state and a copy that follow the first, and what a plain reading of the
//! story that was written says of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use vexfs_replay::Error;
use vexfs_replay::coordination::participants::{
    BoundarySync, CrossLayer, ReplayEngine, Side, UserspaceJournal, shared_transactions,
};
use vexfs_replay::coordination::{
    FileRecord, Ground, Life as Lived, Loss, Member, Name, Need, Participant, ParticipantKind,
    Patience, Policy, SHARED_FROM, Said, Sharing, Terms, Times, coordinate,
};
use vexfs_replay::event::{Body, Property};
use vexfs_replay::journal::{Journal, NewEvent, Writer, WriterOptions};
use vexfs_replay::recovery::{Places, RecoveryManager, RecoveryOptions};
use vexfs_replay::replay::{DamagePolicy, ReplayOptions, StopPoint, replay_serially};
use vexfs_replay::storage::{Folder, MemoryFolder};

use crate::direct::{Direct, Hasty};
use crate::limited::Life;

/// Every folder, by its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) files: MemoryFolder,
    pub(crate) files_checkpoints: MemoryFolder,
    pub(crate) files_records: MemoryFolder,
    pub(crate) files_staging: MemoryFolder,
    pub(crate) graph: MemoryFolder,
    pub(crate) graph_checkpoints: MemoryFolder,
    pub(crate) graph_records: MemoryFolder,
    pub(crate) graph_staging: MemoryFolder,
    pub(crate) index: MemoryFolder,
    pub(crate) index_staging: MemoryFolder,
    pub(crate) copy: MemoryFolder,
    pub(crate) decisions: MemoryFolder,
    /// At which LSN each shared transaction ends, in the first and in the second journal.
    pub(crate) ends: Vec<[u64; 2]>,
}

/// How many events of its own a journal has between two shared transactions.
const BETWEEN: u64 = 5;

fn set(value: u64) -> ([u8; 8], [u8; 8]) {
    ((value % 7).to_le_bytes(), value.to_le_bytes())
}

fn append(writer: &Writer, value: u64) {
    let (name, value_bytes) = set(value);
    let body = Body::PropertySet(Property { node: 1, name: &name, value: &value_bytes });
    writer.append(&NewEvent::new(value, body)).unwrap();
}

fn shared(writer: &Writer, number: u64) -> u64 {
    let mut transaction = writer.begin(number, SHARED_FROM + number).unwrap();
    let (name, value) = set(1_000_000 + number);
    let body = Body::PropertySet(Property { node: 2, name: &name, value: &value });
    transaction.append(&NewEvent::new(number, body)).unwrap();
    transaction.commit(number).unwrap()
}

impl World {
    /// With so many shared transactions; every one is committed in both.
    pub(crate) fn new(count: u64) -> Self {
        let mut world = Self::default();
        let options = WriterOptions { block_bytes: 4096, ..WriterOptions::default() };
        let [files, graph] = [&world.files, &world.graph]
            .map(|folder| Writer::create(Arc::new(folder.clone()), options).unwrap());
        for number in 0..count {
            (0..BETWEEN).for_each(|value| append(&files, number * 100 + value));
            (0..BETWEEN / 2).for_each(|value| append(&graph, number * 100 + value));
            let ends = [shared(&files, number), shared(&graph, number)];
            // Of each commit a block, so that any of them can be the last.
            [&files, &graph].into_iter().for_each(|writer| writer.commit().unwrap());
            world.ends.push(ends);
        }
        drop((files, graph));
        let copied = world.files.get(&segment()).unwrap();
        world.copy.put(&segment(), copied);
        world
    }

    pub(crate) fn folders(&self) -> [(&'static str, &MemoryFolder); 11] {
        [
            ("files", &self.files),
            ("files_checkpoints", &self.files_checkpoints),
            ("files_records", &self.files_records),
            ("files_staging", &self.files_staging),
            ("graph", &self.graph),
            ("graph_checkpoints", &self.graph_checkpoints),
            ("graph_records", &self.graph_records),
            ("graph_staging", &self.graph_staging),
            ("index", &self.index),
            ("index_staging", &self.index_staging),
            ("copy", &self.copy),
        ]
    }

    /// All that participants store, but for the decisions.
    pub(crate) fn content(&self) -> BTreeMap<String, Vec<u8>> {
        content_of(&self.folders())
    }

    /// A copy that shares nothing with it.
    pub(crate) fn copied(&self) -> Self {
        let copy_of = |folder: &MemoryFolder| {
            let copy = MemoryFolder::default();
            for name in folder.list().unwrap() {
                copy.put(&name, folder.get(&name).unwrap());
            }
            copy
        };
        Self {
            files: copy_of(&self.files),
            files_checkpoints: copy_of(&self.files_checkpoints),
            files_records: copy_of(&self.files_records),
            files_staging: copy_of(&self.files_staging),
            graph: copy_of(&self.graph),
            graph_checkpoints: copy_of(&self.graph_checkpoints),
            graph_records: copy_of(&self.graph_records),
            graph_staging: copy_of(&self.graph_staging),
            index: copy_of(&self.index),
            index_staging: copy_of(&self.index_staging),
            copy: copy_of(&self.copy),
            decisions: copy_of(&self.decisions),
            ends: self.ends.clone(),
        }
    }

    /// Cuts the only segment of a journal off, as a disk that lost its end would, so that this LSN is the last.
    pub(crate) fn cut_off(folder: &MemoryFolder, last_lsn: u64) {
        let journal = Journal::open(Arc::new(folder.clone())).unwrap();
        let options = ReplayOptions { list_blocks: true, ..replay_options() };
        let options = ReplayOptions { damage: DamagePolicy::Prefix, ..options };
        let (_, outcome) = vexfs_replay::replay::replay(&journal, &options, &mut |_| {}).unwrap();
        let kept = outcome.findings.listed.iter().take_while(|it| it.first_lsn <= last_lsn);
        let end = kept.last().map(|it| it.offset + u64::from(it.block_bytes)).unwrap();
        let mut bytes = folder.get(&segment()).unwrap();
        bytes.truncate(end.try_into().unwrap());
        folder.put(&segment(), bytes);
    }

    /// Everyone who takes part, in a process that lives so long.
    pub(crate) fn participants(&self, life: &Life) -> BTreeMap<Name, Box<dyn Participant>> {
        let folder = |folder: &MemoryFolder| life.folder(folder.clone());
        let journal =
            |stream: &str, [journal, checkpoints, records, staging]: [&MemoryFolder; 4]| {
                UserspaceJournal {
                    stream: stream.to_owned(),
                    sharing: Sharing::default(),
                    places: Places {
                        journal: folder(journal),
                        checkpoints: Some(folder(checkpoints)),
                        records: Some(folder(records)),
                    },
                    staging: folder(staging),
                    options: recovery_options(),
                }
            };
        let files =
            [&self.files, &self.files_checkpoints, &self.files_records, &self.files_staging];
        let graph =
            [&self.graph, &self.graph_checkpoints, &self.graph_records, &self.graph_staging];
        let index = ReplayEngine {
            stream: "files".to_owned(),
            journal: folder(&self.files),
            state: folder(&self.index),
            staging: folder(&self.index_staging),
            options: replay_options(),
        };
        let copy = BoundarySync {
            stream: "files".to_owned(),
            source: folder(&self.files),
            copy: folder(&self.copy),
            options: replay_options(),
        };
        let side = |stream: &'static str, folder: &MemoryFolder| -> (Name, Box<dyn Side>) {
            (stream.to_owned(), Box::new(Seen { stream, folder: folder.clone() }))
        };
        let sides = [side("files", &self.files), side("graph", &self.graph)];
        BTreeMap::from([
            ("files".to_owned(), Box::new(journal("files", files)) as Box<dyn Participant>),
            ("graph".to_owned(), Box::new(journal("graph", graph))),
            ("index".to_owned(), Box::new(index)),
            ("copy".to_owned(), Box::new(copy)),
            ("layers".to_owned(), Box::new(CrossLayer { sides: sides.into() })),
        ])
    }

    /// A life of a coordinator, with participants that live as long.
    pub(crate) fn coordinate(&self, policy: Policy, life: &Life) -> Result<Lived, Error> {
        self.coordinate_with(policy, life, self.participants(life))
    }

    pub(crate) fn coordinate_with(
        &self,
        policy: Policy,
        life: &Life,
        participants: BTreeMap<Name, Box<dyn Participant>>,
    ) -> Result<Lived, Error> {
        hold(terms(policy), life.folder(self.decisions.clone()), participants)
    }

    /// The digest of the state that a journal leads to, up to an LSN, replayed serially.
    pub(crate) fn expected(folder: &MemoryFolder, until: u64) -> [u8; 32] {
        let journal = Journal::open(Arc::new(folder.clone())).unwrap();
        let until = Some(StopPoint::Lsn(until));
        let options = ReplayOptions { until, damage: DamagePolicy::Prefix, ..replay_options() };
        replay_serially(&journal, &options).unwrap().0.digest()
    }

    /// What a recovery comes to afterwards, without anybody who coordinates it: the last LSN, and the digest.
    pub(crate) fn recovered(places: [&MemoryFolder; 3]) -> (u64, [u8; 32]) {
        let [journal, checkpoints, records] =
            places.map(|folder| Arc::new(folder.clone()) as Arc<dyn Folder>);
        let places = Places { journal, checkpoints: Some(checkpoints), records: Some(records) };
        let mut manager = RecoveryManager::new(places, recovery_options());
        let recovered = manager.recover(&mut |_| {}).unwrap();
        let recovery = recovered.recovery();
        (recovery.outcome.last_lsn, recovery.state.digest())
    }
}

pub(crate) fn accepting() -> Policy {
    Policy { loss: Loss::Accept, retries: 0, ..Policy::default() }
}

pub(crate) fn replay_options() -> ReplayOptions {
    ReplayOptions { threads: 1.try_into().unwrap(), list_skipped: true, ..ReplayOptions::default() }
}

pub(crate) fn recovery_options() -> RecoveryOptions {
    RecoveryOptions { replay: replay_options(), retries: 0, ..RecoveryOptions::default() }
}

pub(crate) fn terms(policy: Policy) -> Terms {
    let member = |kind| Member { kind, need: Need::Required };
    let members = [
        ("files", ParticipantKind::UserspaceJournal),
        ("graph", ParticipantKind::UserspaceJournal),
        ("index", ParticipantKind::ReplayEngine),
        ("copy", ParticipantKind::BoundarySync),
        ("layers", ParticipantKind::CrossLayerManager),
    ];
    let members = members.map(|(name, kind)| (name.to_owned(), member(kind)));
    Terms { members: members.into(), policy, ..Terms::default() }
}

/// A life of a coordinator whose decisions are in this folder, and that waits for nobody.
pub(crate) fn hold(
    terms: Terms,
    decisions: Arc<dyn Folder>,
    participants: BTreeMap<Name, Box<dyn Participant>>,
) -> Result<Lived, Error> {
    let mut record = FileRecord::new(decisions);
    let mut transport = Direct::new(participants);
    let clock = Hasty::new(&transport);
    let (_say, said) = crossbeam_channel::bounded(1);
    let ground =
        Ground { record: &mut record, transport: &mut transport, clock: &clock, said: &said };
    coordinate(terms, Times::default(), Patience::End, ground, &mut |_| {}).map(|(life, _)| life)
}

/// All that these folders hold.
pub(crate) fn content_of(folders: &[(&str, &MemoryFolder)]) -> BTreeMap<String, Vec<u8>> {
    let mut content = BTreeMap::new();
    for (folder_name, folder) in folders {
        for name in folder.list().unwrap() {
            content.insert(format!("{folder_name}/{name}"), folder.get(&name).unwrap());
        }
    }
    content
}

/// The name of a journal's first segment.
pub(crate) fn segment() -> String {
    vexfs_replay::journal::segment::file_name(0)
}

/// A journal, as the cross-layer manager sees it.
#[derive(Debug)]
struct Seen {
    stream: &'static str,
    folder: MemoryFolder,
}

impl Side for Seen {
    fn said(&self, alive: &dyn Fn()) -> Result<BTreeMap<u64, Said>, Error> {
        let journal = Journal::open(Arc::new(self.folder.clone()))?;
        let options = ReplayOptions { damage: DamagePolicy::Prefix, ..replay_options() };
        let shared =
            shared_transactions(&journal, &options, &Sharing::default(), self.stream, alive)?;
        Ok(shared.transactions)
    }
}
